"""alibi-detect's classifier test behind our contract: its own numbers, the same every time."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.alibi.joint import MODELS, AlibiJoint
from nilometer_detectors.alibi.library import class_of, seeded
from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.drift.base.contract import DriftResult
from nilometer_logger.rows import Floats
from tests.judging import NAN, baseline_of, detector_of, normal, window_of


def judged(reference: Floats, sample: Floats, **parameters: Any) -> DriftResult:
    """Returns what the classifier test says of a window."""
    detector = detector_of(AlibiJoint, "alibi.ClassifierDrift", baseline_of(reference), **parameters)
    result = detector.judge(window_of(sample))
    assert isinstance(result, DriftResult)
    return result


@pytest.mark.parametrize(
    ("given", "arguments"),
    [({}, {}), ({"nFolds": 4}, {"n_folds": 4}), ({"binarizePreds": True}, {"binarize_preds": True})],
)
def test_numbers_are_those_of_alibi_detect(given: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Distance and p-value are those of alibi-detect's detector, from the same rows in the same units and seed."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - only this test needs it

    reference, sample = normal(200), normal(120, seed=2, shift=0.4)
    known = baseline_of(reference).feature_sample
    rows = window_of(sample).features.sample(1000)
    scale = [(each - reference.mean(axis=0)) / reference.std(axis=0, ddof=1) for each in (known, rows)]
    with seeded(5):
        theirs = class_of("alibi.ClassifierDrift")(
            scale[0], model=LogisticRegression(), backend="sklearn", seed=5, **arguments
        ).predict(scale[1])["data"]
    ours = judged(reference, sample, seed=5, **given)
    assert ours.p_value == pytest.approx(float(theirs["p_val"]), rel=1e-6)
    assert ours.distance == pytest.approx(float(theirs["distance"]), rel=1e-6)
    assert ours.verdict == ("drift" if theirs["is_drift"] else "ok")


@pytest.mark.parametrize("model", MODELS)
def test_every_model_gives_the_same_answer_again(model: str) -> None:
    """A detector of any model finds drift, and gives the same numbers whatever was drawn and judged before."""
    reference, sample = normal(120), normal(120, seed=2, shift=2.0)
    first = judged(reference, sample, model=model, nFolds=3)
    np.random.random(5)  # noqa: NPY002 - another state of the generator that alibi-detect draws from
    assert first.verdict == "drift"
    assert judged(reference, sample, model=model, nFolds=3) == first


def test_the_column_that_changed_contributes_most() -> None:
    """Where there is drift, each column is told how much of the distance is due to it."""
    sample = normal(200, 3, seed=2)
    sample[:, 1] += 2.0
    columns = judged(normal(300, 3), sample).columns
    contributions = {name: said["contribution"] for name, said in columns.items()}
    assert max(contributions, key=lambda name: float(str(contributions[name]))) == "b"


def test_a_missing_value_is_no_error() -> None:
    """A row with a missing value takes part with the others of its values."""
    sample = normal(100, seed=2, shift=2.0)
    sample[3, 0] = NAN
    result = judged(normal(200), sample)
    assert result.verdict == "drift"
    assert [said["missing"] for said in result.columns.values()] == [1, 0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": 3}, "has no effect with models of scikit-learn"),
        ({"learningRate": 0.1}, "has no effect with models of scikit-learn"),
        ({"backend": "pytorch"}, "is no known field"),
        ({"updateXRef": {"last": 10}}, "is no known field"),
        ({"retrainFromScratch": False}, "is no known field"),
        ({"predsType": "votes"}, "alibi-detect refuses it"),
    ],
)
def test_parameters_are_checked(parameters: dict[str, Any], message: str) -> None:
    """What has no effect, what is not a monitor's to set, and what alibi-detect fails on later is refused at once."""
    with pytest.raises(InvalidDetector, match=message):
        judged(normal(60), normal(60), **parameters)


@pytest.mark.parametrize("model", ["os.system", "SVC", "/tmp/model.joblib"])
def test_a_model_is_one_of_those_that_are_named(model: str) -> None:
    """No model comes from a file, or from anywhere but the list."""
    with pytest.raises(ValidationError, match="RandomForestClassifier"):
        judged(normal(60), normal(60), model=model)
