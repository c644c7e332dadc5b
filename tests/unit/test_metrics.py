"""What `/metrics` says: what the table says it does, in Prometheus's own words, and never without a bound."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from nilometer_logger import metrics
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.metrics import Histogram, Metrics

PREFIX = "nilometer_logger_"
STREAM_LABELS = {"namespace", "inferenceservice", "component", "endpoint"}
GAUGES = ("held_events", "held_bytes", "connections", "ready")
IRIS = Stream("demo", "iris", "predictor", "")
OTHER = ("_other", "_other", "", "")
ROW = re.compile(r"^\| `(\w+)` +\| (\w+) +\| (\S*) *\|", re.MULTILINE)

Labels = frozenset[tuple[str, str]]


def counted(max_streams: int = 10) -> Metrics:
    """Returns metrics with the gauges of a logger, all at 0."""
    made = Metrics(max_streams)
    made.gauges.update({name: (name, lambda: 0) for name in GAUGES})
    return made


def families(made: Metrics) -> dict[str, Any]:
    """Reads an exposition as Prometheus does; our own metrics by their names."""
    found = text_string_to_metric_families(made.exposition().decode())
    return {family.name: family for family in found if family.name.startswith(PREFIX)}


def samples(made: Metrics) -> dict[tuple[str, Labels], float]:
    """Returns our own samples by name, without prefix, and labels; no two of them may be the same."""
    found = [sample for family in families(made).values() for sample in family.samples]
    by_name = {(sample.name.removeprefix(PREFIX), frozenset(sample.labels.items())): sample.value for sample in found}
    assert len(by_name) == len(found)
    return by_name


def value(made: Metrics, name: str, **labels: str) -> float:
    """Returns one sample."""
    return samples(made)[name, frozenset(labels.items())]


def streams(made: Metrics) -> set[tuple[str, ...]]:
    """Returns the streams that have labels."""
    labels = [dict(labels) for name, labels in samples(made) if name == "events_total"]
    return {(each["namespace"], each["inferenceservice"], each["component"], each["endpoint"]) for each in labels}


def test_the_table_is_true() -> None:
    """Each metric of the table is there with its type and labels, and no other of ours."""
    made = counted()
    made.accepted(IRIS, 1)
    made.refused["invalid"] += 1
    made.intake["taken"] += 1
    declared = {name: (kind, labels.strip("`")) for name, kind, labels in ROW.findall(metrics.__doc__ or "")}

    found = {}
    for family in families(made).values():
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        name = family.name + ("_total" if family.type == "counter" else "")
        found[name] = (family.type, "stream's" if labels == STREAM_LABELS else ",".join(labels))
    assert len(found) == 11
    assert found == declared


def test_the_process_is_measured_as_well() -> None:
    """Memory and processor time stand under the names that every Python process gives them."""
    text = counted().exposition().decode()

    assert "process_resident_memory_bytes" in text
    assert "process_cpu_seconds_total" in text


def test_the_first_scrape_of_an_idle_logger_is_whole() -> None:
    """Before anything has happened all gauges and histograms are there, at 0."""
    found = samples(counted())

    assert {name for name, _ in found} >= {*GAUGES, "record_events_count", "acknowledgement_seconds_sum"}
    assert set(found.values()) == {0.0}


def test_what_happened_is_what_is_counted() -> None:
    """Events and bytes by stream, refusals and records by their words, and gauges as they are at that moment."""
    made, held = counted(), [7]
    made.gauges["held_events"] = ("now", lambda: held[0])
    for size in (100, 200):
        made.accepted(IRIS, size)
    made.accepted(IRIS._replace(component="transformer"), 1)
    made.refused.update({"invalid": 2, "unavailable": 1})
    made.intake["dead"] += 3

    stream = {"namespace": "demo", "inferenceservice": "iris", "component": "predictor", "endpoint": ""}
    assert value(made, "events_total", **stream) == 2
    assert value(made, "event_bytes_total", **stream) == 300
    assert value(made, "events_total", **{**stream, "component": "transformer"}) == 1
    assert value(made, "refused_total", reason="invalid") == 2
    assert value(made, "refused_total", reason="unavailable") == 1
    assert value(made, "intake_records_total", outcome="dead") == 3
    assert value(made, "held_events") == 7
    held[0] = 0
    assert value(made, "held_events") == 0


def test_a_value_belongs_to_the_first_bound_that_it_does_not_exceed() -> None:
    """Buckets are cumulative and include their bound; what exceeds them all is counted, and so is the sum."""
    made = counted()
    for events in (1, 2, 3, 5000):
        made.record_events.observe(events)

    found = {le: value(made, "record_events_bucket", le=le) for le in ("1", "2", "5", "1000", "+Inf")}
    assert found == {"1": 1, "2": 2, "5": 3, "1000": 3, "+Inf": 4}
    assert value(made, "record_events_count") == 4
    assert value(made, "record_events_sum") == 5006


@given(st.lists(st.floats(0, 1e7)))
def test_a_histogram_loses_nothing(values: list[float]) -> None:
    """Each bucket counts exactly what does not exceed its bound."""
    histogram = Histogram((0.5, 10.0, 1e6))
    for each in values:
        histogram.observe(each)

    bounds = [0.5, 10.0, 1e6, float("inf")]
    assert [count for _, count in histogram.buckets()] == [sum(each <= bound for each in values) for bound in bounds]
    assert histogram.sum == pytest.approx(sum(values))


def test_the_number_of_streams_is_bounded() -> None:
    """The first keep their labels however many come; all others share one, and no event is lost among them."""
    made = counted(max_streams=3)
    for number in [*range(10), *range(10)]:
        made.accepted(Stream("demo", f"model-{number}", "predictor", ""), 5)

    own = {("demo", f"model-{number}", "predictor", "") for number in range(3)}
    assert streams(made) == {*own, OTHER}
    other = {"namespace": "_other", "inferenceservice": "_other", "component": "", "endpoint": ""}
    assert value(made, "events_total", **other) == 14
    assert value(made, "event_bytes_total", **other) == 70
    assert sum(found for (name, _), found in samples(made).items() if name == "events_total") == 20


def test_no_stream_has_labels_where_the_bound_is_0() -> None:
    """Who wants no labels of clients' choosing has none."""
    made = counted(max_streams=0)
    made.accepted(IRIS, 1)

    assert streams(made) == {OTHER}


@pytest.mark.parametrize("part", Stream._fields)
def test_a_long_name_is_no_label(part: str) -> None:
    """128 characters are a label and 129 are none, whichever part of a stream it is, and take no place of another."""
    made = counted(max_streams=1)
    for number in range(5):
        made.accepted(IRIS._replace(**{part: f"{number}" * 129}), 1)
    kept = IRIS._replace(**{part: "n" * 128})
    made.accepted(kept, 1)

    assert streams(made) == {tuple(kept), OTHER}


@given(st.lists(st.tuples(*[st.text(max_size=140)] * 4), max_size=20), st.integers(0, 5))
def test_whatever_a_stream_is_called_prometheus_can_read_it(names: list[tuple[str, ...]], bound: int) -> None:
    """Quotes, newlines and backslashes in a client's names spoil no line, and one more than the bound is the most."""
    made = counted(max_streams=bound)
    for name in names:
        made.accepted(Stream(*name), 1)

    found = streams(made)
    assert found <= {*names, OTHER}
    assert len(found) <= bound + 1
    assert sum(count for (name, _), count in samples(made).items() if name == "events_total") == len(names)
