"""alibi-detect's online tests behind our contract: its own statistics, thresholds and alarms, and none of its traps."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.alibi.library import class_of, seeded
from nilometer_detectors.alibi.online import AlibiOnlineNumbers, AlibiOnlineTruths
from nilometer_detectors.detector import Detector, InvalidDetector
from nilometer_detectors.drift.base.contract import DriftResult
from nilometer_detectors.monitors.memory import StreamMemory
from nilometer_logger.rows import UNSEEN, ColumnType, Floats
from tests.judging import NAN, baseline_of, detector_of, normal, raising, rows_of, schema_of, window_of

SMALL: dict[str, Any] = {"windowSizes": [5, 10], "minRows": 5, "referenceSize": 50, "ert": 50.0, "nBootstraps": 400}
REMEMBERED = 19  # values of a column, for such windows
EMPTY = window_of(normal(0, 1))
KINDS: dict[str, tuple[type[Detector[Any]], ColumnType]] = {
    "CVMDriftOnline": (AlibiOnlineNumbers, "numeric"),
    "FETDriftOnline": (AlibiOnlineTruths, "boolean"),
}
every_detector = pytest.mark.parametrize("name", KINDS)


def values_of(name: str, rows: int, columns: int = 1, *, seed: int = 1, shift: float = 0.0) -> Floats:
    """Returns values that a detector can read: normal ones, or truth values."""
    values = normal(rows, columns, seed=seed, shift=shift)
    return values if name == "CVMDriftOnline" else (values > 0).astype(np.float64)


def built(name: str, reference: Floats, **parameters: Any) -> Any:
    """Returns a detector over the columns of a reference."""
    kind, column = KINDS[name]
    baseline = baseline_of(reference, schema_of(*[column] * reference.shape[1]))
    return detector_of(kind, f"alibi.{name}", baseline, **{**SMALL, **parameters})


def told(detector: Any, *windows: Floats, cut: int = 1000) -> list[DriftResult]:
    """Returns what a detector says of the windows of a stream, whose rows come in blocks."""
    memory, said = detector.begin(), []
    for window in windows:
        for first in range(0, len(window), cut):
            detector.observe(memory, window[first : first + cut])
        said.append(detector.judge_stream(memory, EMPTY))
    return said


@every_detector
@pytest.mark.parametrize("columns", [1, 3])
def test_an_endless_stream_is_judged_as_by_alibi_detect(name: str, columns: int) -> None:
    """Over windows of many sizes, statistics and alarms are those of one detector that never stops, to the bit."""
    parts = [(150, 2, 0.0), (60, 3, 1.0), (90, 4, 0.0)]
    stream = np.concatenate([values_of(name, rows, columns, seed=seed, shift=shift) for rows, seed, shift in parts])
    ours = built(name, values_of(name, 50, columns))
    with seeded(0):
        theirs = class_of(f"alibi.{name}")(
            ours.part_of_baseline(), ert=50.0, window_sizes=[5, 10], n_bootstraps=400, verbose=False
        )
        said = [theirs.predict(row)["data"] for row in stream]
    statistics = np.array([np.fmax.reduce(each["test_stat"], axis=0).astype(float) for each in said])
    thresholds = np.array([np.broadcast_to(each["threshold"], columns) for each in said])
    assert columns > 1 or [each["is_drift"] for each in said] == (statistics > thresholds).ravel().tolist()
    windows = np.split(np.arange(len(stream)), np.cumsum([30, 7, 12, REMEMBERED, 20, 60, 38]))
    results = told(ours, *[stream[rows] for rows in windows], cut=11)
    for rows, result in zip(windows, results, strict=True):
        # The column that exceeds its threshold most speaks for all.
        overall = max(result.columns.values(), key=lambda of_column: of_column["distance"] - of_column["threshold"])
        assert (result.distance, result.threshold) == (overall["distance"], overall["threshold"])
        for column, of_column in enumerate(result.columns.values()):
            known, limits = statistics[rows, column], thresholds[rows, column]
            alarms = np.flatnonzero(known > limits)
            assert of_column["drift"] is bool(len(alarms))
            assert of_column["distance"] == max(0.0, np.nanmax(known + (thresholds[-1, column] - limits)))
            assert of_column["threshold"] == thresholds[-1, column]
            assert of_column.get("alarms", 0) == len(alarms)
            assert of_column.get("rowsAgo") == (len(rows) - 1 - alarms[0] if len(alarms) else None)
    assert "drift" in [result.verdict for result in results]


@every_detector
def test_missing_values_are_passed_over_and_counted(name: str) -> None:
    """With missing values here and there in each column, the others are judged as if those had not been."""
    detector, stream = built(name, values_of(name, 50, 2)), values_of(name, 90, 2, seed=5, shift=0.5)
    holed = [np.insert(stream[:, 0], [3, 30, 31, 80], NAN), np.insert(stream[:, 1], [50, 51, 52, 53], NAN)]
    (whole,), (with_holes,) = told(detector, stream), told(detector, np.column_stack(holed))
    assert (with_holes.verdict, with_holes.distance) == (whole.verdict, whole.distance)
    for column, said in with_holes.columns.items():
        assert (said["count"], said["missing"]) == (90, 4)
        assert said["distance"] == whole.columns[column]["distance"]
        assert said.get("alarms") == whole.columns[column].get("alarms")


@every_detector
def test_a_change_is_told_until_it_is_over(name: str) -> None:
    """Lasting drift is drift in every window; when the stream is as before, it is told until the windows are full again."""
    detector = built(name, values_of(name, 50), ert=1000.0, nBootstraps=3000)
    usual, other = np.tile([[1.0], [0.0]], (10, 1)), np.ones((20, 1)) * 3
    stream = [usual, usual, other, other, usual, usual]
    if name == "FETDriftOnline":
        stream = [np.minimum(window, 1.0) for window in stream]
    verdicts = [result.verdict for result in told(detector, *stream)]
    assert verdicts == ["ok", "ok", "drift", "drift", "drift", "ok"]


@every_detector
def test_the_memory_is_what_is_stated(name: str) -> None:
    """However long a stream is, its memory has the bytes that the docstring names, and it survives a snapshot."""
    detector = built(name, values_of(name, 50, 2))
    memory, read = StreamMemory([detector], raising), StreamMemory([detector], raising)
    schema = schema_of(*[KINDS[name][1]] * 2)
    for seed in range(5):
        memory.update(rows_of(values_of(name, 33, 2, seed=seed), schema))
    arrays = detector.begin()
    assert sum(array.nbytes for array in arrays.values()) == 2 * (8 * (4 * 10 - 2) + 48) + 8
    read.load(memory.dump())
    for each in (memory, read):
        each.update(rows_of(values_of(name, 20, 2, seed=9, shift=1.0), schema))
    assert read.judge(detector, EMPTY) == memory.judge(detector, EMPTY)


@every_detector
def test_thresholds_are_simulated_once_from_a_seed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was drawn before, a detector has the same thresholds; one like it is built without simulating any."""
    reference = values_of(name, 50, seed=6)
    np.random.random(7)  # noqa: NPY002 - another state of the generator that alibi-detect draws from
    first = built(name, reference)
    with seeded(0):
        theirs = class_of(f"alibi.{name}")(
            first.part_of_baseline(), ert=50.0, window_sizes=[5, 10], n_bootstraps=400, verbose=False
        )
    assert first.threshold.tolist() == theirs.thresholds[-1].tolist()
    monkeypatch.setattr(class_of(f"alibi.{name}"), "_configure_thresholds", lambda _: pytest.fail("simulated again"))
    assert built(name, reference).threshold.tolist() == first.threshold.tolist()


def test_detectors_that_share_thresholds_share_nothing_else() -> None:
    """What one detector takes, another of the same reference knows nothing of."""
    reference, shifted = values_of("CVMDriftOnline", 50), values_of("CVMDriftOnline", 60, seed=2, shift=2.0)
    one, other = built("CVMDriftOnline", reference), built("CVMDriftOnline", reference)
    usual = told(other, reference)
    told(one, shifted)
    assert told(other, reference) == usual


def test_a_third_value_is_counted() -> None:
    """A test of two values leaves out a third one and counts it, where alibi-detect fails."""
    schema = schema_of("categorical")
    codes = np.tile([0.0, 1.0], 25)[:, np.newaxis]
    detector = detector_of(
        AlibiOnlineTruths, "alibi.FETDriftOnline", baseline_of(codes, schema), features=["a"], **SMALL
    )
    (result,) = told(detector, np.vstack([codes, [[UNSEEN]]]))
    assert (result.columns["a"]["count"], result.columns["a"]["missing"]) == (50, 1)


def test_a_growing_share_is_found_and_a_falling_one_where_it_is_asked_for() -> None:
    """A test of two values is one-sided, as alibi-detect's is: `alternative` says which side."""
    reference, none = values_of("FETDriftOnline", 50), np.zeros((20, 1))
    assert told(built("FETDriftOnline", reference), none)[0].verdict == "ok"
    assert told(built("FETDriftOnline", reference, alternative="less"), none)[0].verdict == "drift"


def test_columns_that_cannot_be_simulated_are_refused() -> None:
    """More than two categories, or one value in all rows of the baseline: the column is named."""
    codes = np.column_stack([np.arange(60) % 2, np.arange(60) % 3]).astype(float)
    baseline = baseline_of(codes, schema_of("categorical", "categorical", categories=("red", "green", "blue")))
    with pytest.raises(InvalidDetector, match="'b' has 3 categories"):
        detector_of(AlibiOnlineTruths, "alibi.FETDriftOnline", baseline, features=["b"])
    with pytest.raises(InvalidDetector, match="'b' is the same in all of 50 rows"):
        built("FETDriftOnline", np.column_stack([codes[:, 0], np.ones(60)]))


@every_detector
@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"minRows": 4}, ValidationError, r"minRows \(4\) smaller than the smallest of windowSizes \(5\)"),
        ({"ert": 1e6, "nBootstraps": None}, InvalidDetector, "takes 2500000 simulated streams"),
        ({"ert": 1000.0, "nBootstraps": 100}, InvalidDetector, "alibi-detect refuses it"),
        ({"batchSizes": 3}, InvalidDetector, "is no known field"),
        ({"tMax": 10**6}, InvalidDetector, "is no known field"),
        ({"preprocessFn": "os.system"}, InvalidDetector, "is no known field"),
    ],
)
def test_parameters_are_checked(name: str, parameters: dict[str, Any], error: type[Exception], message: str) -> None:
    """What cannot be simulated, or is not a monitor's to set, is refused when the monitor is built."""
    with pytest.raises(error, match=message):
        built(name, values_of(name, 50), **parameters)


def test_numbers_are_plain() -> None:
    """Nothing of numpy gets into a judgement, because JSON knows nothing of it."""
    (result,) = told(built("FETDriftOnline", values_of("FETDriftOnline", 50)), np.ones((20, 1)))
    values = [
        result.distance,
        result.threshold,
        *(v for said in result.columns.values() for v in said.values()),
    ]
    assert {type(value) for value in values} <= {float, int, bool}
    assert result.applied == {"ert": 50.0, "columns": 1}
