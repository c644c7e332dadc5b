"""What every drift detector promises; it runs over all entry points, so that none can be left out."""

import json
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.drift.contract import Judgement, Window
from nilometer_detectors.findings import Finder
from nilometer_logger.rows import Floats
from tests.contract.detectors import COLUMNS, KINDS, REFERENCE, built, every_drift_detector, mixed
from tests.judging import INF, NAN, STREAM, closed, detector_of, rows_of, window_of


def judged(name: str, values: Floats) -> Judgement:
    """Returns what a detector says about a window of some values."""
    judgement = built(name).judge(window_of(values, COLUMNS, sample=built(name).needs().sample))
    assert isinstance(judgement, Judgement)
    return judgement


def body_of(name: str, window: Window) -> Any:
    """Returns the body of a detector's finding, read by a reader that takes no NaN."""
    event = Finder("demo/iris", "sha256:0", STREAM).drift(closed(), window, built(name), built(name).judge(window))
    return json.loads(event.data, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


@every_drift_detector
def test_drift_is_told_from_none(name: str) -> None:
    """A window of other numbers drifts, one of the same does not, and both are told of every numeric feature."""
    assert judged(name, mixed(300, seed=2)).verdict == "ok"
    drifting = judged(name, mixed(300, seed=2, shift=1.0))
    assert drifting.verdict == "drift"
    assert {feature: said["drift"] for feature, said in drifting.columns.items()} == {"a": True, "b": True, "c": True}


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
    assert judgement.columns["a"]["drift"] is True
    assert [judgement.columns[feature]["missing"] for feature in "abc"] == [1, 0, 0]


@every_drift_detector
def test_a_feature_without_values_says_so(name: str) -> None:
    """A feature that is missing in every row is named as not judged, and the others are judged."""
    values = mixed(300, seed=2, shift=1.0)
    values[:, 1] = NAN
    judgement = judged(name, values)
    assert judgement.verdict == "drift"
    assert judgement.columns["b"]["drift"] is None
    assert "b: 0 usable values" in judgement.reason


@every_drift_detector
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_too_few_rows_get_no_verdict(name: str, rows: int) -> None:
    """A window with too few rows has the verdict nodata and says how many there were."""
    judgement = judged(name, mixed(rows, seed=2, shift=9.0))
    assert judgement.verdict == "nodata"
    assert judgement.reason.startswith(f"{rows} rows")
    assert judgement.p_value is None
    assert all(said["drift"] is None for said in judgement.columns.values())


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
    assert list(judgement.columns) == ["b", "e"]


@every_drift_detector
def test_false_alarms_are_as_rare_as_asked(name: str) -> None:
    """At a p-value of 0.05, windows without drift raise about one alarm in twenty, however many features they have."""
    alarms = [judged(name, mixed(100, seed=seed)).verdict == "drift" for seed in range(100, 220)]
    assert sum(alarms) <= 14  # of 120: six are expected; more than 14 come by chance in one run of 2,000
