"""What the benchmarks of windows put in: monitors of numeric features, and records as the logger writes them.

An inference is a request and a response with one id, V2 JSON of some 0.5 KB each; a request has rows of features, a
response one number a row. Event time goes on by a thousand inferences a second, so that a window of 15 s holds 15,000.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nilometer_detectors.baselines.build import summarise
from nilometer_detectors.baselines.table import TableColumn
from nilometer_detectors.monitors.files.loader import load_monitor
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_logger.cloudevents import BATCH_HEADERS, CloudEvent, encode_batch
from nilometer_logger.cloudevents.kserve import REQUEST, RESPONSE
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.rows import Column
from nilometer_logger.times import SECOND, format_time, parse_time
from tests.benchmarks.wire import service

START = parse_time("2026-11-23T08:00:00Z")
HEADERS = BATCH_HEADERS
STATISTICS = "[count, mean, stddev, min, max, histogram]"
_STEP = SECOND // 1000
_RESPONSE_TIME = 20 * SECOND // 1000
_BODIES = 64  # different ones; what they hold does not change what they cost
_REFERENCE_ROWS = 1000


@dataclass(frozen=True)
class Traffic:
    """What is sent.

    Attributes:
        inferences: how many.
        features: columns of a request.
        rows: of each request.
        record: events in a record; even, so that a record holds whole inferences.
        streams: among which records take turns.
        start: time of the first request, in nanoseconds.
        step: from one inference to the next.
    """

    inferences: int
    features: int = 20
    rows: int = 1
    record: int = 200
    streams: int = 1
    start: int = START
    step: int = _STEP

    @property
    def records(self) -> int:
        """How many records that makes; the last one may be smaller."""
        return -(-2 * self.inferences // self.record)

    def values(self) -> Iterator[tuple[int, bytes]]:
        """Gives time and value of each record."""
        requests, responses = _bodies("inputs", self.features, self.rows), _bodies("outputs", 1, self.rows)
        each = self.record // 2
        for number in range(self.records):
            stream = number % self.streams
            events = []
            for at in range(number * each, min((number + 1) * each, self.inferences)):
                asked = self.start + at * self.step
                events.append(_event(stream, at, REQUEST, asked, requests[at % _BODIES]))
                events.append(_event(stream, at, RESPONSE, asked + _RESPONSE_TIME, responses[at % _BODIES]))
            yield asked, encode_batch(events)

    def as_read(self) -> list[Record]:
        """Gives the records as they would be read from Kafka."""
        return [
            Record("inferences", 0, offset, time, HEADERS, value) for offset, (time, value) in enumerate(self.values())
        ]


def _bodies(half: str, columns: int, rows: int) -> list[bytes]:
    """Makes bodies of float32 numbers as Python's clients write them; a small answer is padded with parameters."""
    generator = np.random.default_rng(columns)
    made = []
    for _ in range(_BODIES):
        values = generator.normal(size=(rows, columns)).astype(np.float32)
        tensor = {"name": "input-0", "shape": [rows, columns], "datatype": "FP32", "data": values.ravel().tolist()}
        shares = generator.random(max(0, 20 - rows * columns)).tolist()
        made.append(
            json.dumps({half: [tensor], "parameters": {"shares": shares}} if shares else {half: [tensor]}).encode()
        )
    return made


def _event(stream: int, number: int, kind: str, time: int, body: bytes) -> CloudEvent:
    attributes = {
        "specversion": "1.0",
        "id": f"ade8553e-8ae5-4e78-ab2c-{number:012d}",
        "source": "http://localhost:9081/",
        "type": kind,
        "time": format_time(time),
        "recordedtime": format_time(time),
        "inferenceservicename": service(stream),
        "namespace": "bench",
        "component": "predictor",
        "endpoint": "",
        "metadata": "{}",
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes, body)


def write_monitor(
    directory: Path,
    *,
    features: int = 20,
    stream: int = 0,
    name: str = "bench",
    windows: str = "{size: 15s, watermarkDelay: 6s}",
    statistics: str = STATISTICS,
    more: Sequence[str] = (),
) -> Path:
    """Writes a monitor with a baseline of its own, and returns its file.

    Args:
        directory: of the monitors.
        features: numeric columns.
        stream: that it watches.
        name: of the monitor.
        windows: as YAML.
        statistics: as YAML.
        more: lines of the declaration, below `spec`.
    """
    generator = np.random.default_rng(features)
    columns = [
        TableColumn(Column(f"feature_{place}"), generator.normal(size=_REFERENCE_ROWS)) for place in range(features)
    ]
    directory.mkdir(parents=True, exist_ok=True)
    baseline = directory.parent / f"baseline-{features}"
    if not baseline.exists():
        summarise(columns).save(baseline)
    path = directory / f"{name}.yaml"
    lines = [
        "apiVersion: nilometer.io/v1alpha1",
        "kind: ModelMonitor",
        f"metadata: {{name: {name}, namespace: bench}}",
        "spec:",
        f"  stream: {{inferenceService: {service(stream)}, component: predictor}}",
        f"  baseline: {{path: {baseline}}}",
        f"  windows: {windows}",
        f"  statistics: {statistics}",
        *(f"  {line}" for line in more),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def monitor(directory: Path, **written: object) -> CompiledMonitor:
    """Makes a monitor, ready to judge; takes what `write_monitor` takes."""
    return load_monitor(write_monitor(directory, **written))  # type: ignore[arg-type]
