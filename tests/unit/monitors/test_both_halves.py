"""Requests joined with responses, from the log to the finding: `of: both` in a monitor."""

import base64
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.drift.mmd import MMD
from nilometer_detectors.monitors.files.loader import load_monitor
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.monitors.window_state import WindowState
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.joined_sample import JoinedSample
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.errors import SettingError, StateError
from nilometer_logger.rows import Column, Floats, Schema
from tests.judging import baseline_of, declaration, detector_of, normal, numbers, result_of, rows_of, write
from tests.unit.logged import event
from tests.unit.references import made
from tests.unit.replay.asking import replay, write_events
from tests.unit.statistics.test_summary import VERSION_1, VERSION_2

STREAM = Stream("demo", "house", "predictor", "")
ANSWERS = Schema((Column("price"),))
START = 1_700_000_040  # the start of a minute, in seconds


def houses(count: int, *, seed: int, slope: float = 0.8) -> tuple[Floats, Floats]:
    """Returns two features, and a price that follows the first of them with some slope; of variance 1 for 0.8 or -0.8."""
    features = normal(count, 2, seed=seed)
    return features, slope * features[:, :1] + 0.6 * normal(count, 1, seed=seed + 1000)


def events_of(features: Floats, prices: Floats, *, every: float, late: float, first: int = 0) -> list[CloudEvent]:
    """Returns the events of some inferences; every second response is logged before its request."""
    events = []
    for number, (row, price) in enumerate(zip(features.tolist(), prices.tolist(), strict=True), first):
        time, name = START + number * every, f"house-{number}"
        bodies = json.dumps({"instances": [row]}).encode(), json.dumps({"predictions": [price]}).encode()
        pair = [
            event(time, id=name, stream=STREAM, body=bodies[0]),
            event(time + late, half="response", id=name, stream=STREAM, body=bodies[1]),
        ]
        events += pair if number % 2 else pair[::-1]
    return events


def monitor(directory: Path, drift: Sequence[dict[str, Any]], **spec: Any) -> Path:
    """Writes a monitor of houses and its baseline."""
    features, prices = houses(500, seed=1)
    baseline_of(features, numbers(2), prices, ANSWERS).save(directory / "base")
    document = declaration(
        schema=None,
        baseline={"path": "base"},
        stream={"inferenceService": "house"},
        drift=[{"minRows": 20, **each} for each in drift],
        **spec,
    )
    return write(directory / "monitor.yaml", document)


def loaded(directory: Path, *drift: dict[str, Any]) -> CompiledMonitor:
    """Returns a monitor of houses."""
    return load_monitor(monitor(directory, drift))


def verdicts(findings: Sequence[dict[str, Any]], detector: str) -> list[str]:
    """Returns what a detector said of each window that was whole."""
    return [each["verdict"] for each in findings if each.get("detector") == detector and not each["data"]["partial"]]


@pytest.mark.parametrize("detector", ["mmd", "classifier"])
def test_a_model_that_was_replaced_is_seen_by_neither_half_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, detector: str
) -> None:
    """From the third minute on prices fall where they rose: the same features, the same prices, and drift of both."""
    drift = [
        {"name": of, "detector": detector, "of": of, "pValue": 0.01, "referenceSize": 250}
        for of in ("features", "predictions", "both")
    ]
    path = monitor(tmp_path, drift, windows={"size": "1m", "watermarkDelay": "2s"})
    old, new = houses(240, seed=2), houses(260, seed=7, slope=-0.8)
    log = events_of(*old, every=0.5, late=0.125) + events_of(*new, every=0.5, late=0.125, first=240)
    found = replay(capsys, path, write_events(tmp_path / "log.jsonl", log)).findings
    assert verdicts(found, "features") == verdicts(found, "predictions") == ["ok"] * 3
    assert verdicts(found, "both") == ["ok", "drift", "drift"]
    said = next(each["data"] for each in found if each.get("detector") == "both" and each["verdict"] == "drift")
    assert said["joined"] == {"rows": 120, "unpairedRequests": 0, "unpairedResponses": 0}
    shares = {name: said[half][name]["contribution"] for half, name in (("features", "a"), ("predictions", "price"))}
    assert min(shares.values()) > said["features"]["b"]["contribution"]


def test_panes_are_merged_first_and_joined_afterwards(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """In sliding windows a request meets its response in another pane; only those on two sides of an edge do not meet."""
    drift = [{"name": "both", "detector": "mmd", "of": "both"}]
    path = monitor(tmp_path, drift, windows={"size": "40s", "slide": "10s", "watermarkDelay": "20s"})
    log = events_of(*houses(200, seed=2), every=0.5, late=11.25)  # later than a pane is long
    found = replay(capsys, path, write_events(tmp_path / "log.jsonl", log)).findings
    bodies = [each["data"] for each in found if each.get("detector") == "both"]
    whole = [body["joined"] for body in bodies if not body["partial"] and body["rows"] == 80]
    # The requests of the last 11.25 seconds are answered after the window, as many as were asked before it.
    assert whole == [{"rows": 58, "unpairedRequests": 22, "unpairedResponses": 22}] * 4


def test_windows_without_drift_are_told_from_it_at_the_level() -> None:
    """Of 1,000 windows without drift, a fifth unanswered, with baselines of their own, 5 % drift, within the 99 % band."""
    alarms = 0
    for seed in range(1000):
        features, prices = houses(125, seed=seed)
        baseline = baseline_of(features[:80], numbers(2), prices[:80], ANSWERS)
        detector = detector_of(MMD, "mmd", baseline, of="both", nPermutations=59, minRows=20)
        answered = np.flatnonzero(np.random.default_rng(seed).random(45) < 0.8)
        responses = rows_of(prices[80:], ANSWERS, half="response").take(answered)
        alarms += result_of(detector, baseline, rows_of(features[80:]), responses).verdict == "drift"
    assert 33 <= alarms <= 69


def test_a_window_is_the_same_after_a_snapshot(tmp_path: Path) -> None:
    """What was written and read goes on to the same bytes, and to the same findings."""
    compiled = loaded(tmp_path, {"name": "both", "detector": "mmd", "of": "both", "sampleSize": 60})
    features, prices = houses(200, seed=2)
    requests, responses = rows_of(features), rows_of(prices, ANSWERS, half="response")
    state, first, half = compiled.open(), compiled.open(), np.arange(100)
    for each in (state, first):
        each.update(requests)
        each.update(responses.take(half))
    restored = compiled.load(first.dump())
    for each in (state, restored):
        each.update(responses.take(half + 100))
    assert restored.dump() == state.dump()
    assert len(state.dump()) < JoinedSample.budget_bytes(60, 2, 1) + 2000


def test_who_does_not_join_does_not_pay(tmp_path: Path) -> None:
    """A monitor none of whose detectors joins keeps no rows for that, and none but the largest sample is kept."""
    alone = loaded(tmp_path, {"name": "mmd", "detector": "mmd"}).open()
    assert alone.window.joining is None
    two = [{"name": str(size), "detector": "mmd", "of": "both", "sampleSize": size} for size in (50, 200)]
    joining = loaded(tmp_path, *two).open().window.joining
    assert joining is not None
    assert joining.size == 200


@pytest.mark.parametrize("written", [VERSION_1, VERSION_2])
def test_what_an_earlier_version_wrote_holds_nothing_to_join(written: str) -> None:
    """A state from before there was joining is none of a monitor that joins; nor is the other way round."""
    layout = Layout(
        Schema((Column("a"), Column("b", "categorical", ("red", "green")))), [np.array([0.0, 1.0, 2.0]), None], sample=2
    )
    summaries = Summary(layout, ["mean", "min", "histogram"]), Summary(Layout(Schema(())), ["mean"])
    blob = zlib.decompress(base64.b85decode(written))
    WindowState(*summaries).load(blob)
    with pytest.raises(StateError, match="other samples of both halves"):
        WindowState(*summaries, JoinedSample(10, 2, 1)).load(blob)
    with pytest.raises(StateError, match="other samples of both halves"):
        WindowState(*summaries).load(WindowState(*summaries, JoinedSample(10, 2, 1)).dump())
    with pytest.raises(StateError, match="another sample of both halves"):
        WindowState(*summaries, JoinedSample(11, 2, 1)).load(WindowState(*summaries, JoinedSample(10, 2, 1)).dump())


def test_what_cannot_be_joined_is_refused(tmp_path: Path) -> None:
    """A detector of single columns, and a monitor without predictions: one line each, with the place and a remedy."""
    with pytest.raises(SettingError) as error:
        loaded(tmp_path, {"name": "ks", "detector": "ks", "of": "both"})
    assert "spec.drift[0].of is 'both': each column is judged by itself" in str(error.value)
    path = monitor(tmp_path, [{"name": "mmd", "detector": "mmd", "of": "both"}])
    baseline_of(normal(100), numbers(2)).save(tmp_path / "base")
    with pytest.raises(
        SettingError, match=r"spec\.drift\[0\]\.of is 'both', and the monitor has no predictions: name them"
    ):
        load_monitor(path)


def test_a_baseline_of_logged_inferences_is_joined_by_id(tmp_path: Path) -> None:
    """The rows that a baseline samples hold both halves of the same inferences, whatever order they were logged in."""
    features = normal(3000, 2)
    log = events_of(features, 2 * features[:, :1], every=0.5, late=3.0)
    order = np.random.default_rng(1).permutation(200)
    shuffled = [log[first + place] for first in range(0, len(log), 200) for place in order]
    baseline = made(write_events(tmp_path / "log.jsonl", shuffled), sample=500)
    assert baseline.prediction_sample.shape == (500, 1)
    assert (baseline.prediction_sample[:, 0] == 2 * baseline.feature_sample[:, 0]).all()
