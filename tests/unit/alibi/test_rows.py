"""alibi-detect's outlier detectors behind our contract: its own scores, and none of its traps."""

from typing import Any

import numpy as np
import pytest

from nilometer_detectors.alibi.library import class_of, seeded
from nilometer_detectors.alibi.rows import AlibiRows
from nilometer_detectors.detector import InvalidDetector
from nilometer_logger.rows import Floats
from tests.judging import NAN, baseline_of, detector_of, normal, rows_of


def built(name: str, reference: Floats, **parameters: Any) -> Any:
    """Returns a detector of alibi-detect over the columns of a reference."""
    return detector_of(AlibiRows, f"alibi.{name}", baseline_of(reference), **parameters)


def standardised(values: Floats, reference: Floats) -> Floats:
    """Returns values in the units that the detector is given."""
    middle = np.sort(reference, axis=0)[len(reference) // 2]
    found: Floats = (values - middle) / reference.std(axis=0)
    return found


@pytest.mark.parametrize(
    ("name", "parameters", "arguments"),
    [
        ("IForest", {"nEstimators": 30, "seed": 3}, {"n_estimators": 30}),
        ("GMM", {"nComponents": 2, "seed": 3}, {"n_components": 2}),
    ],
)
def test_scores_are_those_of_alibi_detect(name: str, parameters: dict[str, Any], arguments: dict[str, Any]) -> None:
    """The scores are those of alibi-detect's detector, fitted on the same rows from the same seed."""
    reference, values = normal(300, 3), normal(200, 3, seed=2, shift=1.0)
    with seeded(3):
        theirs = class_of(f"alibi.{name}")(**arguments)
        theirs.fit(standardised(baseline_of(reference).feature_sample, reference))
    scores = built(name, reference, **parameters).score(rows_of(values)).score
    assert scores.tolist() == pytest.approx(theirs.score(standardised(values, reference)).tolist(), rel=1e-9)


def test_a_learning_detector_scores_as_it_stood_after_the_baseline() -> None:
    """Each row gets the score that alibi-detect gives the first row after the baseline, and every time the same."""
    reference, values = normal(300, 4), normal(40, 4, seed=2, shift=2.0)
    theirs = []
    for row in standardised(values, reference):
        detector = class_of("alibi.Mahalanobis")(threshold=1.0, n_components=2)
        detector.score(standardised(reference, reference))
        theirs.append(float(detector.score(row[np.newaxis])[0]))
    ours = built("Mahalanobis", reference, nComponents=2)
    assert ours.score(rows_of(values)).score.tolist() == pytest.approx(theirs, rel=1e-9)
    assert ours.score(rows_of(values)).score.tolist() == ours.score(rows_of(values)).score.tolist()


def test_lasting_drift_is_not_taken_for_normal() -> None:
    """Rows six standard deviations off are flagged to the last, which alibi-detect stops doing."""
    reference, shifted = normal(500, 2), normal(800, 2, seed=2, shift=6.0)
    detector = class_of("alibi.Mahalanobis")()
    detector.infer_threshold(reference, threshold_perc=99.9)
    theirs = [detector.predict(block)["data"]["is_outlier"].mean() for block in np.split(shifted, 8)]
    assert theirs[-1] < theirs[0]
    assert built("Mahalanobis", reference).score(rows_of(shifted)).flagged.all()


def test_small_scales_are_seen() -> None:
    """Features of small scale are judged in their own units; alibi-detect gives all rows the score 0."""
    reference, strange = normal(500, 3) * 1e-4, np.full((1, 3), 1.0)
    detector = class_of("alibi.Mahalanobis")()
    detector.infer_threshold(reference)
    assert detector.predict(strange)["data"]["instance_score"].tolist() == [0.0]
    assert built("Mahalanobis", reference).score(rows_of(strange)).flagged.tolist() == [True]


def test_a_blind_detector_is_refused() -> None:
    """A detector that gives all rows the same score, because the features are collinear, is refused with the remedy."""
    column = normal(300, 1)
    with pytest.raises(InvalidDetector, match="take mahalanobis"):
        built("Mahalanobis", np.hstack([column, 2 * column, -column]))


@pytest.mark.parametrize("name", ["GMM", "IForest", "Mahalanobis"])
def test_a_missing_value_hides_nothing(name: str) -> None:
    """A row with a missing value is flagged for another one; alibi-detect fails on it, or takes it for normal."""
    detector = built(name, normal(500, 3), thresholdPerc=99)
    scores = detector.score(rows_of([[NAN, 0.0, 0.0], [NAN, 9.0, 9.0], [NAN, NAN, NAN]]))
    assert scores.flagged.tolist() == [False, True, False]


@pytest.mark.parametrize("name", ["GMM", "IForest", "Mahalanobis"])
def test_the_threshold_is_a_percentile_of_the_baseline(name: str) -> None:
    """Of the baseline's own rows the share is flagged that was asked for."""
    reference = normal(500, 3)
    flagged = built(name, reference, thresholdPerc=90).score(rows_of(reference)).flagged
    assert flagged.mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("name", ["GMM", "IForest", "Mahalanobis"])
def test_the_seed_decides(name: str) -> None:
    """The same seed gives the same scores to the bit, whatever was drawn before."""
    reference, rows = normal(300, 3), rows_of(normal(50, 3, seed=2))
    first = built(name, reference, seed=4).score(rows).score
    np.random.random(7)  # noqa: NPY002 - another state of the generator that alibi-detect draws from
    assert built(name, reference, seed=4).score(rows).score.tolist() == first.tolist()


def test_the_feature_to_blame_is_named() -> None:
    """A value that is strange by itself is named; where only the combination is, the feature that explains it best."""
    reference = np.random.default_rng(1).multivariate_normal([0, 0], [[1, 0.99], [0.99, 1]], 500)
    detector = built("GMM", reference)
    for row, names in (([9.0, 9.0], {"a", "b"}), ([1.6, -1.8], None)):
        rows = rows_of([row])
        scores = detector.score(rows)
        told = detector.explain(rows, scores, 0)
        assert scores.flagged.tolist() == [True]
        assert told.keys() == (names or told.keys())
        assert told
        for feature, said in told.items():
            assert said["value"] == row["ab".index(feature)]
            assert said["expected"] == [
                reference[:, "ab".index(feature)].min(),
                reference[:, "ab".index(feature)].max(),
            ]


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("IForest", {"nEstimator": 10}, "did you mean nEstimators"),
        ("IForest", {"nEstimators": -1}, "alibi-detect refuses it"),
        ("IForest", {"nJobs": 2}, "is no known field"),
        ("GMM", {"backend": "pytorch"}, "is no known field"),
        ("Mahalanobis", {"catVars": {"0": 2}}, "expected a number, a text or a truth value"),
    ],
)
def test_parameters_are_checked(name: str, parameters: dict[str, Any], message: str) -> None:
    """What the constructor does not take, or takes and fails on later, is refused when the monitor is built."""
    with pytest.raises(InvalidDetector, match=message):
        built(name, normal(50), **parameters)


def test_a_baseline_of_constants_is_refused() -> None:
    """Where nothing varies, nothing can be learnt, and that is said."""
    with pytest.raises(InvalidDetector, match="constant"):
        built("IForest", np.ones((50, 2)))
