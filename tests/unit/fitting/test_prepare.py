"""What detectors prepare: made once at building time, kept in the artefact, and found there by those who need it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.detector import Context, InvalidDetector, Parameters
from nilometer_detectors.fitting import prepare as preparing
from nilometer_detectors.fitting.prepare import prepare
from nilometer_detectors.outliers.base.contract import OutlierDetector, Scores
from nilometer_logger.errors import ExtraMissing, SettingError
from nilometer_logger.rows import Rows
from tests.judging import baseline_of, normal

BASELINE = baseline_of(normal(50))


class Quartiles(OutlierDetector[Parameters]):
    """A detector that prepares something."""

    Parameters = Parameters

    @classmethod
    def prepare(cls, baseline: Baseline) -> Mapping[str, NDArray[Any]]:
        """Gives the quartiles of every feature, and the names of the features."""
        quartiles = np.quantile(baseline.feature_sample, [0.25, 0.75], axis=0)
        return {"quartiles": quartiles, "of/names": np.array(baseline.feature_schema.names)}

    def score(self, rows: Rows) -> Scores:
        """Scores nothing."""
        return Scores(np.zeros(len(rows)), np.zeros(len(rows), dtype=bool), 1.0)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Lets a test say which detectors are installed: a class, or what looking for it raises."""
    detectors: dict[str, Any] = {"quartiles": Quartiles}

    def find(name: str) -> Any:
        if isinstance(detectors[name], Exception):
            raise detectors[name]
        return detectors[name]

    monkeypatch.setattr(preparing, "available", lambda: detectors)
    monkeypatch.setattr(preparing, "find", find)
    return detectors


def preparing_as(result: Any) -> type[Quartiles]:
    """Makes a detector whose `prepare` gives or raises something else."""

    class Other(Quartiles):
        @classmethod
        def prepare(cls, baseline: Baseline) -> Mapping[str, NDArray[Any]]:  # noqa: ARG003 - it gives what it gives
            if isinstance(result, Exception):
                raise result
            found: Mapping[str, NDArray[Any]] = result
            return found

    return Other


@pytest.mark.usefixtures("installed")
def test_what_is_prepared_stands_in_the_artefact(tmp_path: Path) -> None:
    """Arrays come back by detector and name, of any type, and the digest covers them."""
    prepared, left_out = prepare(BASELINE)
    prepared.save(tmp_path / "baseline")
    loaded = Baseline.load(tmp_path / "baseline")
    expected = Quartiles.prepare(BASELINE)
    assert left_out == {}
    assert {name: array.tolist() for name, array in loaded.prepared["quartiles"].items()} == {
        name: array.tolist() for name, array in expected.items()
    }
    assert loaded.prepared["quartiles"]["of/names"].dtype.kind == "U"
    assert loaded.digest == prepared.digest != BASELINE.digest


@pytest.mark.usefixtures("installed")
def test_a_detector_gets_what_was_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the artefact holds is not computed again; what it does not hold is, such as of a baseline of version 1."""
    prepared, _ = prepare(BASELINE)
    made = Quartiles.prepared(Context("mine", "quartiles", BASELINE.feature_schema, BASELINE))
    monkeypatch.setattr(Quartiles, "prepare", lambda _: pytest.fail("it was computed again"))
    found = Quartiles.prepared(Context("mine", "quartiles", BASELINE.feature_schema, prepared))
    assert found["quartiles"].tolist() == made["quartiles"].tolist()


def test_nothing_can_be_prepared_without_a_baseline() -> None:
    """A monitor without a baseline gets the remedy."""
    with pytest.raises(InvalidDetector, match=r"give spec\.baseline\.path"):
        Quartiles.prepared(Context("mine", "quartiles", BASELINE.feature_schema, None))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (ExtraMissing("detector trees", "trees"), "nilometer[trees]"),
        (SettingError("cannot be imported"), "cannot be imported"),
        (preparing_as(InvalidDetector("judges numeric features, and the schema has none")), "the schema has none"),
        (preparing_as(ZeroDivisionError("x")), "the detector failed: ZeroDivisionError"),
        (preparing_as({"trees": np.array([{}], dtype=object)}), "'trees' is no array"),
        (preparing_as({"trees": [1, 2]}), "'trees' is no array"),
    ],
)
def test_a_detector_that_cannot_prepare_is_named(installed: dict[str, Any], wrong: Any, reason: str) -> None:
    """A detector that is not whole, refuses or fails is left out with its reason, and the others prepare theirs."""
    installed["trees"] = wrong
    prepared, left_out = prepare(BASELINE)
    assert set(prepared.prepared) == {"quartiles"}
    assert reason in left_out["trees"]


def test_adapters_prepare_nothing(installed: dict[str, Any]) -> None:
    """A detector of another library, whose name has a dot, is not even imported."""
    installed["alibi.KSDrift"] = AssertionError("it was looked for")
    assert set(prepare(BASELINE)[0].prepared) == {"quartiles"}


def test_a_detector_that_prepares_nothing_takes_no_room(installed: dict[str, Any]) -> None:
    """Of a detector without anything to prepare there is no trace in the artefact."""
    installed["plain"] = preparing_as({})
    prepared, left_out = prepare(BASELINE)
    assert left_out == {}
    assert "plain" not in prepared.prepared
