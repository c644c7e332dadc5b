"""Fisher's exact test as a detector: scipy's p-values for columns of two values, and an answer to a third."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.drift.fet import FET
from nilometer_logger.rows import Column, Schema
from tests.judging import NAN, baseline_of, detector_of, normal, result_of, rows_of, schema_of

FLAG, TWO = schema_of("boolean"), schema_of("categorical")
THREE = Schema((Column("a", "categorical", ("x", "y", "z")),))


def judged(reference: Any, sample: Any, schema: Schema | None = FLAG, **parameters: Any) -> Any:
    """Returns what the test says of a window of one column."""
    baseline = baseline_of(np.reshape(reference, (-1, 1)), schema)
    rows = rows_of(np.reshape(sample, (-1, 1)), baseline.feature_schema)
    return result_of(detector_of(FET, "fet", baseline, minRows=1, **parameters), baseline, rows)


def flags(ones: int, size: int) -> Any:
    """Returns flags of which some are 1."""
    return np.repeat([1.0, 0.0], [ones, size - ones])


@settings(max_examples=60, deadline=None)
@given(
    reference=st.integers(0, 50),
    window=st.integers(0, 20),
    alternative=st.sampled_from(["two-sided", "less", "greater"]),
    schema=st.sampled_from([FLAG, TWO]),
)
def test_the_p_value_is_scipys(reference: int, window: int, alternative: str, schema: Schema) -> None:
    """For flags and for two categories, in every direction, the p-value is scipy's."""
    table = [[window, reference], [20 - window, 50 - reference]]
    expected = fisher_exact(table, alternative=alternative).pvalue
    result = judged(flags(reference, 50), flags(window, 20), schema, alternative=alternative)
    assert result.p_value == pytest.approx(expected, rel=1e-9)
    assert result.distance == pytest.approx(abs(window / 20 - reference / 50))


def test_the_odds_ratio_is_told_where_there_is_one() -> None:
    """The odds ratio, alibi-detect's distance, is told beside the difference of the shares; null where it is infinite."""
    assert judged(flags(10, 50), flags(10, 20)).columns["a"]["oddsRatio"] == pytest.approx(4.0)
    assert judged(flags(0, 50), flags(10, 20)).columns["a"]["oddsRatio"] is None


def test_a_third_value_is_judged() -> None:
    """Unseen categories drift, though the share of the second one is what it was."""
    unseen = np.repeat([1.0, 0.0, -1.0], [10, 0, 10])
    result = judged(flags(25, 50), unseen, TWO)
    assert result.verdict == "drift"
    assert result.distance == pytest.approx(0.5)
    assert result.p_value == pytest.approx(2 * fisher_exact([[10, 0], [10, 50]], "greater").pvalue)


def test_columns_of_more_values_are_passed_over_or_refused() -> None:
    """By default only columns of two values are judged; another that is named is refused, with what to take."""
    with pytest.raises(InvalidDetector, match="3 categories, and fet judges columns of two: take chi2"):
        judged([0.0, 1.0, 2.0], [0.0], THREE, features=["a"])
    with pytest.raises(InvalidDetector, match="fet judges features of two values, and the schema has none"):
        judged([0.0, 1.0, 2.0], [0.0], THREE)
    with pytest.raises(InvalidDetector, match="'a' is numeric"):
        judged(normal(9, 1), [0.0], None, features=["a"])


def test_missing_values_are_judged_in_any_column() -> None:
    """With aspect missing, columns of every type are judged by how many of their values are missing."""
    sample = normal(100, 1, seed=2)
    sample[:10] = NAN
    result = judged(normal(300, 1), sample, None, aspect="missing")
    assert result.p_value == pytest.approx(fisher_exact([[10, 0], [90, 300]]).pvalue)
    with pytest.raises(InvalidDetector, match="order of missing values is not kept"):
        judged(normal(300, 1), sample, None, aspect="missing", autocorrelation="correct")
