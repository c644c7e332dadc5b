"""The windows of one monitor over one stream: when they open, when they close, what is late, what is partial."""

import numpy as np
import pytest

from nilometer_logger.engine.protocol import ClosedWindow, WindowSpec
from nilometer_logger.engine.windows import CountWindower, Windower, windower_of
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import Counting, seconds
from tests.unit.engine.watch import Watch, rows_at, unknown


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
    assert list(watch.windower.open) == [10 * SECOND]


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
        late_by=(0, 0, 0, 0, 0, 0),
        latest=0,
        duplicates_since_last=0,
        unanswered=None,
        first_event_time=11 * SECOND,
        last_event_time=19 * SECOND,
    )


def test_silence_closes_and_says_so() -> None:
    """A clock that was moved on without an event closes windows by quiet."""
    watch = Watch(seconds(10))
    watch.see(5)
    watch.clock.advance(10 * SECOND)

    [(window, _)] = watch.windower.close(watch.clock.now, "quiet", unknown)

    assert window.closed_by == "quiet"


def test_it_knows_when_the_next_window_is_due() -> None:
    """What the clock must reach: the end of the earliest open window and the delay."""
    watch = Watch(seconds(10, delay=20))
    assert watch.windower.due() is None

    watch.see(15, 5)

    assert watch.windower.due() == 30 * SECOND


def test_a_window_that_has_closed_is_not_due_again() -> None:
    """Though its rows are still there for the next."""
    watch = Watch(seconds(10, slide=5))
    watch.see(7, 10)
    watch.closed()

    assert watch.windower.due() == 15 * SECOND


@pytest.mark.parametrize("times", [(5,), (5, 6, 15, 7)])
def test_what_has_changed_is_known(times: tuple[float, ...]) -> None:
    """A snapshot writes the panes that took rows or went since the last one, and no others."""
    watch = Watch(seconds(10, delay=100))
    watch.see(1, 2, 31)
    watch.windower.changed.clear()

    watch.see(*times)

    assert watch.windower.changed == {int(time // 10) * 10 * SECOND for time in times}


def test_each_row_is_told_for_how_many_windows_it_was_late() -> None:
    """So that late events can be written elsewhere: 0 for a row that was in time for all."""
    windower = windower_of(Counting(windows=seconds(10, slide=5)))
    times = [7 * SECOND, 16 * SECOND, 9 * SECOND, 3 * SECOND]

    late = windower.add(rows_at(times), np.array([0, 7 * SECOND, 16 * SECOND, 16 * SECOND]))

    assert late.tolist() == [0, 0, 2, 2]


def test_a_row_late_for_a_window_that_waits_to_be_closed_does_not_get_into_it() -> None:
    """The events of one record may be far apart: the row shares a pane with both windows and belongs to one."""
    watch = Watch(seconds(10, slide=5))

    assert watch.see(7, 10, 9) == 1
    assert watch.closed_rows() == {0: [0]}
    watch.see(15)
    assert watch.closed_rows() == {5: [0, 1, 2]}


def test_a_record_may_reach_over_several_ends() -> None:
    """Each row is held back from the windows that it is late for, and from no others."""
    watch = Watch(seconds(10, slide=5))

    assert watch.see(7, 10, 9, 15, 12) == 2
    assert watch.closed_rows() == {0: [0], 5: [0, 1, 2]}
    watch.see(20)
    assert watch.closed_rows() == {10: [1, 3, 4]}


def test_a_row_in_time_gets_into_a_window_though_others_were_late_for_it() -> None:
    """The responses of a record are put in after its requests, with what the clock said before each."""
    windower = windower_of(Counting(windows=seconds(10, slide=5)))
    windower.begin(0)
    windower.add(rows_at([7 * SECOND, 9 * SECOND], 0), np.array([0, 11 * SECOND]))
    windower.add(rows_at([8 * SECOND], 2, "response"), np.array([7 * SECOND]))

    found = windower.close(11 * SECOND, "watermark", unknown)

    assert [sorted(int(row[1]) for row in state.rows) for _, state in found] == [[0, 2]]


@pytest.mark.parametrize(
    ("late", "place"),
    [(0, 0), (1, 0), (1.000000001, 1), (10, 1), (11, 2), (60, 2), (600, 3), (3600, 4), (3600.1, 5), (10**6, 5)],
)
def test_late_rows_are_told_by_how_late_they_were(late: float, place: int) -> None:
    """The watermark before the row less the end of its window: up to 1 s, 10 s, 1 min, 10 min, 1 h, or beyond."""
    watch = Watch(seconds(10, delay=3))
    watch.see(1, 10 + 3 + late, 5)

    [(window, _), *_] = watch.closed()

    assert [number for number, count in enumerate(window.late_by) for _ in range(count)] == [place]
    assert window.latest == round(late * SECOND)


def test_a_row_is_late_by_each_window_that_it_missed() -> None:
    """With sliding windows it missed one by more than the next."""
    watch = Watch(seconds(10, slide=5))
    watch.see(5, 17, 7)

    [(window, _), _] = watch.closed()

    assert (window.late_by, window.latest) == ((0, 2, 0, 0, 0, 0), 7 * SECOND)


def test_an_event_from_long_before_is_late_like_any_other() -> None:
    """Its time is as far from now as 64 bits can hold; nothing overflows."""
    windower = windower_of(Counting(windows=seconds(10, slide=3, offset=9)))
    now = 1_800_000_000 * SECOND

    late = windower.add(rows_at([-(2**63)]), np.array([now]))

    assert late[0] >= 3
    assert windower.open == {}


def test_duplicates_are_told_with_the_next_window() -> None:
    """Counted since the last window that closed; told once."""
    watch = Watch(seconds(10))
    watch.see(5, 25)
    watch.windower.note_duplicates(2)
    watch.windower.note_duplicates(3)
    assert [window.duplicates_since_last for window, _ in watch.closed()] == [5]

    watch.see(35)
    assert [window.duplicates_since_last for window, _ in watch.closed()] == [0]


def test_the_unanswered_requests_of_a_window_are_asked_for() -> None:
    """From its start until before its end, when it closes."""
    watch = Watch(seconds(10))
    watch.see(15, 35)

    found = watch.windower.close(35 * SECOND, "watermark", lambda start, end: (start + end) // SECOND)

    assert [window.unanswered for window, _ in found] == [30]


def test_at_the_end_of_input_all_windows_close() -> None:
    """They say so, and those that the watermark has not reached hold only a part of their rows."""
    watch = Watch(seconds(10, slide=5, delay=1))
    watch.see(5, 12, 16)

    facts = [(window.start / SECOND, window.closed_by, window.partial, rows) for window, rows in watch.drained()]

    assert facts == [
        (0, "drained", True, [0]),
        (5, "drained", False, [0, 1]),
        (10, "drained", True, [1, 2]),
        (15, "drained", True, [2]),
    ]
    assert watch.drained() == []


def test_a_window_may_close_where_the_watermark_passes_an_end() -> None:
    """Told from the declaration alone, so that records can be read together where nothing can happen."""
    windower = windower_of(Counting(windows=seconds(10, slide=5, delay=2)))
    clocks = np.array([1, 2, 6, 7, 11, 12, 12, 30]) * SECOND

    may = windower.may_close(clocks, 0)

    assert may.tolist() == [False, True, False, True, False, True, False, True]


def test_a_stream_that_is_seen_for_the_first_time_may_close_windows() -> None:
    """The clock comes from far in the past."""
    watch = Watch(seconds(10))

    assert watch.windower.may_close(np.array([5 * SECOND]), watch.clock.now).tolist() == [True]


def test_it_goes_on_where_a_snapshot_stopped() -> None:
    """Open panes, late rows, duplicates, and where the monitor began."""
    watch = Watch(seconds(10, slide=5))
    watch.see(7, 11, 9)
    watch.closed()
    watch.see(8)
    watch.windower.note_duplicates(1)
    watch.restart()
    watch.see(15)

    [(window, rows)] = watch.closed()

    assert (window.start / SECOND, window.partial, sorted(rows)) == (5, True, [0, 1, 2, 3])
    assert (window.late_since_last, window.duplicates_since_last) == (1, 1)


def test_a_window_that_closed_before_the_snapshot_does_not_close_again() -> None:
    """Though its panes are still there, for the windows after it."""
    watch = Watch(seconds(10, slide=5))
    watch.see(7, 10)
    assert watch.closed_rows() == {0: [0]}

    watch.restart()

    assert watch.closed_rows() == {}


def test_a_monitor_that_joins_a_stream_closes_no_window_from_before() -> None:
    """What its clock has passed is over."""
    windower = windower_of(Counting(windows=seconds(10, slide=5)), clock=11 * SECOND)
    windower.begin(11 * SECOND)
    windower.add(rows_at([9 * SECOND]), np.array([11 * SECOND]))

    found = windower.close(15 * SECOND, "watermark", unknown)

    assert [(window.start / SECOND, window.partial) for window, _ in found] == [(5, True)]


def test_what_a_snapshot_must_hold_is_known() -> None:
    """The header is written again where the beginning, late rows or duplicates are news, and not with every row."""
    watch = Watch(seconds(10))
    watch.see(15)
    assert watch.windower.header_changed

    watch.windower.header_changed = False
    watch.see(16)
    assert not watch.windower.header_changed
    watch.windower.note_duplicates(0)
    assert not watch.windower.header_changed

    watch.see(25, 9)
    assert watch.windower.header_changed


def test_a_pane_goes_with_its_last_window() -> None:
    """A snapshot is told that it has gone."""
    watch = Watch(seconds(10, slide=5))
    watch.see(7, 10)
    watch.closed()
    watch.windower.changed.clear()

    watch.see(15)
    watch.closed()

    assert sorted(watch.windower.open) == [10 * SECOND, 15 * SECOND]
    assert watch.windower.changed == {5 * SECOND, 15 * SECOND}


def test_a_run_without_rows_changes_nothing() -> None:
    """There may be nothing for a monitor in it."""
    windower = windower_of(Counting())

    assert windower.add(rows_at([]), np.array([], dtype=np.int64)).tolist() == []
    assert windower.open == {}


def test_the_windower_follows_from_the_declaration() -> None:
    """Windows of time have a size, windows of rows a count."""
    assert isinstance(windower_of(Counting(windows=seconds(10))), Windower)
    assert isinstance(windower_of(Counting(windows=WindowSpec(0, 0, 0, count=3))), CountWindower)
