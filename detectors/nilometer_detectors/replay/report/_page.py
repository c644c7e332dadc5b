"""The report as one page: what happened, column by column, then windows, outliers and what was left out.

It is a file by itself: style and plots stand in it, it asks for nothing from elsewhere and runs no script.
"""

from collections.abc import Mapping, Sequence

from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.replay._reading import About, Window
from nilometer_detectors.replay._story import MOST_OUTLIERS, Story
from nilometer_detectors.replay._text import length
from nilometer_detectors.replay.report._cards import columns, known_columns, plot, results
from nilometer_detectors.replay.report._frame import TimeAxis
from nilometer_detectors.replay.report._markup import Child, Markup, element, join
from nilometer_detectors.replay.report._overtime import verdicts
from nilometer_detectors.replay.report._style import STYLE
from nilometer_detectors.replay.report._tables import outliers_table, windows_table
from nilometer_logger.times import SECOND, format_time

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(
    source: str, monitors: Sequence[CompiledMonitor], stories: Mapping[About, Story], notes: Sequence[str]
) -> Markup:
    """Makes the page.

    Args:
        source: what was read.
        monitors: that ran.
        stories: what was found, by monitor and stream.
        notes: what there is to say of the replay itself.
    """
    title = f"Replay of {', '.join(monitor.name for monitor in monitors)}"
    by_name = {monitor.name: monitor for monitor in monitors}
    body = element(
        "main",
        element("h1", title),
        element("p", f"over {source}", class_="soft"),
        [_section(by_name[about.monitor], story) for about, story in stories.items()],
        [] if stories else element("p", "Nothing was found: no window closed."),
        element("h2", "What was read, and what was left out"),
        element("ul", [element("li", note.strip()) for note in notes], class_="notes"),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    return join([Markup("<!doctype html>\n"), element("html", head, element("body", body), lang="en")])


def _section(monitor: CompiledMonitor, story: Story) -> Markup:
    windows = story.windows
    times = [
        *(time for window in windows for time in (window.start, window.end)),
        *(each.time for each in story.outliers),
    ]
    axis = TimeAxis(min(times), max(times))
    detectors = list(dict.fromkeys(name for window in windows for name in window.said))
    known = known_columns(monitor.baseline)
    return element(
        "section",
        element("h2", f"{story.about.monitor} over {story.about.stream.strip('/')}"),
        element("p", _windows_of(monitor, axis), class_="soft"),
        _tiles(story),
        _legend(),
        _overall(axis, windows, detectors),
        columns(axis, story, detectors, known),
        [element("h3", "Windows"), windows_table(windows, detectors)] if windows else [],
        _outliers(story),
    )


def _windows_of(monitor: CompiledMonitor, axis: TimeAxis) -> str:
    spec = monitor.windows
    cut = f"of {spec.count} rows" if spec.count else f"of {length(spec.size)}"
    slide = f", one every {length(spec.slide)}" if spec.size and spec.slide != spec.size else ""
    first, last = (format_time(time // SECOND * SECOND) for time in (axis.low, axis.high))
    return f"{first} to {last}; windows {cut}{slide}, watermark delay {length(spec.watermark_delay)}; times are in UTC"


def _tiles(story: Story) -> Markup:
    account, about = story.account, story.about
    drifting = account.drifting.get(about, 0)
    outliers = sum(found.count for found in account.outliers.values())
    tiles = [
        (account.windows.get(about, 0), "windows", ""),
        (drifting, "with drift", "bad" if drifting else ""),
        (account.rows.get(about, 0), "rows in windows", ""),
        (outliers, "outliers", "odd" if outliers else ""),
        (account.late, "late rows", ""),
        (account.duplicates, "duplicates", ""),
    ]
    return element(
        "div",
        [
            element("div", element("b", f"{count:,}"), name, class_=f"tile {kind}".strip())
            for count, name, kind in tiles
        ],
        class_="tiles",
    )


def _overall(axis: TimeAxis, windows: Sequence[Window], detectors: Sequence[str]) -> Markup | list[Markup]:
    if not detectors:
        return []
    plots = [plot("Verdicts", verdicts(axis, windows, detectors))]
    for name in detectors:
        points = [(window, window.said[name]) for window in windows if name in window.said]
        plots += results("all it judges", axis, points, name)
    return element(
        "div", element("header", element("h3", "Overall")), element("div", plots, class_="plots"), class_="card"
    )


def _outliers(story: Story) -> list[Child]:
    if not story.worst:
        return []
    total = sum(found.count for found in story.account.outliers.values())
    thinned = f"; the plots mark at most {MOST_OUTLIERS}" if story.are_thinned else ""
    which = f"the {len(story.worst)} with the highest scores of {total}{thinned}"
    return [
        element("h3", "Outliers", style="margin-top:30px"),
        element("p", which if total > len(story.worst) else "the highest scores first", class_="soft"),
        outliers_table(story.worst),
    ]


_SAMPLES = (
    ("baseline", element("rect", class_="reference", x=0, y=1, width=26, height=10)),
    ("windows", element("line", class_="usual", x1=0, x2=26, y1=6, y2=6)),
    ("windows with drift", element("line", class_="drifting", x1=0, x2=26, y1=6, y2=6)),
    ("drift", element("circle", class_="drifting-point", cx=13, cy=6, r=4)),
    ("threshold", element("line", class_="threshold", x1=0, x2=26, y1=6, y2=6)),
    ("outlier", element("path", class_="outlier", d="M10,3l6,6m0,-6l-6,6", fill="none")),
)


def _legend() -> Markup:
    items = [
        element("li", element("svg", sample, viewBox="0 0 26 12", aria_hidden="true"), text)
        for text, sample in _SAMPLES
    ]
    return element("ul", items, class_="key")
