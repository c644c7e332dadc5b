"""What drift detectors promise of both halves: those that judge all columns at once join them, the others say why not.

Which they are is asked of themselves: a `JointDrift` takes `of: both`.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.detector import Context, InvalidDetector
from nilometer_detectors.drift.base.contract import DriftResult
from nilometer_detectors.drift.base.joint import JointDrift
from nilometer_detectors.monitors.findings import FindingFactory
from nilometer_logger.rows import Column, Floats, Rows, Schema
from tests.contract.detectors import KINDS, REFERENCE, every_drift_detector
from tests.judging import INF, NAN, STREAM, baseline_of, closed, detector_of, result_of, rows_of, schema_of, window_for

joint = [name for name, kind in KINDS.items() if issubclass(kind, JointDrift)]
one_by_one = [name for name, kind in KINDS.items() if kind.kind == "drift" and name not in joint]
every_joint_detector = pytest.mark.parametrize("name", joint)

FEATURES = schema_of("numeric", "categorical")
ANSWER = Schema((Column("a"),))  # a name that a feature has as well
NAMES = ["features.a", "b", "predictions.a"]


def inferences(rows: int, *, seed: int, sign: float = 1.0) -> tuple[Floats, Floats]:
    """Returns values of features, and of a prediction that follows the first of them, upwards or downwards."""
    generator = np.random.default_rng(seed)
    features = np.column_stack([generator.normal(size=rows), generator.integers(0, 2, rows)])
    return features, sign * 0.8 * features[:, :1] + generator.normal(0, 0.6, (rows, 1))


BASELINE = baseline_of(
    *[part for half in zip(inferences(500, seed=1), (FEATURES, ANSWER), strict=True) for part in half]
)


def blocks_of(features: Floats, predictions: Floats, baseline: Baseline = BASELINE) -> list[Rows]:
    """Returns the blocks of both halves, of the same ids."""
    return [
        rows_of(features, baseline.feature_schema),
        rows_of(predictions, baseline.prediction_schema, half="response"),
    ]


def judged(name: str, blocks: Sequence[Rows], **parameters: Any) -> DriftResult:
    """Returns what a detector of both halves says of a window of some blocks."""
    return result_of(detector_of(KINDS[name], name, BASELINE, of="both", **parameters), BASELINE, *blocks)


def said(result: DriftResult, field: str) -> dict[str, object]:
    """Returns one thing that is said of each column."""
    return {name: column.get(field) for name, column in result.columns.items()}


@every_joint_detector
def test_another_relation_is_drift(name: str) -> None:
    """A prediction that follows a feature in another way is drift, though neither half drifts by itself."""
    features, predictions = inferences(300, seed=2, sign=-1.0)
    blocks = blocks_of(features, predictions)
    parameters = {"model": "RandomForestClassifier"} if name.startswith("alibi.") else {}  # by default, straight lines
    result = judged(name, blocks, **parameters)
    assert result.verdict == "drift"
    assert list(result.columns) == NAMES
    assert result.joined == {"rows": 300, "unpairedRequests": 0, "unpairedResponses": 0}
    assert judged(name, blocks_of(*inferences(300, seed=4)), **parameters).verdict == "ok"
    for of in ("features", "predictions"):
        assert result_of(detector_of(KINDS[name], name, BASELINE, of=of), BASELINE, *blocks).verdict == "ok"


@every_joint_detector
def test_the_way_of_the_rows_does_not_matter(name: str) -> None:
    """Responses before their requests, rows in any order and in blocks of any size get the same judgement, to the bit."""
    requests, responses = blocks_of(*inferences(200, seed=4))
    order = np.random.default_rng(0).permutation(200)
    cut = [responses.take(order[first : first + 7]) for first in range(0, 200, 7)]
    cut += [requests.take(order[::-1][first : first + 50]) for first in range(0, 200, 50)]
    assert judged(name, cut) == judged(name, [requests, responses])


@every_joint_detector
def test_what_has_no_other_half_is_counted_and_left_out(name: str) -> None:
    """Rows of one half only are told; the verdict is that of the others."""
    requests, responses = blocks_of(*inferences(300, seed=5))
    answered = np.arange(0, 300, 2)
    result = judged(name, [requests, responses.take(answered)])
    assert result.joined == {"rows": 150, "unpairedRequests": 150, "unpairedResponses": 0}
    alone = judged(name, [requests.take(answered), responses.take(answered)])
    assert (result.verdict, result.distance, result.columns) == (alone.verdict, alone.distance, alone.columns)


@every_joint_detector
@pytest.mark.parametrize(("asked", "answered"), [(0, 0), (1, 1), (300, 0), (0, 300), (300, 5)])
def test_too_few_pairs_get_no_verdict(name: str, asked: int, answered: int) -> None:
    """Where requests and responses hardly meet, nothing is judged, and it is said how many met and how many did not."""
    requests, responses = blocks_of(*inferences(300, seed=6))
    some = [requests.take(np.arange(asked)), responses.take(np.arange(answered))]
    result, pairs = judged(name, some), min(asked, answered)
    assert result.verdict == "nodata"
    assert result.reason.startswith(f"{pairs} rows, fewer than minRows (30); joined ones")
    assert f"{asked - pairs} of requests and {answered - pairs} of responses" in result.reason
    assert set(said(result, "drift").values()) == {None}


@every_joint_detector
@pytest.mark.parametrize("nothing", [NAN, INF, -INF])
@pytest.mark.parametrize("half", [0, 1])
def test_a_missing_value_loses_no_pair(name: str, nothing: float, half: int) -> None:
    """A value that is missing or infinite, in either half, is counted, and its row is judged with the others."""
    values = inferences(300, seed=2, sign=-1.0)
    values[half][7, 0] = nothing
    result = judged(name, blocks_of(*values))
    assert result.joined["rows"] == 300
    assert said(result, "missing") == {**dict.fromkeys(NAMES, 0), NAMES[2 * half]: 1}


@every_joint_detector
def test_an_unseen_category_is_judged(name: str) -> None:
    """Categories that nobody knows are drift of both halves, as of one."""
    features, predictions = inferences(300, seed=2)
    features[:, 1] = -1.0
    assert judged(name, blocks_of(features, predictions)).verdict == "drift"


@every_joint_detector
def test_a_constant_column_has_an_answer(name: str) -> None:
    """A prediction that is the same in all rows of the baseline is no drift while it stays so, and is one after that."""
    features, predictions = inferences(500, seed=1)
    baseline = baseline_of(features, FEATURES, np.full_like(predictions, 5.0), ANSWER)
    detector = detector_of(KINDS[name], name, baseline, of="both")
    for value, verdict in ((5.0, "ok"), (6.0, "drift")):
        blocks = blocks_of(inferences(300, seed=2)[0], np.full((300, 1), value))
        assert result_of(detector, baseline, *blocks).verdict == verdict


@every_joint_detector
def test_columns_of_both_halves_can_be_chosen(name: str) -> None:
    """The monitor names columns of either half; a name that both have is told apart, and each stands in its half."""
    blocks = blocks_of(*inferences(100, seed=2))
    detector = detector_of(KINDS[name], name, BASELINE, of="both", features=["predictions.a", "b"])
    result = result_of(detector, BASELINE, *blocks)
    event = FindingFactory("demo/iris", "sha256:0", STREAM).drift(
        closed(), window_for(detector, BASELINE, *blocks), detector, result
    )
    body = json.loads(event.data, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert (list(body["features"]), list(body["predictions"])) == (["b"], ["a"])
    assert body["joined"] == {"rows": 100, "unpairedRequests": 0, "unpairedResponses": 0}
    with pytest.raises(InvalidDetector, match=r"'a' is none of the columns; there are features\.a, b, predictions\.a"):
        detector_of(KINDS[name], name, BASELINE, of="both", features=["a"])


@every_joint_detector
def test_rows_are_left_as_they_are(name: str) -> None:
    """Judging changes no row."""
    values = inferences(100, seed=2)
    before = [half.copy() for half in values]
    judged(name, blocks_of(*values))
    assert all((half == copy).all() for half, copy in zip(values, before, strict=True))


@every_joint_detector
def test_false_alarms_are_as_rare_as_asked(name: str) -> None:
    """Windows without drift raise at most about one alarm in twenty, though a tenth of the requests is unanswered."""
    detector = detector_of(KINDS[name], name, BASELINE, of="both", referenceSize=150)
    alarms = 0
    for seed in range(100, 220):
        requests, responses = blocks_of(*inferences(100, seed=seed))
        answered = np.flatnonzero(np.random.default_rng(seed).random(100) < 0.9)
        alarms += result_of(detector, BASELINE, requests, responses.take(answered)).verdict == "drift"
    assert alarms <= 14  # of 120: six are expected at most; more than 14 come by chance in one run of 2,000


@pytest.mark.parametrize("name", one_by_one)
def test_who_judges_columns_one_by_one_says_why_not_both(name: str) -> None:
    """A detector that would gain nothing by joined rows refuses them, and says what to take instead."""
    with pytest.raises(ValidationError, match=r"each column is judged by itself.* take .* classifier or mmd"):
        KINDS[name].Parameters.model_validate({"of": "both"})
    assert "both" not in json.dumps(KINDS[name].Parameters.model_json_schema()["properties"]["of"])


@every_drift_detector
def test_a_baseline_without_predictions_is_refused(name: str) -> None:
    """Where predictions are to be judged and the baseline has none, it is said how to build one that has."""
    baseline = baseline_of(REFERENCE.feature_sample, REFERENCE.feature_schema)
    context = Context("mine", name, baseline.feature_schema, baseline, predictions=REFERENCE.prediction_schema)
    kind = KINDS[name]
    for of in ("predictions", "both") if name in joint else ("predictions",):
        with pytest.raises(
            InvalidDetector, match="the baseline has no predictions: build it with --prediction"
        ) as error:
            kind(kind.Parameters.model_validate({"of": of}), context)
        assert error.value.parameter == "of"
