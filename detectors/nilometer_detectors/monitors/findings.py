"""What judging says, as CloudEvents.

One event a finding, of three types: `io.nilometer.statistics` for each closed window, `io.nilometer.drift` for each
drift detector and closed window, `io.nilometer.outlier` for each flagged row and outlier detector (`outlier_tally`
bounds how many). Knative's Triggers
cannot look into data, so what they may want to route on stands in extension attributes. An attribute that would be
empty is left out, because CloudEvents forbids empty values.

The `id` is a hash of what the finding is about and of the monitor's digest, which covers declaration and baseline: the
same id means the same finding, however often it is sent.

Everything that is said of a window says as well how sure it is: which window, how it closed, how many rows it has, and
how many came too late, came twice or were never answered. A window that the monitor did not see whole (`partial`), or
that has fewer rows than the monitor asks for (`tooSmall`), is reported and not judged: its drift findings have the
verdict nodata and say why.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from nilometer_detectors.drift.base.contract import AnyDriftDetector, DriftResult, Of, Window
from nilometer_detectors.monitors.outlier_tally import (
    PER_EVENT,
    PER_WINDOW,
    Places,
    Rest,
    Tally,
    by_event,
    requests_of,
    worst_of,
)
from nilometer_detectors.monitors.parts import FailedDetector
from nilometer_detectors.monitors.shortening import worst
from nilometer_detectors.monitors.window_spec import format_duration
from nilometer_detectors.outliers.base.contract import OutlierDetector, Scores
from nilometer_detectors.statistics.base.contract import plain
from nilometer_detectors.statistics.joined_sample import told_apart
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream, short_id
from nilometer_logger.engine.protocol import LATE_BOUNDS, ClosedWindow
from nilometer_logger.rows import Rows
from nilometer_logger.times import SECOND, format_time

STATISTICS = "io.nilometer.statistics"
OUTLIER = "io.nilometer.outlier"
DRIFT = "io.nilometer.drift"

Severity = Literal["info", "warning"]
_LATE_NAMES = (*(f"upTo{format_duration(bound)}" for bound in LATE_BOUNDS), f"over{format_duration(LATE_BOUNDS[-1])}")


@dataclass(frozen=True)
class FindingFactory:
    """Makes the findings of one monitor on one stream.

    Attributes:
        monitor: the monitor's namespace and name, such as ``demo/iris``.
        digest: the monitor's.
        stream: what it watches.
        min_rows: a window with fewer rows of requests is too small.
    """

    monitor: str
    digest: str
    stream: Stream
    min_rows: int = 0

    def statistics(self, closed: ClosedWindow, window: Window, broken: Sequence[FailedDetector] = ()) -> CloudEvent:
        """Reports a closed window, and the detectors that could not be built."""
        body: dict[str, object] = {
            **self._head(closed, window),
            "predictionRows": window.predictions.rows,
            "features": window.features.result(),
            "predictions": window.predictions.result(),
        }
        if broken:
            body["broken"] = [{"name": each.name, "type": each.type, "reason": each.reason} for each in broken]
        return self._event(STATISTICS, closed.end, body, identity=_identity(closed))

    def drift(
        self, closed: ClosedWindow, window: Window, detector: AnyDriftDetector | FailedDetector, said: DriftResult
    ) -> CloudEvent:
        """Reports what a detector says about a closed window."""
        body: dict[str, object] = {
            **self._head(closed, window),
            "detector": {"name": detector.name, "type": detector.type},
            "drift": None if said.verdict == "nodata" else said.verdict == "drift",
            "distance": said.distance,
            "pValue": said.p_value,
            "threshold": said.threshold,
            **_by_half(detector.of, said.columns, window),
        }
        if said.joined:
            body["joined"] = said.joined
        if said.applied:
            body["applied"] = said.applied
        if said.reason:
            body["reason"] = said.reason
        return self._event(
            DRIFT,
            closed.end,
            body,
            identity=(*_identity(closed), detector.name),
            detector=detector.name,
            verdict=said.verdict,
            severity="warning" if said.verdict == "drift" else "info",
        )

    def _head(self, closed: ClosedWindow, window: Window) -> dict[str, object]:
        """Says which window it was, and how whole."""
        rows = window.features.rows
        head: dict[str, object] = {
            "window": _window(closed),
            "rows": rows,
            "partial": closed.partial,
            "lostRecords": closed.lost_records,
            "tooSmall": rows < self.min_rows,
            "lateSinceLast": closed.late_since_last,
        }
        if closed.late_since_last:
            by = dict(zip(_LATE_NAMES, closed.late_by, strict=True))
            head["late"] = {**by, "latestSeconds": closed.latest / SECOND}
        return {**head, "duplicatesSinceLast": closed.duplicates_since_last, "unanswered": closed.unanswered}

    def outliers(
        self, rows: Rows, detector: OutlierDetector[Any], scores: Scores, tally: Tally
    ) -> Iterator[CloudEvent]:
        """Reports the flagged rows, as many as `outlier_tally` lets; the others cost nothing.

        Args:
            rows: of requests.
            detector: that scored them.
            scores: at least one row is flagged.
            tally: of the detector and the stream; what has no finding is counted in it.
        """
        flagged = scores.flagged.nonzero()[0]
        told = 0
        for places in by_event(rows, flagged):
            if tally.is_full:
                break
            whole = places[: min(PER_EVENT, PER_WINDOW - tally.told)]
            for row in whole.tolist():
                yield self._outlier(detector, rows, scores, row)
            tally.told += len(whole)
            told += len(whole)
            if len(rest := places[len(whole) :]) and not tally.is_full:
                tally.told += 1
                told += len(rest)
                summary = {
                    "rows": len(rest),
                    "firstRow": int(rows.numbers[rest[0]]),
                    "lastRow": int(rows.numbers[rest[-1]]),
                }
                yield self._outlier(detector, rows, scores, worst_of(scores, rest), summary)
        if len(left := flagged[told:]):
            tally.leave(self._rest(detector, rows, scores, left))

    def _outlier(
        self,
        detector: OutlierDetector[Any],
        rows: Rows,
        scores: Scores,
        row: int,
        summary: Mapping[str, object] | None = None,
    ) -> CloudEvent:
        """Reports a flagged row, which may stand for others."""
        request, number, time = rows.ids[row], int(rows.numbers[row]), int(rows.times[row])
        body = _outlier_body(detector, rows, scores, row)
        if summary:
            body["summarises"] = summary
        identity = (request, number, time, detector.name, *(["rest"] if summary else []))
        return self._row_event(request, time, detector.name, body, identity)

    def _rest(self, detector: OutlierDetector[Any], rows: Rows, scores: Scores, places: Places) -> Rest:
        row, times = worst_of(scores, places), rows.times[places]
        return Rest(
            rows=len(places),
            requests=requests_of(rows, places),
            first_time=int(times.min()),
            last_time=int(times.max()),
            score=float(scores.score[row]),
            worst=msgspec.json.encode(_outlier_body(detector, rows, scores, row)),
            request=rows.ids[row],
            time=int(rows.times[row]),
        )

    def more_outliers(self, closed: ClosedWindow, detector: str, rest: Rest) -> CloudEvent:
        """Reports the flagged rows that had no finding of their own until a window closed: the worst stands for all."""
        body: dict[str, object] = msgspec.json.decode(rest.worst)
        body["summarises"] = {
            "rows": rest.rows,
            "requests": rest.requests,
            "firstTime": format_time(rest.first_time),
            "lastTime": format_time(rest.last_time),
            "until": _window(closed),
        }
        identity = (*_identity(closed), detector, "rest")
        return self._row_event(rest.request, rest.time, detector, body, identity)

    def _row_event(
        self, request: str, time: int, detector: str, body: Mapping[str, object], identity: tuple[object, ...]
    ) -> CloudEvent:
        return self._event(
            OUTLIER,
            time,
            body,
            identity=identity,
            request=short_id(request),
            detector=detector,
            verdict="outlier",
            severity="warning",
        )

    def _event(
        self,
        kind: str,
        time: int,
        body: Mapping[str, object],
        *,
        identity: tuple[object, ...],
        request: str = "",
        detector: str = "",
        verdict: str = "",
        severity: Severity = "info",
    ) -> CloudEvent:
        stream = str(self.stream)
        about = msgspec.json.encode([self.digest, kind, stream, *identity])
        attributes = {
            "specversion": "1.0",
            "id": hashlib.sha256(about).hexdigest()[:32],
            "source": f"/nilometer/{self.monitor}",
            "type": kind,
            "subject": f"{stream}/{request}" if request else stream,
            "time": format_time(time),
            "datacontenttype": "application/json",
            "inferenceservicename": self.stream.inference_service,
            "namespace": self.stream.namespace,
            "component": self.stream.component,
            "endpoint": self.stream.endpoint,
            "monitor": self.monitor,
            "detector": detector,
            "verdict": verdict,
            "severity": severity,
            "causationid": request,
            "partitionkey": stream,
        }
        # msgspec writes NaN and infinity as null, so no body is ever invalid JSON.
        return CloudEvent({name: value for name, value in attributes.items() if value}, msgspec.json.encode(body))


def _outlier_body(detector: OutlierDetector[Any], rows: Rows, scores: Scores, row: int) -> dict[str, object]:
    blamed = detector.explain(rows, scores, row)
    named = worst(blamed)
    body: dict[str, object] = {
        "request": short_id(rows.ids[row]),
        "row": int(rows.numbers[row]),
        "time": format_time(int(rows.times[row])),
        "detector": {"name": detector.name, "type": detector.type},
        "outlier": True,
        "score": plain(scores.score[row]),
        "threshold": scores.threshold,
        "features": named,
    }
    if len(named) < len(blamed):
        body["featuresNotShown"] = len(blamed) - len(named)
    return body


def _identity(closed: ClosedWindow) -> tuple[object, ...]:
    """Gives what tells a window of a monitor and a stream from all others, and is the same whenever it is found again.

    A window is told by its bounds and by how it closed: one that was cut off where the input ended is not the one that a
    longer input fills. Windows of rows may have the same bounds, those of a request of many rows for one, and are told
    apart by their number.
    """
    return (closed.start, closed.end, closed.closed_by, closed.number)


def _by_half(of: Of, columns: Mapping[str, object], window: Window) -> dict[str, dict[str, object]]:
    """Puts what is said of columns to their halves, where each has the name that it has there."""
    if of != "both":
        return {of: dict(columns)}
    features, predictions = window.features.layout.schema, window.predictions.layout.schema
    halves = [("features", name) for name in features.names] + [("predictions", name) for name in predictions.names]
    told: dict[str, dict[str, object]] = {"features": {}, "predictions": {}}
    for name, (half, own) in zip(told_apart(features, predictions).names, halves, strict=True):
        if name in columns:
            told[half][own] = columns[name]
    return told


def _window(closed: ClosedWindow) -> dict[str, str]:
    return {
        "start": format_time(closed.start),
        "end": format_time(closed.end),
        "closedBy": closed.closed_by,
        "watermark": format_time(closed.watermark),
        "firstEventTime": format_time(closed.first_event_time),
        "lastEventTime": format_time(closed.last_event_time),
    }
