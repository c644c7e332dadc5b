"""Thresholds for a rate of false alarms: found on rows that the detector has not seen, kept, and used by monitors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.baselines.thresholds import WHOLE, Calibration, Threshold
from nilometer_detectors.detector import Context, Parameters
from nilometer_detectors.drift.base.columns import Measured
from nilometer_detectors.drift.base.contract import DriftDetector, DriftResult, Needs, Window
from nilometer_detectors.drift.base.deciding import DistanceParameters
from nilometer_detectors.drift.base.samples import SampleDrift, SampleParameters
from nilometer_detectors.drift.ks import KS
from nilometer_detectors.fitting import calibrate as calibrating
from nilometer_detectors.fitting.calibrate import CalibrationOptions, calibrate
from nilometer_detectors.monitors import build
from nilometer_detectors.monitors.files.loader import load_monitor
from nilometer_detectors.outliers.zscore import ZScore
from nilometer_logger.errors import SettingError
from tests.judging import NAN, baseline_of, declaration, normal, rows_of, window_for, write

RATE = 0.02
BASELINE = baseline_of(normal(4000, 3), predictions=normal(4000, 1, seed=2))


class MeansParameters(SampleParameters, DistanceParameters):
    """The parameters of `Means`."""


class Means(SampleDrift[MeansParameters]):
    """How far the means lie apart, in the columns' own units."""

    Parameters: ClassVar[type[Parameters]] = MeansParameters

    def measure(self, columns: Sequence[int], inputs: Sequence[Any]) -> Measured:
        """Measures columns."""
        pairs = zip(columns, inputs, strict=True)
        return Measured(np.array([abs(each.values.mean() - self.references[place].mean()) for place, each in pairs]))


class Together(DriftDetector[DistanceParameters]):
    """A distance of all columns together."""

    Parameters: ClassVar[type[Parameters]] = DistanceParameters
    calibrates = True

    def needs(self) -> Needs:
        """Asks for a sample."""
        return Needs(self.of, sample=1000)

    def judge(self, window: Window) -> DriftResult:
        """Judges a window."""
        return DriftResult("ok", distance=float(np.linalg.norm(window.half(self.of).sample(1000).mean(axis=0))))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Lets a test say which detectors are installed."""
    detectors: dict[str, Any] = {"zscore": ZScore, "means": Means, "ks": KS, "alibi.KSDrift": None}
    monkeypatch.setattr(calibrating, "available", lambda: detectors)
    monkeypatch.setattr(calibrating, "find", detectors.__getitem__)
    monkeypatch.setattr(build, "find", detectors.__getitem__)
    return detectors


@pytest.fixture(scope="module")
def calibrated() -> Baseline:
    """A baseline with thresholds."""
    with pytest.MonkeyPatch.context() as patch:
        detectors = {"zscore": ZScore, "means": Means}
        patch.setattr(calibrating, "available", lambda: detectors)
        patch.setattr(calibrating, "find", detectors.__getitem__)
        baseline, left_out = calibrate(BASELINE, CalibrationOptions(RATE, (50, 400)))
    assert left_out == {}
    return baseline


def found(baseline: Baseline, kind: str, of: str = "features") -> Calibration:
    """Returns what was found of a detector."""
    [calibration] = [each for each in baseline.calibrations if (each.type, each.of) == (kind, of)]
    return calibration


def test_detectors_with_a_threshold_are_calibrated(calibrated: Baseline) -> None:
    """An outlier detector has one threshold; a drift detector one a size and column of either half."""
    assert [(each.type, each.of) for each in calibrated.calibrations] == [
        ("zscore", "features"),
        ("means", "features"),
        ("means", "predictions"),
    ]
    assert set(found(calibrated, "means").distances) == {"a", "b", "c"}
    assert set(found(calibrated, "means", "predictions").distances) == {"score"}
    assert found(calibrated, "means").window_rows == (50, 400)


def test_what_has_no_threshold_is_not_calibrated(installed: dict[str, Any]) -> None:
    """A test that knows a p-value needs no threshold, and an adapter's detector is not touched."""
    del installed["means"], installed["zscore"]
    assert calibrate(BASELINE, CalibrationOptions(RATE)) == (BASELINE, {})


def test_fresh_rows_are_flagged_as_rarely_as_asked(calibrated: Baseline) -> None:
    """Of 50,000 rows that nobody has seen, the wanted share lies beyond the threshold."""
    threshold = found(calibrated, "zscore").scores
    assert threshold is not None
    detector = ZScore(ZScore.Parameters(), Context("z", "zscore", calibrated.feature_schema, calibrated))
    share = (detector.score(rows_of(normal(50_000, 3, seed=9))).score > threshold.value).mean()
    assert 0.6 * RATE < share < 1.5 * RATE
    assert threshold.low < threshold.value < threshold.high
    # The largest of three normal values lies beyond this with a probability of RATE.
    assert threshold.low < 2.7 < threshold.high


@pytest.mark.parametrize("size", [50, 140, 400])
def test_fresh_windows_alarm_as_rarely_as_asked(calibrated: Baseline, size: int) -> None:
    """Of 2,000 windows of a calibrated size, or one between, about the wanted share has any column in alarm."""
    parameters = Means.Parameters()
    calibration = found(calibrated, "means")
    context = Context("m", "means", calibrated.feature_schema, calibrated, calibration=calibration)
    detector = Means(parameters, context)
    values = normal(2000 * size, 3, seed=11)
    alarms = 0
    for start in range(0, len(values), size):
        window = window_for(detector, calibrated, rows_of(values[start : start + size]))
        alarms += detector.judge(window).verdict == "drift"
    assert 0.4 * RATE < alarms / 2000 < 2.0 * RATE


def test_columns_keep_their_units(installed: dict[str, Any]) -> None:
    """A column of a thousand times the scale has a thousand times the threshold, and hides no other."""
    del installed["zscore"]
    values = normal(2000, 2)
    baseline, _ = calibrate(baseline_of(values * [1, 1000]), CalibrationOptions(0.05, (100,)))
    [small], [large] = (found(baseline, "means").distances[name] for name in "ab")
    assert large.value == pytest.approx(1000 * small.value, rel=0.3)


def test_it_is_repeatable() -> None:
    """The same sample and seed give the same thresholds, another seed nearly the same."""
    small = baseline_of(normal(1000, 1))
    once, again, other = (calibrate(small, CalibrationOptions(0.05, (50,), seed))[0] for seed in (0, 0, 1))
    assert once.digest == again.digest != other.digest
    pairs = [found(each, "means").distances["a"][0].value for each in (once, other)]
    assert pairs[0] == pytest.approx(pairs[1], rel=0.2)


def test_it_stands_in_the_artefact(calibrated: Baseline, tmp_path: Path) -> None:
    """What was found is read again as it was, and the digest covers it."""
    calibrated.save(tmp_path / "b")
    loaded = Baseline.load(tmp_path / "b")
    assert loaded.calibrations == calibrated.calibrations
    assert loaded.digest == calibrated.digest != BASELINE.digest


def test_a_distance_of_all_columns_is_calibrated(installed: dict[str, Any]) -> None:
    """A detector that measures rows as a whole has one threshold a size."""
    installed.clear()
    installed["together"] = Together
    baseline, left_out = calibrate(BASELINE, CalibrationOptions(0.05, (100,)))
    assert left_out == {}
    assert set(found(baseline, "together").distances) == {WHOLE}


@pytest.mark.parametrize(
    ("rows", "wanted", "reasons"),
    [
        (
            40,
            CalibrationOptions(0.01, (10,)),
            {"zscore": "at least 100 rows, and there are 40", "means": "too small for it"},
        ),
        (400, CalibrationOptions(0.01, (1000,)), {"means": "a sample of at least 3000, and there are 400"}),
    ],
)
def test_what_cannot_be_found_is_named(rows: int, wanted: CalibrationOptions, reasons: dict[str, str]) -> None:
    """Too small a sample, or windows too small for a detector, are told with the number that is needed."""
    baseline, left_out = calibrate(baseline_of(normal(rows)), wanted)
    assert left_out.keys() == reasons.keys()
    assert all(reasons[name] in left_out[name] for name in reasons)
    assert all(each.type not in reasons for each in baseline.calibrations)


def test_a_failing_detector_costs_only_its_own(installed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of one is its reason, and the others are calibrated."""
    monkeypatch.setattr(ZScore, "score", lambda *_: 1 / 0)
    del installed["ks"]
    baseline, left_out = calibrate(BASELINE, CalibrationOptions(0.1, (50,)))
    assert left_out == {"zscore": "the detector failed: ZeroDivisionError('division by zero')"}
    assert {each.type for each in baseline.calibrations} == {"means"}


def test_missing_and_constant_columns_are_no_obstacle(installed: dict[str, Any]) -> None:
    """A column with gaps is calibrated by what it has; a constant one has the threshold 0; an empty one is named."""
    values = normal(1000, 3)
    values[::3, 0], values[:, 1] = NAN, 5.0
    baseline, left_out = calibrate(baseline_of(values), CalibrationOptions(0.05, (100,)))
    assert left_out == {}
    assert found(baseline, "means").distances["b"][0].value == 0
    assert found(baseline, "means").distances["a"][0].value > 0
    del installed["ks"]
    values[0, 0], values[1:, 0] = 1.0, NAN
    assert set(calibrate(baseline_of(values), CalibrationOptions(0.05, (100,)))[1]) == {"zscore", "means"}


LINE = Calibration(
    type="x",
    false_alarm_rate=0.01,
    window_rows=(100, 400, 1600),
    distances={"a": tuple(Threshold(value=value, low=0, high=1) for value in (0.4, 0.2, 0.15))},
)


def test_thresholds_are_interpolated() -> None:
    """Between two sizes thresholds follow a line on logarithmic scales; beyond the last, the last holds."""
    sizes = (25, 100, 200, 400, 1600, 10_000)
    thresholds = [LINE.threshold("a", size) for size in sizes]
    assert thresholds == pytest.approx([0.8, 0.4, 0.4 / 2**0.5, 0.2, 0.15, 0.15])


def test_one_size_is_carefully_taken_further() -> None:
    """With one size, smaller windows get a threshold that falls with the number of rows, larger ones the same."""
    one = Calibration(type="x", false_alarm_rate=0.01, window_rows=(100,), distances={"a": LINE.distances["a"][:1]})
    assert [one.threshold("a", size) for size in (50, 100, 1000)] == [0.8, 0.4, 0.4]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=3), st.integers(1, 5000))
def test_every_window_has_a_threshold(values: list[float], rows: int) -> None:
    """Whatever was found, a threshold is a number that is not negative."""
    thresholds = tuple(Threshold(value=value, low=0, high=0) for value in values)
    some = Calibration(type="x", false_alarm_rate=0.1, window_rows=(10, 100, 1000), distances={"a": thresholds})
    assert some.threshold("a", rows) >= 0


def monitor(directory: Path, baseline: Baseline, **sections: Any) -> Any:
    """Loads a monitor with a baseline beside it."""
    baseline.save(directory / "b")
    spec = {"schema": None, "baseline": {"path": "b"}, **sections}
    return load_monitor(write(directory / "monitor.yaml", declaration(**spec)))


def test_a_monitor_takes_what_was_found(calibrated: Baseline, tmp_path: Path) -> None:
    """`threshold: calibrated` is the threshold of the baseline, for rows and for windows of every size."""
    outliers = [{"name": "z", "detector": "zscore", "threshold": "calibrated"}]
    drift = [{"name": "m", "detector": "means", "threshold": "calibrated", "minRows": 10, "features": ["b"]}]
    loaded = monitor(tmp_path, calibrated, outliers=outliers, drift=drift)
    [zscore], [means] = loaded.outlier_detectors, loaded.drift_detectors
    assert zscore.parameters.threshold == found(calibrated, "zscore").scores.value  # type: ignore[union-attr]
    said = means.judge(window_for(means, calibrated, rows_of(normal(400, 3))))
    assert said.threshold == found(calibrated, "means").distances["b"][1].value
    [drift[0]["threshold"]] = [means.parameters.threshold]
    assert monitor(tmp_path, calibrated, outliers=outliers, drift=drift).digest != loaded.digest


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        ({"detector": "means", "of": "predictions"}, None),
        ({"detector": "means", "sampleSize": 50}, "leave out sampleSize, or give a number"),
        ({"detector": "ks"}, "threshold is no known field"),
    ],
)
def test_thresholds_hold_for_what_they_were_found_with(
    calibrated: Baseline, tmp_path: Path, detector: dict[str, Any], message: str | None
) -> None:
    """A parameter that changes the distances is refused beside a calibrated threshold."""
    drift = [{"name": "m", "threshold": "calibrated", **detector}]
    if message is None:
        assert monitor(tmp_path, calibrated, drift=drift).drift_detectors
        return
    with pytest.raises(SettingError, match=message):
        monitor(tmp_path, calibrated, drift=drift)


def test_without_calibration_the_remedy_is_told(tmp_path: Path) -> None:
    """A baseline that was built without a rate has no threshold; the message has the command that makes one."""
    outliers = [{"name": "z", "detector": "zscore", "threshold": "calibrated"}]
    with pytest.raises(SettingError) as error:
        monitor(tmp_path, BASELINE, outliers=outliers)
    assert "spec.outliers[0].threshold is 'calibrated', and the baseline has no threshold for zscore" in str(
        error.value
    )
    assert "--false-alarm-rate 0.01" in str(error.value)
