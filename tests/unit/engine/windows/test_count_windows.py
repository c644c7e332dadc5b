"""Windows of a number of rows: cut at exactly the N-th row, whatever the blocks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.engine.protocol import WindowSpec
from nilometer_logger.engine.windows import windower_of
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import NO_COLUMNS, ONE_COLUMN, Counting
from tests.unit.engine.watch import Watch, rows_at, unknown


def of_rows(count: int, delay: float = 0) -> WindowSpec:
    """Returns windows of some rows."""
    return WindowSpec(0, 0, round(delay * SECOND), count=count)


def test_a_window_closes_with_its_last_row() -> None:
    """Every three rows make one."""
    watch = Watch(of_rows(3))
    watch.see(1, 2)
    assert watch.closed() == []

    watch.see(3)

    assert [rows for _, rows in watch.closed()] == [[0, 1, 2]]


def test_a_block_is_cut_at_the_last_row() -> None:
    """The next row begins the next window; one block may fill several."""
    watch = Watch(of_rows(2))
    watch.see(1, 2, 3, 4, 5)

    assert [rows for _, rows in watch.closed()] == [[0, 1], [2, 3]]
    assert [row[1] for row in watch.windower.open[2].state.rows] == ["4"]


def test_rows_of_any_time_count_and_none_is_late() -> None:
    """Disorder is no matter: the log's order decides."""
    watch = Watch(of_rows(3))

    assert watch.see(1000, 1, 500) == 0

    [(window, rows)] = watch.closed()
    assert rows == [0, 1, 2]
    assert (window.start, window.end) == (1 * SECOND, 1000 * SECOND + 1)
    assert (window.first_event_time, window.last_event_time) == (1 * SECOND, 1000 * SECOND)


def test_it_says_that_the_count_has_closed_it() -> None:
    """Whatever moved the clock; and the watermark is that of the row that filled it."""
    watch = Watch(of_rows(2, delay=3))
    watch.see(10, 20, 90)

    [(window, _)] = watch.windower.close(watch.clock.now, "quiet", unknown)

    assert (window.closed_by, window.watermark, window.partial) == ("count", 17 * SECOND, False)


def test_an_old_row_that_fills_a_window_does_not_turn_the_watermark_back() -> None:
    """The clock before it counts as well."""
    watch = Watch(of_rows(2))
    watch.see(20, 10)

    assert [window.watermark for window, _ in watch.closed()] == [20 * SECOND]


def test_responses_go_into_the_window_that_is_open() -> None:
    """Only the requests count where features are watched."""
    watch = Watch(of_rows(2))
    watch.see(1)
    watch.see(2, 3, 4, half="response")
    assert watch.closed() == []

    watch.see(5)
    watch.see(6, half="response")

    assert [rows for _, rows in watch.closed()] == [[0, 1, 2, 3, 4]]
    assert [row[1] for row in watch.windower.open[1].state.rows] == ["5"]


def test_responses_count_where_only_predictions_are_watched() -> None:
    """There is nothing else to count."""
    monitor = Counting(features=NO_COLUMNS, predictions=ONE_COLUMN, windows=of_rows(2))
    watch = Watch(monitor.windows, monitor)
    watch.see(1, 2, half="response")

    assert [rows for _, rows in watch.closed()] == [[0, 1]]


def test_no_clock_closes_it() -> None:
    """Silence is no row."""
    watch = Watch(of_rows(2))
    watch.see(1)
    watch.clock.advance(10**6 * SECOND)

    assert watch.closed() == []
    assert watch.windower.due() is None


def test_a_window_may_close_after_any_record() -> None:
    """Only the rows can tell."""
    windower = windower_of(Counting(windows=of_rows(2)))

    assert windower.may_close(np.array([5, 5, 7]), 5).tolist() == [True, True, True]


def test_duplicates_are_told_with_the_next_window() -> None:
    """Counted since the last window that closed; told once."""
    watch = Watch(of_rows(1))
    watch.windower.note_duplicates(2)
    watch.see(1, 2)

    assert [window.duplicates_since_last for window, _ in watch.closed()] == [2, 0]


def test_the_unanswered_requests_of_a_window_are_asked_for() -> None:
    """From its first row's time to its last's."""
    watch = Watch(of_rows(2))
    watch.see(30, 10)

    found = watch.windower.close(watch.clock.now, "watermark", lambda start, end: end - start)

    assert [window.unanswered for window, _ in found] == [20 * SECOND + 1]


def test_at_the_end_of_input_the_open_window_closes() -> None:
    """It holds only a part of its rows, and says so; the ones that are full are whole."""
    watch = Watch(of_rows(2, delay=1))
    watch.see(1, 2, 3)

    facts = [(window.closed_by, window.partial, window.watermark, rows) for window, rows in watch.drained()]

    assert facts == [("count", False, 1 * SECOND, [0, 1]), ("drained", True, 2 * SECOND, [2])]
    assert watch.drained() == []


def test_a_window_that_has_closed_is_gone_from_the_snapshot() -> None:
    """The number of each window that took rows or closed is known until it is written."""
    watch = Watch(of_rows(2))
    watch.see(1)
    watch.windower.changed.clear()

    watch.see(2, 3)

    assert watch.windower.changed == {0, 1}
    assert list(watch.windower.open) == [1]


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from(["request", "response"]), st.integers(1, 7), st.booleans()), max_size=12),
)
def test_neither_restarts_nor_blocks_matter(count: int, log: list[tuple[str, int, bool]]) -> None:
    """A log read row by row without a stop gives the windows of one read in blocks, with restarts in between."""
    whole, apart = Watch(of_rows(count)), Watch(of_rows(count))
    told, told_apart = [], []
    time = 0
    for half, rows, restart in log:
        times = list(range(time, time + rows))
        time += rows
        for each in times:
            whole.see(each, half=half)
            told += whole.closed()
        apart.see(*times, half=half)
        told_apart += apart.closed()
        if restart:
            apart.restart()

    assert told_apart == told


def test_an_empty_block_changes_nothing() -> None:
    """There may be nothing for a monitor in a record."""
    windower = windower_of(Counting(windows=of_rows(2)))

    assert windower.add(rows_at([]), np.array([], dtype=np.int64)).tolist() == []
    assert windower.add(rows_at([], half="response"), np.array([], dtype=np.int64)).tolist() == []
    assert (windower.open, windower.header_changed) == ({}, False)
