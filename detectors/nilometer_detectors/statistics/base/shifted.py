"""Sums of powers around an origin that follows the mean: what moments, shapes and pairs of columns have in common."""

from abc import abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.contract import Arrays, Block, Layout, Statistic
from nilometer_logger.rows import Floats

_MOST_TERMS = 1 << 17  # numbers that one addition looks at, so that they stay in the cache


class Shifted(Statistic):
    """Keeps of some series an origin o, the first value or later a mean, and sums over d = x - o: Σd, Σd² and others.

    The sums are made strictly row after row, so that the same rows give the same bits however they are cut into
    blocks. Precision: a central sum of squares loses a factor 1 + n (o - mean)² / M₂. After 16, 256, 4096 … rows the
    origin moves to the mean; so, but for missing values, it is a mean of at least n / 16 of the values, and the factor
    at most 17 (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American Statistician 37,
    1983, has both the shift and, for `merge`, the sum of two states). What rounding cuts off the new origin stays in Σd,
    so values far from zero keep their spread, and a constant series has sums of exactly 0.
    """

    __slots__ = ("_absent", "_complete", "_origin", "_rows", "_sums")

    sums: ClassVar[int] = 2
    """How many sums are kept of each series."""

    tolerance = 1e-9

    def __init__(self, layout: Layout) -> None:
        """Makes the sums of no rows."""
        super().__init__(layout)
        series = self.series(layout)
        self._rows = 0
        self._absent = np.zeros(series, dtype=np.int64)  # values that take no part
        self._origin = np.zeros(series)
        self._sums = np.zeros((self.sums, series))
        self._complete = False  # whether every series has a value, and so an origin

    @classmethod
    @abstractmethod
    def series(cls, layout: Layout) -> int:
        """Gives how many series there are."""

    @classmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives 16 bytes a series and 8 for each of its sums."""
        return (16 + 8 * cls.sums) * cls.series(layout)

    @property
    def count(self) -> NDArray[np.int64]:
        """The number of values that take part, shape (series,)."""
        return self._rows - self._absent

    def update(self, block: Block) -> None:
        """Takes the finite values of a block."""
        first, end = 0, len(block)
        most = max(1, _MOST_TERMS // max(1, self._sums.size))
        while first < end:
            shift_at = _next_shift(self._rows)
            last = min(end, first + shift_at - self._rows, first + most)
            self._add(*self._taken(block, first, last))
            if self._rows == shift_at:
                self._move(self._origin + self._shift())
            first = last

    def _taken(self, block: Block, first: int, last: int) -> tuple[Floats, NDArray[np.bool_] | None]:
        """Gives the values of some rows, shape (rows, series), and which of them take part; None where all do."""
        return block.values[first:last], None if block.whole else block.finite[first:last]

    def _add(self, values: Floats, finite: NDArray[np.bool_] | None) -> None:
        """Takes some rows."""
        if not self._complete:
            self._begin(values, finite)
        rows, series = values.shape
        # Row after row is how numpy adds along the first of two axes of which the last is contiguous and longer than
        # one, as it is here even for a single series; a test holds it to that.
        terms = np.empty((rows + 1, self.sums * series))
        terms[0] = self._sums.ravel()
        deviations = terms[1:, :series]
        np.subtract(values, self._origin, out=deviations)
        if finite is not None:
            deviations[~finite] = 0.0
            self._absent += rows - np.add.reduce(finite, axis=0, dtype=np.int64)
        np.multiply(deviations, deviations, out=terms[1:, series : 2 * series])
        self._multiply(deviations, terms[1:])
        self._sums = np.add.reduce(terms, axis=0).reshape(self.sums, series)
        self._rows += rows

    def _multiply(self, deviations: Floats, terms: Floats) -> None:
        """Puts the terms of the sums beyond the second beside the deviations and their squares, which stand there."""

    def _begin(self, values: Floats, finite: NDArray[np.bool_] | None) -> None:
        """Puts the origin of a series without values onto its first finite value."""
        empty = self._absent == self._rows
        if finite is None:
            self._origin = np.where(empty, values[0], self._origin)
            self._complete = True
            return
        first = finite.argmax(axis=0)
        begins = empty & finite.any(axis=0)
        self._origin = np.where(begins, values[first, np.arange(values.shape[1])], self._origin)
        self._complete = bool((begins | ~empty).all())

    def _shift(self) -> Floats:
        """Gives how far the mean lies from the origin, shape (series,); 0 where there are no values."""
        shift: Floats = self._sums[0] / np.maximum(self.count, 1)
        return shift

    def _central(self) -> Floats:
        """Gives the sums as they are around the mean, shape (sums, series)."""
        return self._around(self._shift())

    def _around(self, by: Floats) -> Floats:
        """Gives the sums as they are around the origin moved by some distances; one with more sums adds its own."""
        first = self.count * (self._shift() - by)
        return np.stack([first, self._sums[1] - by * (self._sums[0] + first)])

    def _move(self, origin: Floats) -> None:
        """Moves the origin, and what rounding left of the way stays in the sums."""
        self._sums = self._around(origin - self._origin)
        self._origin = origin

    def merge(self, other: Self) -> None:
        """Takes the other's sums; where one side has no values, the other's are taken as they stand, to the bit."""
        if not other._rows:
            return
        if not self._rows:
            self.restore(other.state())
            return
        mine, theirs = self.count, other.count
        apart = (other._origin - self._origin) + (other._shift() - self._shift())
        origin = self._origin + (self._shift() + apart * (theirs / np.maximum(mine + theirs, 1)))
        sums = self._around(origin - self._origin) + other._around(origin - other._origin)
        left, right = theirs == 0, mine == 0
        self._rows += other._rows
        self._absent += other._absent
        self._sums = np.where(left, self._sums, np.where(right, other._sums, sums))
        self._origin = np.where(left, self._origin, np.where(right, other._origin, origin))
        self._complete = bool((self._absent < self._rows).all())

    def state(self) -> Arrays:
        """Gives the number of rows, the number of values that take no part, the origin, and the sums."""
        return {"rows": np.array([self._rows]), "absent": self._absent, "origin": self._origin, "sums": self._sums}

    def restore(self, state: Arrays) -> None:
        """Takes the same."""
        self._rows = int(state["rows"][0])
        self._absent, self._origin, self._sums = (state[name].copy() for name in ("absent", "origin", "sums"))
        self._complete = bool((self._absent < self._rows).all())


def _next_shift(rows: int) -> int:
    """Gives the next of 16, 256, 4096 … after some rows: the number of rows at which the origin moves."""
    return 1 << 4 * (((rows | 1).bit_length() + 3) // 4)
