"""Fisher's exact test: scipy's and alibi-detect's numbers."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import fisher_exact

from nilometer_detectors.kernels import fisher

ALTERNATIVES: tuple[fisher.Alternative, ...] = ("two-sided", "less", "greater")


def tables(count: int, seed: int) -> Any:
    """Makes ones and sizes of windows and references."""
    random = np.random.default_rng(seed)
    sizes, reference_sizes = random.integers(1, 500, count), random.integers(2, 3000, count)
    share = random.choice([0.0, 0.01, 0.3, 0.5, 0.99, 1.0], size=count)
    ones = random.binomial(sizes, np.clip(share + random.choice([0, 0.05], size=count), 0, 1))
    return ones, sizes, random.binomial(reference_sizes, share), reference_sizes


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_numbers_are_those_of_scipy(alternative: fisher.Alternative) -> None:
    """p-values are scipy's, however small, and the odds ratios to the bit."""
    made = tables(300, 1)
    p_values, ratios = fisher.p_values(*made, alternative), fisher.odds_ratios(*made)
    for place, (x, m, y, n) in enumerate(zip(*(one.tolist() for one in made), strict=True)):
        expected = fisher_exact([[x, y], [m - x, n - y]], alternative=alternative)
        assert p_values[place] == pytest.approx(expected.pvalue, rel=1e-9)
        np.testing.assert_equal(ratios[place], expected.statistic)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_numbers_are_those_of_alibi_detect(alibi: Any, alternative: fisher.Alternative) -> None:
    """p-values and odds ratios are alibi-detect's, from flags."""
    ones, sizes, reference_ones, reference_sizes = tables(100, 2)
    p_values = fisher.p_values(ones, sizes, reference_ones, reference_sizes, alternative)
    for place in range(100):
        reference, window = np.zeros((reference_sizes[place], 1)), np.zeros((sizes[place], 1))
        reference[: reference_ones[place]] = window[: ones[place]] = 1
        said = alibi.FETDrift(reference, alternative=alternative).score(window)
        assert p_values[place] == pytest.approx(said[0][0], rel=1e-9)


def test_flags_that_are_always_the_same_tell_nothing() -> None:
    """All zeros, or all ones, on both sides: p-value 1 and no odds ratio."""
    made = (np.array([0, 9]), np.array([9, 9]), np.array([0, 20]), np.array([20, 20]))
    assert fisher.p_values(*made).tolist() == [1.0, 1.0]
    assert np.isnan(fisher.odds_ratios(*made)).all()


def test_the_level_is_never_exceeded() -> None:
    """Without drift a p-value of 0.05 or less comes in at most one of 20 windows."""
    random = np.random.default_rng(3)
    size = np.full(3000, 100)
    p_values = fisher.p_values(random.binomial(size, 0.3), size, random.binomial(10 * size, 0.3), 10 * size)
    assert 0.02 < np.mean(p_values <= 0.05) < 0.05 + 2.58 * np.sqrt(0.05 * 0.95 / 3000)
