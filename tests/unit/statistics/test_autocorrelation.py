"""Autocorrelation: that of pandas, across blocks, around gaps, and without pairs that nobody saw."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.autocorrelation import Autocorrelation
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_logger.rows import Floats
from tests.judging import INF, NAN, numbers, schema_of, take


def autocorrelation(*blocks: Floats) -> Autocorrelation:
    """Returns the autocorrelation of one column after some blocks."""
    statistic = Autocorrelation(Layout(numbers(1)))
    for block in blocks:
        take(statistic, np.asarray(block, dtype=np.float64).reshape(-1, 1))
    return statistic


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([NAN, 0.0, 1.0, 2.5, -7.0, 40.0]), max_size=60), st.integers(0, 60))
def test_it_is_that_of_pandas(values: list[float], cut: int) -> None:
    """Whatever is missing and wherever a block ends, it is pandas' autocorrelation at lag 1."""
    pairs = np.array([pair for pair in pairwise(values) if not np.isnan(pair).any()])
    exists = len(pairs) > 1 and (np.ptp(pairs, axis=0) > 0).all()
    (result,) = autocorrelation(values[:cut], values[cut:]).result()
    expected = pytest.approx(pd.Series(values).autocorr(1), abs=1e-10) if exists else None
    assert result["autocorrelation"] == expected


@pytest.mark.parametrize("strength", [-0.5, 0.0, 0.3, 0.6, 0.95])
def test_it_finds_that_of_an_autoregressive_stream(strength: float) -> None:
    """Of 20,000 values of an AR(1) process it is the process's own within four standard errors."""
    generator = np.random.default_rng(7)
    values = np.zeros(20_000)
    for step in range(1, len(values)):
        values[step] = strength * values[step - 1] + generator.normal()
    found = autocorrelation(*np.array_split(values, 300)).coefficient[0]
    assert found == pytest.approx(strength, abs=4 * np.sqrt((1 - strength**2) / len(values)) + 1e-3)


def test_a_gap_breaks_the_chain() -> None:
    """Values on both sides of a missing or an infinite one make no pair; a column has its own gaps."""
    statistic = Autocorrelation(Layout(schema_of("numeric", "numeric", "categorical")))
    take(statistic, [[1.0, 1.0, 0.0], [2.0, NAN, 1.0], [INF, 2.0, 1.0]])
    take(statistic, [[4.0, 4.0, 0.0], [8.0, 3.0, NAN]])
    assert statistic.pairs.tolist() == [2, 2, 3]
    first, second, third = statistic.result()
    assert (first["autocorrelation"], second["autocorrelation"]) == (pytest.approx(1.0), pytest.approx(-1.0))
    assert third == {}


def test_a_border_of_merged_states_makes_no_pair() -> None:
    """Where two states meet nobody knows what came first: n and m rows make n - 1 and m - 1 pairs, and none is made later."""
    values = np.random.default_rng(1).normal(size=60).cumsum()
    first, second = autocorrelation(values[:25]), autocorrelation(values[25:])
    first.merge(second)
    assert first.pairs.tolist() == [24 + 34]
    pairs = np.concatenate([np.stack([part[:-1], part[1:]]) for part in (values[:25], values[25:])], axis=1)
    assert first.coefficient[0] == pytest.approx(np.corrcoef(pairs)[0, 1], rel=1e-12)
    take(first, [[1.0], [2.0]])
    assert first.pairs.tolist() == [24 + 34 + 1]


def test_an_empty_side_breaks_nothing() -> None:
    """Merged with a state of no rows, in either order, the chain goes on as if nothing had happened."""
    values = np.random.default_rng(1).normal(size=30)
    whole, left, right = autocorrelation(values), autocorrelation(values[:20]), autocorrelation()
    left.merge(autocorrelation())
    right.merge(autocorrelation(values[:20]))
    for statistic in (left, right):
        take(statistic, values[20:].reshape(-1, 1))
        assert {name: one.tobytes() for name, one in statistic.state().items()} == {
            name: one.tobytes() for name, one in whole.state().items()
        }


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [5.1, 0.3, 0.3, 0.3], [0.1] * 50, [1.0, NAN] * 20])
def test_what_does_not_exist_is_null(values: list[float]) -> None:
    """Fewer than two pairs, or values that do not vary, have no autocorrelation, and not one made of rounding."""
    assert autocorrelation(values).result() == [{"autocorrelation": None}]
