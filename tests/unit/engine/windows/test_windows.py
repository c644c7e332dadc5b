"""Which windows an event time lies in: half-open, aligned to the epoch and the offset."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.engine.protocol import WindowSpec
from nilometer_logger.engine.windows import containing
from nilometer_logger.engine.windows._windows import Grid


def starts(spec: WindowSpec, time: int) -> list[int]:
    """Returns the starts of the windows that contain a time, earliest first."""
    found, inside = containing(spec, np.array([time], dtype=np.int64))
    return sorted(found[inside].tolist())


@pytest.mark.parametrize(("time", "start"), [(0, 0), (1, 0), (9, 0), (10, 10), (-1, -10), (-10, -10), (-11, -20)])
def test_tumbling_windows_hold_each_time_once(time: int, start: int) -> None:
    """A window holds its start and not its end, before the epoch as after it."""
    assert starts(WindowSpec(10, 10, 0), time) == [start]


@pytest.mark.parametrize(("time", "expected"), [(0, [-8, -4, 0]), (3, [-8, -4, 0]), (4, [-4, 0, 4]), (11, [0, 4, 8])])
def test_sliding_windows_overlap(time: int, expected: list[int]) -> None:
    """A time lies in size / slide windows."""
    assert starts(WindowSpec(12, 4, 0), time) == expected


@pytest.mark.parametrize(("time", "expected"), [(0, [-8, -4, 0]), (1, [-8, -4, 0]), (2, [-4, 0]), (3, [-4, 0])])
def test_the_size_need_not_be_a_multiple_of_the_slide(time: int, expected: list[int]) -> None:
    """Then some times lie in one window fewer than others."""
    assert starts(WindowSpec(10, 4, 0), time) == expected


def test_an_offset_shifts_all_windows() -> None:
    """Windows of a day may begin at another hour."""
    assert starts(WindowSpec(10, 10, 0, offset=3), 2) == [-7]
    assert starts(WindowSpec(10, 10, 0, offset=3), 3) == [3]


@given(
    st.integers(1, 50).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size))),
    st.integers(-20, 20),
    st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=5),
)
def test_they_are_all_windows_that_contain_the_time_and_no_others(
    cut: tuple[int, int], offset: int, times: list[int]
) -> None:
    """The definition, tried start by start."""
    size, slide = cut
    found, inside = containing(WindowSpec(size, slide, 0, offset), np.array(times, dtype=np.int64))

    for row, time in enumerate(times):
        expected = {
            start
            for start in range(time - size - slide, time + 1)
            if (start - offset) % slide == 0 <= time - start < size
        }
        assert set(found[row][inside[row]].tolist()) == expected


SPECS = st.builds(
    lambda size, slide, offset: WindowSpec(size, min(slide, size), 0, offset),
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(-20, 20),
)
SOME_TIMES = st.integers(-1000, 1000)


@pytest.mark.parametrize(
    ("size", "slide", "panes"), [(10, 10, [0, 10]), (12, 4, [0, 4, 8, 12]), (10, 4, [0, 2, 4, 6, 8, 10])]
)
def test_time_is_cut_where_a_window_starts_or_ends(size: int, slide: int, panes: list[int]) -> None:
    """One pane a slide where the slide divides the size, two otherwise."""
    grid = Grid(WindowSpec(size, slide, 0))

    assert sorted({grid.pane(time)[0] for time in range(size + 1)}) == panes


@given(SPECS, SOME_TIMES)
def test_the_times_of_a_pane_lie_in_the_same_windows(spec: WindowSpec, time: int) -> None:
    """So that a row need not be told from the others of its pane."""
    grid = Grid(spec)
    start, end = grid.pane(time)

    assert start <= time < end
    assert {tuple(starts(spec, each)) for each in range(start, end)} == {tuple(starts(spec, time))}
    assert grid.panes(np.arange(start, end)).tolist() == [start] * (end - start)


@given(SPECS, SOME_TIMES)
def test_windows_are_numbered(spec: WindowSpec, time: int) -> None:
    """Those that contain a time are the ones after the last that has ended, up to the last that has started."""
    grid = Grid(spec)
    numbers = range(grid.ended(time) + 1, grid.started(time) + 1)

    assert [grid.window(number)[0] for number in numbers] == starts(spec, time)
    assert [grid.window(number)[1] for number in numbers] == grid.ends(np.array(numbers, dtype=np.int64)).tolist()


@given(SPECS, st.integers(-50, 50))
def test_every_window_has_one_seam_behind_its_start(spec: WindowSpec, number: int) -> None:
    """At its end at the latest; and a seam is where panes meet."""
    grid = Grid(spec)
    start, end = grid.window(number)
    seam = grid.seam(number)

    assert start < seam <= end
    assert grid.pane(seam)[0] == seam
    assert grid.seam(number + 1) >= seam
