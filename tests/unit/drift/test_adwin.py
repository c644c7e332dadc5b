"""ADWIN: river's alarms to the row, a window that begins with the baseline, and one of bounded length."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.drift.adwin import ADWIN
from nilometer_detectors.kernels.adwin import adwin
from nilometer_logger.rows import Floats
from tests.judging import NAN, baseline_of, detector_of, normal, window_of
from tests.unit.streams import JUMPS, LARGE, NONE, SLIGHT, SMALL, STAIRS, STEPS, STILL, stream_of

EMPTY = window_of(normal(0, 1))
LIKE_RIVER = (0.002, 32, 5, 5, 10)
EAGER = (0.05, 1, 3, 3, 5)


def followed(
    values: Floats, parameters: tuple[float, int, int, int, int], sizes: int = 24
) -> tuple[Any, Any, Any, Any]:
    """Returns statistics, sums, numbers of buckets and window of a stream that began from nothing."""
    delta, clock, buckets, shortest, grace = parameters
    totals, deviations = np.zeros((1, sizes * (buckets + 1))), np.zeros((1, sizes * (buckets + 1)))
    used, window, statistics = np.zeros((1, sizes), dtype=np.int64), np.zeros((1, 4)), np.empty_like(values)
    adwin(values, delta, clock, shortest, grace, True, totals, deviations, used, window, statistics)
    return statistics[:, 0], totals[0], used[0], window[0]


@pytest.mark.parametrize(
    ("stream", "parameters", "alarms"),
    [
        (STEPS, LIKE_RIVER, [735, 1471, 2111, 2815]),
        (STEPS, EAGER, [574, 722, 1431, 2106, 2804]),
        (SMALL, LIKE_RIVER, [2207, 4255, 6143]),
        (SMALL, EAGER, [2139, 4105, 6112, 6577]),
        (NONE, LIKE_RIVER, []),
        (NONE, EAGER, []),
    ],
)
def test_alarms_are_those_of_river(stream: Any, parameters: Any, alarms: list[int]) -> None:
    """From nothing, the alarms are those of river 0.26.1's `ADWIN`, row by row.

    They were found with `detector.update(value)` for each value of the stream and written down where
    `detector.drift_detected`; the parameters are delta, clock, max_buckets, min_window_length and grace_period.
    """
    statistics, *_ = followed(stream_of(*stream), parameters)
    assert np.flatnonzero(statistics > 1.0).tolist() == alarms


@pytest.mark.parametrize(
    ("stream", "alarms", "width"),
    [
        (JUMPS, [1055, 2047], 952),
        (STILL, [], 3000),
        (SLIGHT, [2175], 1824),
        (STAIRS, [543, 1023, 1535, 2047, 2527], 472),
        (LARGE, [703], 696),
    ],
)
def test_windows_are_as_wide_as_those_of_river(stream: Any, alarms: list[int], width: int) -> None:
    """With river's default parameters the alarms are the same, and so is its `width` after the last row."""
    statistics, *_, window = followed(stream_of(*stream), LIKE_RIVER)
    assert np.flatnonzero(statistics > 1.0).tolist() == alarms
    assert window[0] == width


def test_buckets_keep_what_the_window_holds() -> None:
    """Buckets hold powers of two of the values, all of them, with their sum and squared deviations."""
    values = normal(1000, 1)
    _, totals, used, window = followed(values, LIKE_RIVER)
    assert (used * 2.0 ** np.arange(24)).sum() == window[0] == 1000
    assert used.max() <= 5
    assert window[1] == pytest.approx(values.sum())
    assert totals.sum() == pytest.approx(values.sum())
    assert window[2] == pytest.approx(values.var() * 1000)


def test_the_window_is_bounded() -> None:
    """Where there are no larger buckets, the oldest values go, and sum and deviations are those of the rest."""
    values = normal(1000, 1)
    _, _, used, window = followed(values, LIKE_RIVER, sizes=4)
    kept = int((used * 2.0 ** np.arange(4)).sum())
    assert kept == window[0] <= 5 * (1 + 2 + 4 + 8)
    assert window[1] == pytest.approx(values[-kept:].sum())
    assert window[2] == pytest.approx(values[-kept:].var() * kept)


def test_the_stream_is_compared_with_the_baseline_first() -> None:
    """A stream that is wrong from its first row is found; then it is compared with itself, and is not told again."""
    detector = detector_of(ADWIN, "adwin", baseline_of(normal(1000, 1)))
    memory = detector.begin()
    assert memory["window"][0, 0] == 1000
    verdicts = []
    for block in range(4):
        detector.observe(memory, normal(200, 1, seed=block, shift=1.0))
        verdicts.append(detector.judge_stream(memory, EMPTY).verdict)
    assert verdicts == ["drift", "ok", "ok", "ok"]


def test_holes_of_the_baseline_are_passed_over() -> None:
    """A baseline with missing values is taken in without them."""
    reference = normal(500, 1)
    reference[::5] = NAN
    assert detector_of(ADWIN, "adwin", baseline_of(reference)).begin()["window"][0, 0] == 400


def test_false_alarms_are_rarer_than_asked() -> None:
    """On a stream without change there is no alarm in 50,000 rows of four columns."""
    detector = detector_of(ADWIN, "adwin", baseline_of(normal(1000, 4)))
    memory = detector.begin()
    detector.observe(memory, normal(50_000, 4, seed=2))
    assert memory["alarms"].sum() == 0


def test_equal_values_are_no_change() -> None:
    """A constant stream has no deviations, and no alarm."""
    statistics, *_ = followed(np.full((500, 1), 0.1), EAGER)
    assert (statistics <= 1.0).all()


@pytest.mark.parametrize("parameters", [{"delta": 0.0}, {"delta": 1.0}, {"clock": 0}, {"maxBuckets": 1}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any]) -> None:
    """A parameter that makes no sense is refused."""
    with pytest.raises(ValidationError, match=r"greater than|less than"):
        ADWIN.Parameters.model_validate(parameters)
