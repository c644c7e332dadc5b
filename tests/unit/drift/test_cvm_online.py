"""The online Cramér-von Mises test: scipy's statistic after every row, and a threshold that keeps its run time."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import cramervonmises_2samp

from nilometer_detectors.drift.cvm_online import CVMOnline, Reference, threshold
from nilometer_logger.rows import Floats
from tests.judging import NAN, baseline_of, detector_of, normal, window_of

EMPTY = window_of(normal(0, 1))
few_values = st.lists(st.integers(-4, 4).map(float), min_size=2, max_size=40)


def statistics_of(reference: Floats, windows: list[int], values: Floats, limit: float = np.inf) -> Floats:
    """Returns the statistic after each value."""
    found = np.empty(len(values))
    ring, seen = np.zeros(max(windows)), np.zeros(1, dtype=np.int64)
    Reference(np.sort(reference), np.array(windows)).follow(values, limit, ring, seen, found)
    return found


def moments(n: int, w: int) -> tuple[float, float]:
    """Returns mean and standard deviation of T, by Anderson's formulas as scipy has them."""
    k, total = n * w, n + w
    variance = (total + 1) * (4 * k * total - 3 * (n**2 + w**2) - 2 * k) / (45 * total**2 * 4 * k)
    return (1 + 1 / total) / 6, float(np.sqrt(variance))


@pytest.mark.parametrize("n", [30, 500])
def test_the_statistic_is_that_of_scipy(n: int) -> None:
    """After every row it is scipy's T of the last values, in standard deviations; the largest over the windows."""
    reference, values = normal(n, 1).ravel(), normal(80, 1, seed=2, shift=0.5).ravel()
    found = statistics_of(reference, [10, 25], values)
    for row in range(80):
        expected = [0.0]
        for w in (10, 25):
            if row + 1 >= w:
                mean, deviation = moments(n, w)
                expected.append(
                    (cramervonmises_2samp(reference, values[row + 1 - w : row + 1]).statistic - mean) / deviation
                )
        assert found[row] == pytest.approx(max(expected), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(reference=few_values, values=few_values)
def test_ties_are_those_of_the_distribution_functions(reference: list[float], values: list[float]) -> None:
    """With any ties, T is the sum of squared differences of the two distribution functions over the pooled values."""
    n, w = len(reference), len(values)
    pooled = np.array(reference + values)
    f = np.searchsorted(np.sort(reference), pooled, "right") / n
    g = np.searchsorted(np.sort(values), pooled, "right") / w
    mean, deviation = moments(n, w)
    expected = (n * w / (n + w) ** 2 * np.square(f - g).sum() - mean) / deviation
    found = statistics_of(np.array(reference), [w], np.array(values))[-1]
    assert found == pytest.approx(max(0.0, expected), abs=1e-9)


def test_missing_values_do_not_move_the_windows() -> None:
    """A missing value has no statistic, and the next one is as if it had not been."""
    reference, values = normal(50, 1).ravel(), normal(40, 1, seed=2).ravel()
    holed = np.insert(values, [5, 20, 20], NAN)
    found = statistics_of(reference, [10], holed)
    assert np.isnan(found).sum() == 3
    assert found[~np.isnan(found)].tolist() == statistics_of(reference, [10], values).tolist()


def test_an_alarm_empties_the_windows() -> None:
    """After an alarm there is none until a window is full again."""
    found = statistics_of(normal(50, 1).ravel(), [10], np.full(35, 9.0), limit=3.0)
    assert np.flatnonzero(found > 3.0).tolist() == [9, 19, 29]
    assert found[10:19].tolist() == [0.0] * 9


def test_run_times_are_as_long_as_asked() -> None:
    """Over fresh baselines, streams without drift run about as long as `ert` says until their first alarm."""
    limit = threshold(200, (10, 40), 500.0)
    generator = np.random.default_rng(11)
    runs = []
    for _ in range(300):
        found = statistics_of(generator.random(200), [10, 40], generator.random(5000))
        above = np.flatnonzero(found > limit)
        runs.append(above[0] + 1 if len(above) else 5000)
    assert 375 <= np.mean(runs) <= 700


def test_longer_run_times_have_larger_thresholds() -> None:
    """The threshold grows with the run time, is never below 0, and is found without simulating so long a time."""
    limits = [threshold(200, (10, 40), run_length) for run_length in (1.0, 100.0, 1e4, 1e9)]
    assert limits == sorted(limits)
    assert limits[0] == 0.0
    assert limits[-1] < 30


def test_rounded_values_make_no_more_false_alarms() -> None:
    """On integers, ties do not turn into drift."""
    generator = np.random.default_rng(3)
    detector = detector_of(CVMOnline, "cvm_online", baseline_of(generator.integers(0, 4, (1000, 1))), ert=1000.0)
    memory = detector.begin()
    detector.observe(memory, generator.integers(0, 4, (20_000, 1)).astype(float))
    assert memory["alarms"].sum() <= 30  # 20 are expected without ties


def test_a_change_of_the_scale_is_found() -> None:
    """What leaves the mean alone is found as well."""
    detector = detector_of(CVMOnline, "cvm_online", baseline_of(normal(1000, 1)))
    memory = detector.begin()
    detector.observe(memory, normal(300, 1, seed=2) * 3)
    assert detector.judge_stream(memory, EMPTY).verdict == "drift"


def test_the_reference_is_bounded() -> None:
    """No more of the baseline's values are compared than the parameters say, and few sizes need a threshold."""
    for rows, size in ((5000, 1000), (1000, 1000), (999, 800), (30, 26)):
        detector = detector_of(CVMOnline, "cvm_online", baseline_of(normal(rows, 1)))
        assert len(detector._tested[0].values) == size


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"windowSizes": []}, "at least 1 item"),
        ({"windowSizes": [4]}, "greater than or equal to 5"),
        ({"windowSizes": [501]}, "less than or equal to 500"),
        ({"referenceSize": 19}, "greater than or equal to 20"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], message: str) -> None:
    """A parameter that makes no sense is refused, with what was expected."""
    with pytest.raises(ValidationError, match=message):
        CVMOnline.Parameters.model_validate(parameters)
