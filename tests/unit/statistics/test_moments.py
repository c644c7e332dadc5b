"""Mean and standard deviation: right where a naive formula is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.moments import Moments
from tests.judging import INF, NAN, schema_of, take


def moments(*blocks: list[float]) -> Moments:
    """Returns the moments of one column after some blocks."""
    statistic = Moments(Layout(schema_of("numeric")))
    for block in blocks:
        take(statistic, block)
    return statistic


@pytest.mark.parametrize("size", [1, 3, 100])
def test_moments_are_those_of_numpy(size: int) -> None:
    """In blocks of any size the mean and the sample standard deviation are those of all values at once."""
    values = np.random.default_rng(1).normal(5, 2, 300)
    statistic = moments(*[values[start : start + size].tolist() for start in range(0, 300, size)])
    assert statistic.mean[0] == pytest.approx(values.mean(), rel=1e-12)
    assert statistic.stddev[0] == pytest.approx(values.std(ddof=1), rel=1e-12)


@pytest.mark.parametrize("size", [1, 100])
def test_a_large_offset_costs_no_precision(size: int) -> None:
    """Values that differ little and lie far from zero keep their standard deviation (a sum of squares loses it)."""
    values = 1e9 + np.random.default_rng(1).normal(0, 1e-3, 1000)
    statistic = moments(*[values[start : start + size].tolist() for start in range(0, 1000, size)])
    assert statistic.stddev[0] == pytest.approx(values.std(ddof=1), rel=1e-6)


def test_a_first_value_far_off_costs_no_precision() -> None:
    """A block is taken relative to the mean before it, even if that is the mean of a single, distant value."""
    values = [1e6, *np.random.default_rng(1).normal(0, 1, 999).tolist()]
    assert moments(values[:1], values[1:]).stddev[0] == pytest.approx(np.std(values, ddof=1), rel=1e-9)


@pytest.mark.parametrize("value", [0.1, 1e9 + 0.1, -7.3])
def test_a_constant_has_exactly_no_spread(value: float) -> None:
    """A constant column gives exactly its value and exactly 0, so that it can be recognized."""
    statistic = moments([value] * 7, [value], [value] * 100)
    none = dict.fromkeys(("stddev", "variance", "populationStddev", "populationVariance"), 0.0)
    assert statistic.result() == [{"mean": value, "sum": 108 * value, **none}]


def test_missing_and_infinite_values_take_no_part() -> None:
    """NaN and infinities are left out of the moments, wherever they stand."""
    statistic = moments([NAN, 1.0, INF], [2.0, -INF], [3.0])
    (result,) = statistic.result()
    assert (result["mean"], result["sum"], result["stddev"]) == (2.0, 6.0, 1.0)


def test_what_does_not_exist_is_null() -> None:
    """The mean of nothing and the standard deviation of one value are null; the sum of nothing is 0."""
    spread = dict.fromkeys(("stddev", "variance", "populationStddev", "populationVariance"))
    assert moments().result() == [{"mean": None, "sum": 0.0, **spread}]
    assert moments([NAN]).result() == [{"mean": None, "sum": 0.0, **spread}]
    one = {**spread, "populationStddev": 0.0, "populationVariance": 0.0}
    assert moments([4.0]).result() == [{"mean": 4.0, "sum": 4.0, **one}]


@settings(max_examples=100, deadline=None)
@given(blocks=st.lists(st.lists(st.floats(-1e6, 1e6), max_size=20), min_size=1, max_size=4))
def test_all_of_them_are_those_of_numpy(blocks: list[list[float]]) -> None:
    """Sum and spread, of the sample and of the population, are numpy's, whatever the values."""
    values = np.concatenate([np.array(block) for block in blocks])
    if len(values) < 2:
        return
    (result,) = moments(*blocks).result()
    near = {"rel": 1e-9, "abs": 1e-9 * max(1.0, np.abs(values).max())}
    assert result["sum"] == pytest.approx(values.sum(), **near)
    assert result["mean"] == pytest.approx(values.mean(), **near)
    assert result["stddev"] == pytest.approx(values.std(ddof=1), **near)
    assert result["populationStddev"] == pytest.approx(values.std(), **near)
    assert result["variance"] == pytest.approx(values.var(ddof=1), rel=1e-9, abs=near["abs"] ** 2)
    assert result["populationVariance"] == pytest.approx(values.var(), rel=1e-9, abs=near["abs"] ** 2)


def test_categories_have_no_mean() -> None:
    """A categorical column has no moments, though its codes are numbers; a boolean one has the share of true."""
    statistic = Moments(Layout(schema_of("categorical", "boolean")))
    take(statistic, [[1.0, 1.0], [0.0, 0.0]])
    assert statistic.result()[0] == {}
    assert statistic.result()[1]["mean"] == 0.5


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_precision_lasts(size: int) -> None:
    """A far first value is forgotten as the reference point: thousands of rows later the spread is right to 1e-13."""
    values = np.concatenate([[1e6], np.random.default_rng(1).normal(3.0, 1.0, 5000)])
    statistic = moments(*[values[start : start + size].tolist() for start in range(0, len(values), size)])
    assert statistic.mean[0] == pytest.approx(values.mean(), rel=1e-13)
    assert statistic.stddev[0] == pytest.approx(values.std(ddof=1), rel=1e-13)
