"""The z-score: which values are too far from the baseline's mean, and what is said of them."""

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.outliers.zscore import ZScore
from nilometer_logger.rows import Column, Schema
from tests.judging import INF, NAN, baseline_of, detector_of, rows_of, schema_of

# Mean 10 and standard deviation 2 in the first column; constant in the second.
BASELINE = baseline_of([[8.0, 5.0], [10.0, 5.0], [12.0, 5.0]])


def test_the_score_is_in_standard_deviations() -> None:
    """A value's score is its distance from the mean in standard deviations; a row's is that of its worst value."""
    scores = detector_of(ZScore, "zscore", BASELINE).score(rows_of([[10.0, 5.0], [13.0, 5.0], [4.0, 5.0]]))
    assert scores.score.tolist() == [0.0, 1.5, 3.0]
    assert scores.feature_score.tolist() == [[0.0, 0.0], [1.5, 0.0], [3.0, 0.0]]


def test_the_threshold_itself_is_still_normal() -> None:
    """A value exactly at the threshold is not an outlier; one beyond it is."""
    detector = detector_of(ZScore, "zscore", BASELINE, threshold=2.0)
    assert detector.score(rows_of([[14.0, 5.0], [14.001, 5.0]])).flagged.tolist() == [False, True]
    assert detector.score(rows_of([[14.0, 5.0]])).expected.tolist() == [[6.0, 14.0], [5.0, 5.0]]


def test_a_constant_feature_expects_its_value() -> None:
    """Where the baseline never varied, the same value is normal and any other infinitely far away."""
    scores = detector_of(ZScore, "zscore", BASELINE).score(rows_of([[10.0, 5.0], [10.0, 5.0001], [10.0, NAN]]))
    assert scores.score.tolist() == [0.0, INF, 0.0]
    assert scores.flagged.tolist() == [False, True, False]


@pytest.mark.parametrize("value", [0.1, 0.3, 1e9 + 0.1])
def test_a_constant_that_is_no_binary_fraction_is_constant(value: float) -> None:
    """Rounding does not turn a constant feature into one with a tiny spread, in which all is an outlier."""
    baseline = baseline_of([[value]] * 997)
    assert detector_of(ZScore, "zscore", baseline).score(rows_of([[value]])).score.tolist() == [0.0]


def test_missing_and_infinite_values() -> None:
    """A missing value is not judged, an infinite one is an outlier."""
    scores = detector_of(ZScore, "zscore", BASELINE).score(rows_of([[NAN, NAN], [INF, 5.0], [-INF, NAN]]))
    assert np.isnan(scores.score[0])
    assert scores.flagged.tolist() == [False, True, True]


def test_only_numbers_are_judged() -> None:
    """Categories and truth values are not judged, and a schema without numbers is refused."""
    schema = schema_of("categorical", "numeric", "boolean")
    baseline = baseline_of([[0.0, 1.0, 1.0], [1.0, 3.0, 1.0]], schema)
    scores = detector_of(ZScore, "zscore", baseline).score(rows_of([[-1.0, 1e9, 0.0]], schema))
    assert scores.features == (1,)
    with pytest.raises(InvalidDetector, match="the schema has none"):
        detector_of(ZScore, "zscore", baseline_of([[0.0]], Schema((Column("a", "categorical", ("x",)),))))


def test_a_feature_without_spread_to_compare_with_is_refused() -> None:
    """A feature of which the baseline knows fewer than two values has no standard deviation: it must be left out."""
    baseline = baseline_of([[1.0, 2.0], [NAN, 3.0]])
    with pytest.raises(InvalidDetector, match="no standard deviation of 'a', with fewer than two usable values"):
        detector_of(ZScore, "zscore", baseline)
    assert detector_of(ZScore, "zscore", baseline, features=["b"]).score(rows_of([[9.0, 2.5]])).score[0] == 0.0


@pytest.mark.parametrize("threshold", [0, -1, NAN, INF, "4"])
def test_a_threshold_is_a_positive_number(threshold: object) -> None:
    """A threshold that is no positive, finite number is refused."""
    with pytest.raises(ValidationError):
        ZScore.Parameters.model_validate({"threshold": threshold})


def test_values_too_large_for_a_difference_are_outliers() -> None:
    """A value whose distance overflows float64 is an outlier, without a warning."""
    baseline = baseline_of([[-1e308], [-1.1e308], [-1.05e308]])
    if baseline.features[0].stddev is None:
        with pytest.raises(InvalidDetector):
            detector_of(ZScore, "zscore", baseline)
    else:
        assert detector_of(ZScore, "zscore", baseline).score(rows_of([[1.7e308]])).flagged.tolist() == [True]
