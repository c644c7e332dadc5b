"""A card for each column: its distribution, its mean over time, and what each detector measured of it."""

from collections.abc import Iterator, Mapping, Sequence

from nilometer_detectors.baselines.baseline import Baseline, BaselineColumn
from nilometer_detectors.replay._columns import Histogram
from nilometer_detectors.replay._reading import DetectorResult, Key, Window
from nilometer_detectors.replay._story import Story
from nilometer_detectors.replay.report._distribution import histograms
from nilometer_detectors.replay.report._frame import TimeAxis
from nilometer_detectors.replay.report._markup import Child, Markup, element
from nilometer_detectors.replay.report._overtime import judged, statistics

MOST_CARDS = 100
Known = Mapping[Key, BaselineColumn]


def results(
    name: str, axis: TimeAxis, points: Sequence[tuple[Window, DetectorResult]], detector: str
) -> Iterator[Markup]:
    """Draws the distance, and the p-value where there is one; nothing where nothing was measured."""
    if any(said.distance is not None for _, said in points):
        yield plot(f"Distance by {detector}", judged(name, axis, points, detector, by_p=False))
    if any(said.p_value is not None for _, said in points):
        yield plot(f"p-value by {detector}", judged(name, axis, points, detector, by_p=True))


def plot(heading: str, drawing: Markup) -> Markup:
    """Puts a heading above a plot."""
    return element("figure", element("h4", heading), drawing, style="margin:0")


def known_columns(baseline: Baseline | None) -> Known:
    """Gives what the baseline says of each column."""
    if baseline is None:
        return {}
    halves = (("features", baseline.features), ("predictions", baseline.predictions))
    return {(half, column.name): column for half, columns in halves for column in columns}


def columns(axis: TimeAxis, story: Story, detectors: Sequence[str], known: Known) -> list[Child]:
    """Makes a card for each column.

    Args:
        axis: of time.
        story: what was found.
        detectors: by name.
        known: what the baseline says.
    """
    keys = list(dict.fromkeys(key for window in story.windows for key in window.columns))
    # What drifted comes first where not all columns are shown.
    shown = keys if len(keys) <= MOST_CARDS else sorted(keys, key=lambda key: -story.blamed[key])[:MOST_CARDS]
    cards: list[Child] = [_card(axis, story, detectors, key, known.get(key)) for key in shown]
    if len(shown) < len(keys):
        cards.append(element("p", f"{len(keys) - len(shown)} columns, which drifted least often, are not drawn"))
    return [element("h3", "Column by column", style="margin-top:30px"), cards] if cards else []


def _card(axis: TimeAxis, story: Story, detectors: Sequence[str], key: Key, known: BaselineColumn | None) -> Markup:
    half, name = key
    plots = [*_histograms(story, key, known), *_statistics(axis, story, key, known)]
    for detector in detectors:
        points = [
            (window, window.said[detector].columns[key])
            for window in story.windows
            if detector in window.said and key in window.said[detector].columns
        ]
        plots += results(name, axis, points, detector)
    drifting, flagged = story.blamed[key], story.outliers_by_feature[name] if half == "features" else 0
    badges = [
        element("span", "prediction" if half == "predictions" else "feature", class_="badge"),
        element("span", f"drift in {drifting} windows", class_="badge bad") if drifting else [],
        element("span", f"{flagged} outliers", class_="badge odd") if flagged else [],
    ]
    return element(
        "div", element("header", element("h3", name), badges), element("div", plots, class_="plots"), class_="card"
    )


def _histograms(story: Story, key: Key, known: BaselineColumn | None) -> Iterator[Markup]:
    reference = None
    if known is not None and known.counts:
        reference = Histogram(known.categories or known.edges, list(known.counts))
    others, drifting = story.others.get(key), story.drifting.get(key)
    if reference or others or drifting:
        yield plot("Distribution", histograms(key[1], reference, others, drifting))


def _statistics(axis: TimeAxis, story: Story, key: Key, known: BaselineColumn | None) -> Iterator[Markup]:
    columns = [(window, window.columns[key]) for window in story.windows if key in window.columns]
    points = [(window, each.mean, each.stddev or 0.0) for window, each in columns if each.mean is not None]
    if not points:
        return
    marks = [
        (outlier, float(value))
        for outlier in story.outliers
        if key[0] == "features"
        and isinstance(value := outlier.features.get(key[1], {}).get("value"), int | float)
        and not isinstance(value, bool)
    ]
    expected = None if known is None or known.mean is None else (known.mean, known.stddev or 0.0)
    yield plot("Mean and standard deviation", statistics(key[1], axis, points, expected, marks))
