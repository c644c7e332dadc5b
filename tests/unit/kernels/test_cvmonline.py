"""The online Cramér-von Mises detector: alibi-detect's statistics and thresholds, with a state that does not grow."""

from typing import Any

import numpy as np
import pytest

from nilometer_detectors.kernels import cvmonline
from tests.unit.kernels.cases import KINDS, made

WINDOWS = [5, 12]


@pytest.fixture(scope="module")
def simulated() -> np.ndarray:
    """Thresholds for 60 values of reference and a run of 50."""
    return cvmonline.thresholds(60, WINDOWS, ert=50, bootstraps=4000, seed=1)


@pytest.mark.parametrize("kind", KINDS)
def test_statistics_are_those_of_alibi_detect(alibi: Any, kind: str) -> None:
    """Value by value, the statistics of all windows are alibi-detect's to its float32, ties included."""
    random = np.random.default_rng(1)
    reference, values = made(random.normal(size=60), kind), made(random.normal(0.5, 1, size=80), kind)
    theirs = alibi.CVMDriftOnline(reference[:, None], ert=20, window_sizes=WINDOWS, n_bootstraps=1000, verbose=False)
    expected = np.array([theirs.score(value[None])[:, 0] for value in values])
    found = cvmonline.statistics(cvmonline.prepare(reference), values, cvmonline.new_state(WINDOWS), WINDOWS)
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=1e-12)


def test_blocks_change_nothing() -> None:
    """However values are cut into blocks, the statistics are the same, and the state has the size that it had."""
    values, prepared = np.random.default_rng(2).normal(size=300), cvmonline.prepare(np.arange(40.0))
    expected = cvmonline.statistics(prepared, values, cvmonline.new_state(WINDOWS), WINDOWS)
    state = cvmonline.new_state(WINDOWS)
    found = [cvmonline.statistics(prepared, block, state, WINDOWS) for block in np.array_split(values, [0, 1, 7, 200])]
    np.testing.assert_array_equal(np.concatenate(found), expected)
    assert state.shape == (1 + max(WINDOWS),)


def test_thresholds_are_those_of_alibi_detect(alibi: Any, simulated: np.ndarray) -> None:
    """Both simulations agree within their noise, and know no threshold before the first window is full."""
    np.random.seed(1)  # noqa: NPY002 - what alibi-detect draws from
    reference = np.zeros((60, 1))
    theirs = alibi.CVMDriftOnline(reference, ert=50, window_sizes=WINDOWS, n_bootstraps=4000, verbose=False)
    assert np.isnan(simulated[:4]).all()
    np.testing.assert_allclose(simulated[4:], theirs.thresholds[4:, 0], rtol=0.35)
    assert np.mean(simulated[4:]) == pytest.approx(np.mean(theirs.thresholds[4:]), rel=0.05)


def test_the_run_time_is_what_was_asked_for(simulated: np.ndarray) -> None:
    """Without change, fresh references and streams run some 50 values from the first full window on."""
    random, runs = np.random.default_rng(3), []
    for _ in range(600):
        prepared, state = cvmonline.prepare(random.normal(size=60)), cvmonline.new_state(WINDOWS)
        greatest = np.fmax.reduce(cvmonline.statistics(prepared, random.normal(size=600), state, WINDOWS), axis=1)
        limits = np.concatenate([simulated, np.full(600 - len(simulated), simulated[-1])])
        exceeded = np.flatnonzero(greatest > limits)
        runs.append(exceeded[0] - 3 if len(exceeded) else 596)
    assert 35 < np.mean(runs) < 75
