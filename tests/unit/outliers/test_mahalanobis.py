"""The Mahalanobis distance: known values, and the baselines and rows that blind others."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import chi2
from sklearn.covariance import ledoit_wolf as of_sklearn

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.outliers.base.contract import weightiest
from nilometer_detectors.outliers.base.covariance import inverse_root, ledoit_wolf
from nilometer_detectors.outliers.mahalanobis import Mahalanobis, equivalent
from nilometer_logger.rows import Floats
from tests.judging import INF, NAN, baseline_of, detector_of, normal, rows_of, schema_of

LIMIT = chi2.isf(0.001, 3)


def correlated(rows: int, *, seed: int = 1) -> Floats:
    """Returns three features of different scales, the second of which follows the first."""
    values = normal(rows, 3, seed=seed)
    values[:, 1] = 0.95 * values[:, 0] + 0.3 * values[:, 1]
    return values * [1.0, 1e-6, 1e6] + [5.0, 0.0, -1e7]


def built(values: Floats, **parameters: Any) -> Any:
    """Returns a detector over a baseline of some values."""
    return detector_of(Mahalanobis, "mahalanobis", baseline_of(values), **parameters)


def explained(detector: Any, row: list[float]) -> dict[str, dict[str, Any]]:
    """Returns what is said of a row that must be flagged."""
    rows = rows_of([row])
    scores = detector.score(rows)
    assert scores.flagged.tolist() == [True]
    told = detector.explain(rows, scores, 0)
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize(("rows", "columns"), [(500, 4), (30, 60), (2, 3), (100, 1), (3, 2)])
@pytest.mark.parametrize("alike", [False, True])
def test_the_covariance_is_that_of_sklearn(rows: int, columns: int, alike: bool) -> None:
    """For many rows and few, and for features that are copies of each other, it is sklearn's to 1e-10."""
    values = normal(rows, columns, seed=rows) * np.linspace(0.1, 3, columns)
    if alike:
        values[:, -1] = values[:, 0]
    ours, theirs = ledoit_wolf(values), of_sklearn(values)
    assert np.allclose(ours[0], theirs[0], rtol=1e-10, atol=1e-12)
    assert ours[1] == pytest.approx(theirs[1], abs=1e-10)


def test_the_root_is_that_of_the_inverse() -> None:
    """Its square is the inverse of the covariance matrix."""
    covariance, _ = ledoit_wolf(normal(200, 5) @ normal(5, 5, seed=2))
    assert np.allclose(inverse_root(covariance) @ covariance @ inverse_root(covariance), np.eye(5))


def test_the_score_is_the_squared_distance() -> None:
    """The score is zᵀ C⁻¹ z with the shrunk covariance of the standardised sample, and the features' add up to it."""
    reference, values = correlated(400), correlated(20, seed=2)
    scores = built(reference).score(rows_of(values))
    mean, scale = reference.mean(axis=0), reference.std(axis=0)
    covariance, _ = of_sklearn((reference - mean) / scale)
    z = (values - mean) / scale
    assert scores.score == pytest.approx(np.einsum("ij,jk,ik->i", z, np.linalg.inv(covariance), z), rel=1e-9)
    assert scores.feature_score.sum(axis=1) == pytest.approx(scores.score, rel=1e-12)


def test_normal_rows_are_flagged_as_often_as_asked() -> None:
    """Of normal rows, the share pValue is flagged, with missing values as without."""
    detector = built(correlated(10_000), pValue=0.01)
    values = correlated(20_000, seed=3)
    assert 0.007 < detector.score(rows_of(values)).flagged.mean() < 0.013
    values[::2, 0] = values[1::3, 2] = NAN
    assert 0.007 < detector.score(rows_of(values)).flagged.mean() < 0.013


def test_a_missing_value_leaves_the_distance_of_the_others() -> None:
    """The others are scored with their own part of the covariance, as the distance that is as improbable with all."""
    detector, alone = built(correlated(400)), built(correlated(400), features=["a", "b"])
    row = correlated(1, seed=5)
    row[0, 2] = NAN
    of_two, of_three = alone.score(rows_of(row)).score, detector.score(rows_of(row)).score
    assert chi2.sf(of_three, 3) == pytest.approx(chi2.sf(of_two, 2))


@pytest.mark.parametrize("degrees", [1, 2, 7, 50])
def test_equivalent_distances_are_as_improbable(degrees: int) -> None:
    """Distances keep their probability, and far out, where that is no number any more, their order."""
    distances = np.array([0.0, 1e-3, 1.0, 30.0, 600.0])
    assert chi2.logsf(equivalent(distances, degrees, 9), 9) == pytest.approx(chi2.logsf(distances, degrees), rel=1e-6)
    far = equivalent(np.array([1200.0, 1300.0, 1400.0, 1500.0, 1e9, 1e300, INF]), degrees, 9)
    assert (np.diff(far[:-1]) > 0).all()
    assert far[-1] == INF


def test_features_that_depend_on_each_other_do_not_blind_it() -> None:
    """Where one feature is another one's copy, a row that breaks the dependence is an outlier, whatever the scale."""
    values = normal(1000, 3)
    values[:, 1] = values[:, 0]
    values[:, 2] = 2 * values[:, 0] - 1
    for scale in (1.0, 1e-9, 1e9):
        detector = built(values * scale)
        scores = detector.score(rows_of(np.array([[1.0, 1.0, 1.0], [1.0, 0.5, 1.0], [9.0, 9.0, 17.0]]) * scale))
        assert scores.flagged.tolist() == [False, True, True]


def test_a_feature_of_tiny_scale_is_judged_like_any_other() -> None:
    """An outlier of six standard deviations is found in a feature whose variance is 1e-24 of another one's."""
    values = normal(1000, 3) * [1.0, 1e-12, 1e12]
    assert built(values).score(rows_of([[0.0, 6e-12, 0.0]])).flagged.tolist() == [True]


def test_a_lasting_shift_is_never_learned() -> None:
    """The ten-thousandth shifted row is as much an outlier as the first."""
    detector = built(normal(1000, 4))
    shifted = rows_of(normal(10_000, 4, seed=2, shift=6.0))
    assert detector.score(shifted).flagged.all()
    assert detector.score(shifted).flagged.all()


def test_fewer_rows_than_features_make_a_baseline() -> None:
    """With thirty features and twenty rows, the shrunk covariance still tells normal rows from far ones."""
    detector = built(normal(20, 30))
    assert detector.score(rows_of(normal(50, 30, seed=2, shift=5.0))).flagged.all()


def test_the_finding_names_the_features_and_their_ranges() -> None:
    """A value that does not go with the others is named, with the range that would have gone with them."""
    detector = built(correlated(5000))
    assert detector.score(rows_of([[7.0, 1.9e-6, -1e7]])).flagged.tolist() == [False]
    told = explained(detector, [7.0, 1.9e-6, -1e7 + 6e6])
    assert list(told) == ["c"]
    assert told["c"]["expected"] == pytest.approx([-1e7 - 3.3e6, -1e7 + 3.3e6], rel=0.02)
    told = explained(detector, [7.0, -1.9e-6, -1e7])
    assert set(told) == {"a", "b"}
    low, high = told["b"]["expected"]
    assert low < 1.9e-6 < high
    assert told["b"]["expected"] == pytest.approx([1.9e-6 - 3.3 * 0.3e-6, 1.9e-6 + 3.3 * 0.3e-6], rel=0.1)


def test_the_weightiest_shares_are_chosen() -> None:
    """As many as it takes for the rest to be within the threshold, and one at least."""
    assert weightiest(np.array([1.0, 5.0, NAN, 3.0]), 1.5) == ([1, 3], 1.0)
    assert weightiest(np.array([0.1, 0.2]), 9.0) == ([1], 0.1)
    assert weightiest(np.array([1.0, INF, 9.0]), 2.0) == ([1, 2], 1.0)


def test_a_constant_feature_expects_its_value() -> None:
    """Another value scores infinitely high; the same one leaves the judgement to the other features."""
    values = np.column_stack([normal(100, 1), np.full(100, 0.1)])
    scores = built(values).score(rows_of([[0.0, 0.1], [0.0, 0.2], [9.0, 0.1], [NAN, 0.1], [NAN, NAN]]))
    assert scores.flagged.tolist() == [False, True, True, False, False]
    assert scores.score[[1, 3]].tolist() == [INF, 0.0]
    assert explained(built(values), [0.0, 0.2])["b"]["reason"] == "constant in the baseline"
    only = built(values[:, 1:])
    assert only.score(rows_of([[0.1], [0.2]])).flagged.tolist() == [False, True]


def test_an_infinite_value_hides_nothing_of_its_row() -> None:
    """The other features of the row keep their shares."""
    told = explained(built(normal(1000, 3)), [INF, 50.0, 0.0])
    assert set(told) == {"a", "b"}
    assert told["a"]["reason"] == "the value is infinite"


def test_the_threshold_can_be_given() -> None:
    """A threshold goes before that of pValue."""
    assert built(normal(1000, 3)).score(rows_of([[0.0, 0.0, 0.0]])).threshold == pytest.approx(LIMIT)
    assert built(normal(1000, 3), threshold=4.0).score(rows_of([[0.0, 2.1, 0.0]])).flagged.tolist() == [True]


def test_a_feature_that_is_hardly_ever_there_is_refused() -> None:
    """A feature that the baseline mostly lacks takes nothing from the others, and is refused by its name."""
    values = normal(100, 3)
    values[:60, 1] = NAN
    with pytest.raises(InvalidDetector, match="too few complete rows with a usable value of 'b'"):
        built(values)
    assert built(values, features=["a", "c"]).score(rows_of([[0.0, NAN, 9.0]])).flagged.tolist() == [True]
    with pytest.raises(InvalidDetector, match="too few complete rows"):
        built(np.ones((1, 2)))


def test_truth_values_have_no_distance() -> None:
    """A boolean feature is not judged, and refused by its name."""
    schema = schema_of("numeric", "boolean")
    baseline = baseline_of(np.column_stack([normal(50, 1), np.tile([0.0, 1.0], 25)]), schema)
    assert detector_of(Mahalanobis, "mahalanobis", baseline).score(rows_of([[0.0, 7.0]], schema)).features == (0,)
    with pytest.raises(InvalidDetector, match="'b' is boolean"):
        detector_of(Mahalanobis, "mahalanobis", baseline, features=["b"])


def test_what_was_prepared_is_what_is_used() -> None:
    """A baseline that holds the prepared arrays needs no sample, and gives the same scores."""
    baseline = baseline_of(correlated(300))
    prepared = replace(
        baseline, prepared={"mahalanobis": Mahalanobis.prepare(baseline)}, feature_sample=baseline.feature_sample[:0]
    )
    rows = rows_of(correlated(10, seed=4))
    scores = [detector_of(Mahalanobis, "mahalanobis", one).score(rows).score.tolist() for one in (baseline, prepared)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("parameters", [{"pValue": 0}, {"pValue": 1}, {"threshold": 0}, {"threshold": INF}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, float]) -> None:
    """A level that is no probability, and a threshold that is no positive number, are refused."""
    with pytest.raises(ValidationError):
        Mahalanobis.Parameters.model_validate(parameters)
