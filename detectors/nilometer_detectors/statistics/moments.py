"""Mean and standard deviation, stable, in one pass, for all columns at once."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.contract import Arrays, Block, Layout, Result, Statistic, plain
from nilometer_logger.rows import Floats


class Moments(Statistic):
    """The mean and the sample standard deviation (n - 1) of the finite values.

    Kept of each column are an origin o, the first value or later a mean, and over its n values x the sums of d = x - o
    and of d²:

        mean = o + Σd / n,    M₂ = Σd² - (Σd)² / n,    stddev = √(M₂ / (n - 1))

    Both sums are made strictly row after row, so that the same rows give the same bits however they are cut into
    blocks. Precision: the difference loses a factor 1 + n (o - mean)² / M₂. After 16, 256, 4096 … rows the origin moves
    to the mean; so, but for missing values, it is a mean of at least n / 16 of the values, and the factor at most 17 (Chan,
    Golub and LeVeque, "Algorithms for computing the sample variance", The American Statistician 37, 1983, has both the
    shift and, for `merge`, the sum of two states). What rounding cuts off the new origin stays in Σd, so values far
    from zero keep their spread. A constant column gives exactly its value and exactly 0.

    State: 32 bytes a column. A block of b rows and c columns: O(b·c), four numpy calls.
    """

    __slots__ = ("_absent", "_complete", "_origin", "_rows", "_sums")

    names = ("mean", "stddev")

    def __init__(self, layout: Layout) -> None:
        """Makes the moments of no rows."""
        super().__init__(layout)
        columns = len(layout.schema)
        self._rows = 0
        self._absent = np.zeros(columns, dtype=np.int64)  # values that take no part
        self._origin = np.zeros(columns)
        self._sums = np.zeros((2, columns))  # of deviations from the origin, and of their squares
        self._complete = False  # whether every column has a value, and so an origin

    @property
    def count(self) -> NDArray[np.int64]:
        """The number of finite values, shape (columns,)."""
        return self._rows - self._absent

    def update(self, block: Block) -> None:
        """Takes the finite values of a block."""
        first, end = 0, len(block)
        while first < end:
            shift_at = _next_shift(self._rows)
            last = min(end, first + shift_at - self._rows)
            self._add(block.values[first:last], None if block.whole else block.finite[first:last])
            if self._rows == shift_at:
                self._settle(*self._central())
            first = last

    def _add(self, values: Floats, finite: NDArray[np.bool_] | None) -> None:
        """Takes some rows; `finite` says which values take part, None that all do."""
        if not self._complete:
            self._begin(values, finite)
        rows, columns = values.shape
        # Row after row is how numpy adds along the first of two axes of which the last is contiguous and longer than
        # one, as it is here even for a single column; a test holds it to that.
        terms = np.empty((rows + 1, 2 * columns))
        terms[0] = self._sums.ravel()
        deviations = terms[1:, :columns]
        np.subtract(values, self._origin, out=deviations)
        if finite is not None:
            deviations[~finite] = 0.0
            self._absent += rows - np.add.reduce(finite, axis=0, dtype=np.int64)
        np.multiply(deviations, deviations, out=terms[1:, columns:])
        self._sums = np.add.reduce(terms, axis=0).reshape(2, columns)
        self._rows += rows

    def _begin(self, values: Floats, finite: NDArray[np.bool_] | None) -> None:
        """Puts the origin of a column without values onto its first finite value."""
        empty = self._absent == self._rows
        if finite is None:
            self._origin = np.where(empty, values[0], self._origin)
            self._complete = True
            return
        first = finite.argmax(axis=0)
        begins = empty & finite.any(axis=0)
        self._origin = np.where(begins, values[first, np.arange(values.shape[1])], self._origin)
        self._complete = bool((begins | ~empty).all())

    def _central(self) -> tuple[Floats, Floats]:
        """Gives how far the mean lies from the origin, and M₂, each of shape (columns,); of no values, both are 0."""
        sums, squares = self._sums
        shift = sums / np.maximum(self.count, 1)
        return shift, squares - sums * shift

    def _settle(self, shift: Floats, squares: Floats) -> None:
        """Moves the origin by a shift, to the mean but for rounding, and writes both sums anew."""
        count = self.count
        origin = self._origin + shift
        residual = shift - (origin - self._origin)
        sums = count * residual
        self._sums = np.stack([sums, squares + sums * residual])
        self._origin = origin

    def merge(self, other: Self) -> None:
        """Takes the other's moments; where one side has no values, the other's are taken as they stand, to the bit."""
        if not other._rows:
            return
        if not self._rows:
            self.restore(other.state())
            return
        mine, theirs = self.count, other.count
        (shift, squares), (other_shift, other_squares) = self._central(), other._central()
        apart = (other._origin - self._origin) + (other_shift - shift)
        share = theirs / np.maximum(mine + theirs, 1)
        left, right = theirs == 0, mine == 0
        kept = self._origin, self._sums
        self._rows += other._rows
        self._absent += other._absent
        self._settle(shift + apart * share, squares + other_squares + apart * apart * (mine * share))
        self._origin = np.where(left, kept[0], np.where(right, other._origin, self._origin))
        self._sums = np.where(left, kept[1], np.where(right, other._sums, self._sums))
        self._complete = bool((self._absent < self._rows).all())

    @property
    def mean(self) -> Floats:
        """The mean, shape (columns,); 0 where there are no values."""
        mean: Floats = self._origin + self._central()[0]
        return mean

    @property
    def stddev(self) -> Floats:
        """The sample standard deviation, shape (columns,); NaN where there are fewer than two values."""
        count = self.count
        with np.errstate(invalid="ignore", divide="ignore"):
            # Rounding can leave a sum of squares a little below zero.
            variance = np.where(count > 1, np.maximum(self._central()[1], 0.0) / (count - 1), np.nan)
        stddev: Floats = np.sqrt(variance)
        return stddev

    def result(self) -> list[Result]:
        """Gives mean and stddev of the columns of numbers."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        with np.errstate(invalid="ignore", over="ignore"):
            count, mean, stddev = self.count, self.mean, self.stddev
        for place in self.layout.numeric:
            results[place] = {
                "mean": plain(mean[place]) if count[place] else None,
                "stddev": plain(stddev[place]),
            }
        return results

    def state(self) -> Arrays:
        """Gives the number of rows, the number of values that take no part, the origin, and the sums."""
        return {
            "rows": np.array([self._rows]),
            "absent": self._absent,
            "origin": self._origin,
            "sums": self._sums,
        }

    def restore(self, state: Arrays) -> None:
        """Takes the same."""
        self._rows = int(state["rows"][0])
        self._absent, self._origin, self._sums = (state[name].copy() for name in ("absent", "origin", "sums"))
        self._complete = bool((self._absent < self._rows).all())


def _next_shift(rows: int) -> int:
    """Gives the next of 16, 256, 4096 … after some rows: the number of rows at which the origin moves."""
    return 1 << 4 * (((rows | 1).bit_length() + 3) // 4)
