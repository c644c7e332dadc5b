"""What every drift detector promises; it runs over all entry points, so that none can be left out.

What a detector can judge is asked of itself: `judges` and `by_default` name types of columns, `names` the columns of one
that judges them one by one, and an `OnlineDrift` remembers.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.drift.base.columns import ColumnDrift
from nilometer_detectors.drift.base.contract import DriftResult
from nilometer_detectors.drift.base.online import OnlineDrift
from nilometer_detectors.monitors.findings import FindingFactory
from nilometer_detectors.monitors.memory import StreamMemory
from nilometer_detectors.statistics.summary import NAMES
from nilometer_logger.rows import Floats, Rows
from tests.contract.detectors import ANSWERS, COLUMNS, KINDS, REFERENCE, built, every_drift_detector, mixed
from tests.judging import INF, NAN, STREAM, baseline_of, closed, detector_of, raising, result_of, rows_of, window_for

online = [name for name, kind in KINDS.items() if issubclass(kind, OnlineDrift)]
every_online_detector = pytest.mark.parametrize("name", online)
by_numbers = [name for name, kind in KINDS.items() if kind.kind == "drift" and "numeric" in kind.by_default]
every_detector_of_numbers = pytest.mark.parametrize("name", by_numbers)
by_categories = [name for name, kind in KINDS.items() if kind.kind == "drift" and "categorical" in kind.judges]
every_detector_of_categories = pytest.mark.parametrize("name", by_categories)


def rows(values: Floats, identity: int = 7) -> Rows:
    """Returns rows of requests."""
    return rows_of(values, COLUMNS, identity=identity)


def judged(name: str, values: Floats) -> DriftResult:
    """Returns what a detector says about a window of some values."""
    return result_of(built(name), REFERENCE, rows(values))


def body_of(name: str, values: Floats) -> Any:
    """Returns the body of a detector's finding, read by a reader that takes no NaN."""
    window = window_for(built(name), REFERENCE, rows(values))
    event = FindingFactory("demo/iris", "sha256:0", STREAM).drift(closed(), window, built(name), judged(name, values))
    return json.loads(event.data, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


def alike(one: Any, other: Any) -> bool:
    """Tells whether two judgements are equal but for rounding."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(alike(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    return bool(one == other)


@every_drift_detector
def test_drift_is_told_from_none(name: str) -> None:
    """A window of other values drifts, one of the same does not, and both are told of every judged column."""
    assert judged(name, mixed(300, seed=2)).verdict == "ok"
    drifting = judged(name, mixed(300, seed=2, shift=1.0))
    assert drifting.verdict == "drift"
    if isinstance(built(name), ColumnDrift):
        assert {column: said["drift"] for column, said in drifting.columns.items()} == dict.fromkeys(
            built(name).names, True
        )


@every_drift_detector
def test_what_is_judged_by_default_is_declared(name: str) -> None:
    """By default just the columns of the declared types are judged."""
    if isinstance(built(name), ColumnDrift):
        declared = [column.name for column in COLUMNS.columns if column.type in KINDS[name].by_default]
        assert set(built(name).names) <= set(declared)
        assert list(judged(name, mixed(100, seed=2)).columns) == list(built(name).names)


@every_drift_detector
def test_predictions_are_judged_alike(name: str) -> None:
    """What a detector says of requests it says of responses as well, by the names of their columns."""
    detector = detector_of(KINDS[name], name, REFERENCE, of="predictions")
    answers = rows_of(mixed(300, seed=2, shift=1.0), ANSWERS, half="response")
    of_answers = result_of(detector, REFERENCE, answers)
    of_features = judged(name, mixed(300, seed=2, shift=1.0))
    assert of_answers.verdict == of_features.verdict == "drift"
    assert {f"p{column}": said for column, said in of_features.columns.items()} == of_answers.columns


@every_drift_detector
def test_judging_is_repeatable(name: str) -> None:
    """The same rows get the same judgement, again and, but for a detector that remembers and for rounding, in any order."""
    values = mixed(200, seed=4, shift=0.2)
    assert judged(name, values) == judged(name, values)
    if name not in online:
        backwards = result_of(built(name), REFERENCE, rows(values).take(np.arange(200)[::-1]))
        assert alike(vars(backwards), vars(judged(name, values)))


@every_drift_detector
def test_judging_changes_nothing_in_the_window(name: str) -> None:
    """A window is the same after it was judged."""
    window = window_for(built(name), REFERENCE, rows(mixed(200, seed=4)))
    before = {kind: {n: a.tobytes() for n, a in state.items()} for kind, state in window.features.state().items()}
    built(name).judge(window)
    after = {kind: {n: a.tobytes() for n, a in state.items()} for kind, state in window.features.state().items()}
    assert before == after


@every_detector_of_numbers
@pytest.mark.parametrize("nothing", [NAN, INF, -INF])
def test_a_missing_value_silences_nothing(name: str, nothing: float) -> None:
    """One missing or infinite value takes nothing away from the rest: drift is found, and no value is lost."""
    values = mixed(300, seed=2, shift=1.0)
    values[7, 0] = nothing
    result = judged(name, values)
    assert result.verdict == "drift"
    for said in result.columns.values():
        assert said["count"] + said["missing"] == 300  # type: ignore[operator]
    if isinstance(built(name), ColumnDrift):
        assert result.columns["a"]["drift"] is True


@pytest.mark.parametrize(
    "name", [name for name, kind in KINDS.items() if kind.kind == "drift" and "numeric" in kind.judges]
)
@pytest.mark.parametrize("nothings", [[NAN], [INF, -INF], [INF]], ids=["missing", "infinite", "of one sign"])
def test_what_is_missing_or_infinite_as_often_as_ever_is_no_drift(name: str, nothings: list[float]) -> None:
    """Of a baseline and a window with 2 % such values in each column of numbers, they are left out of both and counted."""
    reference, values = mixed(500, seed=1), mixed(300, seed=2)
    for numbers in (reference, values):
        for column in range(3):
            numbers[column::50, column] = np.resize(nothings, len(numbers) // 50)
    baseline = baseline_of(reference, COLUMNS, reference, ANSWERS)
    for features in (None, ["a", "b", "c"]):  # some detectors judge numbers only where they are named
        detector = detector_of(KINDS[name], name, baseline, features=features)
        result = result_of(detector, baseline, rows(values))
        assert result.verdict == "ok"
        for column, said in result.columns.items():
            assert (said["count"], said["missing"]) == ((294, 6) if column in "abc" else (300, 0))


@every_detector_of_numbers
def test_a_feature_without_values_says_so(name: str) -> None:
    """A feature that is missing in every row is named as not judged; the verdict is that of the others, or none."""
    values = mixed(300, seed=2, shift=1.0)
    values[:, 1] = NAN
    result = judged(name, values)
    assert result.verdict in ("drift", "nodata")
    assert "b: 0 usable values" in result.reason
    if isinstance(built(name), ColumnDrift):
        assert result.verdict == "drift"
        assert result.columns["b"]["drift"] is None


@every_drift_detector
@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_rows_get_no_verdict(name: str, count: int) -> None:
    """A window with too few rows has the verdict nodata and says how many there were."""
    result = judged(name, mixed(count, seed=2, shift=9.0))
    assert result.verdict == "nodata"
    assert result.reason.startswith(f"{count} rows")
    assert result.p_value is None
    assert all(said["drift"] is None for said in result.columns.values())


@every_drift_detector
@pytest.mark.parametrize("value", [0.0, 1e300, NAN, INF])
@pytest.mark.parametrize("count", [1, 100])
def test_findings_are_json(name: str, value: float, count: int) -> None:
    """Whatever a window holds, its finding is valid JSON of plain numbers."""
    values = mixed(count, seed=2)
    values[:, 1] = value
    body = body_of(name, values)
    assert body["detector"] == {"name": "mine", "type": name}
    assert isinstance(body["features"], dict)


@every_detector_of_categories
def test_unseen_categories_are_drift(name: str) -> None:
    """A window whose categories nobody knows drifts, and says so of that column."""
    if "d" not in [column.name for column in COLUMNS.columns if column.type in KINDS[name].by_default]:
        pytest.skip("it does not judge categories unless it is told to")
    values = mixed(300, seed=2)
    values[:, 3] = -1.0
    result = judged(name, values)
    assert result.verdict == "drift"
    if isinstance(built(name), ColumnDrift):
        assert result.columns["d"]["drift"] is True


@every_detector_of_numbers
@pytest.mark.parametrize(("value", "verdict"), [(5.0, "ok"), (6.0, "drift")])
def test_a_constant_feature_has_an_answer(name: str, value: float, verdict: str) -> None:
    """A feature that is constant in the baseline is no drift while it stays so, and is one when it is another."""
    reference, values = mixed(500, seed=1), mixed(100, seed=2)
    reference[:, 1], values[:, 1] = 5.0, value
    baseline = baseline_of(reference, COLUMNS, reference, ANSWERS)
    assert result_of(detector_of(KINDS[name], name, baseline), baseline, rows(values)).verdict == verdict


@every_drift_detector
def test_what_is_needed_is_declared(name: str) -> None:
    """What a detector reads of a window is bounded by its own word, and made of statistics that there are."""
    needs = built(name).needs()
    assert 0 <= needs.sample <= 100_000
    assert needs.statistics <= set(NAMES)
    assert needs.min_rows == built(name).parameters.min_rows


@every_drift_detector
def test_columns_can_be_chosen(name: str) -> None:
    """Only the columns that a monitor names are judged, in the order of the schema."""
    able = [column.name for column in COLUMNS.columns if column.type in KINDS[name].judges]
    detector = detector_of(KINDS[name], name, REFERENCE, features=able[:0:-1])
    result = result_of(detector, REFERENCE, rows(mixed(100, seed=2)))
    assert set(result.columns) <= set(able[1:])
    if isinstance(detector, ColumnDrift):
        assert list(result.columns) == able[1:]


@every_drift_detector
def test_false_alarms_are_as_rare_as_asked(name: str) -> None:
    """With default parameters, windows without drift raise at most about one alarm in twenty, over all columns."""
    alarms = [judged(name, mixed(100, seed=seed)).verdict == "drift" for seed in range(100, 220)]
    assert sum(alarms) <= 14  # of 120: six are expected at most; more than 14 come by chance in one run of 2,000


@every_drift_detector
def test_an_effect_size_floor_silences_small_drift(name: str) -> None:
    """Drift whose distance is smaller than minDistance is none, however significant."""
    detector = detector_of(KINDS[name], name, REFERENCE, minDistance=1e9)
    result = result_of(detector, REFERENCE, rows(mixed(300, seed=2, shift=1.0)))
    assert result.verdict == "ok"
    assert result.applied["minDistance"] == 1e9


@every_online_detector
def test_a_memory_does_not_depend_on_blocks(name: str) -> None:
    """The same rows in the same order make the same memory, to the bit, however they are cut into blocks."""
    values = mixed(300, seed=2)
    values[40:60] = NAN
    whole, cut = StreamMemory([built(name)], raising), StreamMemory([built(name)], raising)
    whole.update(rows(values))
    for first in range(0, 300, 7):
        cut.update(rows(values[first : first + 7]))
    assert whole.dump() == cut.dump()


@every_online_detector
def test_a_memory_survives_the_snapshot(name: str) -> None:
    """A memory that was written and read goes on as if nothing had happened, and is changed by no reader."""
    went_on = StreamMemory([built(name)], raising)
    went_on.update(rows(mixed(100, seed=2)))
    blob = went_on.dump()
    restored = StreamMemory([built(name)], raising)
    restored.load(blob)
    for memory in (went_on, restored):
        memory.update(rows(mixed(200, seed=3, shift=0.3)))
    assert restored.dump() == went_on.dump()


@every_online_detector
def test_a_memory_is_bounded(name: str) -> None:
    """A memory does not grow, however many rows come."""
    memory = StreamMemory([built(name)], raising)
    sizes = set()
    for block in range(20):
        memory.update(rows(mixed(500, seed=block)))
        sizes.add(len(memory.dump()))
    assert max(sizes) <= min(sizes) + 64  # numbers of MessagePack have lengths of their own


@every_online_detector
def test_a_change_between_windows_is_found(name: str) -> None:
    """What no window shows by itself adds up: a change is found in a later window, and told once."""
    memory = StreamMemory([built(name)], raising)
    verdicts = []
    for window in range(6):
        block = rows(mixed(100, seed=window, shift=1.0 if window >= 3 else 0.0), identity=window)
        memory.update(block)
        verdicts.append(memory.judge(built(name), window_for(built(name), REFERENCE, block)).verdict)
    assert verdicts[:3] == ["ok"] * 3
    assert "drift" in verdicts[3:]
