"""Findings, as values that a table and a report are made of: read from the CloudEvents alone, whichever detector spoke."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from nilometer_detectors.replay._columns import Column
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.times import parse_time

HALVES = ("features", "predictions")
Key = tuple[str, str]
"""Half and name of a column."""


@dataclass
class DetectorResult:
    """What a drift detector says of a window, or of one column of it.

    Attributes:
        verdict: ok, drift or nodata.
        distance, p_value, threshold: as the finding has them; the threshold is of the p-value where there is one.
        reason: why there is no verdict.
        columns: what it says of each column.
    """

    verdict: str
    distance: float | None = None
    p_value: float | None = None
    threshold: float | None = None
    reason: str = ""
    columns: dict[Key, "DetectorResult"] = field(default_factory=dict)

    @classmethod
    def read(cls, verdict: str, body: Mapping[str, Any]) -> "DetectorResult":
        """Reads a finding of drift."""
        columns = {
            (half, name): cls._plain(_VERDICTS[said.get("drift")], said)
            for half in HALVES
            for name, said in (body.get(half) or {}).items()
        }
        whole = cls._plain(verdict, body)
        whole.columns = columns
        return whole

    @classmethod
    def _plain(cls, verdict: str, said: Mapping[str, Any]) -> "DetectorResult":
        distance, p_value, threshold = (_finite(said.get(name)) for name in ("distance", "pValue", "threshold"))
        return cls(verdict, distance, p_value, threshold, said.get("reason", ""))

    def blamed(self) -> list[str]:
        """Names the columns that drift."""
        return [name for (_, name), said in self.columns.items() if said.verdict == "drift"]


_VERDICTS = {True: "drift", False: "ok", None: "nodata"}


@dataclass
class Window:
    """A closed window of a monitor over a stream.

    Attributes:
        start, end: in nanoseconds.
        rows: of requests.
        closed_by: as the finding has it.
        partial, too_small: likewise.
        late, duplicates: since the window before.
        unanswered: None where it is not known.
        columns: statistics.
        said: by the detectors' names.
        windows: how many windows this one stands for.
    """

    start: int
    end: int
    rows: int
    closed_by: str
    partial: bool
    too_small: bool
    late: int
    duplicates: int
    unanswered: int | None
    columns: dict[Key, Column]
    said: dict[str, DetectorResult] = field(default_factory=dict)
    windows: int = 1

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Window":
        """Reads a finding of statistics."""
        window = body["window"]
        return cls(
            start=parse_time(window["start"]),
            end=parse_time(window["end"]),
            rows=body["rows"],
            closed_by=window["closedBy"],
            partial=body["partial"],
            too_small=body["tooSmall"],
            late=body["lateSinceLast"],
            duplicates=body["duplicatesSinceLast"],
            unanswered=body["unanswered"],
            columns={
                (half, name): Column.read(said) for half in HALVES for name, said in (body.get(half) or {}).items()
            },
        )

    @property
    def drifts(self) -> bool:
        """Whether any detector says so."""
        return any(said.verdict == "drift" for said in self.said.values())


@dataclass(frozen=True)
class Outlier:
    """A row that an outlier detector flagged.

    Attributes:
        time: of the row, in nanoseconds.
        request: its id.
        row: its place in the request.
        detector: by name.
        score: None where it is infinite.
        threshold: of the score.
        features: value and expected range of each feature to blame, by name, as the finding has them.
        rows: how many flagged rows the finding stands for: this one is the worst of them.
    """

    time: int
    request: str
    row: int
    detector: str
    score: float | None
    threshold: float | None
    features: Mapping[str, Mapping[str, Any]]
    rows: int = 1

    @property
    def rank(self) -> float:
        """Orders outliers, the worst last; an infinite score is JSON's null."""
        return math.inf if self.score is None else self.score

    @classmethod
    def read(cls, detector: str, body: Mapping[str, Any]) -> "Outlier":
        """Reads a finding on a row."""
        return cls(
            parse_time(body["time"]),
            body["request"],
            body["row"],
            detector,
            _finite(body["score"]),
            _finite(body["threshold"]),
            {name: said for name, said in body["features"].items() if said.get("outlier", True)},
            body["summarises"]["rows"] if "summarises" in body else 1,
        )


class About(NamedTuple):
    """Whose findings they are.

    Attributes:
        monitor: namespace and name.
        stream: as one text.
    """

    monitor: str
    stream: str


def read_findings(events: Iterable[CloudEvent]) -> Iterator[tuple[About, Window | Outlier]]:
    """Reads findings in their order.

    What detectors say of a window is put to it: a monitor says it right after the window's statistics, in one go.
    """
    open_window: tuple[About, Window] | None = None
    for event in events:
        attributes = event.attributes
        about, body = About(attributes["monitor"], attributes["partitionkey"]), msgspec.json.decode(event.data)
        kind, detector = attributes["type"].rpartition(".")[2], attributes.get("detector", "")
        if kind == "drift" and open_window is not None:
            open_window[1].said[detector] = DetectorResult.read(attributes["verdict"], body)
            continue
        if open_window is not None:
            yield open_window
            open_window = None
        if kind == "statistics":
            open_window = about, Window.read(body)
        elif kind == "outlier":
            yield about, Outlier.read(detector, body)
    if open_window is not None:
        yield open_window


def _finite(number: Any) -> float | None:
    return number if isinstance(number, int | float) and math.isfinite(number) else None
