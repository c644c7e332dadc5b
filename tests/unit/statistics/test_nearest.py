"""Times are paired by nearness: always the two that are nearest among those that are left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_detectors.statistics.nearest import nearest

TIMES = st.lists(st.integers(-20, 20), max_size=12).map(sorted)


@given(TIMES, TIMES)
def test_the_nearest_of_what_is_left_meet(left: list[int], right: list[int]) -> None:
    """Each pair is, when it is made, as near as any that could be made; one side is used up; nothing is used twice."""
    pairs = nearest(left, right)
    assert len(pairs) == min(len(left), len(right))
    assert pairs == sorted(pairs)
    ours, theirs = dict(enumerate(left)), dict(enumerate(right))
    for one, other in sorted(pairs, key=lambda pair: abs(left[pair[0]] - right[pair[1]])):
        least = min(abs(time - answer) for time in ours.values() for answer in theirs.values())
        assert abs(ours.pop(one) - theirs.pop(other)) == least


@given(TIMES, TIMES)
def test_both_sides_are_alike_where_nothing_ties(left: list[int], right: list[int]) -> None:
    """Whichever side is called the left one, the same times are as far from each other."""
    gaps = [sorted(abs(left[one] - right[other]) for one, other in nearest(left, right))]
    gaps.append(sorted(abs(right[one] - left[other]) for one, other in nearest(right, left)))
    assert gaps[0] == gaps[1]


@pytest.mark.parametrize(
    ("left", "right", "pairs"),
    [
        ([], [1, 2], []),
        ([5], [5], [(0, 0)]),
        ([0, 10], [9, 11], [(0, 1), (1, 0)]),  # the nearest first, though all together would be nearer otherwise
        ([0, 10], [1, 11], [(0, 0), (1, 1)]),
        ([0, 4], [2], [(0, 0)]),  # equally near: the earlier one
        ([2], [0, 4], [(0, 0)]),
        ([0, 1, 2], [1], [(1, 0)]),
    ],
)
def test_known_times(left: list[int], right: list[int], pairs: list[tuple[int, int]]) -> None:
    """What meets in cases that can be seen by eye."""
    assert nearest(left, right) == pairs


def test_many_of_one_id_are_paired_soon() -> None:
    """Thousands of times of one id are paired each with its own, where answers come before the next request."""
    left = list(range(0, 40_000, 10))
    assert nearest(left, [time + 4 for time in left]) == [(place, place) for place in range(4000)]
