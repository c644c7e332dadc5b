"""Ranks within a sample: scipy's, without scipy."""

import numpy as np
import pytest
from scipy.stats import rankdata

from nilometer_detectors.kernels.ranks import average_ranks

CHANCE = np.random.default_rng(1)


@pytest.mark.parametrize(
    "values",
    [
        CHANCE.normal(size=(200, 7)),
        CHANCE.integers(0, 9, (200, 7)).astype(np.float64),
        np.array([[0.0, 5.0], [-0.0, 5.0], [np.inf, 5.0], [-np.inf, 5.0]]),
        np.array([[3.0, 1.0]]),
        np.empty((0, 3)),
        np.empty((3, 0)),
    ],
    ids=["different", "tied", "zeros, infinite, constant", "one row", "no rows", "no columns"],
)
def test_ranks_are_scipys(values: np.ndarray) -> None:
    """Equal values share the mean of their ranks, to the bit, and the values stay as they are."""
    before = values.tobytes()
    assert np.array_equal(average_ranks(values), rankdata(values, axis=0))
    assert values.tobytes() == before
