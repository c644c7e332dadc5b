"""Cells: the bins or categories of columns, pooled so that none is too small to say anything.

Every detector of counts reads cells. Which ones belong together is found once, from the baseline's counts; a window's
counts then follow by one addition.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.baseline import BaselineColumn
from nilometer_logger.rows import Floats

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Pooling:
    """Which cells of a column belong together.

    Attributes:
        labels: of each cell, the pooled cell that it belongs to; shape (cells,).
        size: how many pooled cells there are.
    """

    labels: NDArray[np.intp]
    size: int

    def __call__(self, counts: Integers) -> Integers:
        """Adds up counts of shape (cells,) to counts of shape (size,)."""
        pooled = np.zeros(self.size, dtype=np.int64)
        np.add.at(pooled, self.labels, counts)
        return pooled


def pool(column: BaselineColumn, counts: Integers, most: int) -> Pooling:
    """Pools a column's cells so that there are at most `most` of them within the baseline.

    Neighbouring bins are pooled to hold about as many of the baseline's values as each other, as deciles would; of
    categories the least frequent are pooled. What lies outside of the baseline, below or above or unseen, stays apart.

    Args:
        column: of the baseline.
        counts: the baseline's counts: below, each bin, above; or unseen, each category.
        most: at least 2.
    """
    if column.type == "categorical":
        frequent = np.argsort(-counts[1:], kind="stable")
        labels = np.empty(len(counts), dtype=np.intp)
        labels[0] = 0
        labels[1 + frequent] = 1 + np.minimum(np.arange(len(frequent)), most - 1)
        return Pooling(labels, int(labels.max()) + 1)
    inner = counts[1:-1]
    before = np.cumsum(inner) - inner
    group = np.minimum(before * most // max(int(inner.sum()), 1), most - 1)
    _, group = np.unique(group, return_inverse=True)
    size = int(group[-1]) + 3
    return Pooling(np.concatenate([[0], 1 + group, [size - 1]]).astype(np.intp), size)


def probabilities(counts: Integers) -> Floats:
    """Estimates a baseline's probabilities: half a value is added to each cell, so that none is impossible.

    This is the posterior mean under Jeffreys' prior ("An invariant form for the prior probability in estimation
    problems", 1946).

    Args:
        counts: shape (cells,).
    """
    smoothed: Floats = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    return smoothed


def smoothed(counts: Integers, expected: Floats) -> Floats:
    """Estimates a window's probabilities: as much as half a value a cell is added, dealt out as in the baseline.

    So an empty cell is never impossible, and what is added pulls the window towards the baseline and never away from it.

    Args:
        counts: shape (cells,).
        expected: the baseline's probabilities, shape (cells,).
    """
    added = 0.5 * len(counts)
    estimated: Floats = (counts + added * expected) / (counts.sum() + added)
    return estimated
