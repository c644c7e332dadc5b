"""Open windows share a bounded room: what finds none is set aside with the reason, and everything else goes on."""

from dataclasses import replace

import pytest

from nilometer_logger.eventtime import Room
from nilometer_logger.monitoring import WindowSpec
from nilometer_logger.partition import Partition
from tests.unit.eventtime.counting import ROW_BYTES, STATE_BYTES, Counting, seconds
from tests.unit.eventtime.partitions import BOUNDS, configure
from tests.unit.eventtime.test_partition_input import dead
from tests.unit.logged import batch, event

ONE_ROW = STATE_BYTES + ROW_BYTES
COUNTING = Counting(windows=seconds(10, delay=100))


def partition_with(most_bytes: int, monitor: Counting = COUNTING, room: Room | None = None) -> Partition:
    """Returns a partition whose windows may take so much."""
    return Partition([monitor], replace(BOUNDS, window_bytes=most_bytes), room=room)


def test_a_window_without_room_is_not_opened_and_the_others_go_on() -> None:
    """Its event is a dead letter that names the setting; later events of windows that are open are taken."""
    partition = partition_with(2 * ONE_ROW + ROW_BYTES)

    partition.apply([batch(0, *(event(10 * number, 1.0, id=f"{number}") for number in range(4)))])
    partition.apply([batch(1, event(11, 1.0, id="in the second"))])

    assert [(place, "--max-window-bytes" in reason) for reason, place, _ in dead(partition)] == [
        ("inferences/3@0[2]", True),
        ("inferences/3@0[3]", True),
    ]
    [figures] = partition.figures()
    assert (figures.rows, figures.no_room, figures.open_windows) == (3, 2, 2)
    assert partition.window_bytes == 2 * ONE_ROW + ROW_BYTES


def test_an_event_is_taken_whole_or_not_at_all() -> None:
    """Rows of one event never part: what has no room for all of them has room for none."""
    partition = partition_with(STATE_BYTES + 5 * ROW_BYTES)

    partition.apply([batch(0, event(1, 1.0, 2.0, 3.0, id="a"), event(2, 4.0, 5.0, 6.0, id="b"), event(3, 7.0, id="c"))])

    assert [place for _, place, _ in dead(partition)] == ["inferences/3@0[1]", "inferences/3@0[2]"]
    assert partition.window_bytes == STATE_BYTES + 3 * ROW_BYTES


def test_room_is_given_back_when_windows_close() -> None:
    """What a closed window took is free for the next one."""
    partition = partition_with(2 * ONE_ROW, Counting(windows=seconds(10)))

    for number in range(20):
        partition.apply([batch(number, event(10 * number, 1.0))])

    assert dead(partition) == []
    assert partition.window_bytes == ONE_ROW


@pytest.mark.parametrize(
    "windows", [seconds(10), seconds(10, slide=5), WindowSpec(0, 0, 0, count=7)], ids=["tumbling", "sliding", "rows"]
)
def test_nothing_stays_counted(windows: WindowSpec) -> None:
    """Whatever opens, grows and closes, an end of everything gives all of the room back; a restart counts the same."""
    monitor = replace(COUNTING, windows=windows)
    room = Room(10**9)
    partition = partition_with(0, monitor, room)
    for number in range(30):
        partition.apply([batch(number, *(event(number * 3 + extra, 1.0, 2.0, id=f"{extra}") for extra in range(3)))])
    again = partition_with(10**9, monitor)
    again.restore(partition.take().changes)

    assert again.window_bytes == partition.window_bytes == room.used_bytes > 0
    partition.drain()
    assert partition.window_bytes == room.used_bytes == 0


def test_partitions_share_the_room_and_one_that_is_let_go_gives_it_back() -> None:
    """A worker has one room, whatever it is assigned."""
    room = Room(2 * ONE_ROW)
    first, second = partition_with(0, room=room), partition_with(0, room=room)
    first.apply([batch(0, event(0, 1.0), event(10, 1.0))])
    second.apply([batch(0, event(0, 1.0))])
    assert len(dead(second)) == 1

    first.release()
    second.apply([batch(1, event(5, 1.0))])

    assert dead(second) == []
    assert room.used_bytes == ONE_ROW


def test_windows_of_few_rows_do_not_fill_memory_with_one_event() -> None:
    """An event whose rows would fill thousands of windows of rows needs room for all of them until its record ends."""
    monitor = replace(COUNTING, windows=WindowSpec(0, 0, 0, count=1))
    partition = partition_with(100 * ONE_ROW, monitor)

    partition.apply([batch(0, event(1, *[1.0] * 1000, id="many"), event(2, 1.0, id="one"))])

    assert len(dead(partition)) == 2
    partition.apply([batch(1, event(3, *[1.0] * 50, id="few"))])
    assert len(partition.take().findings) == 50


def test_a_monitor_that_ends_gives_its_room_back() -> None:
    """Windows that are dropped take nothing any more."""
    partition = partition_with(10 * ONE_ROW)
    partition.apply([batch(0, event(1, 1.0), event(12, 1.0))])
    assert partition.window_bytes == 2 * ONE_ROW
    partition.configure([])

    partition.apply([configure(1)])

    assert partition.window_bytes == 0
