"""The demo's story: an alarm in it is a bug and not luck, because the rows and the thresholds were chosen so."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp, kstwo

from nilometer_detectors.demo.iris import FEATURES, flowers
from nilometer_detectors.demo.story import (
    MIN_ROWS,
    P_VALUE,
    WINDOW_SECONDS,
    Z_THRESHOLD,
    Phase,
    Prediction,
    lead_seconds,
    tell,
)

FLOWERS = flowers()
TRAINING_SET = np.array([flower.measurements for flower in FLOWERS])
SEEDS = range(20)


def windows(seed: int, lead: float = 3.0) -> dict[int, list[Prediction]]:
    """Returns the story's predictions by their window; window 0 is the first whole one."""
    told = tell(FLOWERS, lead, seed)
    return {number: list(group) for number, group in itertools.groupby(told, lambda one: int(one.at // WINDOW_SECONDS))}


def rows_of(predictions: Sequence[Prediction]) -> NDArray[np.float64]:
    """Returns rows as an array [predictions, features]."""
    return np.array([prediction.row for prediction in predictions])


def lowest_p_value(predictions: Sequence[Prediction]) -> float:
    """Returns the lowest p-value of a two-sample Kolmogorov-Smirnov test over the features."""
    rows = rows_of(predictions)
    return min(float(ks_2samp(TRAINING_SET[:, i], rows[:, i], method="asymp").pvalue) for i in range(len(FEATURES)))


def z_scores(predictions: Sequence[Prediction]) -> NDArray[np.float64]:
    """Returns the largest |z| of each row against the training set."""
    scores = np.abs(rows_of(predictions) - TRAINING_SET.mean(axis=0)) / TRAINING_SET.std(axis=0, ddof=1)
    return np.asarray(scores.max(axis=1))


def test_the_same_seed_tells_the_same_story() -> None:
    """A demo can be repeated: rows, times and outliers depend on the seed alone."""
    assert list(tell(FLOWERS, 2.0, seed=7)) == list(tell(FLOWERS, 2.0, seed=7))
    assert list(tell(FLOWERS, 2.0, seed=7)) != list(tell(FLOWERS, 2.0, seed=8))


def test_phases_begin_on_window_boundaries() -> None:
    """No window has rows of two phases, so that the window of the switch is known."""
    phases = {number: {prediction.phase for prediction in rows} for number, rows in windows(0).items()}

    assert phases[-1] == phases[0] == phases[1] == {Phase.NORMAL}
    assert phases[2] == {Phase.OUTLIERS}
    assert phases[3] == phases[4] == {Phase.INCHES}


@pytest.mark.parametrize("now", [0.0, 0.5, 3.9, 4.1, 1_795_000_001.25])
def test_the_partial_window_always_has_rows(now: float) -> None:
    """Traffic starts at least a second before a boundary: an empty window is none, and the next would be partial."""
    lead = lead_seconds(now)

    assert 1.0 <= lead < 1.0 + WINDOW_SECONDS
    assert (now + lead) % WINDOW_SECONDS == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_window_before_the_switch_looks_like_drift(seed: int) -> None:
    """Over every seed, normal windows and the one with outliers stay far above the p-value that raises drift."""
    told = windows(seed)

    for number in (0, 1, 2):
        assert len(told[number]) >= 4 * MIN_ROWS
        assert lowest_p_value(told[number]) > 20 * P_VALUE


@pytest.mark.parametrize(("rows", "most"), [(50, 6e-6), (200, 1e-10)])
def test_a_false_alarm_is_a_bug_and_not_luck(rows: int, most: float) -> None:
    """The chance that rows drawn from the training set reach the critical distance is as small as story.py says."""
    size = len(TRAINING_SET)
    critical = kstwo.isf(P_VALUE / len(FEATURES), round(rows * size / (rows + size)))

    by_dvoretzky_kiefer_wolfowitz = 2 * np.exp(-2 * rows * critical**2)

    assert len(FEATURES) * by_dvoretzky_kiefer_wolfowitz < most


@pytest.mark.parametrize("seed", SEEDS)
def test_inches_are_drift_in_the_first_window(seed: int) -> None:
    """Every seed's first window of inches, and any 50 rows of it, is drift beyond doubt."""
    inches = windows(seed)[3]

    assert lowest_p_value(inches) < P_VALUE**4
    assert lowest_p_value(inches[:MIN_ROWS]) < P_VALUE**4


@pytest.mark.parametrize("seed", SEEDS)
def test_the_z_score_finds_the_impossible_rows_and_no_others(seed: int) -> None:
    """In every phase, impossible rows are far above the threshold, and all others below it."""
    told = [prediction for rows in windows(seed).values() for prediction in rows]
    impossible = [prediction for prediction in told if prediction.impossible]
    possible = [prediction for prediction in told if not prediction.impossible]

    assert z_scores(possible).max() < Z_THRESHOLD * 0.9
    assert z_scores(impossible).min() > Z_THRESHOLD * 1.5
    assert len(impossible) == 8
    assert len({prediction.impossible for prediction in impossible}) == 4
    assert {prediction.phase for prediction in impossible} == {Phase.OUTLIERS}


def test_both_protocols_are_spoken() -> None:
    """Half of the requests go by v1 and half by v2."""
    protocols = [prediction.protocol for prediction in tell(FLOWERS, 2.0)]

    assert protocols.count("v1") == protocols.count("v2")
