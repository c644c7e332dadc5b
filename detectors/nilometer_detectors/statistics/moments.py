"""Mean and standard deviation, stable, in one pass, for all columns at once."""

from typing import Self

import numpy as np

from nilometer_detectors.statistics.contract import Arrays, Block, Layout, Result, Statistic, plain
from nilometer_logger.rows import Floats


class Moments(Statistic):
    """The mean and the sample standard deviation (n - 1) of the finite values.

    A block is taken relative to the running mean m of the n values before it. With d = x - m over the block's b
    values, s = Σd and q = Σd²:

        m' = m + s / (n + b),    M₂' = M₂ + q - s² / (n + b),    stddev = √(M₂ / (n - 1))

    which for b = 1 is Welford's update ("Note on a method for calculating corrected sums of squares and products",
    Technometrics 4, 1962) and loses at most a factor (n + b) / n of float64's precision, because the old mean is a
    mean of values that are in the sum. The first block is taken relative to its first row. Two states merge by Chan,
    Golub and LeVeque ("Updating formulae and a pairwise algorithm for computing sample variances", 1979). What rounding
    cuts off the mean is kept beside it (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher
    Summen", 1974), so that values far from zero keep their spread. A constant column gives exactly its value and
    exactly 0.

    State: 32 bytes a column. A block of b rows and c columns: O(b·c), a dozen numpy calls.
    """

    names = ("mean", "stddev")

    def __init__(self, layout: Layout) -> None:
        """Makes the moments of no rows."""
        super().__init__(layout)
        self.count = np.zeros(len(layout.schema), dtype=np.int64)
        self.mean = np.zeros(len(layout.schema))
        self.residual = np.zeros(len(layout.schema))
        self.squares = np.zeros(len(layout.schema))
        self._started = False  # whether every column has a mean

    def update(self, block: Block) -> None:
        """Takes the finite values of a block."""
        values = block.values
        if not len(block):
            return
        if block.whole:
            if not self._started:
                self.mean = np.where(self.count == 0, values[0], self.mean)
                self._started = True
            self.count += len(block)
            deviation = values - self.mean
            deviation -= self.residual
            total = self.count
        else:
            self._start_where_empty(block)
            self.count += block.finite_counts
            deviation = np.where(block.finite, values - self.mean - self.residual, 0.0)
            total = np.maximum(self.count, 1)
        sums = np.add.reduce(deviation, axis=0)
        shift = sums / total
        self._shift_by(shift)
        self.squares += np.einsum("ij,ij->j", deviation, deviation) - sums * shift

    def _shift_by(self, shift: Floats) -> None:
        """Moves the mean, and keeps what rounding cuts off."""
        self.residual += shift
        mean = self.mean + self.residual
        self.residual -= mean - self.mean
        self.mean = mean

    def _start_where_empty(self, block: Block) -> None:
        """Puts the mean of a column without values onto its first finite value."""
        for place in np.flatnonzero((self.count == 0) & (block.finite_counts > 0)):
            self.mean[place] = block.values[block.finite[:, place], place][0]

    def merge(self, other: Self) -> None:
        """Takes the other's moments."""
        count = self.count + other.count
        # A side without values has no mean: the other's is taken as it stands, to the bit.
        empty = self.count == 0
        self.mean = np.where(empty, other.mean, self.mean)
        self.residual = np.where(empty, other.residual, self.residual)
        apart = (other.mean - self.mean) + (other.residual - self.residual)
        difference = np.where(other.count == 0, 0.0, apart)
        share = other.count / np.maximum(count, 1)
        self._shift_by(difference * share)
        self.squares = self.squares + other.squares + difference * difference * (self.count * share)
        self.count = count

    @property
    def stddev(self) -> Floats:
        """The sample standard deviation, shape (columns,); NaN where there are fewer than two values."""
        with np.errstate(invalid="ignore", divide="ignore"):
            # Rounding can leave a sum of squares a little below zero.
            variance = np.where(self.count > 1, np.maximum(self.squares, 0.0) / (self.count - 1), np.nan)
        stddev: Floats = np.sqrt(variance)
        return stddev

    def result(self) -> list[Result]:
        """Gives mean and stddev of the columns of numbers."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        stddev = self.stddev
        for place in self.layout.numeric:
            mean = plain(self.mean[place]) if self.count[place] else None
            results[place] = {"mean": mean, "stddev": plain(stddev[place])}
        return results

    def state(self) -> Arrays:
        """Gives count, mean with what rounding cut off it, and the sum of squared deviations."""
        return {"count": self.count, "mean": self.mean, "residual": self.residual, "squares": self.squares}
