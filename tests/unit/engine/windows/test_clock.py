"""The clock of a stream: the largest event time seen, and what it said before each event."""

from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.engine.windows import StreamClock

TIMES = st.lists(st.integers(-(2**62), 2**62), max_size=10)


def test_it_begins_before_every_event() -> None:
    """A stream that was never seen calls no event late, and a delay can be subtracted without an overflow."""
    clock = StreamClock()

    assert clock.now < 0
    assert clock.now - 10**18 > -(2**63)


def test_it_says_the_largest_time() -> None:
    """An event from before does not turn it back."""
    clock = StreamClock()
    clock.observe([10, 30, 20])

    assert clock.now == 30


def test_each_event_is_judged_by_what_came_before_it() -> None:
    """An event does not move the clock for itself, nor for those before it in the same block."""
    clock = StreamClock(5)

    assert clock.observe([10, 30, 20, 40]).tolist() == [5, 10, 30, 30]


def test_a_block_without_events_changes_nothing() -> None:
    """An empty block is no news."""
    clock = StreamClock(5)

    assert clock.observe([]).tolist() == []
    assert clock.now == 5


def test_silence_moves_it_on() -> None:
    """A quiet stream's clock can be moved forward without an event."""
    clock = StreamClock(5)
    clock.advance(9)

    assert clock.now == 9


def test_silence_does_not_move_it_back() -> None:
    """Neither a clock on the wall that was set back nor an old punctuation turns it back."""
    clock = StreamClock(5)
    clock.advance(4)

    assert clock.now == 5


@given(TIMES, TIMES)
def test_blocks_do_not_matter(first: list[int], second: list[int]) -> None:
    """However the log is cut into records, each event finds the same clock."""
    whole, parts = StreamClock(), StreamClock()

    together = whole.observe([*first, *second]).tolist()
    apart = [*parts.observe(first).tolist(), *parts.observe(second).tolist()]

    assert together == apart
    assert whole.now == parts.now


@given(TIMES, TIMES)
def test_it_goes_on_where_a_snapshot_stopped(first: list[int], second: list[int]) -> None:
    """A clock restored from its time is the clock that never stopped."""
    clock = StreamClock()
    clock.observe(first)
    restored = StreamClock(clock.now)

    assert restored.observe(second).tolist() == clock.observe(second).tolist()
