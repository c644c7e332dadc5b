"""What a worker counts: totals that never fall, under a bounded number of labels, and why it is not ready."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.engine.counters import StreamCounters
from nilometer_logger.metrics import OTHER
from nilometer_logger.worker.counters import Now, Totals, WorkerCounters

IRIS = Stream("demo", "iris", "predictor", "")
BEFORE_ANY_EVENT = -(2**62)


def counting(stream: Stream = IRIS, **counts: int) -> StreamCounters:
    """Returns what a partition tells of a stream, with no event yet unless a clock is given."""
    return StreamCounters(str(stream), **{"clock": BEFORE_ANY_EVENT, **counts})


def read(counters: WorkerCounters) -> dict[Stream, tuple[Totals, Now | None]]:
    """Returns what is told of each label; no label comes twice."""
    found = list(counters.streams())
    by_label = {label: (total, now) for label, total, now in found}
    assert len(by_label) == len(found)
    return by_label


def test_a_partition_is_read_when_somebody_asks() -> None:
    """What a stream counts is seen at once, without the worker doing anything for it."""
    counters, stream = (
        WorkerCounters(),
        counting(rows=3, late=1, open_windows=2, pending=5, clock=100, watermark_delay=30),
    )
    counters.opened(0, lambda: [stream])
    assert read(counters) == {IRIS: (Totals(rows=3, late=1), Now(open_windows=2, pending=5, watermark=70))}

    stream.rows, stream.duplicates, stream.open_windows = 4, 1, 0
    assert read(counters) == {IRIS: (Totals(rows=4, late=1, duplicates=1), Now(pending=5, watermark=70))}


def test_a_total_outlives_its_partition() -> None:
    """A partition that is lost, and comes back with counts from 0, takes nothing away from what was counted."""
    counters = WorkerCounters()
    counters.opened(0, lambda: [counting(rows=3, untimed=1, future=2, overflowed=4, open_windows=2)])
    counters.let_go(0)
    assert read(counters) == {IRIS: (Totals(rows=3, untimed=1, future=2, overflowed=4), None)}

    counters.opened(0, lambda: [counting(rows=2)])
    assert read(counters) == {IRIS: (Totals(rows=5, untimed=1, future=2, overflowed=4), Now())}


def test_a_partition_that_is_opened_again_is_let_go_first() -> None:
    """A worker that starts again from what Kafka has counts on, and nothing twice."""
    counters = WorkerCounters()
    counters.opened(0, lambda: [counting(rows=3)])
    counters.opened(0, lambda: [counting(rows=1)])

    assert read(counters)[IRIS][0].rows == 4
    assert counters.partitions == 1


def test_what_was_never_opened_can_be_let_go() -> None:
    """A partition that is lost while it is restored has counted nothing."""
    counters = WorkerCounters()
    counters.let_go(7)

    assert read(counters) == {}
    assert counters.partitions == 0


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("+-.")), max_size=30), st.integers(0, 3))
def test_no_total_ever_falls(steps: Sequence[tuple[int, str]], bound: int) -> None:
    """Whatever partitions come, count and go, each label's total only grows, and all rows are in one of them."""
    counters, streams = WorkerCounters(bound), [IRIS._replace(endpoint=str(number)) for number in range(3)]
    live: dict[int, StreamCounters] = {}
    rows, before = 0, {}
    for number, step in steps:
        if step == "+":
            live[number] = found = counting(streams[number])
            counters.opened(number, lambda found=found: [found])
        elif step == "-":
            counters.let_go(number)
            live.pop(number, None)
        elif number in live:
            live[number].rows += 1
            rows += 1
        now = {label: total.rows for label, (total, _) in read(counters).items()}
        assert sum(now.values()) == rows
        assert all(now[label] >= count for label, count in before.items())
        assert len(now) <= bound + 1
        before = now


def test_the_number_of_labels_is_bounded() -> None:
    """The first streams keep labels of their own; the others share one, with the watermark that is furthest behind."""
    counters = WorkerCounters(max_streams=1)
    clocks = {"iris": 50, "rose": 40, "lily": 60}
    counters.opened(
        0, lambda: [counting(Stream("demo", name, "", ""), rows=1, clock=clock) for name, clock in clocks.items()]
    )
    expected = {
        Stream("demo", "iris", "", ""): (Totals(rows=1), Now(watermark=50)),
        OTHER: (Totals(rows=2), Now(watermark=40)),
    }

    assert read(counters) == expected
    assert read(counters) == expected


@pytest.mark.parametrize("part", Stream._fields)
def test_a_long_name_is_no_label(part: str) -> None:
    """128 characters are a label and 129 are none, whichever part of a stream it is, and take no place of another."""
    counters, kept = WorkerCounters(max_streams=1), IRIS._replace(**{part: "n" * 128})
    counters.opened(0, lambda: [counting(IRIS._replace(**{part: "n" * 129})), counting(kept)])

    assert read(counters).keys() == {OTHER, kept}


def test_findings_are_counted_by_type_and_verdict() -> None:
    """Statistics have no verdict, and what the monitor or the stream is called makes no label."""
    counters, statistics = WorkerCounters(), {"type": "io.nilometer.statistics", "monitor": "demo/iris"}
    counters.found(CloudEvent(statistics, b""))
    for monitor in ("demo/iris", "demo/rose"):
        counters.found(CloudEvent({"type": "io.nilometer.drift", "verdict": "drift", "monitor": monitor}, b""))

    assert counters.findings == {("io.nilometer.statistics", ""): 1, ("io.nilometer.drift", "drift"): 2}


def test_a_worker_is_ready_once_all_of_its_partitions_are_restored() -> None:
    """Until then it says what is missing: Kafka, the group, or a partition's state."""
    counters = WorkerCounters()
    assert counters.unready() == "Kafka has not answered yet"
    counters.kafka = ""
    assert counters.unready() == "the consumer group has not assigned partitions yet"
    counters.assigned = frozenset({0, 2, 3})
    counters.opened(2, list)
    assert counters.unready() == "the state of partitions 0, 3 is not restored yet"
    for number in (0, 3):
        counters.opened(number, list)
    assert counters.unready() == ""

    counters.let_go(3)
    assert counters.unready() == "the state of partitions 3 is not restored yet"
    counters.assigned = frozenset({0, 2})
    assert counters.unready() == ""
    counters.kafka = "Kafka at there:9092 does not answer"
    assert counters.unready() == "Kafka at there:9092 does not answer"


def test_a_worker_without_partitions_is_ready() -> None:
    """One more worker than there are partitions stands by, which is all that it can do."""
    assert WorkerCounters(kafka="", assigned=frozenset()).unready() == ""
