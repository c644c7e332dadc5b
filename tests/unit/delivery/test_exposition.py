"""What a person or a machine sees of a delivery: its metrics, and whether it is ready."""

import re

from aiokafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from nilometer_detectors.delivery import exposition
from nilometer_detectors.delivery.counters import SINK_AWAY_SECONDS, DeliveryCounters
from nilometer_detectors.delivery.exposition import Exposition

ROW = re.compile(r"^\| `(\w+)` +\| (\w+) +\| ([^|]*)\|", re.MULTILINE)
ONE = TopicPartition("findings", 1)


def ready() -> DeliveryCounters:
    """Returns the figures of a delivery that works, whose clock stands at 1000."""
    return DeliveryCounters(kafka="", is_assigned=True, clock=lambda: 1000.0)


def full() -> DeliveryCounters:
    """Returns figures of which none is empty."""
    counters = ready()
    counters.took("findings")
    counters.refused["403"] += 2
    counters.retries["none"] += 3
    counters.undelivered[ONE] = 4
    counters.attempt_seconds.observe(0.02)
    return counters


def test_every_metric_is_documented_and_every_documented_one_is_there() -> None:
    """With its type and its labels."""
    documented = {
        (name, kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in ROW.findall(exposition.__doc__ or "")
    }
    found = set()
    for family in text_string_to_metric_families(Exposition(full()).text().decode()):
        if family.name.startswith("nilometer_"):
            suffix = "_total" if family.type == "counter" else ""
            labels = frozenset(family.samples[0].labels) - {"le"}
            found.add((family.name + suffix, family.type, labels))
    assert found == documented


def test_numbers_are_those_that_were_counted() -> None:
    """Delivered by topic, refused and retried by status, undelivered by partition."""
    text = Exposition(full()).text().decode()
    for line in (
        'nilometer_delivery_delivered_total{topic="findings"} 1.0',
        'nilometer_delivery_refused_total{status="403"} 2.0',
        'nilometer_delivery_retries_total{status="none"} 3.0',
        'nilometer_delivery_undelivered_records{partition="1",topic="findings"} 4.0',
        "nilometer_delivery_attempt_seconds_count 1.0",
        "nilometer_delivery_ready 1.0",
    ):
        assert line in text


def test_it_is_ready_once_kafka_answers_and_the_group_has_assigned() -> None:
    """Also where it has assigned nothing."""
    counters = DeliveryCounters()
    assert counters.unready() == "Kafka has not answered yet"
    counters.kafka = ""
    assert "has not assigned" in counters.unready()
    counters.is_assigned = True
    assert counters.unready() == ""
    assert "nilometer_delivery_ready 1.0" in Exposition(counters).text().decode()


def test_a_sink_that_takes_nothing_for_long_makes_it_unready() -> None:
    """A finding waits for more than a minute, and none was taken meanwhile."""
    counters = ready()
    counters.waiting[ONE] = 1000.0 - SINK_AWAY_SECONDS + 1
    assert counters.unready() == ""
    counters.waiting[ONE] = 1000.0 - SINK_AWAY_SECONDS
    assert counters.unready() == "the sink has taken nothing for 60 s, and findings of 1 partitions wait"


def test_one_finding_that_waits_is_no_sink_that_is_away() -> None:
    """While others are taken, delivery is ready."""
    counters = ready()
    counters.waiting[ONE] = 0.0
    counters.took("outliers")
    assert counters.unready() == ""


def test_a_sink_that_nobody_needs_is_not_missed() -> None:
    """Where nothing waits, it does not matter when the sink took something last."""
    assert ready().unready() == ""
