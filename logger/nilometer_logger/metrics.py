"""What the logger counts, in Prometheus's format on `/metrics`.

| metric                                   | type      | labels    | counts                                             |
|------------------------------------------|-----------|-----------|----------------------------------------------------|
| `nilometer_logger_events_total`          | counter   | stream's  | events that Kafka acknowledged                     |
| `nilometer_logger_event_bytes_total`     | counter   | stream's  | their bytes in a record, at most                   |
| `nilometer_logger_refused_total`         | counter   | `reason`  | requests that were refused, by reason              |
| `nilometer_logger_held_events`           | gauge     |           | events waiting for Kafka now                       |
| `nilometer_logger_held_bytes`            | gauge     |           | bytes being read or waiting for Kafka now          |
| `nilometer_logger_connections`           | gauge     |           | open connections now                               |
| `nilometer_logger_ready`                 | gauge     |           | 1 while events can be taken                        |
| `nilometer_logger_acknowledgement_seconds` | histogram |         | from receipt to acknowledgement by Kafka           |
| `nilometer_logger_record_events`         | histogram |           | events per record of `inferences`                  |
| `nilometer_logger_record_bytes`          | histogram |           | bytes per record of `inferences`                   |
| `nilometer_logger_intake_records_total`  | counter   | `outcome` | records read from other topics                     |

A stream's labels are `namespace`, `inferenceservice`, `component` and `endpoint`. A client chooses them, so their number
is bounded: the first streams seen have labels of their own, and all others share the InferenceService `_other`, as do
those with a name of more than 128 characters.

The hot path adds to plain numbers, once a record where it can; they become Prometheus's samples when somebody asks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from nilometer_logger.cloudevents.kserve import Stream

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = Stream("_other", "_other", "", "")
_PREFIX = "nilometer_logger_"
_STREAM_LABELS = ("namespace", "inferenceservice", "component", "endpoint")
_LONGEST_LABEL = 128
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_EVENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_BYTES = (1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6)


class Histogram:
    """Counts of values by upper bound, cheap to add to.

    Args:
        bounds: ascending; a value belongs to the first bound that it does not exceed.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Adds a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Returns the cumulative counts by bound, as Prometheus wants them."""
        total = 0
        found: list[tuple[str, float]] = []
        for bound, count in zip([*self.bounds, float("inf")], self.counts, strict=True):
            total += count
            found.append(("+Inf" if bound == float("inf") else f"{bound:g}", total))
        return found


class Metrics:
    """The numbers of one logger.

    Args:
        max_streams: how many streams have labels of their own.

    Attributes:
        refused: requests by the reason of their refusal; reasons are words of ours, never a client's.
        intake: records read from other topics, by outcome.
        gauges: what is asked when somebody looks, by the metric's name without prefix.
        acknowledgement_seconds: from receipt to acknowledgement by Kafka.
        record_events: events per record.
        record_bytes: bytes per record.
    """

    def __init__(self, max_streams: int) -> None:
        self._max_streams = max_streams
        self._streams: dict[Stream, list[int]] = {}
        self.refused: Counter[str] = Counter()
        self.intake: Counter[str] = Counter()
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.acknowledgement_seconds = Histogram(_SECONDS)
        self.record_events = Histogram(_EVENTS)
        self.record_bytes = Histogram(_BYTES)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def accepted(self, stream: Stream, size: int) -> None:
        """Counts an event that Kafka acknowledged."""
        counts = self._streams.get(stream)
        if counts is None:
            own = len(self._streams) - (OTHER in self._streams)
            if own >= self._max_streams or max(map(len, stream)) > _LONGEST_LABEL:
                stream = OTHER
            counts = self._streams.setdefault(stream, [0, 0])
        counts[0] += 1
        counts[1] += size

    def exposition(self) -> bytes:
        """Returns everything in Prometheus's text format 0.0.4."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yields the samples; Prometheus's registry calls it."""
        events = CounterMetricFamily(f"{_PREFIX}events", "Events that Kafka acknowledged", labels=_STREAM_LABELS)
        sizes = CounterMetricFamily(
            f"{_PREFIX}event_bytes", "Bytes of those events in a record, at most", labels=_STREAM_LABELS
        )
        for stream, (count, size) in self._streams.items():
            events.add_metric(stream, count)
            sizes.add_metric(stream, size)
        yield events
        yield sizes
        yield _counter("refused", "Requests that were refused", "reason", self.refused)
        yield _counter("intake_records", "Records read from other topics", "outcome", self.intake)
        for name, (text, value) in self.gauges.items():
            yield GaugeMetricFamily(_PREFIX + name, text, value=value())
        yield _histogram(
            "acknowledgement_seconds", "From receipt to acknowledgement by Kafka", self.acknowledgement_seconds
        )
        yield _histogram("record_events", "Events a record", self.record_events)
        yield _histogram("record_bytes", "Bytes a record", self.record_bytes)


def _counter(name: str, text: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(_PREFIX + name, text, labels=(label,))
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(_PREFIX + name, text, buckets=histogram.buckets(), sum_value=histogram.sum)
