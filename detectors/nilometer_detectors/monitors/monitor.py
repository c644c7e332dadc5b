"""A monitor that is ready to judge: the object that the broker drives.

It keeps just what its declaration asks for: the statistics of each half, once each; a sample of the size of the largest
need, and one of both halves where requests are to be joined with responses; the detectors. It judges windows and rows
and has no state of its own, so that one object serves all windows of all streams; what must be remembered of a stream is
in its `StreamMemory`.

A detector costs its own verdicts and nothing else: one that fails, or that could not be built, has no verdict and says
why, in the findings of every window, and the others go on.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence

import msgspec

from nilometer_detectors.drift.base.contract import AnyDriftDetector, DriftDetector, DriftResult, Needs, Of, Window
from nilometer_detectors.monitors.findings import FindingFactory
from nilometer_detectors.monitors.memory import StreamMemory
from nilometer_detectors.monitors.parts import Failures, Parts
from nilometer_detectors.monitors.spec import ModelMonitor
from nilometer_detectors.monitors.window_spec import WindowsSpec
from nilometer_detectors.monitors.window_state import WindowState
from nilometer_detectors.outliers.base.contract import OutlierDetector
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.joined_sample import JoinedSample
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.engine import protocol
from nilometer_logger.engine.protocol import ClosedWindow, WindowSpec
from nilometer_logger.rows import Floats, Rows, Schema

_MOST_SIZES = 10_000  # that are kept, by the number of rows

_log = logging.getLogger("nilometer.monitor")


class CompiledMonitor:
    """A monitor, ready to judge; satisfies `nilometer_logger.engine.protocol.Monitor`.

    Args:
        declaration: what to watch, and how.
        parts: what the declaration asks for, put together without problems.
        failures: is told of detectors that fail.

    Attributes:
        name: namespace and name, such as ``demo/iris``.
        digest: of the declaration and the baseline, wherever the baseline lies.
        windows: how the stream is cut.
        wants_late: whether events that come too late are written to topic `late`.
        features: the columns of a request.
        predictions: the columns of a response; empty where they are not watched.
        baseline: what is normal; None where none was declared.
        stream: the one that is watched; with no endpoint where any is.
        outlier_detectors: judge rows, in the order of the declaration.
        drift_detectors: judge windows, in the order of the declaration.
        declared: every detector as it was declared, by its name.
        broken: detectors that could not be built.
        failures: how often each detector failed, by the monitor's name and its own.
    """

    def __init__(self, declaration: ModelMonitor, parts: Parts, failures: Failures | None = None) -> None:
        metadata, spec = declaration.metadata, declaration.spec
        self.name = f"{metadata.namespace}/{metadata.name}"
        self.digest = _digest(declaration, parts)
        self.windows = _cut(spec.windows)
        self.wants_late = spec.windows.late
        self.features = parts.features
        self.predictions = parts.predictions
        self.baseline = parts.baseline
        wanted = spec.stream
        self.stream = Stream(metadata.namespace, wanted.inference_service, wanted.component, wanted.endpoint or "")
        self.outlier_detectors = tuple(found for found in parts.detectors if isinstance(found, OutlierDetector))
        self.drift_detectors = tuple(found for found in parts.detectors if isinstance(found, DriftDetector))
        self.declared = {each.name: each for each in (*spec.outliers, *spec.drift)}
        self.broken = tuple(parts.broken)
        self.failures: Failures = Counter() if failures is None else failures
        self._namespace, self._stream = metadata.namespace, spec.stream
        self._min_rows = spec.windows.min_rows
        self._statistics = parts.statistics
        needs = [detector.needs() for detector in self.drift_detectors]
        self._features = _layout(parts.features, parts.feature_edges, needs, "features")
        self._predictions = _layout(parts.predictions, parts.prediction_edges, needs, "predictions")
        self._joined = max((need.sample for need in needs if need.of == "both"), default=0)
        self._empty = self.open()
        self._state_bytes: dict[int, int] = {}

    def __repr__(self) -> str:
        """Such as ``CompiledMonitor('demo/iris')``."""
        return f"CompiledMonitor({self.name!r})"

    def watches(self, stream: Stream) -> bool:
        """Tells whether a stream is this monitor's: its namespace, InferenceService, component and any named endpoint."""
        wanted = self._stream
        return (
            stream.namespace == self._namespace
            and stream.inference_service == wanted.inference_service
            and stream.component == wanted.component
            and wanted.endpoint in (None, stream.endpoint)
        )

    def open(self) -> WindowState:
        """Makes the state of an empty window."""
        return WindowState(
            Summary(self._features[0], self._statistics, self._features[1]),
            Summary(self._predictions[0], self._statistics, self._predictions[1]),
            JoinedSample(self._joined, len(self.features), len(self.predictions)) if self._joined else None,
        )

    def state_bytes(self, rows: int) -> int:
        """Tells what the state of a window of so many rows takes of memory, from above and not by much."""
        size = self._state_bytes.get(rows)
        if size is None:
            size = self._empty.memory_bytes(rows)
            if len(self._state_bytes) < _MOST_SIZES:
                self._state_bytes[rows] = size
        return size

    def load(self, blob: bytes) -> WindowState:
        """Reads what `WindowState.dump` wrote.

        Raises:
            StateError: if it is no state of this monitor.
        """
        state = self.open()
        state.load(blob)
        return state

    def remember(self, blob: bytes = b"") -> StreamMemory:
        """Makes the memory of a stream, or reads what `StreamMemory.dump` wrote.

        Raises:
            StateError: if it is no memory of this monitor.
        """
        memory = StreamMemory(self.drift_detectors, self._report)
        if blob:
            memory.load(blob)
        return memory

    def close(
        self, stream: Stream, window: ClosedWindow, state: protocol.WindowState, memory: protocol.Memory
    ) -> Sequence[CloudEvent]:
        """Judges a closed window: a finding of statistics, one of each drift detector, and what outliers had none."""
        if not (isinstance(state, WindowState) and isinstance(memory, StreamMemory)):
            raise TypeError(f"a {type(state).__name__} and a {type(memory).__name__} are none of this monitor's")
        finder = FindingFactory(self.name, self.digest, stream, self._min_rows)
        findings = [finder.statistics(window, state.window, self.broken)]
        unfit = _unfit(window, state.window.features.rows, self._min_rows)
        for detector in self.drift_detectors:
            result = DriftResult("nodata", unfit) if unfit else self._judge(detector, state.window, memory)
            findings.append(finder.drift(window, state.window, detector, result))
        broken = [each for each in self.broken if each.kind == "drift"]
        findings += [finder.drift(window, state.window, each, DriftResult("nodata", each.reason)) for each in broken]
        findings += [finder.more_outliers(window, name, rest) for name, rest in memory.end_tallies().items()]
        return findings

    def _judge(self, detector: AnyDriftDetector, window: Window, memory: StreamMemory) -> DriftResult:
        try:
            return memory.persisting(detector, memory.judge(detector, window))
        except Exception as error:  # noqa: BLE001 - a detector that fails stops neither the window nor the others
            self._report(detector.name, error)
            return DriftResult("nodata", f"the detector failed: {error!r}")

    def _report(self, detector: str, error: Exception) -> None:
        self.failures[self.name, detector] += 1
        facts = {"monitor": self.name, "detector": detector, "error": repr(error)}
        _log.error("detector failed", extra=facts)

    def score(self, stream: Stream, rows: Rows, memory: protocol.Memory) -> Sequence[CloudEvent]:
        """Judges rows that have just arrived: a finding of each flagged row and outlier detector, within bounds.

        Outlier detectors judge features; the rows of responses have none and give no findings.
        """
        if rows.half != "request" or not self.outlier_detectors:
            return ()
        if not isinstance(memory, StreamMemory):
            raise TypeError(f"a {type(memory).__name__} is none of this monitor's")
        finder = FindingFactory(self.name, self.digest, stream)
        findings: list[CloudEvent] = []
        for detector in self.outlier_detectors:
            try:
                scores = detector.score(rows)
                if scores.flagged.any():
                    findings += finder.outliers(rows, detector, scores, memory.tally(detector.name))
            except Exception as error:  # noqa: BLE001 - a detector that fails stops neither the rows nor the others
                self._report(detector.name, error)
        return findings


def _layout(
    schema: Schema, edges: Sequence[Floats | None], needs: Sequence[Needs], of: Of
) -> tuple[Layout, frozenset[str]]:
    """Says what is kept of one half for the detectors: a sample of the largest size, and statistics."""
    ours = [need for need in needs if need.of == of]
    sample = max((need.sample for need in ours), default=0)
    return Layout(schema, edges, sample), frozenset(name for need in ours for name in need.statistics)


def _cut(windows: WindowsSpec) -> WindowSpec:
    """Says in nanoseconds how a stream is cut."""
    size = windows.size or 0
    return WindowSpec(size, windows.slide or size, windows.watermark_delay, windows.offset, windows.count or 0)


def _unfit(window: ClosedWindow, rows: int, least: int) -> str:
    """Says why a window is not judged; empty where it is."""
    if window.lost_records:
        many = "1 record" if window.lost_records == 1 else f"{window.lost_records} records"
        were = "was" if window.lost_records == 1 else "were"
        return f"{many} of the log {were} lost (expired unread or lost by Kafka), so only a part of it was seen"
    if window.partial and window.closed_by == "drained":
        return "the input ended inside the window, so only a part of it was seen"
    if window.partial:
        return "the monitor started inside the window and saw only a part of it"
    return f"{rows} rows, fewer than windows.minRows ({least})" if rows < least else ""


def _digest(declaration: ModelMonitor, parts: Parts) -> str:
    """Hashes what a monitor is: all that it says, defaults included, and what its baseline says."""
    said = declaration.model_dump(mode="json", exclude={"spec": {"baseline", "outliers", "drift", "schema_"}})
    detectors = [
        [type(found).kind, found.name, found.type, found.parameters.model_dump(mode="json")]
        + ["calibrated"] * (found.calibration is not None)
        for found in parts.detectors
    ]
    broken = [[each.kind, each.name, each.type, each.reason] for each in parts.broken]
    columns = [
        [(column.name, column.type, column.categories) for column in schema.columns]
        for schema in (parts.features, parts.predictions)
    ]
    # Without a baseline, histograms count in the bins of the declaration.
    edges = [None if edge is None else edge.tolist() for edge in (*parts.feature_edges, *parts.prediction_edges)]
    baseline = parts.baseline.digest if parts.baseline else edges
    everything = [said, sorted(parts.statistics), columns, detectors, broken, baseline]
    return f"sha256:{hashlib.sha256(msgspec.json.encode(everything, order='deterministic')).hexdigest()}"


def _satisfies(monitor: CompiledMonitor) -> protocol.Monitor:
    """Lets mypy check that a compiled monitor is what the broker drives."""
    return monitor
