"""The plots over time: what detectors said and measured, and how a column's mean went."""

from collections.abc import Sequence

from nilometer_detectors.replay._reading import DetectorResult, Outlier, Window
from nilometer_detectors.replay._text import short
from nilometer_detectors.replay.report._frame import (
    BASE,
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    TimeAxis,
    drawing,
    levels,
    line,
    path,
    when,
)
from nilometer_detectors.replay.report._markup import Child, Markup, element
from nilometer_detectors.replay.report._scales import Scale, evidence, label
from nilometer_logger.times import format_time

_STRIP = 24


def verdicts(axis: TimeAxis, windows: Sequence[Window], detectors: Sequence[str]) -> Markup:
    """Draws a row of cells for each detector: what drifted stands out by height and colour, what was not judged is thin."""
    height = TOP + _STRIP * 1.6 * len(detectors) + BOTTOM
    rows: list[Child] = []
    counts = []
    for place, name in enumerate(detectors):
        top = TOP + _STRIP * 1.6 * place
        cells = []
        for window in windows:
            said = window.said.get(name)
            if said is None:
                continue
            first, last = axis(window.start), axis(window.end)
            tall = {"drift": _STRIP, "ok": _STRIP * 0.5, "nodata": _STRIP * 0.12}[said.verdict]
            told = element("title", f"{when(window)}: {name} {said.verdict}{f', {said.reason}' if said.reason else ''}")
            box = {"x": first, "width": max(last - first - 0.6, 0.8), "y": top + _STRIP - tall, "height": tall}
            cells.append(element("rect", told, class_=f"verdict-{said.verdict}", **box))
        drifting = sum(window.said[name].verdict == "drift" for window in windows if name in window.said)
        counts.append(f"{name}: {drifting} with drift")
        shown = name if len(name) <= 7 else f"{name[:6]}…"
        text = element("text", element("title", name), shown, x=LEFT - 6, y=top + _STRIP - 4, text_anchor="end")
        rows.append([text, cells])
    title = f"Verdicts over time; of {len(windows)} points, {'; '.join(counts)}"
    return drawing(title, rows, axis.drawn(height - BOTTOM), height=height)


def statistics(
    name: str,
    axis: TimeAxis,
    points: Sequence[tuple[Window, float, float]],
    reference: tuple[float, float] | None,
    outliers: Sequence[tuple[Outlier, float]],
) -> Markup:
    """Draws the mean of each window and a standard deviation around it, the baseline's behind, and outliers as crosses.

    Args:
        name: of the column.
        axis: of time.
        points: windows with mean and standard deviation.
        reference: mean and standard deviation of the baseline.
        outliers: with their values; those that lie far away are drawn at the edge.
    """
    scale = _scale(points, reference, [value for _, value in outliers])
    drawn: list[Child] = [levels(scale, scale.ticks())]
    if reference is not None:
        low, high = scale(reference[0] - reference[1]), scale(reference[0] + reference[1])
        drawn.append(element("rect", class_="reference", x=LEFT, width=WIDTH - LEFT - RIGHT, y=high, height=low - high))
        middle = scale(reference[0])
        drawn.append(element("line", class_="expected", x1=LEFT, x2=WIDTH - RIGHT, y1=middle, y2=middle))
    upper = [(axis.middle(window), scale(mean + dev)) for window, mean, dev in points]
    lower = [(axis.middle(window), scale(mean - dev)) for window, mean, dev in points]
    drawn.append(element("polygon", class_="band", points=path([*upper, *lower[::-1]])))
    drawn.append(line([(axis.middle(window), scale(mean)) for window, mean, _ in points], "usual"))
    for window, mean, dev in points:
        told = element("title", f"{when(window)}: mean {short(mean)}, standard deviation {short(dev)}")
        drawn.append(element("circle", told, class_="point", cx=axis.middle(window), cy=scale(mean), r=2.2))
    drawn += [_cross(axis(outlier.time), scale(value), outlier, value) for outlier, value in outliers]
    title = f"Mean of {name} over time, and one standard deviation around it; {len(outliers)} outliers are marked"
    return drawing(title, drawn, axis.drawn())


def _scale(
    points: Sequence[tuple[Window, float, float]], reference: tuple[float, float] | None, outliers: Sequence[float]
) -> Scale:
    """Chooses what is shown: all means, most of what is around them, and the outliers that are not far from there."""
    edges = sorted(value for _, mean, dev in points for value in (mean - dev, mean + dev))
    few = len(edges) // 20
    shown = [*edges[few : len(edges) - few], *(mean for _, mean, _ in points)]
    if reference is not None:
        shown += [reference[0] - reference[1], reference[0] + reference[1]]
    reach = max(shown) - min(shown)
    near = [value for value in outliers if min(shown) - reach <= value <= max(shown) + reach]
    return Scale.over([*shown, *near], BASE, TOP)


def _cross(x: float, y: float, outlier: Outlier, value: float) -> Markup:
    told = f"{outlier.request}[{outlier.row}] at {format_time(outlier.time)}: {short(value)}, by {outlier.detector}"
    return element(
        "path", element("title", told), class_="outlier", d=f"M{x - 3:.1f},{y - 3:.1f}l6,6m0,-6l-6,6", fill="none"
    )


def judged(
    name: str, axis: TimeAxis, points: Sequence[tuple[Window, DetectorResult]], detector: str, *, by_p: bool
) -> Markup:
    """Draws what a detector measured in each window, and the threshold where it is one of that.

    Args:
        name: what is judged: a column, or all of them.
        axis: of time.
        points: windows, with what the detector says.
        detector: by name.
        by_p: whether p-values are drawn, improbable ones high, or distances.
    """
    heights = [(window, said, height) for window, said in points if (height := _height(said, by_p=by_p)) is not None]
    limits = [
        (axis.middle(window), evidence(said.threshold) if by_p else said.threshold)
        for window, said, _ in heights
        if said.threshold is not None and by_p == (said.p_value is not None)
    ]
    scale = Scale.over([*(height for *_, height in heights), *(limit for _, limit in limits)], BASE, TOP, zero=True)
    drawn: list[Child] = [levels(scale, scale.ticks(), _power if by_p else label)]
    drawn.append(line([(x, scale(limit)) for x, limit in limits], "threshold"))
    drawn.append(line([(axis.middle(window), scale(height)) for window, _, height in heights], "usual"))
    for window, said, height in heights:
        told = f"{when(window)}: {said.verdict}{_measured(said)}"
        kind, radius = ("drifting-point", 4.0) if said.verdict == "drift" else ("point", 2.2)
        drawn.append(
            element("circle", element("title", told), class_=kind, cx=axis.middle(window), cy=scale(height), r=radius)
        )
    drifting = sum(said.verdict == "drift" for _, said in points)
    what = "How improbable the windows are (p-value, improbable ones high)" if by_p else "Distance from the baseline"
    limited = ", with its threshold" if limits else ""
    title = f"{what} of {name} over time by {detector}{limited}; {drifting} points with drift"
    return drawing(title, drawn, axis.drawn())


def _height(said: DetectorResult, *, by_p: bool) -> float | None:
    if not by_p:
        return said.distance
    return None if said.p_value is None else evidence(said.p_value)


def _measured(said: DetectorResult) -> str:
    numbers = (("distance", said.distance), ("p", said.p_value), ("threshold", said.threshold))
    return "".join(f", {name} {short(number)}" for name, number in numbers if number is not None)


def _power(height: float) -> str:
    return "1" if not height else label(10.0**-height)
