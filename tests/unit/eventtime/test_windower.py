"""The windows of one monitor over one stream: when they open, when they close, what is late, what is partial."""

import numpy as np
import pytest

from nilometer_logger.eventtime import StreamClock, Windower
from nilometer_logger.monitoring import ClosedWindow, WindowSpec
from nilometer_logger.rows import Rows
from nilometer_logger.times import SECOND
from tests.unit.eventtime.counting import ONE_COLUMN, Counting, seconds


class Watch:
    """A windower and its clock, in seconds; each row is an event of its own, and its value is its number."""

    def __init__(self, spec: WindowSpec) -> None:
        self.windower = Windower(Counting(windows=spec))
        self.clock = StreamClock()
        self._count = 0

    def see(self, *times: float) -> int:
        """Puts in one block of events and returns how many (row, window) pairs were late."""
        nanoseconds = [round(time * SECOND) for time in times]
        numbers = np.arange(self._count, self._count + len(times))
        self._count += len(times)
        rows = Rows(
            half="request",
            schema=ONE_COLUMN,
            values=numbers[:, None].astype(np.float64),
            times=np.array(nanoseconds, dtype=np.int64),
            ids=[str(number) for number in numbers],
            numbers=np.zeros(len(times), dtype=np.int64),
            hashes=numbers.astype(np.uint64),
        )
        self.windower.begin(nanoseconds[0])
        return self.windower.add(rows, self.clock.observe(nanoseconds))

    def closed(self) -> list[tuple[ClosedWindow, list[int]]]:
        """Closes what is due; returns each window's facts and the numbers of its rows."""
        found = self.windower.close(self.clock.now, "watermark")
        return [(window, [int(row[1]) for row in state.rows]) for window, state in found]

    def closed_rows(self) -> dict[float, list[int]]:
        """Closes what is due; returns the numbers of each window's rows by its start."""
        return {window.start / SECOND: rows for window, rows in self.closed()}


def test_a_window_closes_when_the_watermark_reaches_its_end() -> None:
    """Not a nanosecond before: the end is the first time that no longer belongs to it."""
    watch = Watch(seconds(10))
    watch.see(1, 9.999999999)
    assert watch.closed_rows() == {}

    watch.see(10)

    assert watch.closed_rows() == {0: [0, 1]}


def test_the_watermark_stays_behind_the_largest_time() -> None:
    """A watermark delay of 3 s keeps a window open until an event 3 s past its end has been seen."""
    watch = Watch(seconds(10, delay=3))
    watch.see(5, 12.9)
    assert watch.closed_rows() == {}

    watch.see(13)

    assert watch.closed_rows() == {0: [0]}


def test_disorder_within_the_delay_loses_nothing() -> None:
    """Rows go into the window of their own time, whatever order they come in."""
    watch = Watch(seconds(10, delay=3))

    assert watch.see(9, 12, 8, 11, 7) == 0
    watch.see(13)

    assert watch.closed_rows() == {0: [0, 2, 4]}


def test_the_watermark_does_not_go_back() -> None:
    """Old events after new ones do not open what the new ones have closed."""
    watch = Watch(seconds(10))
    watch.see(5, 25)
    assert watch.closed_rows() == {0: [0]}

    watch.see(6)

    assert list(watch.windower.open) == [20 * SECOND]


def test_a_row_is_late_once_its_window_has_closed() -> None:
    """It is counted, and in no window."""
    watch = Watch(seconds(10))
    watch.see(5, 10)
    watch.closed()

    assert watch.see(9) == 1
    assert watch.windower.late == 1


def test_a_row_is_late_by_the_clock_before_it() -> None:
    """Within one block too: the window closes between two events, not at the block's end."""
    watch = Watch(seconds(10))

    assert watch.see(5, 10, 9) == 1
    assert watch.closed_rows() == {0: [0]}


def test_a_row_is_late_though_its_window_never_opened() -> None:
    """A window that nobody was seen in has closed all the same."""
    watch = Watch(seconds(10))
    watch.see(25)

    assert watch.see(5) == 1
    assert watch.closed_rows() == {}


def test_the_event_that_closes_a_window_is_not_in_it() -> None:
    """It opens its own."""
    watch = Watch(seconds(10))
    watch.see(5, 31)

    assert watch.closed_rows() == {0: [0]}
    assert list(watch.windower.open) == [30 * SECOND]


def test_late_rows_are_told_with_the_next_window() -> None:
    """Counted since the last window that closed; told once."""
    watch = Watch(seconds(10))
    watch.see(5, 15)
    assert [window.late_since_last for window, _ in watch.closed()] == [0]

    watch.see(6, 7, 25)
    assert [window.late_since_last for window, _ in watch.closed()] == [2]

    watch.see(35)
    assert [window.late_since_last for window, _ in watch.closed()] == [0]


def test_with_sliding_windows_late_is_a_matter_of_row_and_window() -> None:
    """A row that is late for one window is in time for the next."""
    watch = Watch(seconds(10, slide=5))
    watch.see(7, 10)
    assert watch.closed_rows() == {0: [0]}

    assert watch.see(9) == 1
    watch.see(15)

    assert watch.closed_rows() == {5: [0, 1, 2]}


def test_a_row_is_in_every_window_that_contains_it() -> None:
    """Sliding windows share their rows."""
    watch = Watch(seconds(10, slide=5))
    watch.see(7, 100)

    assert watch.closed_rows() == {0: [0], 5: [0]}


def test_windows_close_in_the_order_of_their_ends() -> None:
    """However they were opened."""
    watch = Watch(seconds(10, delay=100))
    watch.see(25, 5, 15, 1000)

    assert [window.start / SECOND for window, _ in watch.closed()] == [0, 10, 20]


def test_a_window_without_rows_is_no_window() -> None:
    """A gap in the traffic closes nothing between."""
    watch = Watch(seconds(10))
    watch.see(5, 95, 200)

    assert watch.closed_rows() == {0: [0], 90: [1]}


def test_a_window_closes_once() -> None:
    """It does not fire again, whatever comes."""
    watch = Watch(seconds(10))
    watch.see(5, 15)
    assert watch.closed_rows() == {0: [0]}

    watch.see(4)

    assert watch.closed_rows() == {}


def test_a_window_that_began_before_the_first_event_is_partial() -> None:
    """The monitor did not see the traffic before; the windows from then on are whole."""
    watch = Watch(seconds(10))
    watch.see(5, 15, 25)

    assert [window.partial for window, _ in watch.closed()] == [True, False]


def test_a_window_that_begins_with_the_first_event_is_whole() -> None:
    """Nothing of it was missed."""
    watch = Watch(seconds(10))
    watch.see(10, 20)

    assert [window.partial for window, _ in watch.closed()] == [False]


def test_all_sliding_windows_over_the_first_event_are_partial() -> None:
    """Each of them began before the monitor did."""
    watch = Watch(seconds(10, slide=5))
    watch.see(12, 100)

    assert [(window.start / SECOND, window.partial) for window, _ in watch.closed()] == [(5, True), (10, True)]


def test_an_older_event_after_the_first_does_not_move_the_beginning() -> None:
    """The first event in the log says where a monitor began, and what came before it was not seen whole."""
    watch = Watch(seconds(10, delay=10))
    watch.see(15, 5, 100)

    assert [(window.start / SECOND, window.partial) for window, _ in watch.closed()] == [(0, True), (10, True)]


def test_a_closed_window_tells_its_facts() -> None:
    """Start, end, the watermark that closed it, why, and the first and last event times among its rows."""
    watch = Watch(seconds(10, delay=2))
    watch.see(13, 11, 19, 24)

    [(window, _)] = watch.closed()

    assert window == ClosedWindow(
        start=10 * SECOND,
        end=20 * SECOND,
        closed_by="watermark",
        watermark=22 * SECOND,
        partial=True,
        late_since_last=0,
        first_event_time=11 * SECOND,
        last_event_time=19 * SECOND,
    )


def test_silence_closes_and_says_so() -> None:
    """A clock that was moved on without an event closes windows by quiet."""
    watch = Watch(seconds(10))
    watch.see(5)
    watch.clock.advance(10 * SECOND)

    [(window, _)] = watch.windower.close(watch.clock.now, "quiet")

    assert window.closed_by == "quiet"


def test_it_knows_when_the_next_window_is_due() -> None:
    """What the clock must reach: the end of the earliest open window and the delay."""
    watch = Watch(seconds(10, delay=20))
    assert watch.windower.due() is None

    watch.see(15, 5)

    assert watch.windower.due() == 30 * SECOND


@pytest.mark.parametrize("times", [(5,), (5, 6, 15, 7)])
def test_what_has_changed_is_known(times: tuple[float, ...]) -> None:
    """A snapshot writes the windows that took rows or closed since the last one, and no others."""
    watch = Watch(seconds(10, delay=100))
    watch.see(1, 2, 31)
    watch.windower.changed.clear()

    watch.see(*times)

    assert watch.windower.changed == {int(time // 10) * 10 * SECOND for time in times}
