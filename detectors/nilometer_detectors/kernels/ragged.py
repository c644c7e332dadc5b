"""Columns of different lengths in one array, so that a kernel takes all features in one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.rows import Floats


@dataclass(frozen=True)
class Ragged:
    """Some columns, one behind the other.

    Attributes:
        values: shape (values,), float64, contiguous.
        offsets: where each column begins, and where the last one ends; shape (columns + 1,), int64.
    """

    values: Floats
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of columns."""
        return len(self.offsets) - 1

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """How many values each column has, shape (columns,)."""
        sizes: NDArray[np.int64] = np.diff(self.offsets)
        return sizes

    @cached_property
    def distinct(self) -> NDArray[np.int64]:
        """How many different values each column has where the columns are sorted, shape (columns,)."""
        return np.array([1 + np.count_nonzero(np.diff(self[place])) for place in range(len(self))], dtype=np.int64)

    @cached_property
    def ties(self) -> Floats:
        """The sum of (c³ - c) / 12 over the runs of c equal values, where the columns are sorted, shape (columns,)."""
        sums = np.zeros(len(self))
        for place in range(len(self)):
            column = self[place]
            starts = np.flatnonzero(np.concatenate([[True], column[1:] != column[:-1], [True]]))
            runs = np.diff(starts).astype(np.float64)
            sums[place] = np.sum(runs**3 - runs) / 12
        return sums

    def __getitem__(self, place: int) -> Floats:
        """Gives a column, as a view."""
        return self.values[self.offsets[place] : self.offsets[place + 1]]


def pack(columns: Sequence[Floats]) -> Ragged:
    """Puts columns one behind the other.

    Args:
        columns: each finite, not empty, shape (values,).
    """
    offsets = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum([len(column) for column in columns], out=offsets[1:])
    values = np.concatenate(columns).astype(np.float64, copy=False) if len(columns) else np.empty(0)
    return Ragged(values, offsets)


def pack_sorted(columns: Sequence[Floats]) -> Ragged:
    """Puts columns one behind the other, each in ascending order; those given stay as they are. O(n log n)."""
    packed = pack(columns)
    for place in range(len(packed)):
        packed[place].sort()
    return packed
