"""Sum, mean, variance and standard deviation, stable, in one pass, for all columns at once."""

import numpy as np

from nilometer_detectors.statistics.base.contract import Layout, Result, plain
from nilometer_detectors.statistics.base.shifted import Shifted
from nilometer_logger.rows import Floats


class Moments(Shifted):
    """The sum, the mean and the spread of the finite values: of the sample (n - 1) and of the population (n).

    Of n values x and their deviations d = x - o from an origin o:

        sum = n o + Σd,    mean = o + Σd / n,    M₂ = Σd² - (Σd)² / n,    variance = M₂ / (n - 1),    stddev = √variance,
        populationVariance = M₂ / n,    populationStddev = √populationVariance

    How the sums are made, merged and kept precise: `Shifted`. A constant column gives exactly its value and exactly 0.

    State: 32 bytes a column. A block of b rows and c columns: O(b·c), four numpy calls.
    """

    __slots__ = ()

    names = ("mean", "stddev", "sum", "variance", "populationStddev", "populationVariance")

    @classmethod
    def series(cls, layout: Layout) -> int:
        """Gives the number of columns."""
        return len(layout.schema)

    @property
    def mean(self) -> Floats:
        """The mean, shape (columns,); 0 where there are no values."""
        mean: Floats = self._origin + self._shift()
        return mean

    @property
    def stddev(self) -> Floats:
        """The sample standard deviation, shape (columns,); NaN where there are fewer than two values."""
        stddev: Floats = np.sqrt(self._variance(1))
        return stddev

    def _variance(self, lost: int) -> Floats:
        """Gives M₂ over n less so many degrees of freedom, shape (columns,); NaN where there are no more values."""
        count = self.count
        with np.errstate(invalid="ignore", divide="ignore"):
            # Rounding can leave a sum of squares a little below zero.
            return np.where(count > lost, np.maximum(self._central()[1], 0.0) / (count - lost), np.nan)

    def result(self) -> list[Result]:
        """Gives all of them for the columns of numbers; the sum of no values is 0, all else of none is null."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        with np.errstate(invalid="ignore", over="ignore"):
            count, mean, sums = self.count, self.mean, self.count * self._origin + self._sums[0]
            sample, population = self._variance(1), self._variance(0)
            deviations = np.sqrt(sample), np.sqrt(population)
        for place in self.layout.numeric:
            results[place] = {
                "mean": plain(mean[place]) if count[place] else None,
                "stddev": plain(deviations[0][place]),
                "sum": plain(sums[place]),
                "variance": plain(sample[place]),
                "populationStddev": plain(deviations[1][place]),
                "populationVariance": plain(population[place]),
            }
        return results
