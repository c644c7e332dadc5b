"""Distances that are no tests: equal to scipy's, and never negative, infinite or blind to what is new."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, wasserstein_distance

from nilometer_detectors.kernels import distances
from nilometer_detectors.kernels.ragged import Ragged, pack, pack_sorted
from nilometer_logger.rows import Floats
from tests.unit.kernels.cases import pairs

Measure = Callable[[Ragged, Ragged], Floats]
HISTOGRAMS: list[tuple[Measure, float]] = [
    (distances.kullback_leibler, math.inf),
    (distances.population_stability_index, math.inf),
    (distances.jensen_shannon, math.log(2)),
    (distances.hellinger, 1.0),
]
counts = st.integers(1, 20).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(0, 10**6), min_size=bins, max_size=bins)] * 2)
)


def test_wasserstein_is_that_of_scipy() -> None:
    """All features in one call, in their units, ties included."""
    cases = list(pairs(200, 1))
    references, samples = (pack_sorted(columns) for columns in zip(*cases, strict=True))
    expected = [wasserstein_distance(*case) for case in cases]
    np.testing.assert_allclose(distances.wasserstein(references, samples), expected, rtol=1e-9, atol=1e-12)


def test_wasserstein_is_a_shift() -> None:
    """Values that are all larger by one are 1 away, however far outside the reference they are."""
    values = np.arange(10.0)
    for shift in (1.0, 1000.0):
        assert distances.wasserstein(pack([values]), pack([values + shift]))[0] == pytest.approx(shift)


@pytest.mark.parametrize(("measure", "most"), HISTOGRAMS)
@given(pair=counts)
def test_histograms_have_finite_distances(measure: Measure, most: float, pair: tuple[list[int], list[int]]) -> None:
    """Whatever is counted, empty bins and histograms of nothing among it: not negative, not above the bound; 0 to itself."""
    reference, window = (pack([np.array(one, dtype=np.float64)]) for one in pair)
    found = measure(reference, window)[0]
    assert math.isfinite(found)
    assert 0 <= found <= most
    assert measure(reference, reference).tolist() == [0.0]


def test_histograms_have_the_distances_of_scipy() -> None:
    """After smoothing they are the textbook's, feature by feature."""
    random = np.random.default_rng(1)
    columns = [(random.integers(0, 30, bins) * 1.0, random.integers(0, 9, bins) * 1.0) for bins in (1, 2, 12, 22)]
    references, windows = (pack(list(one)) for one in zip(*columns, strict=True))
    smoothed = [[(one + 0.5) / np.sum(one + 0.5) for one in pair] for pair in columns]
    kl = [entropy(p, q) for q, p in smoothed]
    np.testing.assert_allclose(distances.kullback_leibler(references, windows), kl, atol=1e-14)
    psi = [entropy(p, q) + entropy(q, p) for q, p in smoothed]
    np.testing.assert_allclose(distances.population_stability_index(references, windows), psi, atol=1e-14)
    js = [jensenshannon(p, q) ** 2 for q, p in smoothed]
    np.testing.assert_allclose(distances.jensen_shannon(references, windows), js, atol=1e-14)
    hellinger = [np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2) for q, p in smoothed]
    np.testing.assert_allclose(distances.hellinger(references, windows), hellinger, atol=1e-14)


@pytest.mark.parametrize("measure", [measure for measure, _ in HISTOGRAMS])
def test_a_window_in_an_empty_bin_is_far_away(measure: Measure) -> None:
    """A window that lies where the reference has nothing is farther away than one that is spread."""
    reference, spread, outside = (
        pack([np.array([50.0, 50, 0])]),
        pack([np.array([60.0, 40, 0])]),
        pack([np.array([0, 0, 99.0])]),
    )
    assert measure(reference, outside)[0] > 5 * measure(reference, spread)[0]
