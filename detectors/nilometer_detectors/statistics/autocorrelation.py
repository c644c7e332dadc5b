"""The correlation of each value with the one before it."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.contract import Arrays, Block, Layout, Result, plain
from nilometer_detectors.statistics.base.pairs import Pairs
from nilometer_logger.rows import Floats


class Autocorrelation(Pairs):
    """The autocorrelation at lag 1, in the order of the log: Pearson's correlation of the pairs (x_t, x_t+1).

    As `pandas.Series.autocorr` has it: of the pairs of rows next to each other in which both values are finite, so a
    missing or infinite value breaks the chain and the values around it make no pair. From it follows the effective
    sample size of n values, n (1 - r) / (1 + r) (Bayley and Hammersley, "The 'effective' number of independent
    observations in an autocorrelated time series", Supplement to the JRSS 8, 1946). Null where there are fewer than two
    pairs or the values do not vary.

    It is about the order of the rows, so another order is another result. What two states have taken did not come one
    after the other, so that `merge` makes no pair at their border, nor of the row that follows; then it is the same
    in any order and grouping.

    State: 88 bytes a column. A block of b rows and c columns: O(b·c); 20 million values/s a core in blocks of 100
    rows and 20 columns.
    """

    __slots__ = ("_last",)

    names = ("autocorrelation",)

    ordered = True

    def __init__(self, layout: Layout) -> None:
        """Makes the sums of no pairs; before the first row everything is missing."""
        super().__init__(layout)
        self._last = np.full(len(layout.schema), np.nan)

    @classmethod
    def partners(cls, layout: Layout) -> NDArray[np.intp]:
        """Gives for the first values of the pairs of all columns, and then for the second, where the others stand."""
        columns = len(layout.schema)
        return np.roll(np.arange(2 * columns), columns)

    @classmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives 80 bytes a column for its pairs, and 8 for its last value."""
        return super().budget_bytes(layout) + 8 * len(layout.schema)

    def _taken(self, block: Block, first: int, last: int) -> tuple[Floats, NDArray[np.bool_] | None]:
        before = block.values[first - 1] if first else self._last
        chain = np.concatenate([before[np.newaxis], block.values[first:last]])
        if last == len(block):
            self._last = chain[-1].copy()
        values = np.concatenate([chain[:-1], chain[1:]], axis=1)
        finite = np.isfinite(chain)
        both = finite[:-1] & finite[1:]
        return values, None if both.all() else np.concatenate([both, both], axis=1)

    def merge(self, other: Self) -> None:
        """Takes the other's pairs."""
        if not other._rows:
            return
        last = np.full_like(self._last, np.nan) if self._rows else other._last
        super().merge(other)
        self._last = last.copy()

    @property
    def pairs(self) -> NDArray[np.int64]:
        """How many pairs there are, shape (columns,)."""
        return self.count[: len(self.layout.schema)]

    @property
    def coefficient(self) -> Floats:
        """The autocorrelation, shape (columns,); NaN where there is none."""
        return self._covariances()[1][: len(self.layout.schema)]

    def result(self) -> list[Result]:
        """Gives the autocorrelation of the columns of numbers."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        coefficient = self.coefficient
        for place in self.layout.numeric:
            results[place] = {"autocorrelation": plain(coefficient[place])}
        return results

    def state(self) -> Arrays:
        """Gives the sums, and the last row."""
        return {**super().state(), "last": self._last}

    def restore(self, state: Arrays) -> None:
        """Takes the same."""
        super().restore(state)
        self._last = state["last"].copy()
