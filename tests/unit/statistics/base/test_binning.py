"""The edges of histograms: numpy's where numpy has them, and an answer where it has none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.base import binning
from nilometer_detectors.statistics.base.binning import MOST, RULES
from tests.judging import INF, NAN

NUMPY = {"freedmanDiaconis": "fd"}
hundredths = st.floats(-1e3, 1e3).map(lambda value: round(value, 2))  # of which numpy lays out less than a million bins
every_rule = pytest.mark.parametrize("rule", RULES)


@every_rule
@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(hundredths, st.integers(-5, 5).map(float)), min_size=1, max_size=60))
def test_they_are_those_of_numpy(rule: str, values: list[float]) -> None:
    """Of finite values of more than one kind the edges are numpy's, to the bit, up to the most bins there are."""
    array = np.array(values)
    edges = binning.chosen(rule, array)
    if np.ptp(array) == 0.0:
        assert edges.tolist() == [array[0], array[0]]
        return
    expected = np.histogram_bin_edges(array, NUMPY.get(rule, rule))
    if len(expected) - 1 > MOST:
        assert len(edges) - 1 == MOST
    elif (np.diff(expected) > 0).all():
        assert edges.tolist() == expected.tolist()
    assert (np.diff(edges) > 0).all()
    assert (edges[0], edges[-1]) == (array.min(), array.max())


@every_rule
@pytest.mark.parametrize("rows", [1000, 50_000])
def test_so_they_are_of_much_data(rule: str, rows: int) -> None:
    """A baseline's worth of skewed data has numpy's edges as well."""
    values = np.random.default_rng(1).gamma(9.0, size=rows)
    expected = np.histogram_bin_edges(values, NUMPY.get(rule, rule))
    assert 10 < len(expected) <= MOST + 1
    assert binning.chosen(rule, values).tolist() == expected.tolist()


@every_rule
def test_any_data_have_an_answer(rule: str) -> None:
    """Missing and infinite values take no part; a single value, huge ones and an outlier have bins; nothing has none."""
    assert binning.chosen(rule, np.array([NAN, 4.0, INF])).tolist() == [4.0, 4.0]
    huge = binning.chosen(rule, np.array([-1.7e308, 1.7e308, 0.0, 1e308] * 30))
    assert (huge[0], huge[-1]) == (-1.7e308, 1.7e308)
    assert 2 < len(huge) < 30
    outlier = binning.chosen(rule, np.append(np.random.default_rng(1).normal(size=999), 1e12))
    assert 2 <= len(outlier) <= MOST + 1
    with pytest.raises(ValueError, match="no finite value"):
        binning.chosen(rule, np.array([NAN, INF]))


@every_rule
def test_the_unit_changes_nothing(rule: str) -> None:
    """The same data in a unit so small that squares overflow have as many bins."""
    values = np.random.default_rng(1).normal(size=500)
    assert (binning.chosen(rule, values * 2.0**1000) == binning.chosen(rule, values) * 2.0**1000).all()


@pytest.mark.parametrize(
    ("low", "high", "bins", "edges"),
    [
        (0.0, 1.0, 4, [0.0, 0.25, 0.5, 0.75, 1.0]),
        (3.0, 3.0, 20, [3.0, 3.0]),
        (-1.6e308, 1.6e308, 2, [-1.6e308, 0.0, 1.6e308]),
        (1.0, 1.0 + 2**-52, 20, [1.0, 1.0 + 2**-52]),
    ],
)
def test_bins_of_equal_width(low: float, high: float, bins: int, edges: list[float]) -> None:
    """They reach from the first to the last edge whatever lies between, and no two edges are alike but a constant's."""
    assert binning.equal(low, high, bins).tolist() == edges


def test_edges_may_be_given() -> None:
    """Edges of any widths are taken as they are, and so is the bin of a constant."""
    assert binning.given([0, 1, 10, 100.5]).tolist() == [0.0, 1.0, 10.0, 100.5]
    assert binning.given([2.5, 2.5]).tolist() == [2.5, 2.5]


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([1.0], "expected at least two finite edges"),
        ([0.0, NAN, 1.0], "expected at least two finite edges"),
        ([0.0, INF], "expected at least two finite edges"),
        ([0.0, 2.0, 1.0], "expected ascending edges, and 1 stands after 2"),
        ([0.0, 1.0, 1.0], "expected ascending edges, and 1 stands after 1"),
        (list(range(202)), "has 201 bins; expected at most 200"),
    ],
)
def test_edges_that_make_no_bins_are_refused(edges: list[float], message: str) -> None:
    """The reason says what is expected."""
    with pytest.raises(ValueError, match=message):
        binning.given(edges)
