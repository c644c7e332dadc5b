"""ECOD: the tails of all features together, as pyod adds them up."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.outliers.ecod import ECOD
from tests.judging import INF, NAN, baseline_of, detector_of, normal, rows_of

# One value more is below k + 1 of 5 and above 5 - k.
BASELINE = baseline_of([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0], [4.0, 7.0]])


def of_pyod(reference: Any, row: Any) -> float:
    """Returns what pyod 3.6.7 computes for one row: the row is added to the reference, and each value's tails counted."""
    everything = np.vstack([reference, row])
    left = -np.log((everything <= row).mean(axis=0))
    right = -np.log((everything >= row).mean(axis=0))
    return float(np.maximum(left, right).sum())


def explained(detector: Any, row: list[float]) -> Any:
    """Returns what is said of a row that must be flagged."""
    rows = rows_of([row])
    scores = detector.score(rows)
    assert scores.flagged.tolist() == [True]
    return detector.explain(rows, scores, 0)


def test_scores_counted_by_hand() -> None:
    """A value's score is -ln of the share that lies at or beyond it on the rarer side, itself among them."""
    scores = detector_of(ECOD, "ecod", BASELINE).score(rows_of([[2.5, 7.0], [1.0, 7.0], [0.0, 7.0], [9.0, 8.0]]))
    assert scores.score == pytest.approx([np.log(5 / 3), np.log(5 / 2), np.log(5), 2 * np.log(5)])


def test_scores_that_pyod_gave() -> None:
    """Golden values of pyod 3.6.7, row by row, with ties and a constant feature."""
    reference = [[0.0, 3.0, 7.0], [0.5, 1.0, 7.0], [-1.0, 1.0, 7.0], [2.0, 2.0, 7.0], [0.1, 2.0, 7.0]]
    rows = [[0.1, 1.0, 7.0], [9.0, 9.0, 9.0], [-9.0, 0.0, 7.0], [0.0, 2.0, 6.0]]
    scores = detector_of(ECOD, "ecod", baseline_of(reference)).score(rows_of(rows)).score
    assert scores.tolist() == pytest.approx(
        [1.0986122886681098, 5.375278407684165, 3.58351893845611, 2.8903717578961645], abs=1e-12
    )


def test_the_scores_are_those_of_the_formula() -> None:
    """For any reference and row, they are the formula's."""
    generator = np.random.default_rng(3)
    reference = np.column_stack([generator.normal(size=80), generator.exponential(size=80).round(1), np.full(80, 7.0)])
    values = np.vstack([generator.normal(size=(40, 3)).round(1), normal(20, 3) * 1e6, reference[:20]])
    scores = detector_of(ECOD, "ecod", baseline_of(reference)).score(rows_of(values)).score
    assert scores == pytest.approx([of_pyod(reference, row) for row in values], rel=1e-12)


def test_missing_and_infinite_values() -> None:
    """A missing value adds nothing, an infinite one scores infinitely high."""
    scores = detector_of(ECOD, "ecod", BASELINE).score(rows_of([[NAN, 8.0], [NAN, NAN], [INF, 7.0], [-INF, NAN]]))
    assert scores.score[[0, 2, 3]].tolist() == [np.log(5.0), INF, INF]
    assert scores.flagged.tolist()[1:] == [False, True, True]


def test_the_threshold_is_a_percentile_of_the_baseline() -> None:
    """`thresholdPerc` of the baseline's rows lie below it; a given threshold goes before it."""
    reference = normal(2000)
    detector = detector_of(ECOD, "ecod", baseline_of(reference), thresholdPerc=95)
    assert detector.score(rows_of(reference)).flagged.mean() == pytest.approx(0.05, abs=0.002)
    given = detector_of(ECOD, "ecod", baseline_of(reference), threshold=5.5, thresholdPerc=50)
    assert given.score(rows_of(reference)).threshold == 5.5


def test_what_is_a_little_strange_in_many_features_is_found() -> None:
    """A row that is at the edge of many features is an outlier; the finding names all of them and no others."""
    detector = detector_of(ECOD, "ecod", baseline_of(normal(2000, 8)))
    told = explained(detector, [2.4] * 6 + [0.0] * 2)
    assert list(told) == list("abcdef")
    for said in told.values():
        assert -2.4 < said["expected"][0] < 0 < said["expected"][1] < 2.4


def test_with_what_is_expected_the_row_is_normal() -> None:
    """With the named features at an end of what is expected, the row is not flagged."""
    detector = detector_of(ECOD, "ecod", baseline_of(normal(2000, 3)), thresholdPerc=99)
    row = [5.0, 5.0, 0.3]
    told = explained(detector, row)
    for side in (0, 1):
        changed = [
            told[name]["expected"][side] if name in told else value for name, value in zip("abc", row, strict=True)
        ]
        assert detector.score(rows_of([changed])).flagged.tolist() == [False]


def test_a_feature_without_values_is_refused() -> None:
    """A feature of which the baseline has no value must be left out by name."""
    empty = replace(BASELINE, feature_sample=BASELINE.feature_sample * [1.0, NAN], sorted_samples=None)
    with pytest.raises(InvalidDetector, match="no usable value of 'b'"):
        detector_of(ECOD, "ecod", empty)


@pytest.mark.parametrize("parameters", [{"threshold": 0}, {"thresholdPerc": 0}, {"thresholdPerc": 100.1}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, float]) -> None:
    """A threshold that is no positive number, and what is no percentage, are refused."""
    with pytest.raises(ValidationError):
        ECOD.Parameters.model_validate(parameters)
