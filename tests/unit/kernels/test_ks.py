"""The Kolmogorov-Smirnov test: alibi-detect's numbers to the bit, and exact ones for values of any kind."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstwo

from nilometer_detectors.kernels import kolmogorov, ks
from nilometer_detectors.kernels.ragged import Ragged, pack_sorted
from nilometer_logger.rows import Floats
from tests.unit.kernels.cases import pairs

ALTERNATIVES: tuple[ks.Alternative, ...] = ("two-sided", "less", "greater")


@pytest.mark.parametrize(
    ("count", "seed", "alternative"), [(400, 1, "two-sided"), (100, 2, "less"), (100, 3, "greater")]
)
def test_numbers_are_those_of_alibi_detect(alibi: Any, count: int, seed: int, alternative: ks.Alternative) -> None:
    """Distances and asymptotic p-values are alibi-detect's, to the bit of its float32."""
    cases = list(pairs(count, seed))
    references, samples = (pack_sorted(columns) for columns in zip(*cases, strict=True))
    distances = ks.distances(references, samples, alternative)
    p_values = ks.asymptotic(distances, references.sizes, samples.sizes, alternative)
    for place, (reference, sample) in enumerate(cases):
        said = alibi.KSDrift(reference[:, None], alternative=alternative).score(sample[:, None])
        assert (said[0][0], said[1][0]) == (np.float32(p_values[place]), np.float32(distances[place]))


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_distances_are_those_of_scipy(alternative: ks.Alternative) -> None:
    """Distances are scipy's to the bit of float64."""
    for reference, sample in pairs(200, 4):
        expected = ks_2samp(reference, sample, alternative=alternative, method="asymp")
        found = ks.distances(pack_sorted([reference]), pack_sorted([sample]), alternative)
        assert found.tolist() == [expected.statistic]


def test_the_survival_function_is_that_of_scipy() -> None:
    """Every branch agrees with scipy: 1 - P to some units of its last place, P itself where it is computed directly."""
    random = np.random.default_rng(1)
    sizes = np.repeat([1, 2, 3, 7, 20, 91, 140, 141, 909, 5000, 200_000], 40)
    lattice = random.integers(0, 4 * sizes + 1) / (4 * sizes)
    z = random.uniform(0.2, 5, size=len(sizes)) / np.sqrt(sizes)
    for distances in (lattice, np.minimum(z, 1.0)):
        found, expected = kolmogorov.survival(sizes, distances), kstwo.sf(distances, sizes)
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=2e-14)
        np.testing.assert_array_equal(found.astype(np.float32), expected.astype(np.float32))


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_exact_p_values_are_those_of_scipy(alternative: ks.Alternative) -> None:
    """Without ties the calibrated p-value is the exact one, however small."""
    random = np.random.default_rng(5)
    for shift in (0.0, 0.5, 2.0) * 10:
        reference, sample = (
            random.normal(size=random.integers(1, 200)),
            random.normal(shift, size=random.integers(1, 99)),
        )
        found, exact = judged(reference, sample, alternative)
        assert exact
        expected = ks_2samp(reference, sample, alternative=alternative, method="exact").pvalue
        assert found == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_tied_values_have_exact_p_values(alternative: ks.Alternative) -> None:
    """With ties the p-value is the share of all permutations of the pooled values that lie as far apart."""
    random = np.random.default_rng(6)
    for _ in range(6):
        reference, sample = np.floor(random.uniform(0, 4, size=6)), np.floor(random.uniform(0, 5, size=4))
        pooled = np.concatenate([reference, sample])
        chosen = np.array(list(itertools.combinations(range(10), 6)))
        dealt = np.array([np.isin(np.arange(10), ones) for ones in chosen])
        distances = ks.distances(
            pack_sorted([pooled[ones] for ones in dealt]), pack_sorted([pooled[~ones] for ones in dealt]), alternative
        )
        found = ks.distances(pack_sorted([reference]), pack_sorted([sample]), alternative)[0]
        assert judged(reference, sample, alternative)[0] == pytest.approx(
            np.mean(distances >= found - 1e-12), rel=1e-12
        )


def test_long_runs_of_ties_are_as_exact() -> None:
    """A run of tied values taken in one step counts what the permutations of a simulation count."""
    random = np.random.default_rng(7)
    reference, sample = np.floor(random.uniform(0, 5, size=200)), np.floor(random.uniform(0, 5.4, size=60))
    pooled, found = np.concatenate([reference, sample]), distance(reference, sample)
    dealt = [random.permutation(pooled) for _ in range(4000)]
    distances = ks.distances(pack_sorted([one[:200] for one in dealt]), pack_sorted([one[200:] for one in dealt]))
    share = np.mean(distances >= found - 1e-12)
    assert judged(reference, sample)[0] == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 4000))


@pytest.mark.parametrize(("values", "least"), [(2, 0.02), (6, 0.025), (1_000_000, 0.035)])
def test_the_level_is_held_on_discrete_values(values: int, least: float) -> None:
    """Without drift a p-value of 0.05 or less comes in at most one of 20 windows, and not far more rarely."""
    random = np.random.default_rng(8)
    references = pack_sorted([np.floor(random.uniform(0, values, size=100)) for _ in range(2000)])
    samples = pack_sorted([np.floor(random.uniform(0, values, size=30)) for _ in range(2000)])
    distances = ks.distances(references, samples)
    p_values, exact = ks.calibrated(distances, references, samples)
    assert exact.all()
    rate = np.mean(p_values <= 0.05)
    assert least < rate < 0.05 + 2.58 * np.sqrt(0.05 * 0.95 / 2000)
    if values == 2:  # where the asymptotic one is half blind
        assert np.mean(ks.asymptotic(distances, references.sizes, samples.sizes) <= 0.05) < rate / 2


def test_what_is_too_dear_is_asymptotic() -> None:
    """A test that would cost more than was granted is asymptotic, and says so."""
    reference, sample = np.arange(5000.0), np.arange(500.0) * 10 + 40.5
    found, exact = judged(reference, sample, steps=1000)
    assert not exact
    assert found == ks_2samp(reference, sample, method="asymp").pvalue


def test_samples_that_share_nothing_are_as_far_as_can_be() -> None:
    """Wholly outside the reference the distance is 1, and the p-value that of 2 of all ways to deal 15 values out."""
    assert distance(np.arange(10.0), np.arange(20.0, 25.0)) == 1.0
    assert judged(np.arange(10.0), np.arange(20.0, 25.0))[0] == pytest.approx(2 / 3003, rel=1e-12)


def test_equal_samples_are_no_drift() -> None:
    """A constant feature, or a sample that is the reference, has distance 0 and p-value 1."""
    for values in (np.zeros(20), np.arange(20.0)):
        assert distance(values, values) == 0.0
        assert judged(values, values) == (1.0, True)
        assert ks.asymptotic(np.zeros(1), np.array([20]), np.array([20])).tolist() == [1.0]


def distance(reference: Floats, sample: Floats) -> float:
    """The two-sided distance of one feature."""
    return float(ks.distances(pack_sorted([reference]), pack_sorted([sample]))[0])


def judged(reference: Floats, sample: Floats, alternative: ks.Alternative = "two-sided", steps: int = 10**7) -> Any:
    """The calibrated p-value of one feature, and whether it is exact."""
    columns: tuple[Ragged, Ragged] = pack_sorted([reference]), pack_sorted([sample])
    found, exact = ks.calibrated(ks.distances(*columns, alternative), *columns, alternative, steps)
    return float(found[0]), bool(exact[0])
