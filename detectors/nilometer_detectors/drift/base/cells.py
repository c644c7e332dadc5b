"""Cells: the bins or categories of columns, pooled so that none is too small to say anything.

Every detector of counts reads cells. Which ones belong together is found once, from the baseline's counts; a window's
counts then follow by one addition.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.baselines.baseline import BaselineColumn
from nilometer_logger.rows import Floats

Integers = NDArray[np.int64]


_BY_CHANCE = 3


@dataclass(frozen=True)
class Pooling:
    """Which cells of a column belong together.

    Attributes:
        labels: of each cell, the pooled cell that it belongs to; shape (cells,).
        size: how many pooled cells there are.
        outside: the pooled cells of what lies outside of the baseline, each with the one next to it.
    """

    labels: NDArray[np.intp]
    size: int
    outside: tuple[tuple[int, int], ...] = ()

    def __call__(self, counts: Integers) -> Integers:
        """Adds up counts of shape (cells,) to counts of shape (size,)."""
        pooled = np.zeros(self.size, dtype=np.int64)
        np.add.at(pooled, self.labels, counts)
        return pooled

    def held(self, baseline: Integers, window: Integers) -> tuple[Floats, Floats]:
        """Gives the pooled cells that hold something.

        A value or two outside of the baseline come by chance: the largest of n values and then of m is one of the m in
        m / (n + m) of the cases. They count with the cell next to them, where they do not weigh; from three on they have
        a cell of their own.

        Args:
            baseline: pooled counts, shape (size,).
            window: likewise.

        Returns:
            Counts of the same cells.
        """
        both = np.stack([baseline, window]).astype(np.float64)
        for outer, inner in self.outside:
            if both[:, outer].sum() < _BY_CHANCE:
                both[:, inner] += both[:, outer]
                both[:, outer] = 0.0
        both = both[:, both.sum(axis=0) > 0]
        return both[0], both[1]


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
        size = int(labels.max()) + 1
        return Pooling(labels, size, ((0, size - 1),))
    inner = counts[1:-1]
    before = np.cumsum(inner) - inner
    group = np.minimum(before * most // max(int(inner.sum()), 1), most - 1)
    _, group = np.unique(group, return_inverse=True)
    size = int(group[-1]) + 3
    labels = np.concatenate([[0], 1 + group, [size - 1]]).astype(np.intp)
    return Pooling(labels, size, ((0, 1), (size - 1, size - 2)))
