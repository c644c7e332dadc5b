"""Distinct values: exact for a few, within the stated error for many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.distinct import Distinct
from nilometer_logger.rows import UNSEEN, Column, Schema
from tests.judging import INF, NAN, numbers, schema_of, take


def distinct(values: list[float]) -> int:
    """Returns the number of different values of one column."""
    statistic = Distinct(Layout(numbers(1)))
    take(statistic, values)
    return int(statistic.distinct[0])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.integers(-3, 3).map(float), st.sampled_from([NAN, INF, -INF, -0.0])), max_size=60))
def test_a_few_are_counted_exactly(values: list[float]) -> None:
    """However often they occur, and with one zero; missing and infinite ones are not counted."""
    assert distinct(values) == len({value for value in values if np.isfinite(value)})


@pytest.mark.parametrize("number", [100, 1000, 3000, 10_000, 200_000])
def test_many_are_within_the_stated_error(number: int) -> None:
    """Over 40 columns the error is 2.3 % in the root mean square, has no bias, and is nowhere above four times that."""
    generator = np.random.default_rng(number)
    statistic = Distinct(Layout(Schema(tuple(Column(f"f{place}") for place in range(40)))))
    for start in range(0, number, 20_000):
        values = generator.normal(size=(min(20_000, number - start), 40))
        take(statistic, values)
        take(statistic, values[:50])  # again, which changes nothing
    error = statistic.distinct / number - 1.0
    assert np.sqrt((error**2).mean()) < 0.023 * 1.3
    assert abs(error.mean()) < 4 * 0.023 / 40**0.5
    assert np.abs(error).max() < 4 * 0.023


@pytest.mark.parametrize("scale", [1.0, 1e-300, 2.0**40])
def test_regular_values_are_no_trap(scale: float) -> None:
    """Consecutive numbers are told apart as random ones are, whatever their unit."""
    assert distinct((np.arange(20_000.0) * scale).tolist()) == pytest.approx(20_000, rel=4 * 0.023)


def test_merging_is_exact() -> None:
    """The sketches of two parts merge to that of all, to the bit, whatever they have in common."""
    values = np.random.default_rng(1).integers(0, 5000, (6000, 2)).astype(float)
    whole, left, right = (Distinct(Layout(numbers(2))) for _ in range(3))
    take(whole, values)
    take(left, values[:4000])
    take(right, values[3000:])
    left.merge(right)
    assert left.state()["registers"].tobytes() == whole.state()["registers"].tobytes()


def test_unseen_categories_are_told_apart_by_their_text() -> None:
    """Two texts that the schema does not name are two values, wherever they stand; one without a text is one more."""
    statistic = Distinct(Layout(schema_of("numeric", "categorical")))
    values = [[1.0, 0.0], [2.0, UNSEEN], [3.0, UNSEEN], [4.0, UNSEEN], [4.0, NAN]]
    take(statistic, values, unrecognized={(1, 1): "blue", (2, 1): "pink", (3, 1): "blue"})
    assert statistic.result() == [{"distinct": 4}, {"distinct": 3}]
    take(statistic, [[1.0, UNSEEN], [1.0, UNSEEN]], unrecognized={(0, 1): "half a pair \ud800"})
    assert statistic.result()[1] == {"distinct": 5}
