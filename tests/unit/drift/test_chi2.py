"""The chi-squared test as a detector: scipy's numbers, rare and unseen categories, bins of numbers."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from nilometer_detectors.drift.chi2 import Chi2
from nilometer_logger.rows import Column, Schema
from tests.judging import INF, NAN, baseline_of, detector_of, normal, result_of, rows_of

FIVE = Schema((Column("a", "categorical", tuple("vwxyz")),))


def judged(reference: Any, sample: Any, schema: Schema | None = FIVE, **parameters: Any) -> Any:
    """Returns what the test says of a window of one column, of codes unless a schema says otherwise."""
    baseline = baseline_of(np.reshape(reference, (-1, 1)), schema)
    rows = rows_of(np.reshape(sample, (-1, 1)), baseline.feature_schema)
    return result_of(detector_of(Chi2, "chi2", baseline, **parameters), baseline, rows)


def codes(size: int, shares: list[float], seed: int) -> Any:
    """Returns codes of some shares."""
    return np.random.default_rng(seed).choice(len(shares), size, p=shares).astype(np.float64)


@pytest.mark.parametrize("seed", range(5))
def test_the_numbers_are_scipys(seed: int) -> None:
    """Where no category is rare, χ² and p-value are those of scipy, and with compatibility alibi-detect's float32."""
    shares = [0.3, 0.3, 0.2, 0.1, 0.1]
    reference, sample = codes(1000, shares, seed), codes(300, shares[::-1], seed + 100)
    table = [np.bincount(each.astype(int), minlength=5) for each in (reference, sample)]
    expected = chi2_contingency(table)
    result = judged(reference, sample)
    assert (result.distance, result.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)
    assert result.columns["a"]["degreesOfFreedom"] == 4
    compatible = judged(reference, sample, compatibility="alibi-detect")
    assert compatible.distance == np.float32(expected.statistic)
    assert compatible.p_value == np.float32(expected.pvalue)


def test_rare_categories_are_no_hair_trigger() -> None:
    """Two values of a category that is expected less than once make the plain test far surer than they should."""
    reference = np.repeat([0.0, 1.0, 2.0], [600, 400, 1])
    sample = np.repeat([0.0, 1.0, 2.0], [59, 39, 2])
    assert judged(reference, sample, compatibility="alibi-detect").p_value < 0.003
    assert judged(reference, sample).p_value > 0.04


@pytest.mark.parametrize("rows", [30, 1000])
def test_unseen_categories_are_drift(rows: int) -> None:
    """A window of categories that the baseline does not know drifts at any size, in a baseline of any size."""
    reference = codes(10_000, [0.96, 0.01, 0.01, 0.01, 0.01], 1)
    assert judged(reference, np.full(rows, -1.0)).p_value < 1e-6


def test_bins_of_numbers_are_judged_by_name() -> None:
    """A numeric column is judged by its bins where it is named, and wholly outside of the baseline it drifts."""
    assert judged(normal(1000, 1), normal(200, 1, seed=2), None, features=["a"]).verdict == "ok"
    assert judged(normal(1000, 1), normal(200, 1, seed=2, shift=1), None, features=["a"]).verdict == "drift"
    assert judged(normal(1000, 1), np.full(50, 99.0), None, features=["a"]).p_value < 1e-20


def test_missing_values_are_judged_as_an_aspect() -> None:
    """With aspect missing, it is the share of missing values that drifts, in columns of any type."""
    reference, sample = normal(1000, 1), normal(200, 1, seed=2)
    assert judged(reference, sample, None, aspect="missing").verdict == "ok"
    sample[:40] = NAN
    result = judged(reference, sample, None, aspect="missing")
    assert result.verdict == "drift"
    assert result.columns["a"]["count"] == 200
    sample[:] = NAN
    assert judged(reference, sample, None, aspect="missing").verdict == "drift"
    reference[:200], sample[:] = INF, normal(200, 1, seed=2)
    sample[:40] = -INF
    assert judged(reference, sample, None, aspect="missing").verdict == "ok"  # infinite ones are missing, as ever
