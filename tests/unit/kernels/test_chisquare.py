"""The chi-squared test: alibi-detect's numbers to the bit, and a level that rare categories do not spoil."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact

from nilometer_detectors.kernels import chisquare
from nilometer_detectors.kernels.ragged import Ragged, pack
from nilometer_logger.rows import Floats


def cases(count: int, seed: int) -> list[tuple[Floats, Floats]]:
    """Makes references and windows of 1 to 40 categories, of which windows may have some that references lack."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        categories = int(random.choice([1, 2, 2, 3, 10, 40]))
        shares = random.dirichlet(np.full(categories, 0.7))
        reference = random.choice(categories, size=random.integers(2, 5000), p=shares)
        window = random.choice(categories + random.integers(0, 2), size=random.integers(1, 1000))
        made.append((reference.astype(np.float64), window.astype(np.float64)))
    return made


def counted(pairs: list[tuple[Floats, Floats]]) -> tuple[Ragged, Ragged]:
    """Counts both by the categories of either."""
    categories = [np.unique(np.concatenate(pair)) for pair in pairs]
    return (
        pack([np.sum(pair[0] == known[:, None], axis=1) * 1.0 for pair, known in zip(pairs, categories, strict=True)]),
        pack([np.sum(pair[1] == known[:, None], axis=1) * 1.0 for pair, known in zip(pairs, categories, strict=True)]),
    )


def test_numbers_are_those_of_alibi_detect(alibi: Any) -> None:
    """χ² and p-values are alibi-detect's to the bit of its float32, with unseen categories and Yates' correction."""
    pairs = cases(300, 1)
    found, p_values = chisquare.compatible(*counted(pairs))
    for place, (reference, window) in enumerate(pairs):
        said = alibi.ChiSquareDrift(reference[:, None]).score(window[:, None])
        assert (said[0][0], said[1][0]) == (np.float32(p_values[place]), np.float32(found[place]))


def test_without_rare_cells_the_calibrated_test_is_scipys() -> None:
    """Where every category is expected five times, nothing is pooled, and nothing corrected for two categories."""
    random = np.random.default_rng(2)
    for categories in (2, 3, 8):
        table = random.integers(30, 90, size=(2, categories)) * 1.0
        found, p_values, degrees = chisquare.calibrated(pack([table[0]]), pack([table[1]]))
        expected = chi2_contingency(table, correction=False)
        assert (found[0], p_values[0]) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)
        assert degrees[0] == categories - 1


def test_many_rare_categories_become_several() -> None:
    """Those expected fewer than five times are put together just until they are, so that a small window is not blind."""
    reference, window = np.full(20, 500.0), np.zeros(20)
    window[:3] = 10
    found, p_values, degrees = chisquare.calibrated(pack([reference]), pack([window]))
    pooled = np.array([[2000.0] * 5, [30, 0, 0, 0, 0]])
    assert found[0] == pytest.approx(chi2_contingency(pooled).statistic, rel=1e-12)
    assert degrees[0] == 4
    assert p_values[0] < 1e-20


def test_rare_categories_are_pooled() -> None:
    """Those expected fewer than five times become one, and take the rarest of the others with them if they must."""
    reference, window = np.array([500.0, 300, 10, 5, 0, 185]), np.array([50.0, 30, 1, 1, 1, 17])
    found, p_values, degrees = chisquare.calibrated(pack([reference]), pack([window]))
    pooled = np.array([[500.0, 300, 200], [50, 30, 20]])
    assert found[0] == pytest.approx(chi2_contingency(pooled).statistic, rel=1e-12)
    assert degrees[0] == 2
    # What joined is no rarer by itself: 3 of 100 against 15 of 1000, at a tenth of the level.
    alone = fisher_exact([[3, 15], [97, 985]]).pvalue
    assert p_values[0] == pytest.approx(min(chi2_contingency(pooled).pvalue / 0.9, alone / 0.1, 1.0), rel=1e-9)


@pytest.mark.parametrize(
    ("weights", "least"),
    [(1 / np.arange(1, 201), 0.03), (np.ones(3), 0.035), (np.ones(2), 0.035), (np.array([99.0, 1.0]), 0.02)],
)
def test_the_level_is_held(weights: Floats, least: float) -> None:
    """Without drift a p-value of 0.05 or less comes in at most one of 20 windows, by Zipf's law as with two categories."""
    random = np.random.default_rng(3)
    shares = weights / weights.sum()
    references = pack(list(random.multinomial(2000, shares, size=3000) * 1.0))
    for size in (100, 500):
        windows = pack(list(random.multinomial(size, shares, size=3000) * 1.0))
        _, p_values, _ = chisquare.calibrated(references, windows)
        most = 0.05 + 0.005 + 2.58 * np.sqrt(0.05 * 0.95 / 3000)
        assert least * (1 if size == 500 else 0.3) < np.mean(p_values <= 0.05) < most


def test_alibi_detects_level_is_not_held_with_rare_categories() -> None:
    """The reason for pooling: with Zipf's 200 categories the compatible test is drift three times as often."""
    random = np.random.default_rng(4)
    shares = 1 / np.arange(1, 201) / np.sum(1 / np.arange(1, 201))
    references = pack(list(random.multinomial(1000, shares, size=1000) * 1.0))
    windows = pack(list(random.multinomial(100, shares, size=1000) * 1.0))
    assert np.mean(chisquare.compatible(references, windows)[1] <= 0.05) > 0.1


@pytest.mark.parametrize(
    ("reference", "window"),
    [([5, 0], [7, 0]), ([0, 0], [0, 0]), ([5, 5], [0, 0]), ([0, 0], [5, 5]), ([3], [4]), ([1, 1], [1, 1])],
)
def test_tables_that_tell_nothing_are_no_drift(reference: list[float], window: list[float]) -> None:
    """One category, an empty row, or too few values to expect anything: χ² is 0 and the p-value 1."""
    columns = pack([np.array(reference, dtype=np.float64)]), pack([np.array(window, dtype=np.float64)])
    found, p_values, degrees = chisquare.calibrated(*columns)
    assert (found[0], p_values[0], degrees[0]) == (0, 1, 0)
    assert chisquare.compatible(*columns)[1][0] == 1


@pytest.mark.parametrize(("unseen", "most"), [(10, 1e-8), (50, 1e-20), (100, 1e-20)])
def test_an_unseen_category_is_drift(unseen: int, most: float) -> None:
    """A window with values that the reference never had is as unlikely as can be, be they too few for χ² or not."""
    window = np.array([100.0 - unseen, 0, unseen])
    _, p_values, _ = chisquare.calibrated(pack([np.array([999.0, 1, 0])]), pack([window]))
    assert p_values[0] < most
