"""Skewness and kurtosis: those of scipy, and right where a naive formula is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.shape import Shape
from nilometer_logger.rows import Floats
from tests.judging import INF, NAN, schema_of, take


def shape(*blocks: list[float] | Floats) -> Shape:
    """Returns the shape of one column after some blocks."""
    statistic = Shape(Layout(schema_of("numeric")))
    for block in blocks:
        take(statistic, list(block))
    return statistic


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=60), st.integers(1, 60))
def test_they_are_those_of_scipy(values: list[float], cut: int) -> None:
    """Both are scipy's with bias, whatever the values and the blocks; and null for a constant."""
    (result,) = shape(values[:cut], values[cut:]).result()
    if len(set(values)) == 1:
        assert result == {"skewness": None, "kurtosis": None}
        return
    assert result["skewness"] == pytest.approx(stats.skew(values), rel=1e-9, abs=1e-9)
    assert result["kurtosis"] == pytest.approx(stats.kurtosis(values), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "skewness", "kurtosis"), [([0.0, 0.0, 1.0], 0.5**0.5, -1.5), ([1.0, 2.0, 3.0, 4.0], 0.0, -1.36)]
)
def test_they_are_as_counted_by_hand(values: list[float], skewness: float, kurtosis: float) -> None:
    """A population's, with nothing corrected for its size; the excess over a normal one's kurtosis."""
    (result,) = shape(values).result()
    assert (result["skewness"], result["kurtosis"]) == (pytest.approx(skewness, abs=1e-15), pytest.approx(kurtosis))


@pytest.mark.parametrize("size", [1, 100, 5000])
@pytest.mark.parametrize("first", [1e6, 3.0])
def test_neither_an_offset_nor_a_first_value_far_off_costs_precision(size: int, first: float) -> None:
    """Values far from zero keep their shape, and a distant first value is forgotten as the reference point."""
    rest = 1e5 + np.random.default_rng(1).exponential(1.0, 5000)
    values = np.concatenate([[first], rest]) if first > 3.0 else rest
    statistic = shape(*[values[start : start + size] for start in range(0, len(values), size)])
    exact = values - values.mean()  # about the mean the plain formula is right
    assert statistic.skewness[0] == pytest.approx(stats.skew(exact), rel=1e-8)
    assert statistic.kurtosis[0] == pytest.approx(stats.kurtosis(exact), rel=1e-8)


def test_merging_is_as_taking_all() -> None:
    """Parts whose means lie far apart merge to the shape of all their values, also where one of them is small."""
    generator = np.random.default_rng(2)
    parts = [generator.gamma(2.0, 1.0, 700), 1e4 + generator.normal(0.0, 3.0, 20), generator.normal(-50.0, 1.0, 300)]
    first, *others = [shape(part) for part in parts]
    for other in others:
        first.merge(other)
    values = np.concatenate(parts)
    assert first.skewness[0] == pytest.approx(stats.skew(values), rel=1e-10)
    assert first.kurtosis[0] == pytest.approx(stats.kurtosis(values), rel=1e-10)


@pytest.mark.parametrize(
    "values",
    [[], [4.0], [NAN, INF], [0.1] * 300, [1e-100, 2e-100, 5e-100], [1e300, -1e300, 0.0], [1.0, 1.0 + 2**-52]],
    ids=["none", "one", "none finite", "constant", "too small", "too large", "rounding"],
)
def test_what_does_not_exist_is_null(values: list[float]) -> None:
    """Where there is no spread, or none whose fourth power float64 holds, both are null and not a number made of rounding."""
    assert shape(values).result() == [{"skewness": None, "kurtosis": None}]


def test_missing_and_infinite_values_take_no_part() -> None:
    """NaN and infinities are left out, and a categorical column has no shape."""
    statistic = Shape(Layout(schema_of("numeric", "categorical")))
    take(statistic, [[NAN, 0.0], [1.0, 1.0], [INF, NAN], [2.0, 0.0], [9.0, 1.0]])
    first, second = statistic.result()
    assert first["skewness"] == pytest.approx(stats.skew([1.0, 2.0, 9.0]), rel=1e-12)
    assert second == {}
