"""Covariance and correlation of every pair of columns."""

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.contract import Block, Layout, Result, plain
from nilometer_detectors.statistics.base.pairs import Pairs, ordered_pairs
from nilometer_logger.rows import Floats


class Covariance(Pairs):
    """The sample covariance (n - 1) and Pearson's correlation of every two columns of numbers.

    Pairwise complete: a row counts for a pair where both values are finite, whatever else of it is missing, as
    `pandas.DataFrame.cov` and `corr` have it; so the matrix of all covariances need not be positive semidefinite where
    values are missing. It is symmetric to the bit. Null are the covariance of fewer than two rows and the correlation
    with a column that is constant over the rows of the pair. How the sums are kept precise: `Pairs`.

    State: 80 bytes a pair, so 40 (c - 1) a column where there are c; a block of b rows costs O(b·c²): 5 million values/s
    a core for 20 columns, 0.6 million for 100. A finding grows alike, and therefore a monitor of more than `most_columns` columns of numbers in a half is refused.
    """

    __slots__ = ()

    names = ("covariance", "correlation")

    most_columns = 100

    @classmethod
    def partners(cls, layout: Layout) -> NDArray[np.intp]:
        """Gives the place of each pair in the other order."""
        return ordered_pairs(len(layout.numeric))[2]

    def _taken(self, block: Block, first: int, last: int) -> tuple[Floats, NDArray[np.bool_] | None]:
        numeric = self.layout.numeric
        ones, others, _ = ordered_pairs(len(numeric))
        values = block.values[first:last, numeric]
        if block.whole:
            return values[:, ones], None
        finite = block.finite[first:last, numeric]
        return values[:, ones], finite[:, ones] & finite[:, others]

    def _matrix(self, pairs: Floats) -> Floats:
        columns = len(self.layout.numeric)
        ones, others, _ = ordered_pairs(columns)
        matrix = np.full((columns, columns), np.nan)
        upper = ones < others
        matrix[ones[upper], others[upper]] = pairs[upper]
        matrix[others[upper], ones[upper]] = pairs[upper]  # the same bits, where rounding would give others
        return matrix

    @property
    def covariance(self) -> Floats:
        """The covariances, shape (columns of numbers, columns of numbers); NaN where there is none, and on the diagonal."""
        return self._matrix(self._covariances()[0])

    @property
    def correlation(self) -> Floats:
        """The correlations, shape (columns of numbers, columns of numbers); NaN likewise."""
        return self._matrix(self._covariances()[1])

    def result(self) -> list[Result]:
        """Gives for each column of numbers both with every other one, by its name."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        numeric, names = self.layout.numeric, self.layout.schema.names
        for statistic, pairs in zip(self.names, self._covariances(), strict=True):
            for row, place in zip(self._matrix(pairs), numeric, strict=True):
                others = zip(numeric, row.tolist(), strict=True)
                results[place][statistic] = {names[other]: plain(value) for other, value in others if other != place}
        return results
