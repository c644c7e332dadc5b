"""A snapshot: all that has happened since the last one, once; and a state that goes on as if it had never stopped."""

import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.punctuation import Idle
from nilometer_logger.engine.snapshots import Change, key, read, value
from nilometer_logger.errors import StateError
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import Counting, seconds
from tests.unit.engine.partitions import LIMITS, configure
from tests.unit.logged import IRIS, batch, event, punctuated

COUNTING = Counting(windows=seconds(10, delay=2))
WINE = Stream("demo", "wine", "predictor", "")


def opened(*monitors: Counting, changes: list[Change] | None = None) -> PartitionState:
    """Returns a partition, with the state of an earlier one."""
    partition = PartitionState(monitors, LIMITS)
    partition.restore(changes or [])
    return partition


def findings(partition: PartitionState) -> list[tuple[float, int, bool]]:
    """Takes a snapshot; returns start, number of rows and partiality of the windows that closed."""
    bodies = [json.loads(finding.data) for finding in partition.take().findings]
    return [(body["window"]["start"] / SECOND, len(body["rows"]), body["window"]["partial"]) for body in bodies]


def test_findings_wait_for_the_snapshot_and_leave_once() -> None:
    """They belong into one transaction with the offset; a second snapshot does not have them again."""
    partition = opened(COUNTING)
    partition.apply([batch(0, event(5, 1.0), event(12, 2.0))])
    assert partition.has_findings

    assert findings(partition) == [(0, 1, True)]
    assert not partition.has_findings
    assert findings(partition) == []


def test_dead_letters_leave_once() -> None:
    """They are written with the offset, too."""
    partition = opened(COUNTING)
    partition.apply([batch(0, event(5, body=b"{"))])

    assert len(partition.take().dead) == 1
    assert partition.take().dead == []


def test_a_snapshot_has_the_offset_of_its_moment() -> None:
    """What comes after it belongs to the next."""
    partition = opened(COUNTING)
    partition.apply([batch(3, event(5, 1.0))])
    taken = partition.take()
    partition.apply([batch(4, event(6, 1.0))])

    assert taken.offset == 3
    assert read(taken.changes).offset == 3


def test_there_is_something_to_take_once_a_record_was_read() -> None:
    """An idle partition writes no snapshots."""
    partition = opened(COUNTING)
    assert not partition.has_changed

    partition.apply([batch(0, event(5, 1.0))])
    assert partition.has_changed

    partition.take()
    assert not partition.has_changed


def test_only_what_changed_is_written() -> None:
    """A row in one of many open windows costs that window, its stream's clock, its identity and the offset."""
    partition = opened(Counting(windows=seconds(10, delay=10_000)))
    partition.apply([batch(0, *[event(time, 1.0, id=f"{time}") for time in range(0, 5000, 10)])])
    assert len(partition.take().changes) > 500

    partition.apply([batch(1, event(4005, 1.0))])

    assert {change for change, _ in partition.take().changes} == {
        key("partition"),
        key("clock", str(IRIS)),
        key("pending", str(IRIS), 1),
        key("memory", "demo/counting", "d1", str(IRIS)),
        key("seen", 500),
        key("pane", "demo/counting", "d1", str(IRIS), 4000 * SECOND),
    }


def test_a_closed_window_is_deleted() -> None:
    """The compacted topic does not grow with windows that are over."""
    partition = opened(COUNTING)
    partition.apply([batch(0, event(5, 1.0))])
    first = partition.take().changes
    partition.apply([batch(1, event(30, 1.0))])
    second = partition.take().changes

    assert (key("pane", "demo/counting", "d1", str(IRIS), 0), None) in second
    assert [start for *_, start in read(first + second).panes] == [30 * SECOND]


def test_a_restored_partition_goes_on_as_if_it_had_never_stopped() -> None:
    """Open windows, clocks, silence, late rows and where a monitor began are all there after every record."""
    log = [
        batch(0, event(5, 1.0), event(11, 2.0)),
        batch(1, event(23, 3.0)),
        batch(2, event(4, 4.0)),  # late
        punctuated(3, Idle({str(IRIS): 33 * SECOND})),
        batch(4, event(27, 5.0), event(19, 6.0)),  # both late, the first by silence only
        batch(5, event(33, 7.0)),
        batch(6, event(8, 8.0)),  # late
        batch(7, event(60, 9.0)),
    ]
    whole, restored = opened(COUNTING), opened(COUNTING)
    state: list[Change] = []
    found: list[CloudEvent] = []

    for coming in log:
        whole.apply([coming])
        restored.apply([coming])
        taken = restored.take()
        state += taken.changes
        found += taken.findings
        restored = opened(COUNTING, changes=state)

    assert restored.offset == whole.offset
    assert found == whole.take().findings
    facts = [json.loads(finding.data)["window"] for finding in found]
    assert [(window["start"] / SECOND, window["late_since_last"]) for window in facts] == [
        (0, 0),
        (10, 0),
        (20, 1),
        (30, 3),
    ]


def test_restoring_is_no_change() -> None:
    """A new owner writes nothing before it has read something."""
    first = opened(COUNTING)
    first.apply([batch(0, event(5, 1.0))])

    assert not opened(COUNTING, changes=first.take().changes).has_changed


def test_a_changed_monitor_starts_anew_and_says_so() -> None:
    """Another digest is another monitor, which takes the old one's place: its first window is partial, and the old state is deleted."""
    first = opened(COUNTING)
    first.apply([batch(0, event(12, 1.0), event(15, 2.0))])
    changes = first.take().changes

    with capture_logs() as lines:
        second = opened(replace(COUNTING, digest="d2"), changes=changes)
    second.apply([batch(1, event(16, 3.0), event(22, 4.0))])
    taken = second.take()

    assert [(line["event"], line["monitor"]) for line in lines] == [("monitor starts anew", "demo/counting")]
    assert [json.loads(finding.data)["window"]["partial"] for finding in taken.findings] == [True]
    assert len(json.loads(taken.findings[0].data)["rows"]) == 1
    assert {digest for _, digest, _ in read(changes + taken.changes).headers} == {"d2"}
    assert {digest for _, digest, *_ in read(changes + taken.changes).panes} == {"d2"}


def test_other_monitors_are_undisturbed() -> None:
    """When one of two monitors changes, the other keeps its windows."""
    other = Counting(name="demo/other", windows=COUNTING.windows)
    first = opened(COUNTING, other)
    first.apply([batch(0, event(10, 1.0))])

    second = opened(replace(COUNTING, digest="d2"), other, changes=first.take().changes)
    second.apply([batch(1, event(11, 2.0), event(22, 3.0))])

    found = {finding["monitor"]: json.loads(finding.data) for finding in second.take().findings}
    assert {name: len(body["rows"]) for name, body in found.items()} == {"demo/counting": 1, "demo/other": 2}


def test_a_removed_monitor_leaves_nothing_behind() -> None:
    """Its windows, and the clocks of the streams that only it watched, are deleted from the state."""
    first = opened(COUNTING)
    first.apply([batch(0, event(5, 1.0))])
    changes = first.take().changes

    second = opened(Counting(services=frozenset({"wine"})), changes=changes)
    second.apply([batch(1, event(5, 1.0, stream=WINE))])
    left = read(changes + second.take().changes)

    assert set(left.clocks) == {str(WINE)}
    assert {stream for *_, stream, _ in left.panes} == {str(WINE)}
    assert {stream for *_, stream in left.headers} == {str(WINE)}


def test_a_new_monitor_joins_a_stream_that_is_known() -> None:
    """It begins where the log says so, by the stream's clock as it stands."""
    first = opened(COUNTING)
    first.apply([batch(0, event(10, 1.0))])
    joined = Counting(name="demo/new", windows=COUNTING.windows)

    second = opened(COUNTING, joined, changes=first.take().changes)
    second.apply([configure(1, COUNTING, joined), batch(2, event(20, 2.0), event(42, 3.0))])

    found = [(finding["monitor"], json.loads(finding.data)["window"]) for finding in second.take().findings]
    assert [(name, window["start"] / SECOND, window["partial"]) for name, window in found] == [
        ("demo/counting", 10, False),
        ("demo/counting", 20, False),
        ("demo/new", 20, False),
    ]


def test_a_new_monitor_has_missed_what_was_before_it() -> None:
    """An old event that comes first does not make the window whole that the stream was in when the monitor began."""
    first = opened(COUNTING)
    first.apply([batch(0, event(25, 1.0))])
    joined = Counting(name="demo/new", windows=COUNTING.windows)

    second = opened(joined, changes=first.take().changes)
    second.apply([configure(1, joined), batch(2, event(3, 2.0), event(26, 3.0), event(35, 4.0), event(50, 5.0))])

    assert findings(second) == [(20, 1, True), (30, 1, False)]


def test_streams_have_windows_and_clocks_of_their_own() -> None:
    """One stream's events close no other's windows."""
    both = Counting(services=frozenset({"iris", "wine"}))
    partition = opened(both)
    partition.apply([batch(0, event(5, 1.0), event(5, 2.0, stream=WINE), event(50, 3.0, stream=WINE))])

    found = [finding["stream"] for finding in partition.take().findings]

    assert found == [str(WINE)]


def test_a_monitor_began_with_the_first_event_of_either_half() -> None:
    """The first event in the log counts, whether or not its half is put into windows first."""
    monitor = Counting(features=COUNTING.features, predictions=COUNTING.features)
    partition = opened(monitor)
    partition.apply([batch(0, event(10, 1.0, half="response"), event(11, 1.0), event(20, 1.0))])

    assert findings(partition) == [(10, 2, False)]


def test_a_state_that_cannot_be_read_is_refused() -> None:
    """Going on with half a state would give windows with wrong values."""
    with pytest.raises(StateError, match="a record that is not ours"):
        opened(COUNTING, changes=[(key("pane", "demo/counting"), value(1))])
