"""alibi-detect behind our contract: its own numbers, and none of its traps."""

import builtins
import sys
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.detector import Refused
from nilometer_detectors.drift.alibi import AlibiDrift, _class_of
from nilometer_detectors.drift.ks import KS
from nilometer_logger.errors import ExtraMissing
from nilometer_logger.rows import Floats
from tests.judging import baseline_of, detector_of, normal, window_of

CASES = 120


def case(seed: int) -> tuple[Floats, Floats]:
    """Returns a reference and a window of 1 to 5 features, of many sizes: continuous, rounded or integers with ties."""
    generator = np.random.default_rng(seed)
    features = int(generator.integers(1, 6))
    sizes = int(generator.integers(2, 400)), int(generator.integers(1, 300))
    shift = generator.choice([0.0, 0.0, 0.1, 0.5, 3.0])
    reference, sample = generator.normal(0, 1, (sizes[0], features)), generator.normal(shift, 1, (sizes[1], features))
    digits = generator.choice([15, 1, 0])
    return reference.round(digits), sample.round(digits)


@pytest.mark.parametrize("correction", ["bonferroni", "fdr"])
@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_three_ways_to_the_same_p_values(correction: str, alternative: str) -> None:
    """Our test, alibi-detect behind the adapter and alibi-detect itself agree: float32 p-values, thresholds, verdicts."""
    make = _class_of("alibi.KSDrift")
    for seed in range(CASES):
        reference, sample = case(seed)
        baseline, window = baseline_of(reference), window_of(sample)
        shared: dict[str, Any] = {"pValue": 0.05, "correction": correction, "alternative": alternative, "minRows": 1}
        ours = detector_of(KS, "ks", baseline, compatibility="alibi-detect", **shared).judge(window)
        adapted = detector_of(AlibiDrift, "alibi.KSDrift", baseline, **shared).judge(window)
        theirs = make(reference, p_val=0.05, correction=correction, alternative=alternative).predict(sample)["data"]
        p_values = [np.float32(said["pValue"]) for said in ours.columns.values()]
        assert p_values == [np.float32(said["pValue"]) for said in adapted.columns.values()] == theirs["p_val"].tolist()
        distances = [np.float32(said["distance"]) for said in ours.columns.values()]
        assert distances == theirs["distance"].tolist()
        assert (ours.verdict == "drift") == (adapted.verdict == "drift") == bool(theirs["is_drift"])
        if ours.verdict == "drift" or correction == "bonferroni":
            assert ours.threshold == pytest.approx(theirs["threshold"])


def test_another_detector_needs_no_code_of_its_own() -> None:
    """A detector that only its entry point names gives alibi-detect's own numbers."""
    reference, sample = normal(200), normal(80, seed=2, shift=0.4)
    judgement = detector_of(AlibiDrift, "alibi.CVMDrift", baseline_of(reference)).judge(window_of(sample))
    theirs = _class_of("alibi.CVMDrift")(reference).predict(sample)["data"]
    assert [np.float32(said["pValue"]) for said in judgement.columns.values()] == theirs["p_val"].tolist()


def test_numbers_are_plain() -> None:
    """Nothing of numpy gets into a judgement, because JSON knows nothing of it."""
    judgement = detector_of(AlibiDrift, "alibi.KSDrift", baseline_of(normal(50))).judge(window_of(normal(50, seed=2)))
    values = [
        judgement.p_value,
        judgement.distance,
        *(v for said in judgement.columns.values() for v in said.values()),
    ]
    assert {type(value) for value in values} <= {float, int, bool}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"altenative": "less"}, "did you mean alternative"),
        ({"alternative": "upwards"}, "alibi-detect refuses it"),
        ({"alternative": ["less"]}, "expected a number, a text or a truth value"),
        ({"xRef": 1}, "is no known field"),
        ({"updateXRef": {"last": 100}}, "is no known field"),
        ({"preprocessFn": "os.system"}, "is no known field"),
    ],
)
def test_parameters_are_checked_when_the_monitor_is_built(parameters: dict[str, Any], message: str) -> None:
    """What alibi-detect would accept and fail on later, or what is not a monitor's to set, is refused at once."""
    with pytest.raises(Refused, match=message):
        detector_of(AlibiDrift, "alibi.KSDrift", baseline_of(normal(50)), **parameters)


def test_a_detector_that_is_not_there_is_refused() -> None:
    """A name that the installed alibi-detect does not have is refused."""
    with pytest.raises(Refused, match="has no NoDrift"):
        detector_of(AlibiDrift, "alibi.NoDrift", baseline_of(normal(50)))


@pytest.fixture
def import_fails(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Importing alibi-detect fails with the error that a test asks for."""
    original = builtins.__import__

    def without_alibi(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("alibi_detect"):
            raise request.param
        return original(name, *arguments, **named)

    for module in [name for name in sys.modules if name.split(".")[0] == "alibi_detect"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without_alibi)


@pytest.mark.usefixtures("import_fails")
@pytest.mark.parametrize("import_fails", [ImportError("alibi_detect")], indirect=True)
def test_a_missing_package_names_its_extra() -> None:
    """Without alibi-detect, one line names the extra that installs it."""
    with pytest.raises(ExtraMissing, match=r"nilometer\[alibi\]"):
        detector_of(AlibiDrift, "alibi.KSDrift", baseline_of(normal(50)))


@pytest.mark.usefixtures("import_fails")
@pytest.mark.parametrize("import_fails", [RuntimeError("cannot cache function")], indirect=True)
def test_a_read_only_file_system_names_the_remedy() -> None:
    """Where numba finds no place for its cache, the message names the variable that gives it one."""
    with pytest.raises(Refused, match="NUMBA_CACHE_DIR"):
        detector_of(AlibiDrift, "alibi.KSDrift", baseline_of(normal(50)))
