"""The Wasserstein distance as a detector: scipy's, in units and in standard deviations, and chance taken into account."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.drift.wasserstein import Wasserstein, noise
from tests.judging import NAN, baseline_of, detector_of, normal, result_of, rows_of

values = st.lists(st.floats(-1000, 1000, allow_subnormal=False), min_size=2, max_size=30)


def judged(reference: Any, sample: Any, **parameters: Any) -> Any:
    """Returns what the detector says of a sample of features."""
    baseline = baseline_of(np.reshape(reference, (len(reference), -1)))
    rows = rows_of(np.reshape(sample, (len(sample), -1)))
    return result_of(detector_of(Wasserstein, "wasserstein", baseline, minRows=1, **parameters), baseline, rows)


@settings(max_examples=60, deadline=None)
@given(reference=values, sample=values)
def test_the_distance_is_scipys(reference: list[float], sample: list[float]) -> None:
    """In the column's unit the distance is scipy's; the judged one is divided by the baseline's standard deviation."""
    expected, stddev = wasserstein_distance(reference, sample), np.std(reference, ddof=1)
    result = judged(reference, sample)
    assert result.columns["a"]["distanceInUnits"] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    if stddev > 1e-6:
        assert result.distance == pytest.approx(expected / stddev, rel=1e-9, abs=1e-9)


def test_a_unit_makes_no_difference() -> None:
    """The same drift in metres and in kilometres is the same distance, against the same threshold."""
    reference, sample = normal(1000, 1), normal(500, 1, seed=2, shift=0.3)
    metres, kilometres = judged(reference * 1000, sample * 1000), judged(reference, sample)
    assert metres.distance == pytest.approx(kilometres.distance, rel=1e-9)
    assert metres.threshold == pytest.approx(kilometres.threshold, rel=1e-4)


def test_a_constant_column_that_changes_is_infinitely_far() -> None:
    """There is no standard deviation to divide by: the same constant is no distance away, another one is drift."""
    assert judged(np.full(100, 5.0), np.full(50, 5.0)).verdict == "ok"
    changed = judged(np.full(100, 5.0), np.full(50, 5.1))
    assert (changed.verdict, changed.distance) == ("drift", None)
    assert changed.columns["a"]["distanceInUnits"] == pytest.approx(0.1)


def test_a_small_window_has_a_higher_threshold() -> None:
    """The threshold is what was asked for in a large window, and in a small one what chance reaches once in a hundred."""
    small, large = (judged(normal(10_000, 1), normal(rows, 1, seed=3), sampleSize=20_000) for rows in (30, 10_000))
    assert small.threshold > 0.3
    assert large.threshold == 0.1
    assert judged(normal(10_000, 1), normal(30, 1, seed=3), chance=1.0).threshold == 0.1


@pytest.mark.parametrize("kind", ["normal", "lognormal", "integers"])
def test_chance_is_found_for_any_distribution(kind: str) -> None:
    """Without drift the distance exceeds what `noise` says about as rarely as it says."""
    random = np.random.default_rng(5)
    made = {
        "normal": lambda size: random.normal(size=size),
        "lognormal": lambda size: random.lognormal(size=size),
        "integers": lambda size: random.poisson(1.0, size=size).astype(float),
    }[kind]
    bound = noise([np.sort(made(10_000))], 0.05)[0] * np.sqrt(1 / 500 + 1 / 100)
    share = np.mean([wasserstein_distance(made(500), made(100)) > bound for _ in range(1000)])
    assert 0.025 < share < 0.08


def test_a_missing_column_leaves_the_others_as_they_are() -> None:
    """Of a window that lacks a column, the others have the distances that they have by themselves."""
    reference, sample = normal(300, 3), normal(100, 3, seed=2)
    whole = judged(reference, sample)
    sample[:, 1] = NAN
    holed = judged(reference, sample)
    assert holed.columns["b"]["drift"] is None
    for column in "ac":
        assert holed.columns[column]["distance"] == whole.columns[column]["distance"]


def test_values_too_large_for_a_standard_deviation_are_refused() -> None:
    """A distance has no unit where the baseline's spread is beyond float64: that is said when the monitor is built."""
    baseline = baseline_of(np.array([[1.7e308], [-1.7e308]] * 20))
    with pytest.raises(InvalidDetector, match="no standard deviation of 'a'"):
        detector_of(Wasserstein, "wasserstein", baseline)
