"""The plot of how a column's values are distributed."""

from collections.abc import Sequence

from nilometer_detectors.replay._columns import Histogram
from nilometer_detectors.replay.report._frame import BASE, LEFT, RIGHT, TOP, WIDTH, drawing, levels, line
from nilometer_detectors.replay.report._markup import Child, Markup, element
from nilometer_detectors.replay.report._scales import Scale, label

_LONGEST = 14


def histograms(name: str, reference: Histogram | None, others: Histogram | None, drifting: Histogram | None) -> Markup:
    """Draws shares of values: the baseline as bars; windows without and with drift as outlines."""
    parts = [each for each in (reference, others, drifting) if each is not None]
    bins = parts[0].bins
    shares = {id(part): _shares(part) for part in parts if part.bins == bins}
    scale = Scale.over([share for each in shares.values() for share in each], BASE, TOP, zero=True)
    places = _places(parts[0])
    drawn: list[Child] = [levels(scale, scale.ticks(), lambda share: f"{share * 100:g}%")]
    if reference is not None:
        drawn.append(_bars(places, shares[id(reference)], scale))
    for part, kind in ((others, "usual"), (drifting, "drifting")):
        if part is not None and id(part) in shares:
            drawn.append(_outline(places, shares[id(part)], scale, kind))
    drawn.append(element("line", class_="axis", x1=LEFT, x2=WIDTH - RIGHT, y1=BASE, y2=BASE))
    drawn.append(_bin_labels(parts[0], places))
    compared = " and ".join(
        text
        for part, text in (
            (reference, "the baseline"),
            (others, "windows without drift"),
            (drifting, "windows with drift"),
        )
        if part is not None
    )
    return drawing(f"How the values of {name} are distributed, in {compared}", drawn)


def _shares(histogram: Histogram) -> list[float]:
    """Gives shares of all values: below, each bin, above; of categories, each, and those unseen."""
    counts = [*histogram.counts, histogram.above]
    counts = counts if histogram.is_categorical else [histogram.below, *counts]
    total = sum(counts) or 1
    return [count / total for count in counts]


def _places(histogram: Histogram) -> list[tuple[float, float]]:
    """Gives the left and right end of each bar."""
    count = len(histogram.counts) + (1 if histogram.is_categorical else 2)
    wide = (WIDTH - LEFT - RIGHT) / count
    return [(LEFT + wide * place, LEFT + wide * (place + 1)) for place in range(count)]


def _bars(places: Sequence[tuple[float, float]], shares: Sequence[float], scale: Scale) -> list[Markup]:
    return [
        element(
            "rect",
            class_="reference",
            x=left + 0.5,
            width=right - left - 1,
            y=scale(share),
            height=BASE - scale(share),
        )
        for (left, right), share in zip(places, shares, strict=True)
        if share
    ]


def _outline(places: Sequence[tuple[float, float]], shares: Sequence[float], scale: Scale, kind: str) -> Markup:
    points = [(places[0][0], float(BASE))]
    for (left, right), share in zip(places, shares, strict=True):
        points += [(left, scale(share)), (right, scale(share))]
    return line([*points, (places[-1][1], float(BASE))], kind)


def _bin_labels(histogram: Histogram, places: Sequence[tuple[float, float]]) -> list[Markup]:
    texts: list[tuple[float, str]] = []
    if histogram.is_categorical:
        every = -(-len(places) // 5)
        names = [*map(str, histogram.bins), "unseen"]
        texts = [((left + right) / 2, name) for (left, right), name in list(zip(places, names, strict=True))[::every]]
    else:
        edges = [float(edge) for edge in histogram.bins]
        every = max(1, (len(edges) - 1) // 4)
        texts = [(places[place + 1][0], label(edges[place])) for place in range(0, len(edges), every)]
    return [
        element(
            "text",
            text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…",
            x=x,
            y=BASE + 16,
            text_anchor="middle",
        )
        for x, text in texts
    ]
