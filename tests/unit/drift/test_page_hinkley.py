"""Page-Hinkley: river's alarms to the row, and a mean that begins with the baseline's."""

from typing import Any

import numpy as np
import pytest

from nilometer_detectors.drift.page_hinkley import PageHinkley
from nilometer_detectors.kernels.sums import page_hinkley
from tests.judging import baseline_of, detector_of, normal, window_of
from tests.unit.streams import LARGE, NONE, SMALL, STAIRS, STEPS, stream_of

EMPTY = window_of(normal(0, 1))


@pytest.mark.parametrize(
    ("stream", "delta", "threshold", "alpha", "alarms"),
    [
        (STEPS, 0.005, 50.0, 0.9999, [573, 751, 1454, 2118, 2811]),
        (STEPS, 0.25, 15.0, 1.0, [564, 719, 1427, 2106, 2370, 2804]),
        (SMALL, 0.005, 50.0, 0.9999, [556, 2173, 3655, 4251, 4741, 6120, 6566]),
        (SMALL, 0.25, 15.0, 1.0, [113, 2201, 4095, 6103, 6575]),
        (NONE, 0.005, 50.0, 0.9999, [805, 2735, 4189]),
        (NONE, 0.25, 15.0, 1.0, []),
        (STAIRS, 0.005, 50.0, 0.9999, [538, 1054, 1547, 2038, 2547]),
        (LARGE, 0.005, 50.0, 0.9999, [252, 620, 701, 909]),
    ],
)
def test_alarms_are_those_of_river(
    stream: Any, delta: float, threshold: float, alpha: float, alarms: list[int]
) -> None:
    """From nothing, the alarms are those of river 0.26.1's `PageHinkley(min_instances=1, ...)`, row by row.

    They were found with `detector.update(value)` for each value of the stream and written down where
    `detector.drift_detected`.
    """
    values = stream_of(*stream)
    start = np.array([0.0, 0.0, 0.0, np.inf, 0.0, -np.inf])
    memory, statistics = start[np.newaxis].copy(), np.empty_like(values)
    page_hinkley(values, delta, alpha, threshold, start, memory, statistics)
    assert np.flatnonzero(statistics[:, 0] > threshold).tolist() == alarms


def test_false_alarms_are_as_rare_as_asked() -> None:
    """Over four columns without drift, alarms are about as rare as `ert` says."""
    detector = detector_of(PageHinkley, "page_hinkley", baseline_of(normal(5000, 4)), ert=1000.0)
    memory = detector.begin()
    detector.observe(memory, normal(200_000, 4, seed=2))
    assert 140 <= memory["alarms"].sum() <= 260  # 200 are expected


def test_a_stream_that_is_wrong_from_the_start_is_found() -> None:
    """The mean begins with the baseline's, so that drift before the first row is a change."""
    detector = detector_of(PageHinkley, "page_hinkley", baseline_of(normal(1000, 1)))
    memory = detector.begin()
    detector.observe(memory, normal(100, 1, seed=2, shift=1.0))
    assert detector.judge_stream(memory, EMPTY).verdict == "drift"


def test_a_shift_that_lasts_gives_alarm_after_alarm() -> None:
    """After an alarm the column begins anew with the baseline's mean, not with that of the drifting stream."""
    detector = detector_of(PageHinkley, "page_hinkley", baseline_of(normal(1000, 1)))
    memory = detector.begin()
    verdicts = []
    for block in range(4):
        detector.observe(memory, normal(200, 1, seed=block, shift=1.0))
        verdicts.append(detector.judge_stream(memory, EMPTY).verdict)
    assert verdicts == ["drift"] * 4


def test_forgetting_makes_false_alarms_more_frequent() -> None:
    """River's alpha of 0.9999 lifts sums that have sunk: why it is not the default here."""
    alarms = []
    for alpha in (1.0, 0.9999):
        detector = detector_of(PageHinkley, "page_hinkley", baseline_of(normal(5000, 4)), ert=1000.0, alpha=alpha)
        memory = detector.begin()
        detector.observe(memory, normal(100_000, 4, seed=2))
        alarms.append(int(memory["alarms"].sum()))
    assert alarms[1] > 1.4 * alarms[0]
