"""Tukey's fences: which values lie beyond them."""

from dataclasses import replace

import numpy as np
import pytest

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.outliers.iqr import IQR
from tests.judging import INF, NAN, baseline_of, detector_of, normal, rows_of

# Quartiles 2 and 4 in the first column; three quarters of the second are 7, the rest 5 and 8.
BASELINE = baseline_of([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0], [4.0, 7.0], [5.0, 7.0], [NAN, 5.0], [NAN, 8.0]])


def test_the_score_is_in_interquartile_ranges() -> None:
    """Within the quartiles the score is 0, and beyond them the distance in interquartile ranges."""
    scores = detector_of(IQR, "iqr", BASELINE).score(rows_of([[3.0, 7.0], [4.0, 7.0], [7.0, 7.0], [-3.0, 7.0]]))
    assert scores.score.tolist() == [0.0, 0.0, 1.5, 2.5]


def test_the_fence_itself_is_still_normal() -> None:
    """A value at the fence is no outlier, one beyond it is; the fences are what is expected."""
    scores = detector_of(IQR, "iqr", BASELINE, threshold=1.5).score(rows_of([[7.0, 7.0], [7.001, 7.0], [-1.1, 7.0]]))
    assert scores.flagged.tolist() == [False, True, True]
    assert scores.expected.tolist() == [[-1.0, 7.0], [5.0, 8.0]]


def test_quartiles_that_coincide_expect_the_samples_range() -> None:
    """Where the middle half is one value, what the sample holds is normal, and what lies beyond infinitely far away."""
    scores = detector_of(IQR, "iqr", BASELINE).score(rows_of([[3.0, 5.0], [3.0, 8.0], [3.0, 8.1], [3.0, 4.9]]))
    assert scores.score.tolist() == [0.0, 0.0, INF, INF]


def test_missing_and_infinite_values() -> None:
    """A missing value is not judged, an infinite one is an outlier."""
    scores = detector_of(IQR, "iqr", BASELINE).score(rows_of([[NAN, NAN], [INF, 7.0], [-INF, NAN]]))
    assert np.isnan(scores.score[0])
    assert scores.flagged.tolist() == [False, True, True]


def test_outliers_of_the_baseline_hardly_move_the_fences() -> None:
    """A hundredth of wild values in the baseline hides no outlier, though it makes the standard deviation huge."""
    values = normal(1000, 1)
    values[::100] = 1e6
    assert detector_of(IQR, "iqr", baseline_of(values)).score(rows_of([[9.0]])).flagged.tolist() == [True]


def test_a_feature_without_values_is_refused() -> None:
    """A feature of which the baseline has no value must be left out by name."""
    baseline = baseline_of([[1.0, 2.0], [2.0, 3.0]])
    empty = replace(baseline, feature_sample=baseline.feature_sample * [1.0, NAN], sorted_samples=None)
    with pytest.raises(InvalidDetector, match="no usable value of 'b'"):
        detector_of(IQR, "iqr", empty)
    assert detector_of(IQR, "iqr", empty, features=["a"]).score(rows_of([[1.5, 2.0]])).score.tolist() == [0.0]
