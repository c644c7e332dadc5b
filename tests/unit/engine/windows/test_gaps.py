"""Records of the log that were lost: which windows say so, and for how long."""

import pytest

from nilometer_logger.engine.protocol import WindowSpec
from nilometer_logger.engine.windows._gaps import Gaps
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import seconds
from tests.unit.engine.watch import Watch

OF_TEN_SECONDS = seconds(10)
OF_THREE = WindowSpec(0, 0, 0, count=3)


def told(watch: Watch) -> list[tuple[float, bool, int]]:
    """Closes what is due; returns start, partiality and lost records of each window."""
    return [(window.start / SECOND, window.partial, window.lost_records) for window, _ in watch.closed()]


def watching(spec: WindowSpec = OF_TEN_SECONDS) -> Watch:
    """Returns windows whose first one, which is partial, has closed."""
    watch = Watch(spec)
    watch.see(0, 10)
    watch.closed()
    return watch


def test_windows_that_had_begun_are_partial() -> None:
    """The one in which the gap lies, though its rows are all at its very start; not the next one."""
    watch = watching()
    watch.gap(7)
    watch.see(10)
    watch.see(20)
    watch.see(30)

    assert told(watch) == [(10, True, 7), (20, False, 0)]


def test_windows_that_start_before_the_next_event_are_partial() -> None:
    """Nobody knows whether the rows at their beginning were lost."""
    watch = watching()
    watch.gap(7)
    watch.see(31)
    watch.see(40)
    watch.see(50)

    assert told(watch) == [(10, True, 7), (30, True, 7), (40, False, 0)]


def test_a_row_that_comes_late_makes_no_window_whole() -> None:
    """The first event behind the gap says where the stream stood; an older one does not."""
    watch = watching(seconds(10, delay=20))
    watch.gap(7)
    watch.see(41)
    watch.see(32)
    watch.see(70)

    assert told(watch) == [(0, True, 7), (10, True, 7), (30, True, 7), (40, True, 7)]


def test_silence_closes_partial_windows() -> None:
    """Where no event has come since the gap, nothing says that the window is whole."""
    watch = watching()
    watch.gap(7)
    watch.clock.advance(25 * SECOND)

    assert told(watch) == [(10, True, 7)]


def test_every_window_over_the_gap_is_partial() -> None:
    """Sliding windows that overlap where the stream stood are all partial, and no other."""
    watch = watching(seconds(10, 5))
    watch.gap(7)
    watch.see(12)
    watch.see(40)

    assert told(watch) == [(5, True, 7), (10, True, 7)]


def test_gaps_add_up() -> None:
    """A window over two gaps has lost the records of both, and one that began between them those of the second."""
    watch = watching()
    watch.gap(7)
    watch.see(12)
    watch.gap(2)
    watch.clock.advance(15 * SECOND)
    watch.gap(1)
    watch.see(23)
    watch.see(41)

    assert told(watch) == [(10, True, 10), (20, True, 3)]


def test_requests_that_wait_there_may_have_been_answered() -> None:
    """A response that was lost is not one that never came: nobody knows how many are unanswered."""
    watch = watching()
    watch.gap(7)
    watch.see(40)
    watch.see(50)

    found = watch.windower.close(watch.clock.now, "watermark", lambda *_: 4)

    assert [window.unanswered for window, _ in found] == [None, 4]


def test_a_restart_forgets_no_gap() -> None:
    """Before and behind the next event."""
    watch = watching()
    watch.gap(7)
    watch.restart()
    watch.see(31)
    assert told(watch) == [(10, True, 7)]
    watch.restart()
    watch.see(40)
    watch.see(50)

    assert told(watch) == [(30, True, 7), (40, False, 0)]


def test_a_window_of_rows_is_partial_that_is_open() -> None:
    """It has its number of rows, and others between them are missing; the next one is whole."""
    watch = Watch(OF_THREE)
    watch.see(0)
    watch.gap(7)
    watch.restart()
    watch.gap(1)
    watch.see(1, 2, 3, 4, 5)

    assert told(watch) == [(0, True, 8), (3, False, 0)]


def test_a_gap_between_windows_of_rows_is_in_none() -> None:
    """The next one holds rows that follow one another."""
    watch = Watch(OF_THREE)
    watch.see(0, 1, 2)
    watch.gap(7)
    watch.see(10, 11, 12)

    assert told(watch) == [(0, False, 0), (10, False, 0)]


@pytest.mark.parametrize("count", [16, 17, 100])
def test_gaps_are_bounded(count: int) -> None:
    """A window is told of all that were lost, however many gaps there are; only old ones lie together."""
    gaps = Gaps()
    for number in range(count):
        gaps.add(1, 10 * number)
        gaps.end(10 * number + 5)

    assert len(gaps.header()[1]) <= 16
    assert gaps.lost(0) == count
    assert gaps.lost(10 * count - 30) == 3
    gaps.forget(10 * count)
    assert gaps.header() == [False, []]
