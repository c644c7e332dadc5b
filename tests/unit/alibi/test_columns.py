"""alibi-detect's tests by column behind our contract: its own numbers, and none of its traps."""

from typing import Any

import numpy as np
import pytest

from nilometer_detectors.alibi.columns import AlibiCategories, AlibiMixed, AlibiNumbers, AlibiTruths
from nilometer_detectors.alibi.library import class_of
from nilometer_detectors.detector import Detector, InvalidDetector
from nilometer_detectors.drift.base.contract import DriftResult
from nilometer_detectors.drift.ks import KS
from nilometer_logger.rows import UNSEEN, ColumnType, Floats
from tests.judging import NAN, baseline_of, detector_of, normal, schema_of, window_of

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
    make = class_of("alibi.KSDrift")
    for seed in range(CASES):
        reference, sample = case(seed)
        baseline, window = baseline_of(reference), window_of(sample)
        shared: dict[str, Any] = {"pValue": 0.05, "correction": correction, "alternative": alternative, "minRows": 1}
        ours = detector_of(KS, "ks", baseline, compatibility="alibi-detect", **shared).judge(window)
        adapted = detector_of(AlibiNumbers, "alibi.KSDrift", baseline, **shared).judge(window)
        theirs = make(reference, p_val=0.05, correction=correction, alternative=alternative).predict(sample)["data"]
        p_values = [np.float32(said["pValue"]) for said in ours.columns.values()]
        assert p_values == [np.float32(said["pValue"]) for said in adapted.columns.values()] == theirs["p_val"].tolist()
        distances = [np.float32(said["distance"]) for said in ours.columns.values()]
        assert distances == theirs["distance"].tolist()
        assert (ours.verdict == "drift") == (adapted.verdict == "drift") == bool(theirs["is_drift"])
        if ours.verdict == "drift" or correction == "bonferroni":
            assert ours.threshold == pytest.approx(theirs["threshold"])


KINDS: tuple[ColumnType, ...] = ("numeric", "categorical", "boolean", "categorical")
SHAPES: list[tuple[str, type[Detector[Any]], list[int], dict[str, Any]]] = [
    ("CVMDrift", AlibiNumbers, [0], {}),
    ("ChiSquareDrift", AlibiCategories, [1, 2, 3], {}),
    ("FETDrift", AlibiTruths, [2], {}),
    ("FETDrift", AlibiTruths, [2], {"alternative": "two-sided"}),
    ("TabularDrift", AlibiMixed, [0, 1, 2, 3], {"categories_per_feature": dict.fromkeys([1, 2, 3])}),
]


def mixed(rows: int, seed: int) -> Floats:
    """Returns a number, two of three categories, and a truth value; the window of seed 2 differs."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 3, (rows, 3)) * [1, 0, 1] + (generator.random((rows, 3)) < 0.3 * seed) * [0, 1, 0]
    return np.column_stack([generator.normal(seed / 3, 1.0, rows), codes]).astype(np.float64)


def judged(name: str, shape: type[Detector[Any]], reference: Floats, window: Floats, **parameters: Any) -> DriftResult:
    """Returns what a detector of alibi-detect says of a window of a number, two categories and a truth value."""
    schema = schema_of(*KINDS, categories=("red", "green", "blue"))
    detector = detector_of(shape, f"alibi.{name}", baseline_of(reference, schema), **parameters)
    result = detector.judge(window_of(window, schema))
    assert isinstance(result, DriftResult)
    return result


@pytest.mark.parametrize(("name", "shape", "columns", "arguments"), SHAPES)
def test_numbers_are_those_of_alibi_detect(
    name: str, shape: type[Detector[Any]], columns: list[int], arguments: dict[str, Any]
) -> None:
    """Column by column, distances and p-values are those that alibi-detect gives for all columns at once."""
    reference, sample = mixed(300, 1), mixed(90, 2)
    given = {key: value for key, value in arguments.items() if key == "alternative"}
    said = judged(name, shape, reference, sample, **given).columns
    theirs = class_of(f"alibi.{name}")(reference[:, columns], **arguments).predict(sample[:, columns])["data"]
    assert [np.float32(str(each["pValue"])) for each in said.values()] == theirs["p_val"].astype(np.float32).tolist()
    assert [np.float32(str(each["distance"])) for each in said.values()] == theirs["distance"].astype(
        np.float32
    ).tolist()


@pytest.mark.parametrize(("name", "shape", "columns", "arguments"), SHAPES)
def test_a_missing_value_takes_away_nothing(
    name: str, shape: type[Detector[Any]], columns: list[int], arguments: dict[str, Any]
) -> None:
    """With a missing value in every column, the numbers are those of the values that are there."""
    reference, sample = mixed(300, 1), mixed(90, 2)
    holed = np.vstack([sample, np.full((1, 4), NAN)])
    given = {key: value for key, value in arguments.items() if key == "alternative"}
    with_hole = judged(name, shape, reference, holed, **given)
    assert with_hole.p_value == judged(name, shape, reference, sample, **given).p_value
    assert {said["missing"] for said in with_hole.columns.values()} == {1}
    assert len(with_hole.columns) == len(columns)


@pytest.mark.parametrize("name", ["ChiSquareDrift", "TabularDrift"])
def test_a_category_that_never_occurs_is_no_error(name: str) -> None:
    """A declared category that neither the baseline nor the window has is left out; alibi-detect fails on it."""
    reference, sample = mixed(300, 1), mixed(90, 1)
    reference[:, 1] = reference[:, 1] > 0
    sample[:, 1] = sample[:, 1] > 0
    with pytest.raises(ValueError, match="zero element"):
        class_of(f"alibi.{name}")(reference[:, [1]], categories_per_feature={0: 3}).predict(sample[:, [1]])
    shape = AlibiCategories if name == "ChiSquareDrift" else AlibiMixed
    assert judged(name, shape, reference, sample).columns["b"]["drift"] is False


def test_rounded_values_are_no_drift() -> None:
    """The same rounded values on both sides are no drift, which they are to alibi-detect where one side is float32."""
    values = np.tile([0.1, 0.3, 0.7], 100)[:, np.newaxis]
    theirs = class_of("alibi.KSDrift")(values.astype(np.float32)).predict(values)["data"]
    assert theirs["is_drift"] == 1
    detector = detector_of(AlibiNumbers, "alibi.KSDrift", baseline_of(values))
    assert detector.judge(window_of(values)).p_value == 1.0


def test_a_constant_is_no_drift() -> None:
    """A column that is the same constant on both sides is no drift, which it is to alibi-detect's CVMDrift."""
    reference, sample = np.full((500, 1), 3.0), np.full((100, 1), 3.0)
    assert class_of("alibi.CVMDrift")(reference).predict(sample)["data"]["is_drift"] == 1
    result = detector_of(AlibiNumbers, "alibi.CVMDrift", baseline_of(reference)).judge(window_of(sample))
    assert (result.verdict, result.p_value) == ("ok", 1.0)


def test_a_third_value_is_counted() -> None:
    """A test of two values leaves out a third one and counts it, where alibi-detect fails."""
    schema = schema_of("categorical")
    codes = np.tile([0.0, 1.0], 50)[:, np.newaxis]
    detector = detector_of(AlibiTruths, "alibi.FETDrift", baseline_of(codes, schema), features=["a"])
    said = detector.judge(window_of(np.vstack([codes, [[UNSEEN]]]), schema)).columns["a"]
    assert (said["count"], said["missing"], said["drift"]) == (100, 1, False)


def test_more_than_two_categories_are_refused() -> None:
    """A test of two values says of which column it cannot judge the categories."""
    with pytest.raises(InvalidDetector, match="'b' has 3 categories"):
        judged("FETDrift", AlibiTruths, mixed(50, 1), mixed(50, 1), features=["b"])


def test_judging_changes_nothing() -> None:
    """A window is judged alike before and after others, though alibi-detect counts what it has seen."""
    detector = detector_of(AlibiNumbers, "alibi.KSDrift", baseline_of(normal(200)))
    first = detector.judge(window_of(normal(50, seed=2)))
    for seed in range(3, 6):
        detector.judge(window_of(normal(50, seed=seed, shift=3.0)))
    assert detector.judge(window_of(normal(50, seed=2))) == first


def test_numbers_are_plain() -> None:
    """Nothing of numpy gets into a judgement, because JSON knows nothing of it."""
    result = detector_of(AlibiNumbers, "alibi.KSDrift", baseline_of(normal(50))).judge(window_of(normal(50, seed=2)))
    values = [
        result.p_value,
        result.distance,
        *(v for said in result.columns.values() for v in said.values()),
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
    with pytest.raises(InvalidDetector, match=message):
        detector_of(AlibiNumbers, "alibi.KSDrift", baseline_of(normal(50)), **parameters)


def test_a_detector_that_is_not_there_is_refused() -> None:
    """A name that the installed alibi-detect does not have is refused."""
    with pytest.raises(InvalidDetector, match="has no NoDrift"):
        detector_of(AlibiNumbers, "alibi.NoDrift", baseline_of(normal(50)))
