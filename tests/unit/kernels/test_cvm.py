"""The Cramér-von Mises test: alibi-detect's numbers to the bit, from a reference that stands sorted."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import cramervonmises_2samp

from nilometer_detectors.kernels import cvm
from nilometer_detectors.kernels.ragged import pack_sorted
from nilometer_logger.rows import Floats
from tests.unit.kernels.cases import pairs


def judged(cases: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Statistics and p-values of all cases in one call."""
    references, samples = (pack_sorted(columns) for columns in zip(*cases, strict=True))
    found, sums = cvm.statistics(references, samples)
    return found, cvm.p_values(found, sums, references.sizes, samples.sizes)


@pytest.mark.parametrize(("count", "seed", "largest"), [(300, 1, 5000), (100, 2, 20)])
def test_numbers_are_those_of_alibi_detect(alibi: Any, count: int, seed: int, largest: int) -> None:
    """Statistics and p-values, asymptotic and exact ones, are alibi-detect's to the bit of its float32."""
    cases = list(pairs(count, seed, least=2, most=min(largest, 1000), reference=largest))
    found, p_values = judged(cases)
    for place, (reference, sample) in enumerate(cases):
        said = alibi.CVMDrift(reference[:, None]).score(sample[:, None])
        assert (said[0][0], said[1][0]) == (np.float32(p_values[place]), np.float32(found[place]))


def test_numbers_are_those_of_scipy() -> None:
    """In float64 they differ from scipy's by no more than the rounding of sums."""
    cases = list(pairs(100, 3, least=2))
    found, p_values = judged(cases)
    expected = [cramervonmises_2samp(*case) for case in cases]
    np.testing.assert_allclose(found, [one.statistic for one in expected], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(p_values, [one.pvalue for one in expected], rtol=1e-9, atol=1e-13)


def test_samples_that_share_nothing_are_drift() -> None:
    """Wholly outside the reference the statistic is nm / (n+m) / 2 away from 0, about, and the p-value vanishes."""
    found, p_values = judged([(np.arange(100.0), np.arange(200.0, 250.0))])
    assert found[0] > 10
    assert p_values[0] < 1e-6


def test_equal_samples_are_no_drift() -> None:
    """A constant feature, or a sample that is the reference, has p-value 1 and distance 0, which scipy's has not."""
    references = pack_sorted([np.zeros(50), np.arange(30.0), np.zeros(9)])
    found, p_values = cvm.calibrated(references, pack_sorted([np.zeros(30), np.arange(30.0), np.zeros(5)]))
    np.testing.assert_allclose(found, 0.0, atol=1e-12)
    np.testing.assert_allclose(p_values, 1.0, rtol=1e-6)


def test_without_ties_the_calibrated_test_is_the_usual_one() -> None:
    """Where no value is there twice, both give the same bits."""
    random = np.random.default_rng(5)
    cases = [(random.normal(size=random.integers(2, 300)), random.normal(size=15)) for _ in range(50)]
    references, samples = (pack_sorted(columns) for columns in zip(*cases, strict=True))
    np.testing.assert_array_equal(cvm.calibrated(references, samples), judged(cases))


def test_the_calibrated_distance_is_that_of_the_distribution_functions() -> None:
    """With ties, T is the squared difference of the distribution functions, summed over the pooled values."""
    for reference, sample in pairs(40, 6, least=2, most=60, reference=80):
        pooled = np.concatenate([reference, sample])
        n, m = len(reference), len(sample)
        f, g = (np.searchsorted(np.sort(one), pooled, "right") / len(one) for one in (reference, sample))
        found, _ = cvm.calibrated(pack_sorted([reference]), pack_sorted([sample]))
        assert found[0] == pytest.approx(n * m / (n + m) ** 2 * np.sum((f - g) ** 2), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("values", [2, 3, 10, 1_000_000])
@pytest.mark.parametrize(("n", "m"), [(100, 30), (500, 100)])
def test_the_level_is_held(values: int, n: int, m: int) -> None:
    """Without drift a p-value of 0.05 or less comes in one of 20 windows, however discrete the values are.

    A flag's T takes few values, so that its rate may lie some way off.
    """
    random = np.random.default_rng(4)
    references = pack_sorted([np.floor(random.uniform(0, values, size=n)) for _ in range(2000)])
    samples = pack_sorted([np.floor(random.uniform(0, values, size=m)) for _ in range(2000)])
    _, p_values = cvm.calibrated(references, samples)
    band = 2.58 * np.sqrt(0.05 * 0.95 / 2000)
    assert np.mean(p_values <= 0.05) == pytest.approx(0.05, abs=band + (0.01 if values == 2 else 0.003))


def test_scipys_level_is_not_held_on_integers() -> None:
    """The reason for the calibrated test: without drift, scipy's says drift in every window of digits."""
    random = np.random.default_rng(7)
    cases = [
        (np.floor(random.uniform(0, 10, size=1000)), np.floor(random.uniform(0, 10, size=100))) for _ in range(100)
    ]
    assert np.mean(judged(cases)[1] <= 0.05) == 1.0
