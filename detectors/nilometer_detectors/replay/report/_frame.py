"""The plots of a report, as inline SVG: each says in words what it shows, for those who do not see it.

Colours come from the page's style, so that they fit light and dark; no difference is told by colour alone. A point has
a title, which a browser shows where the pointer rests. This is what all plots share: their size, axes and lines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nilometer_detectors.replay._reading import Window
from nilometer_detectors.replay.report._markup import Child, Markup, element
from nilometer_detectors.replay.report._scales import Scale, label, time_ticks
from nilometer_logger.times import format_time

WIDTH, HEIGHT = 360, 180
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 26
BASE = HEIGHT - BOTTOM


@dataclass(frozen=True)
class TimeAxis:
    """The axis of time that all plots of a monitor share.

    Attributes:
        low, high: in nanoseconds.
    """

    low: int
    high: int

    @property
    def scale(self) -> Scale:
        """From nanoseconds after `low` to places."""
        return Scale(0.0, float(max(self.high - self.low, 1)), LEFT, WIDTH - RIGHT)

    def __call__(self, time: int) -> float:
        """Gives the place of a time."""
        return self.scale(float(time - self.low))

    def middle(self, window: Window) -> float:
        """Gives the place of a window."""
        return self((window.start + window.end) // 2)

    def drawn(self, base: float = BASE) -> list[Markup]:
        """Draws it."""
        marks = []
        for time, text in time_ticks(self.low, self.high):
            place = self(time)
            marks.append(element("line", class_="tick", x1=place, x2=place, y1=base, y2=base + 4))
            anchor = "end" if place > WIDTH - 36 else "middle"
            marks.append(element("text", text, x=place, y=base + 16, text_anchor=anchor))
        return [element("line", class_="axis", x1=LEFT, x2=WIDTH - RIGHT, y1=base, y2=base), *marks]


def drawing(title: str, *children: Child, height: float = HEIGHT) -> Markup:
    """Makes a drawing.

    Args:
        title: what it shows, in words.
        children: its elements.
        height: the width is `WIDTH`.
    """
    return element(
        "svg",
        element("title", title),
        *children,
        role="img",
        viewBox=f"0 0 {WIDTH} {height:g}",
        xmlns="http://www.w3.org/2000/svg",
    )


def levels(scale: Scale, ticks: Sequence[float], written: Callable[[float], str] = label) -> list[Markup]:
    """Draws the marks of the vertical axis, with lines across."""
    lines = []
    for value in ticks:
        y = scale(value)
        lines.append(element("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y))
        lines.append(element("text", written(value), x=LEFT - 6, y=y + 4, text_anchor="end"))
    return lines


def path(points: Sequence[tuple[float, float]]) -> str:
    """Writes points as SVG does."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def line(points: Sequence[tuple[float, float]], kind: str) -> Markup:
    """Draws a line through points, in the style of a kind."""
    return element("polyline", class_=kind, points=path(points), fill="none")


def when(window: Window) -> str:
    """Says which window it is."""
    many = f", {window.windows} windows" if window.windows > 1 else ""
    return f"{format_time(window.start)}, {window.rows} rows{many}"
