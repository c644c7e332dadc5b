"""The domain classifier: a cross-validated AUC with an exact level, that sees products of columns."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import roc_auc_score

from nilometer_detectors.drift.classifier import Classifier
from nilometer_detectors.drift.ks import KS
from nilometer_logger.rows import Floats, Schema
from tests.judging import NAN, baseline_of, detector_of, normal, schema_of, window_of


def judged(reference: Any, sample: Any, schema: Schema | None = None, **parameters: Any) -> Any:
    """Returns what the classifier says of a window."""
    detector = detector_of(Classifier, "classifier", baseline_of(reference, schema), **parameters)
    return detector.judge(window_of(sample, schema, sample=detector.needs().sample))


def kernel(left: Floats, right: Floats) -> Floats:
    """Returns the kernel of the classifier's docstring."""
    products = left @ right.T / left.shape[1]
    return products + products**2


def test_the_auc_is_that_of_a_ridge_regression_in_folds() -> None:
    """The distance is the mean AUC over folds of scikit-learn's kernel ridge regression on centred labels and kernel."""
    detector = detector_of(Classifier, "classifier", baseline_of(normal(60, 3)), nFolds=4)
    window = window_of(normal(40, 3, seed=2, shift=0.3))
    values = window.features.sample(500)
    rows = np.concatenate([detector.reference, detector._encode(values)])
    labels = np.repeat([0.0, 1.0], [60, 40])
    folds = np.concatenate([np.arange(60) % 4, np.arange(40) % 4])
    found, pairs = 0.0, 0.0
    for fold in range(4):
        train, test = folds != fold, folds == fold
        within, across = kernel(rows[train], rows[train]), kernel(rows[test], rows[train])
        means = within.mean(axis=0)
        centred = within - means - means[:, np.newaxis] + means.mean()
        shifted = across - across.mean(axis=1)[:, np.newaxis] - means + means.mean()
        ridge = KernelRidge(alpha=np.trace(centred) / train.sum(), kernel="precomputed")
        scores = ridge.fit(centred, labels[train] - labels[train].mean()).predict(shifted)
        weight = labels[test].sum() * (1 - labels[test]).sum()
        found, pairs = found + weight * roc_auc_score(labels[test], scores), pairs + weight
    assert detector.judge(window).distance == pytest.approx(found / pairs, abs=1e-12)


def test_false_alarms_are_as_rare_as_asked() -> None:
    """Of 1,000 windows without drift, with baselines of their own, 5 % are said to drift, within the binomial 99 % band."""
    values = np.random.default_rng(7).normal(size=(1000, 110, 4))
    values[:, :, 0] += values[:, :, -1]
    alarms = sum(judged(each[:80], each[80:], nPermutations=59, nFolds=3).verdict == "drift" for each in values)
    assert 33 <= alarms <= 69


def test_discrete_data_make_no_more_false_alarms() -> None:
    """Of 300 windows of integers and categories without drift, at most 5 % are said to drift, within the band."""
    schema = schema_of("numeric", "categorical")
    values = np.random.default_rng(8).integers(0, 2, (300, 110, 2)).astype(float)
    alarms = sum(judged(each[:80], each[80:], schema, nPermutations=59, nFolds=3).verdict == "drift" for each in values)
    assert alarms <= 25


def test_drift_that_no_column_shows_is_found() -> None:
    """Columns whose correlation changes can be told apart, though no column can."""
    reference, sample = normal(500, 2), normal(200, 2, seed=2)
    sample[:, 1] = 0.8 * sample[:, 0] + 0.6 * sample[:, 1]
    assert judged(reference, sample).verdict == "drift"
    assert detector_of(KS, "ks", baseline_of(reference)).judge(window_of(sample)).verdict == "ok"


def test_a_shift_across_correlated_columns_is_found_more_often_than_by_tests_of_each() -> None:
    """Where 26 columns move together, a small shift against their correlation is found in most windows, by ks in few."""
    generator = np.random.default_rng(9)
    mixing = np.linalg.cholesky(0.2 * np.eye(26) + 0.8)
    found = {"classifier": 0, "ks": 0}
    for _ in range(10):
        reference, sample = (generator.normal(size=(rows, 26)) @ mixing.T for rows in (300, 100))
        sample[:, :2] += [0.3, -0.3]
        baseline, window = baseline_of(reference), window_of(sample)
        found["classifier"] += detector_of(Classifier, "classifier", baseline).judge(window).verdict == "drift"
        found["ks"] += detector_of(KS, "ks", baseline).judge(window).verdict == "drift"
    assert found["classifier"] >= 8
    assert found["ks"] <= 5


def test_drift_is_laid_at_the_right_column() -> None:
    """In a window that drifts, the AUC loses most without the column that has changed."""
    sample = normal(200, 4, seed=2)
    sample[:, 2] += 1.0
    columns = judged(normal(500, 4), sample).columns
    shares = {name: said["contribution"] for name, said in columns.items()}
    assert max(shares, key=shares.__getitem__) == "c"
    assert shares["c"] > 0.1
    assert max(abs(share) for name, share in shares.items() if name != "c") < 0.05


def test_what_cannot_be_told_apart_is_half_right() -> None:
    """Where all rows are the same the AUC is 0.5 and p is 1."""
    result = judged(np.full((50, 2), 3.0), np.full((40, 2), 3.0))
    assert (result.distance, result.p_value) == (0.5, 1.0)


def test_a_window_wholly_outside_the_baseline_is_always_told() -> None:
    """Traffic that shares no value with the baseline has an AUC of 1."""
    assert judged(normal(100), normal(100, seed=2, shift=9.0)).distance == 1.0


def test_a_column_without_values_takes_no_part() -> None:
    """With a column missing in every row, the answer is that of the other columns alone."""
    reference, sample = normal(200, 3), normal(60, 3, seed=2)
    sample[:, 1] = NAN
    result, others = judged(reference, sample), judged(reference[:, [0, 2]], sample[:, [0, 2]])
    assert (result.distance, result.p_value) == (others.distance, others.p_value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"nFolds": 1}, "greater than or equal to 2"),
        ({"minRows": 4}, r"minRows smaller than nFolds \(5\)"),
        ({"referenceSize": 4}, r"referenceSize smaller than nFolds \(5\)"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], message: str) -> None:
    """Folds that could be empty are refused, with what is wrong."""
    with pytest.raises(ValidationError, match=message):
        Classifier.Parameters.model_validate(parameters)
