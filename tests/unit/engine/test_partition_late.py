"""What comes twice, too late, or without its other half: counted, told once, and set aside where it is asked for."""

import json
from dataclasses import replace
from typing import Any

from nilometer_logger import topics
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.engine.late import MONITOR
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.snapshots import Change, key, value
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import Counting, seconds
from tests.unit.engine.partitions import LIMITS
from tests.unit.logged import ARRIVAL, IRIS, batch, event

COUNTING = Counting(windows=seconds(10))


def partition_of(*records: Record, monitor: Counting = COUNTING) -> PartitionState:
    """Returns a partition that has taken in some records, all at once."""
    partition = PartitionState([monitor], LIMITS)
    partition.apply(records)
    return partition


def windows(partition: PartitionState) -> list[dict[str, Any]]:
    """Returns the facts of the windows that have closed."""
    return [json.loads(finding.data)["window"] for finding in partition.take().findings]


def test_an_event_that_comes_twice_counts_once() -> None:
    """The same stream, id, half and time: its row is in the window once, and the finding says that it came again."""
    same = event(5, 1.0, id="a")
    partition = partition_of(batch(0, same, same), batch(1, same), batch(2, event(10, 1.0, id="b")))

    [finding] = partition.take().findings
    body = json.loads(finding.data)

    assert len(body["rows"]) == 1
    assert body["window"]["duplicates_since_last"] == 2
    assert partition.counters()[0].duplicates == 2


def test_an_id_may_repeat() -> None:
    """A client may send the same id for ever; another time is another event."""
    partition = partition_of(batch(0, event(4, 1.0, id="a"), event(5, 1.0, id="a"), event(10, 1.0, id="a")))

    assert [len(json.loads(finding.data)["rows"]) for finding in partition.take().findings] == [2]


def test_an_outlier_that_comes_twice_is_found_once() -> None:
    """The second is not even scored."""
    partition = PartitionState([COUNTING], LIMITS)
    same = event(5, 500.0, id="a")

    assert len(partition.apply([batch(0, same), batch(1, same)])) == 1


def test_what_could_not_be_decoded_may_come_again() -> None:
    """A dead letter was never counted, so the same event is taken once it can be."""
    broken, mended = event(5, id="a", body=b"{"), event(5, 1.0, id="a")
    partition = partition_of(batch(0, broken), batch(1, mended), batch(2, event(10, 1.0, id="b")))

    assert [len(json.loads(finding.data)["rows"]) for finding in partition.take().findings] == [1]


def test_unanswered_requests_are_told() -> None:
    """Of the window's requests, those whose response has not come when it closes."""
    answered = [event(1, 1.0, id="a"), event(2, 1.0, id="a", half="response")]
    partition = partition_of(batch(0, *answered, event(3, 1.0, id="b"), event(10, 1.0, id="c")))

    assert [window["unanswered"] for window in windows(partition)] == [1]


def test_a_stream_without_responses_has_no_number_of_unanswered() -> None:
    """Where only requests are logged, nobody can know."""
    partition = partition_of(batch(0, event(3, 1.0, id="b"), event(10, 1.0, id="c")))

    assert [window["unanswered"] for window in windows(partition)] == [None]


def test_halves_wait_through_a_restart() -> None:
    """A response that comes to the next owner answers a request that came to the first."""
    log = [
        batch(0, event(1, 1.0, id="a"), event(2, 1.0, id="b"), event(2, 1.0, id="z", half="response")),
        batch(1, event(3, 1.0, id="a", half="response")),
        batch(2, event(10, 1.0, id="c")),
    ]
    state: list[Change] = []
    found: list[dict[str, Any]] = []
    for record in log:
        partition = PartitionState([COUNTING], LIMITS)
        partition.restore(state)
        partition.apply([record])
        taken = partition.take()
        state += taken.changes
        found += [json.loads(finding.data)["window"] for finding in taken.findings]

    assert [window["unanswered"] for window in found] == [1]


def test_a_half_that_has_waited_its_time_pairs_no_more() -> None:
    """By the arrivals in Kafka: a response beyond the bound answers nothing."""
    later = ARRIVAL + LIMITS.pairing
    partition = partition_of(
        batch(0, event(1, 1.0, id="a"), event(1, 1.0, id="b"), event(1, 1.0, id="b", half="response")),
        batch(1, event(2, 1.0, id="a", half="response"), event(10, 1.0, id="c"), arrival=later),
    )

    assert [window["unanswered"] for window in windows(partition)] == [1]


def test_late_events_are_set_aside_where_they_are_asked_for() -> None:
    """As they came, with the monitor and the reason; and their rows are counted by how late they were."""
    late = event(5, 1.0, id="late")
    partition = partition_of(
        batch(0, event(12, 1.0, id="a"), late, event(20, 1.0, id="b")), monitor=replace(COUNTING, wants_late=True)
    )
    taken = partition.take()

    [message] = taken.dead
    headers = dict(message.headers)
    assert (message.topic, message.value) == (topics.LATE, late.data)
    assert headers["ce_id"] == b"late"
    assert headers[MONITOR] == b"demo/counting"
    assert headers["nilometer-reason"] == b"late for 1 window of demo/counting"
    [window] = [json.loads(finding.data)["window"] for finding in taken.findings]
    assert (window["late_since_last"], window["late_by"], window["latest"]) == (1, [0, 1, 0, 0, 0, 0], 2 * SECOND)


def test_late_events_are_only_counted_elsewhere() -> None:
    """A monitor that does not ask for them gets none."""
    partition = partition_of(batch(0, event(12, 1.0, id="a"), event(5, 1.0, id="b")))

    assert partition.take().dead == []
    assert partition.counters()[0].late == 1


def test_figures_tell_how_the_stream_stands() -> None:
    """What metrics show: rows, events without a time or from the future, the clock, open windows, what waits."""
    no_time, future = event(None, 1.0, id="b"), event(10**9, 1.0, id="c")
    partition = partition_of(batch(0, event(5, 1.0, id="a"), no_time, future))

    [counters] = partition.counters()

    assert counters.stream == str(IRIS)
    assert (counters.rows, counters.untimed, counters.future) == (2, 1, 1)
    assert counters.clock == ARRIVAL
    assert (counters.open_windows, counters.pending) == (1, 2)


def test_the_end_of_the_input_closes_what_is_open() -> None:
    """A replay drains its windows; those that the watermark has not reached are partial."""
    partition = partition_of(batch(0, event(0, 1.0, id="a"), event(5, 1.0, id="b")))
    partition.drain()

    assert [(window["closed_by"], window["partial"]) for window in windows(partition)] == [("drained", True)]


def test_a_state_of_version_1_goes_on() -> None:
    """Its windows, clock, beginning and late rows are there; the next snapshot rewrites them."""
    text = str(IRIS)
    about = ("demo/counting", "d1", text)
    listed = COUNTING.open()
    listed.rows = [["request", "old", 0, 1.0, 7]]
    written: list[Change] = [
        (key("partition"), value(1, 41)),
        (key("clock", text), value(5 * SECOND, ARRIVAL)),
        (key("monitor", *about), value(0, 3)),
        (key("window", *about, 0), value(SECOND, 5 * SECOND, listed.dump())),
    ]
    partition = PartitionState([COUNTING], LIMITS)
    partition.restore(written)

    partition.apply([batch(42, event(6, 1.0, id="a"))])
    rewritten = dict(partition.take().changes)
    partition.apply([batch(43, event(10, 1.0, id="b"))])
    [finding] = partition.take().findings
    body = json.loads(finding.data)

    assert rewritten[key("window", *about, 0)] is None
    assert rewritten[key("pane", *about, 0)] is not None
    assert len(body["rows"]) == 2
    assert (body["window"]["late_since_last"], body["window"]["partial"]) == (3, False)
