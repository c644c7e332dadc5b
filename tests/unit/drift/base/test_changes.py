"""What online detectors count and tell, whatever statistic they follow."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.drift.adwin import ADWIN
from nilometer_detectors.drift.base.changes import ChangeDrift
from nilometer_detectors.drift.cusum import CUSUM
from nilometer_detectors.drift.cvm_online import CVMOnline
from nilometer_detectors.drift.page_hinkley import PageHinkley
from nilometer_detectors.monitors.memory import StreamMemory
from nilometer_logger.rows import Floats
from tests.judging import INF, NAN, baseline_of, detector_of, normal, raising, rows_of, window_of

BASELINE = baseline_of(normal(1000))
EMPTY = window_of(normal(0))
KINDS: dict[str, type[ChangeDrift[Any]]] = {
    "cusum": CUSUM,
    "page_hinkley": PageHinkley,
    "adwin": ADWIN,
    "cvm_online": CVMOnline,
}
DETECTORS = {name: detector_of(kind, name, BASELINE, minRows=1) for name, kind in KINDS.items()}
every_detector = pytest.mark.parametrize("name", KINDS)
values = st.sampled_from([NAN, INF, -INF, 0.0, 0.5, -1.0, 2.0, 1e300])
cuts = st.lists(st.integers(1, 40), min_size=1, max_size=10)


def observed(detector: ChangeDrift[Any], *blocks: Floats) -> Any:
    """Returns the memory of a stream after some blocks of rows."""
    memory = detector.begin()
    for block in blocks:
        detector.observe(memory, block)
    return memory


@every_detector
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(values, values), max_size=60), lengths=cuts, seed=st.integers(0, 99))
def test_blocks_make_no_difference(name: str, rows: list[tuple[float, float]], lengths: list[int], seed: int) -> None:
    """However a stream is cut, its memory is the same to the bit, and its bytes can be read again."""
    detector = DETECTORS[name]
    stream = np.concatenate([normal(150, seed=seed), np.array(rows).reshape(-1, 2), normal(100, seed=seed, shift=2.0)])
    whole = observed(detector, stream)
    bounds = np.cumsum(lengths * 40)
    cut = observed(detector, *np.split(stream, bounds[bounds < len(stream)]))
    assert {key: array.tobytes() for key, array in whole.items()} == {key: a.tobytes() for key, a in cut.items()}
    written = StreamMemory([detector], raising)
    written.update(rows_of(stream))
    read = StreamMemory([detector], raising)
    read.load(written.dump())
    assert read.judge(detector, EMPTY) == detector.judge_stream(whole, EMPTY)
    assert read.dump() != written.dump()  # an answer is remembered


@every_detector
def test_observing_changes_no_row(name: str) -> None:
    """The rows are as they were, also where they cannot be written."""
    stream = normal(50)
    stream.setflags(write=False)
    observed(DETECTORS[name], stream)


@every_detector
def test_missing_values_are_passed_over_and_counted(name: str) -> None:
    """With missing and infinite values between them, the others have the same statistic, and the rest is counted."""
    stream = normal(100, seed=3, shift=0.3)
    holed = np.insert(stream, np.arange(0, 100, 5), [NAN, INF], axis=0)
    whole, with_holes = observed(DETECTORS[name], stream), observed(DETECTORS[name], holed)
    assert with_holes["largest"].tolist() == whole["largest"].tolist()
    said = DETECTORS[name].judge_stream(with_holes, EMPTY).columns["a"]
    assert (said["count"], said["missing"]) == (100, 20)


@every_detector
def test_an_alarm_is_told_once_with_its_age(name: str) -> None:
    """The answer tells how many rows ago the first alarm was; the next one tells of it no more."""
    detector, stream = DETECTORS[name], np.concatenate([normal(200, seed=4), normal(100, seed=5, shift=[3.0, 0.0])])
    memory = detector.begin()
    at = None
    for row in range(len(stream)):
        detector.observe(memory, stream[row : row + 1])
        if at is None and memory["alarms"][0]:
            at = row
    assert at is not None
    assert 200 <= at < 290
    result = detector.judge_stream(memory, EMPTY)
    assert result.verdict == "drift"
    assert result.columns["a"]["rowsAgo"] == len(stream) - 1 - at
    assert result.distance == result.columns["a"]["distance"]
    assert result.distance is not None
    assert result.distance > detector.threshold
    assert result.columns["b"]["drift"] is False
    detector.observe(memory, np.zeros((5, 2)))
    assert detector.judge_stream(memory, EMPTY).verdict == "ok"


@every_detector
def test_what_is_not_judged_stays_for_the_next_answer(name: str) -> None:
    """With too few rows there is no verdict, and neither rows nor alarms are lost: the next answer has them."""
    detector = detector_of(KINDS[name], name, BASELINE, minRows=100)
    shifted = normal(64, seed=7, shift=4.0)
    memory = observed(detector, shifted)
    first = detector.judge_stream(memory, EMPTY)
    assert (first.verdict, first.reason) == ("nodata", "64 rows since the last answer, fewer than minRows (100)")
    detector.observe(memory, normal(40, seed=8))
    second = detector.judge_stream(memory, EMPTY)
    assert second.verdict == "drift"
    assert second.columns["a"]["count"] == 104
    assert second.columns["a"]["rowsAgo"] >= 40  # type: ignore[operator]


@every_detector
def test_a_column_that_is_missing_takes_nothing_from_the_others(name: str) -> None:
    """A column without values is named as not judged, and drift of another is told all the same."""
    stream = normal(100, seed=7, shift=2.0)
    stream[:, 0] = NAN
    result = DETECTORS[name].judge_stream(observed(DETECTORS[name], stream), EMPTY)
    assert result.verdict == "drift"
    assert result.columns["a"]["drift"] is None
    assert result.reason == "a: 0 usable values since the last answer, fewer than minRows (1)"


@every_detector
def test_a_baseline_without_values_is_refused(name: str) -> None:
    """A column of which the baseline knows fewer than two values must be left out by name."""
    with pytest.raises(InvalidDetector, match="fewer than two usable values of 'b'"):
        detector_of(KINDS[name], name, baseline_of([[1.0, NAN], [2.0, 3.0]]))
