"""Detectors of change, value by value: river's detections to the value, and the same however values are cut."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from nilometer_detectors.kernels import adwin, online
from nilometer_logger.rows import Floats

Detector = Callable[[Floats, Floats], np.ndarray]
DETECTORS: list[tuple[Detector, Callable[[], Floats]]] = [
    (adwin.adwin, adwin.new_adwin),
    (online.page_hinkley, online.new_page_hinkley),
    (lambda values, state: online.cusum(values, state, 0.0, 1.0, 0.5, 5.0), online.new_cusum),
]

# What river 0.26.1 finds, with its default parameters, in streams of Python's own random numbers.
STREAMS = {
    "two jumps": (1, [(1000, 0.0), (1000, 1.0), (1000, -0.5)], 1.0),
    "none": (2, [(3000, 0.0)], 1.0),
    "small": (3, [(2000, 0.0), (2000, 0.4)], 1.0),
    "steps": (4, [(500, float(level)) for level in range(6)], 0.5),
    "large": (5, [(700, 0.0), (700, 30.0)], 2.0),
}
ADWIN = {"two jumps": [1055, 2047], "none": [], "small": [2175], "steps": [543, 1023, 1535, 2047, 2527], "large": [703]}
WIDTHS = {"two jumps": 952, "none": 3000, "small": 1824, "steps": 472, "large": 696}
PAGE_HINKLEY = {
    "two jumps": [573, 1043, 2022, 2529],
    "none": [556],
    "small": [805, 2088, 2597, 3467],
    "steps": [538, 1054, 1547, 2038, 2547],
    "large": [252, 620, 701, 909],
}


def stream(name: str) -> Floats:
    """Makes normal values whose mean jumps."""
    seed, parts, noise = STREAMS[name]
    source = random.Random(seed)
    return np.array([source.gauss(mean, noise) for count, mean in parts for _ in range(count)])


@pytest.mark.parametrize("name", STREAMS)
def test_adwin_finds_what_rivers_finds(name: str) -> None:
    """The same values are the ones after which change is found, and the window is as wide in the end."""
    state = adwin.new_adwin()
    assert np.flatnonzero(adwin.adwin(stream(name), state)).tolist() == ADWIN[name]
    assert state[1] == WIDTHS[name]


@pytest.mark.parametrize("name", STREAMS)
def test_page_hinkley_finds_what_rivers_finds(name: str) -> None:
    """The same values are the ones after which change is found."""
    found = online.page_hinkley(stream(name), online.new_page_hinkley())
    assert np.flatnonzero(found).tolist() == PAGE_HINKLEY[name]


@pytest.mark.parametrize(("detector", "new"), DETECTORS)
def test_blocks_change_nothing(detector: Detector, new: Callable[[], Floats]) -> None:
    """However values are cut into blocks, the same is found and the same state is left, of the size it had."""
    values, whole, state = stream("two jumps"), new(), new()
    expected = detector(values, whole)
    found = [detector(block, state) for block in np.array_split(values, [0, 1, 40, 41, 999, 1500])]
    np.testing.assert_array_equal(np.concatenate(found), expected)
    np.testing.assert_array_equal(state, whole)
    assert state.shape == new().shape


def test_adwin_keeps_what_is_in_its_window() -> None:
    """Sum and squared deviations of the buckets are those of the values."""
    values, state = np.random.default_rng(1).normal(5, 2, size=2000), adwin.new_adwin()
    assert not adwin.adwin(values, state).any()
    assert state[2] == pytest.approx(values.sum(), rel=1e-12)
    assert state[3] == pytest.approx(values.var() * 2000, rel=1e-9)
    rows = state[5:].reshape(40, 13)
    assert np.sum(rows[:, 0] * 2.0 ** np.arange(40)) == 2000
    assert rows[:, 0].max() <= 5


def test_cusum_finds_the_shift_that_it_is_made_for() -> None:
    """A shift of one standard deviation, up or down, is found within some 10 values; without it runs last as tabulated."""
    random_values = np.random.default_rng(2)
    for shift in (1.0, -1.0):
        found = online.cusum(random_values.normal(shift, 1, size=20_000), online.new_cusum(), 0.0, 1.0, 0.5, 5.0)
        assert 20_000 / found.sum() == pytest.approx(10.4, rel=0.05)
    values = random_values.normal(size=1_000_000)
    found = online.cusum(10 + 3 * values, online.new_cusum(), 10.0, 3.0, 0.5, 4.0)
    assert 1_000_000 / found.sum() == pytest.approx(168, rel=0.06)  # Montgomery, "Statistical quality control", 9.1
