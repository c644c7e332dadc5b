"""What a person or a machine can see of a running worker: its numbers on `/metrics`, its health on `/healthz`, `/readyz`.

| metric                                      | type      | labels                | counts                                                 |
|---------------------------------------------|-----------|-----------------------|--------------------------------------------------------|
| `nilometer_worker_rows_total`               | counter   | stream's              | rows that monitors took, once for each monitor         |
| `nilometer_worker_late_rows_total`          | counter   | stream's              | rows whose window had closed, once for each window     |
| `nilometer_worker_duplicates_total`         | counter   | stream's              | duplicates that were dropped                           |
| `nilometer_worker_untimed_total`            | counter   | stream's              | events without a time of their own, which took Kafka's |
| `nilometer_worker_future_total`             | counter   | stream's              | events set aside because their time was too far ahead  |
| `nilometer_worker_empty_total`              | counter   | stream's              | events that could be read and have no rows             |
| `nilometer_worker_watermark_lag_seconds`    | gauge     | stream's              | how far the watermark is behind the wall clock         |
| `nilometer_worker_open_windows`             | gauge     | stream's              | windows that hold rows and have not closed             |
| `nilometer_worker_pending_halves`           | gauge     | stream's              | requests and responses that wait for each other        |
| `nilometer_worker_pending_overflowed_total` | counter   | stream's              | those that were given up because too many waited       |
| `nilometer_worker_partitions`               | gauge     |                       | partitions that this worker owns and has restored      |
| `nilometer_worker_consumer_lag_records`     | gauge     | `partition`           | records of `inferences` not read yet                   |
| `nilometer_worker_lost_records_total`       | counter   | `partition`           | records that expired unread or that Kafka lost         |
| `nilometer_worker_streams`                  | gauge     | `partition`           | streams in memory                                      |
| `nilometer_worker_dormant_streams`          | gauge     | `partition`           | streams that have left it, all but their clocks        |
| `nilometer_worker_state_bytes`              | gauge     | `partition`           | bytes of open windows and dormant streams, at most     |
| `nilometer_worker_stream_overflow_total`    | counter   | `monitor`             | events set aside because it watches too many streams   |
| `nilometer_worker_window_overflow_total`    | counter   | `monitor`             | events set aside because open windows take too much    |
| `nilometer_worker_snapshots_total`          | counter   |                       | snapshots written                                      |
| `nilometer_worker_snapshot_bytes_total`     | counter   |                       | bytes of state in them                                 |
| `nilometer_worker_snapshot_seconds`         | histogram |                       | how long one took                                      |
| `nilometer_worker_restored_total`           | counter   |                       | partitions whose state was read                        |
| `nilometer_worker_restore_seconds`          | histogram |                       | how long one took                                      |
| `nilometer_worker_fenced_total`             | counter   |                       | partitions found to be another worker's                |
| `nilometer_worker_findings_total`           | counter   | `type`, `verdict`     | findings that Kafka has                                |
| `nilometer_worker_monitors`                 | gauge     |                       | monitors that run                                      |
| `nilometer_worker_monitor_files_invalid`    | gauge     |                       | monitor files that do not validate                     |
| `nilometer_worker_detectors_broken`         | gauge     |                       | detectors that could not be built                      |
| `nilometer_worker_detector_failures_total`  | counter   | `detector`, `monitor` | blocks of rows or windows that one failed on           |
| `nilometer_worker_findings_shortened_total` | counter   | `detector`, `monitor` | findings shortened, because Kafka takes no larger ones |
| `nilometer_worker_ready`                    | gauge     |                       | 1 while /readyz says so                                |

`probes` is the server.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from nilometer_logger import probes
from nilometer_logger.metrics import Histogram
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.times import SECOND
from nilometer_logger.worker.counters import WorkerCounters

_log = structlog.get_logger("nilometer.worker")
_PREFIX = "nilometer_worker_"
_STREAM_LABELS = ("namespace", "inferenceservice", "component", "endpoint")
# Name and text of what is counted by stream, as the field of `Totals` and of `Now`.
_TOTALS = {
    "rows": ("rows", "Rows that monitors took, once for each monitor"),
    "late": ("late_rows", "Rows whose window had closed, once for each window"),
    "duplicates": ("duplicates", "Events that had come before"),
    "untimed": ("untimed", "Events without a time of their own"),
    "future": ("future", "Events set aside because their time lay too far ahead"),
    "empty": ("empty", "Events that could be read and have no rows"),
    "overflowed": ("pending_overflowed", "Requests and responses given up because too many waited"),
}
_NOW = {
    "open_windows": ("open_windows", "Windows that hold rows and have not closed"),
    "pending": ("pending_halves", "Requests and responses that wait for the other"),
}

# By partition, as the field of `PartitionFigures`.
_LOADS = {
    "streams": "Streams in memory",
    "dormant_streams": "Streams that have left memory, all but their clocks",
    "state_bytes": "Bytes of open windows and dormant streams, at most",
}


class Exposition:
    """A worker's figures in Prometheus's format.

    Args:
        counters: what is read, each time that somebody asks.
        clock: the time of the wall, in nanoseconds since the epoch.
    """

    def __init__(self, counters: WorkerCounters, clock: Callable[[], int] = time.time_ns) -> None:
        self._counters = counters
        self._clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def text(self) -> bytes:
        """Returns everything in Prometheus's text format 0.0.4."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yields the samples; Prometheus's registry calls it."""
        counters = self._counters
        yield from self._by_stream()
        lag = GaugeMetricFamily(f"{_PREFIX}consumer_lag_records", "Records not read yet", labels=("partition",))
        for number, records in sorted(counters.lag.items()):
            lag.add_metric([str(number)], records)
        yield lag
        lost = CounterMetricFamily(f"{_PREFIX}lost_records", "Records lost unread", labels=("partition",))
        for number, records in sorted(counters.lost.items()):
            lost.add_metric([str(number)], records)
        yield lost
        yield from self._by_partition()
        yield _by_monitor("stream_overflow", "Events of streams beyond the bound", counters.tally.stream_overflow)
        yield _by_monitor("window_overflow", "Events of windows beyond the bound", counters.tally.window_overflow)
        findings = CounterMetricFamily(f"{_PREFIX}findings", "Findings that Kafka has", labels=("type", "verdict"))
        for labels, count in counters.findings.items():
            findings.add_metric(labels, count)
        yield findings
        yield _counter("snapshots", "Snapshots written", counters.snapshots)
        yield _counter("snapshot_bytes", "Bytes of state in them", counters.snapshot_bytes)
        yield _histogram("snapshot_seconds", "How long a snapshot took", counters.snapshot_seconds)
        yield _counter("restored", "Partitions whose state was read", counters.restored)
        yield _histogram("restore_seconds", "How long reading a partition's state took", counters.restore_seconds)
        yield _counter("fenced", "Partitions found to be another worker's", counters.fenced)
        yield _gauge("partitions", "Partitions that are ours and restored", counters.partitions)
        yield _gauge("monitors", "Monitors that run", counters.monitors)
        yield _gauge("monitor_files_invalid", "Monitor files that do not validate", counters.invalid_files)
        yield _gauge("detectors_broken", "Detectors that could not be built", counters.broken_detectors)
        failures = CounterMetricFamily(
            f"{_PREFIX}detector_failures",
            "Blocks of rows or windows that a detector failed on",
            labels=("monitor", "detector"),
        )
        for labels, count in counters.detector_failures.items():
            failures.add_metric(labels, count)
        yield failures
        shortened = CounterMetricFamily(
            f"{_PREFIX}findings_shortened",
            "Findings shortened, because Kafka takes no larger ones",
            labels=("monitor", "detector"),
        )
        for labels, count in counters.shortened.items():
            shortened.add_metric(labels, count)
        yield shortened
        yield _gauge("ready", "1 while /readyz says so", not counters.unready())

    def _by_partition(self) -> Iterator[Metric]:
        loads = {number: load() for number, load in sorted(self._counters.loads.items())}
        for name, text in _LOADS.items():
            gauge = GaugeMetricFamily(_PREFIX + name, text, labels=("partition",))
            for number, found in loads.items():
                gauge.add_metric([str(number)], getattr(found, name))
            yield gauge

    def _by_stream(self) -> Iterator[Metric]:
        totals = {
            field: CounterMetricFamily(_PREFIX + name, text, labels=_STREAM_LABELS)
            for field, (name, text) in _TOTALS.items()
        }
        now = {
            field: GaugeMetricFamily(_PREFIX + name, text, labels=_STREAM_LABELS)
            for field, (name, text) in _NOW.items()
        }
        lag = GaugeMetricFamily(
            f"{_PREFIX}watermark_lag_seconds", "How far the watermark is behind the clock", labels=_STREAM_LABELS
        )
        wall = self._clock()
        for stream, counted, current in self._counters.streams():
            for field, total in totals.items():
                total.add_metric(stream, getattr(counted, field))
            if current is None:
                continue
            for field, gauge in now.items():
                gauge.add_metric(stream, getattr(current, field))
            if current.watermark is not None:
                lag.add_metric(stream, (wall - current.watermark) / SECOND)
        yield from (*totals.values(), *now.values(), lag)


def _by_monitor(name: str, text: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(_PREFIX + name, text, labels=("monitor",))
    for monitor, count in counts.items():
        family.add_metric([monitor], count)
    return family


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(_PREFIX + name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(_PREFIX + name, text, value=float(value))


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(_PREFIX + name, text, buckets=histogram.buckets(), sum_value=histogram.sum)


@contextlib.asynccontextmanager
async def serving(settings: WorkerSettings, counters: WorkerCounters) -> AsyncIterator[str]:
    """Answers while the context is open, and ends with it without waiting for anybody.

    Args:
        settings: of the worker: where to listen, if anywhere.
        counters: what the answers are made from.

    Yields:
        The URL; empty where nothing listens.
    """
    async with probes.serving(settings, Exposition(counters).text, counters.unready, _log) as url:
        yield url
