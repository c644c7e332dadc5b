"""What a person or a machine can see of a running delivery, on `/metrics`.

| metric                                              | type      | labels               | counts                                                        |
|-----------------------------------------------------|-----------|----------------------|---------------------------------------------------------------|
| `nilometer_delivery_delivered_total`                | counter   | `topic`              | findings that the sink took                                   |
| `nilometer_delivery_refused_total`                  | counter   | `status`             | findings kept in `findings-dead`, by what the sink answered   |
| `nilometer_delivery_retries_total`                  | counter   | `status`             | attempts that are retried; `none` is no answer                |
| `nilometer_delivery_attempt_seconds`                | histogram |                      | how long one POST took                                        |
| `nilometer_delivery_undelivered_records`            | gauge     | `topic`, `partition` | records not delivered yet                                     |
| `nilometer_delivery_waiting_partitions`             | gauge     |                      | partitions whose next finding is being retried                |
| `nilometer_delivery_partitions`                     | gauge     |                      | partitions that this process owns                             |
| `nilometer_delivery_last_success_timestamp_seconds` | gauge     |                      | when the sink last took a finding; 0 for never                |
| `nilometer_delivery_ready`                          | gauge     |                      | 1 while /readyz says so                                       |
"""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from nilometer_detectors.delivery.counters import DeliveryCounters

_PREFIX = "nilometer_delivery_"


class Exposition:
    """A delivery's figures in Prometheus's format.

    Args:
        counters: what is read, each time that somebody asks.
    """

    def __init__(self, counters: DeliveryCounters) -> None:
        self._counters = counters
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
        yield _counter("delivered", "Findings that the sink took", "topic", counters.delivered)
        yield _counter("refused", "Findings kept in findings-dead", "status", counters.refused)
        yield _counter("retries", "Tries that are made again", "status", counters.retries)
        yield HistogramMetricFamily(
            f"{_PREFIX}attempt_seconds",
            "How long one POST took",
            buckets=counters.attempt_seconds.buckets(),
            sum_value=counters.attempt_seconds.sum,
        )
        undelivered = GaugeMetricFamily(
            f"{_PREFIX}undelivered_records", "Records not delivered yet", labels=("topic", "partition")
        )
        for partition, records in sorted(counters.undelivered.items()):
            undelivered.add_metric((partition.topic, str(partition.partition)), records)
        yield undelivered
        yield _gauge("waiting_partitions", "Partitions whose next finding is tried again", len(counters.waiting))
        yield _gauge("partitions", "Partitions that are ours", len(counters.undelivered))
        yield _gauge("last_success_timestamp_seconds", "When the sink last took a finding", counters.last_success)
        yield _gauge("ready", "1 while /readyz says so", not counters.unready())


def _counter(name: str, text: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(_PREFIX + name, text, labels=(label,))
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(_PREFIX + name, text, value=float(value))
