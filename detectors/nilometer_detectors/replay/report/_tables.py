"""The tables of a report: windows and outliers."""

from collections.abc import Iterable, Sequence

from nilometer_detectors.outliers.base.contract import INFINITE
from nilometer_detectors.replay._reading import DetectorResult, Outlier, Window
from nilometer_detectors.replay._text import length, short, shown, value_of
from nilometer_detectors.replay.report._markup import Child, Markup, element
from nilometer_logger.times import SECOND, format_time

_OPEN = 30
_MOST_BLAMED = 6
_VERDICTS = {"ok": "ok", "drift": "drift", "nodata": "not judged"}


def _table(heads: Sequence[Child], rows: Iterable[Sequence[Markup]]) -> Markup:
    head = element("thead", element("tr", [element("th", text, scope="col") for text in heads]))
    return element("div", element("table", head, element("tbody", [element("tr", row) for row in rows])), class_="wide")


def _cell(text: str, kind: str | None = None) -> Markup:
    return element("td", text, class_=kind)


def windows_table(windows: Sequence[Window], detectors: Sequence[str]) -> Markup:
    """Writes a row a window, newest last; folded where there are many."""
    heads = ["begins (UTC)", "lasts", "rows", *detectors, "and"]
    rows = [
        [
            _cell(format_time(window.start // SECOND * SECOND)),
            _cell(length(window.end - window.start), "number"),
            _cell(str(window.rows), "number"),
            *(_verdict(window.said.get(name)) for name in detectors),
            _cell(", ".join(_remarks(window)), "why"),
        ]
        for window in windows
    ]
    table = _table(heads, rows)
    if len(windows) <= _OPEN:
        return table
    return element("details", element("summary", f"all {len(windows)} windows"), table)


def _verdict(said: DetectorResult | None) -> Markup:
    if said is None:
        return _cell("")
    numbers = (("d", said.distance), ("p", said.p_value))
    told = "".join(f", {name} {short(number)}" for name, number in numbers if number is not None)
    blamed = said.blamed()
    more = f" ({', '.join(blamed[:_MOST_BLAMED])}{', …' if len(blamed) > _MOST_BLAMED else ''})" if blamed else ""
    why = f": {said.reason}" if said.verdict == "nodata" and said.reason else ""
    return _cell(f"{_VERDICTS[said.verdict]}{told}{more}{why}", said.verdict)


def _remarks(window: Window) -> list[str]:
    told = {
        f"{window.windows} windows together": window.windows > 1,
        f"closed by {window.closed_by}": window.closed_by in ("quiet", "drained"),
        "partial": window.partial,
        "too small": window.too_small,
        f"{window.late} late": window.late,
        f"{window.duplicates} duplicates": window.duplicates,
        f"{window.unanswered} unanswered": window.unanswered,
    }
    return [text for text, is_so in told.items() if is_so]


def outliers_table(outliers: Sequence[Outlier]) -> Markup:
    """Writes a row an outlier."""
    heads = ["when (UTC)", "request", "row", "detector", "score", "threshold", "because"]
    return _table(
        heads,
        [
            [
                _cell(format_time(outlier.time)),
                _cell(outlier.request),
                _cell(str(outlier.row), "number"),
                _cell(outlier.detector),
                _cell("∞" if outlier.score is None else short(outlier.score), "number"),
                _cell("" if outlier.threshold is None else short(outlier.threshold), "number"),
                _cell(_because(outlier), "why"),
            ]
            for outlier in outliers
        ],
    )


def _because(outlier: Outlier) -> str:
    told = []
    for name, said in list(outlier.features.items())[:_MOST_BLAMED]:
        reason = said.get("reason")  # which the value says by itself where it is infinite
        because = [_expected(said.get("expected")), "" if reason == INFINITE else str(reason or "")]
        told.append(", ".join([f"{name} = {value_of(said)}", *filter(None, because)]))
    return "; ".join(told)


def _expected(said: object) -> str:
    """Says what a finding expects: a range that may be open at either end, one of some categories, or a value."""
    match said:
        case None:
            return ""
        case [None, None]:
            return ""
        case [int() | float() as low, int() | float() as high]:
            return f"expected {short(low)} to {short(high)}"
        case [int() | float() as low, None]:
            return f"expected at least {short(low)}"
        case [None, int() | float() as high]:
            return f"expected at most {short(high)}"
        case list():
            return (
                f"expected {' or '.join(map(shown, said[:_MOST_BLAMED]))}{' or …' if len(said) > _MOST_BLAMED else ''}"
            )
        case _:
            return f"expected {shown(said)}"
