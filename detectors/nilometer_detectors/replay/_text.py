"""A replay as a person reads it in a terminal: a line a window while it runs, outliers and what was left out at its end.

A line says when the window began, how many rows it has, and of every drift detector its verdict, distance and p-value;
detectors that say the same, such as why they did not judge, are named together. What the line has to tell besides (the
window is partial, rows came late) stands at its end. Texts that come from data are printed without what would move the
cursor.
"""

from collections.abc import Iterator, Mapping

from nilometer_detectors.monitors.window_spec import format_duration
from nilometer_detectors.outliers.base.contract import INFINITE
from nilometer_detectors.replay._account import Account
from nilometer_detectors.replay._reading import About, DetectorResult, Outlier, Window
from nilometer_logger.terminal import printable
from nilometer_logger.times import SECOND, format_time

_MOST_BLAMED = 4
_MILLISECOND = SECOND // 1000
_VERDICTS = {"ok": "ok", "drift": "DRIFT", "nodata": "not judged"}


class Lines:
    """Writes windows; a change of monitor or stream gets a heading of its own."""

    def __init__(self) -> None:
        self._about: About | None = None

    def of(self, about: About, found: Window | Outlier) -> Iterator[str]:
        """Gives the lines of what was found; outliers are summed up at the end."""
        if isinstance(found, Window):
            yield from self._of_window(about, found)

    def _of_window(self, about: About, window: Window) -> Iterator[str]:
        if about != self._about:
            if self._about is not None:
                yield ""
            self._about = about
            yield printable(f"{about.monitor} over {about.stream.strip('/')}")
        yield printable("  ".join([_when(window), f"{window.rows:>7} rows", *_verdicts(window), *_remarks(window)]))


def _when(window: Window) -> str:
    # A window of rows lies where its rows do, to the nanosecond; nobody reads that.
    start = window.start // _MILLISECOND * _MILLISECOND
    return f"{format_time(start)} +{length(window.end - window.start)}"


def length(nanoseconds: int) -> str:
    """Writes a duration as a monitor has it where it is a round one, else in seconds."""
    return f"{short(nanoseconds / SECOND)}s" if nanoseconds % SECOND else format_duration(nanoseconds)


def _verdicts(window: Window) -> Iterator[str]:
    told: dict[str, list[str]] = {}
    for name, said in window.said.items():
        told.setdefault(f"{_VERDICTS[said.verdict]}{_measured(said)}", []).append(name)
    for verdict, names in told.items():
        yield f"{', '.join(names)} {verdict}"


def _measured(said: DetectorResult) -> str:
    if said.verdict == "nodata":
        return f" ({said.reason})" if said.reason else ""
    numbers = [(name, number) for name, number in (("d", said.distance), ("p", said.p_value)) if number is not None]
    told = "".join(f" {name}={short(number)}" for name, number in numbers)
    blamed = said.blamed()
    some = ", ".join(blamed[:_MOST_BLAMED]) + (", …" if len(blamed) > _MOST_BLAMED else "")
    return f"{told} ({some})" if some else told


def _remarks(window: Window) -> Iterator[str]:
    if window.closed_by == "quiet":
        yield "closed by silence"
    if window.closed_by == "drained" and not window.partial:
        yield "closed by the end of the input"
    if window.partial and not window.said:
        yield "partial"
    if window.too_small and not window.said:
        yield "too small"
    if window.late:
        yield f"{window.late} late"
    if window.duplicates:
        yield f"{window.duplicates} duplicates"


def short(number: float) -> str:
    """Writes a number with as many digits as people read."""
    return f"{number:.3g}"


def outlier_lines(account: Account) -> Iterator[str]:
    """Sums up the outliers of every detector, with the one of the highest score."""
    for (about, detector), found in account.outliers.items():
        rows = "1 row" if found.count == 1 else f"{found.count} rows"
        yield printable(f"{about.monitor} outliers by {detector}: {rows}, the farthest {describe(found.worst)}")


def describe(outlier: Outlier) -> str:
    """Says which row an outlier is, and why."""
    why = ", ".join(f"{name} = {value_of(said)}" for name, said in list(outlier.features.items())[:_MOST_BLAMED])
    score = "" if outlier.score is None else f", score {short(outlier.score)}"
    return f"{outlier.request}[{outlier.row}] at {format_time(outlier.time)}{f' ({why})' if why else ''}{score}"


def value_of(said: Mapping[str, object]) -> str:
    """Writes the value of a feature to blame; JSON has no number for an infinite one."""
    return "infinite" if said.get("reason") == INFINITE else shown(said.get("value"))


def shown(value: object) -> str:
    """Writes a value of a finding."""
    return "missing" if value is None else short(value) if isinstance(value, float) else str(value)
