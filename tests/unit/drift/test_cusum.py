"""CUSUM: Page's sums, and a threshold from the run length that is asked for."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.drift.base.runlength import siegmund_run_length, siegmund_threshold
from nilometer_detectors.drift.cusum import CUSUM
from tests.judging import baseline_of, detector_of, normal, window_of

EMPTY = window_of(normal(0, 1))
# Mean 0 and sample standard deviation 1.
UNIT = np.array([[-1.0], [0.0], [1.0]])


def sums_of(*stream: float, **parameters: Any) -> Any:
    """Returns the memory after some standardised values."""
    detector = detector_of(CUSUM, "cusum", baseline_of(UNIT), minRows=1, **parameters)
    memory = detector.begin()
    detector.observe(memory, np.array(stream).reshape(-1, 1))
    return memory


def test_the_sums_are_those_of_page() -> None:
    """Each sum adds what a value has beyond the slack, and does not fall below 0."""
    assert sums_of(1.0, 2.0, -0.25, slack=0.5)["sums"].tolist() == [[1.25, 0.0]]
    assert sums_of(-1.0, -2.0, 0.25, slack=0.5)["sums"].tolist() == [[0.0, 1.25]]


def test_an_alarm_begins_the_sums_anew() -> None:
    """Where a sum exceeds the threshold both are 0 again, so that a shift that lasts gives alarm after alarm."""
    memory = sums_of(2.0, 2.0, 2.0, 2.0, slack=0.5, threshold=2.5)
    assert memory["alarms"].tolist() == [2]
    assert memory["sums"].tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(("threshold", "run_length"), [(4.0, 336.0), (5.0, 930.0)])
def test_siegmund_is_close_to_the_exact_run_lengths(threshold: float, run_length: float) -> None:
    """For slack 0.5 the one-sided run lengths of the textbooks (336 and 930) come out within 2 %."""
    assert siegmund_run_length(threshold, 0.5) == pytest.approx(run_length, rel=0.02)


@pytest.mark.parametrize("slack", [0.0, 1e-6, 0.1, 0.5, 5.0])
@pytest.mark.parametrize("run_length", [20.0, 1e4, 1e12])
def test_the_threshold_has_the_run_length(slack: float, run_length: float) -> None:
    """The threshold that is found has the run length that was asked for, or is 0 where even that runs longer."""
    threshold = siegmund_threshold(run_length, slack)
    if threshold > 0:
        assert siegmund_run_length(threshold, slack) == pytest.approx(run_length, rel=1e-4)
    else:
        assert siegmund_run_length(0.0, slack) >= run_length


def test_false_alarms_are_as_rare_as_asked() -> None:
    """Over four columns without drift, alarms are about as rare as `ert` says."""
    detector = detector_of(CUSUM, "cusum", baseline_of(normal(5000, 4)), ert=1000.0)
    memory = detector.begin()
    detector.observe(memory, normal(200_000, 4, seed=2))
    assert 140 <= memory["alarms"].sum() <= 260  # 200 are expected; a baseline of 5,000 rows adds a spread of its own


def test_a_small_shift_adds_up() -> None:
    """A shift that no window of 100 rows shows well is found soon, and none is found where there is none."""
    detector = detector_of(CUSUM, "cusum", baseline_of(normal(5000, 1)), ert=100_000.0, slack=0.25)
    memory = detector.begin()
    detector.observe(memory, normal(1000, 1, seed=3))
    assert detector.judge_stream(memory, EMPTY).verdict == "ok"
    detector.observe(memory, normal(150, 1, seed=4, shift=0.5))
    assert detector.judge_stream(memory, EMPTY).verdict == "drift"


def test_one_wild_value_is_no_drift() -> None:
    """A single value, however large, counts as five standard deviations."""
    detector = detector_of(CUSUM, "cusum", baseline_of(normal(5000, 1)))
    memory = detector.begin()
    detector.observe(memory, np.array([[0.0], [1e300], [0.0]] * 10 + [[0.0]] * 30))
    assert memory["largest"].max() <= 5.0 + 10 * 5.0
    memory = detector.begin()
    detector.observe(memory, np.concatenate([np.zeros((30, 1)), [[1e300]], np.zeros((30, 1))]))
    assert detector.judge_stream(memory, EMPTY).verdict == "ok"


def test_the_finding_says_what_the_threshold_follows_from() -> None:
    """The run time that was asked for, and over how many columns, stand in the finding; not where it was given."""
    asked = detector_of(CUSUM, "cusum", baseline_of(normal(100)), ert=500.0, minRows=1)
    memory = asked.begin()
    asked.observe(memory, normal(10))
    assert asked.judge_stream(memory, EMPTY).applied == {"ert": 500.0, "columns": 2}
    given = detector_of(CUSUM, "cusum", baseline_of(normal(100)), threshold=7.0, minDistance=0.5)
    assert given.threshold == 7.0
    assert given.applied() == {"minDistance": 0.5}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ert": 5.0}, "greater than or equal to 10"),
        ({"threshold": 0.0}, "greater than 0"),
        ({"threshold": 4.0, "ert": 100.0}, "gives both ert and threshold"),
        ({"slack": -0.1}, "greater than or equal to 0"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], message: str) -> None:
    """A parameter that makes no sense is refused, with what was expected."""
    with pytest.raises(ValidationError, match=message):
        CUSUM.Parameters.model_validate(parameters)
