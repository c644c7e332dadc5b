"""What every detector promises; it runs over all entry points, so that none can be left out."""

import inspect
import json
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors import drift, outliers
from nilometer_detectors.detector import Detector, Refused
from nilometer_detectors.drift.contract import DriftDetector, Judgement, Window
from nilometer_detectors.findings import Finder
from nilometer_detectors.outliers.contract import OutlierDetector
from nilometer_detectors.registry import available, find
from nilometer_logger.rows import Floats
from tests.judging import INF, NAN, STREAM, baseline_of, closed, detector_of, rows_of, schema_of, window_of

KINDS = {name: find(name) for name in available()}
COLUMNS = schema_of("numeric", "numeric", "numeric", "categorical", "boolean")
every_detector = pytest.mark.parametrize("name", KINDS)
every_outlier_detector = pytest.mark.parametrize("name", [n for n, k in KINDS.items() if k.kind == "outlier"])
every_drift_detector = pytest.mark.parametrize("name", [n for n, k in KINDS.items() if k.kind == "drift"])


def mixed(rows: int, *, seed: int, shift: float = 0.0) -> Floats:
    """Returns values of every type of column; the three numeric ones are normal."""
    generator = np.random.default_rng(seed)
    numbers = generator.normal(shift, 1.0, (rows, 3))
    codes = generator.integers(0, 2, (rows, 2)).astype(np.float64)
    return np.column_stack([numbers, codes])


REFERENCE = baseline_of(mixed(500, seed=1), COLUMNS)


@cache
def built(name: str) -> Any:
    """Returns a detector with default parameters; they have no state, so one serves all tests."""
    return detector_of(KINDS[name], name, REFERENCE)


def judged(name: str, values: Floats) -> Judgement:
    """Returns what a detector says about a window of some values."""
    judgement = built(name).judge(window_of(values, COLUMNS, sample=built(name).needs().sample))
    assert isinstance(judgement, Judgement)
    return judgement


def body_of(name: str, window: Window) -> Any:
    """Returns the body of a detector's finding, read by a reader that takes no NaN."""
    event = Finder("demo/iris", "sha256:0", STREAM).drift(closed(), window, built(name), built(name).judge(window))
    return json.loads(event.data, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


def test_every_detector_of_the_package_is_registered() -> None:
    """A detector that stands in the package is found by its entry point, and so is under this contract."""
    modules = [
        import_module(f"{package.__name__}.{module.name}")
        for package in (drift, outliers)
        for module in iter_modules(package.__path__)
    ]
    detectors = {
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Detector) and not inspect.isabstract(found)
    }
    assert detectors - {Detector, OutlierDetector, DriftDetector} == set(KINDS.values())


@every_detector
def test_parameters_are_described(name: str) -> None:
    """Every parameter of a detector says what it means, and every one has a default."""
    for field_name, field in KINDS[name].Parameters.model_fields.items():
        assert field.description, field_name
        assert not field.is_required(), field_name


@every_detector
@pytest.mark.parametrize("parameters", [{"features": ["nonsense"]}, {"features": ["d"]}, {"features": []}])
def test_features_that_cannot_be_judged_are_refused(name: str, parameters: dict[str, Any]) -> None:
    """A feature that is not there, or holds no numbers, is refused when the monitor is built."""
    with pytest.raises((Refused, ValidationError)):
        detector_of(KINDS[name], name, REFERENCE, **parameters)


@every_detector
def test_a_parameter_that_is_none_is_refused(name: str) -> None:
    """No parameter is accepted and ignored."""
    with pytest.raises((Refused, ValidationError)):
        detector_of(KINDS[name], name, REFERENCE, nonsense=1)


@every_detector
def test_a_detector_needs_its_baseline(name: str) -> None:
    """Without a baseline, a detector that compares with one says so and what helps."""
    with pytest.raises(Refused, match=r"give spec\.baseline\.path"):
        detector_of(KINDS[name], name, None)


@every_outlier_detector
def test_scores_depend_on_the_row_alone(name: str) -> None:
    """A row's score is the same in any order and batch, and at any time."""
    values = mixed(60, seed=2, shift=3.0)
    whole = built(name).score(rows_of(values, COLUMNS))
    backwards = built(name).score(rows_of(values[::-1], COLUMNS))
    alone = [built(name).score(rows_of(values[row : row + 1], COLUMNS)) for row in range(60)]
    assert whole.score.tolist() == backwards.score[::-1].tolist()
    assert whole.score.tolist() == [scores.score[0] for scores in alone]
    assert whole.flagged.tolist() == [scores.flagged[0] for scores in alone]


@every_outlier_detector
def test_no_rows_no_scores(name: str) -> None:
    """A block without rows gets no scores and no complaint."""
    scores = built(name).score(rows_of(np.empty((0, 5)), COLUMNS))
    assert (len(scores.score), len(scores.flagged)) == (0, 0)


@every_outlier_detector
def test_a_missing_value_hides_nothing(name: str) -> None:
    """A row is flagged for one value though another is missing; a row of nothing is not flagged."""
    scores = built(name).score(rows_of([[NAN, 1e6, 0, 0, 0], [NAN] * 5, [0.0, 0, 0, NAN, NAN]], COLUMNS))
    assert scores.flagged.tolist() == [True, False, False]
    assert np.isnan(scores.score[1])


@every_outlier_detector
@pytest.mark.parametrize("value", [INF, -INF])
def test_an_infinite_value_is_an_outlier(name: str, value: float) -> None:
    """An infinite value is flagged, and its finding is valid JSON that says why."""
    rows = rows_of([[0.0, value, 0, 0, 0]], COLUMNS)
    scores = built(name).score(rows)
    (event,) = Finder("demo/iris", "sha256:0", STREAM).outliers(rows, built(name), scores)
    body = json.loads(event.data, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert body["features"]["b"]["reason"] == "the value is infinite"


@every_outlier_detector
def test_rows_are_left_alone(name: str) -> None:
    """Scoring does not change the rows."""
    rows = rows_of(mixed(20, seed=3), COLUMNS)
    before = rows.values.tobytes()
    built(name).score(rows)
    assert rows.values.tobytes() == before


@every_drift_detector
def test_drift_is_told_from_none(name: str) -> None:
    """A window of other numbers drifts, one of the same does not, and both are told of every numeric feature."""
    assert judged(name, mixed(300, seed=2)).verdict == "ok"
    drifting = judged(name, mixed(300, seed=2, shift=1.0))
    assert drifting.verdict == "drift"
    assert {feature: said["drift"] for feature, said in drifting.features.items()} == {"a": True, "b": True, "c": True}


@every_drift_detector
def test_judging_is_repeatable(name: str) -> None:
    """The same rows get the same judgement, again and in any order, and judging changes nothing in the window."""
    values = mixed(200, seed=4, shift=0.2)
    window = window_of(values, COLUMNS)
    before = {kind: {n: a.tobytes() for n, a in state.items()} for kind, state in window.features.state().items()}
    first, second = built(name).judge(window), built(name).judge(window)
    after = {kind: {n: a.tobytes() for n, a in state.items()} for kind, state in window.features.state().items()}
    assert first == second
    assert before == after
    rows = rows_of(values, COLUMNS)
    backwards = window_of(values[:0], COLUMNS)
    backwards.features.update(rows.take(np.arange(200)[::-1]))
    assert built(name).judge(backwards) == first


@every_drift_detector
@pytest.mark.parametrize("nothing", [NAN, INF, -INF])
def test_a_missing_value_silences_nothing(name: str, nothing: float) -> None:
    """One missing or infinite value takes nothing away from the rest: drift is found, and the value is counted."""
    values = mixed(300, seed=2, shift=1.0)
    values[7, 0] = nothing
    judgement = judged(name, values)
    assert judgement.verdict == "drift"
    assert judgement.features["a"]["drift"] is True
    assert [judgement.features[feature]["missing"] for feature in "abc"] == [1, 0, 0]


@every_drift_detector
def test_a_feature_without_values_says_so(name: str) -> None:
    """A feature that is missing in every row is named as not judged, and the others are judged."""
    values = mixed(300, seed=2, shift=1.0)
    values[:, 1] = NAN
    judgement = judged(name, values)
    assert judgement.verdict == "drift"
    assert judgement.features["b"]["drift"] is None
    assert "b: 0 usable values" in judgement.reason


@every_drift_detector
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_too_few_rows_get_no_verdict(name: str, rows: int) -> None:
    """A window with too few rows has the verdict nodata and says how many there were."""
    judgement = judged(name, mixed(rows, seed=2, shift=9.0))
    assert judgement.verdict == "nodata"
    assert judgement.reason.startswith(f"{rows} rows")
    assert judgement.p_value is None
    assert all(said["drift"] is None for said in judgement.features.values())


@every_drift_detector
@pytest.mark.parametrize("value", [0.0, 1e300, NAN, INF])
def test_findings_are_json(name: str, value: float) -> None:
    """Whatever a window holds, its finding is valid JSON of plain numbers."""
    values = mixed(100, seed=2)
    values[:, 1] = value
    body = body_of(name, window_of(values, COLUMNS))
    assert set(body["features"]) == {"a", "b", "c"}
    assert body["detector"] == {"name": "mine", "type": name}


@every_drift_detector
def test_the_sample_is_bounded(name: str) -> None:
    """What a detector reads of a window is bounded by its own word."""
    assert 0 < built(name).needs().sample <= 100_000


@every_drift_detector
def test_features_can_be_chosen(name: str) -> None:
    """Only the features that a monitor names are judged; a boolean one is among them where it is named."""
    detector = detector_of(KINDS[name], name, REFERENCE, features=["e", "b"])
    judgement = detector.judge(window_of(mixed(100, seed=2), COLUMNS))
    assert list(judgement.features) == ["b", "e"]


@every_drift_detector
def test_false_alarms_are_as_rare_as_asked(name: str) -> None:
    """At a p-value of 0.05, windows without drift raise about one alarm in twenty, however many features they have."""
    alarms = [judged(name, mixed(100, seed=seed)).verdict == "drift" for seed in range(100, 220)]
    assert sum(alarms) <= 14  # of 120: six are expected; more than 14 come by chance in one run of 2,000
