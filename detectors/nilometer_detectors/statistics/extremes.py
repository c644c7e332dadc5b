"""The smallest and the largest value."""

from typing import Self

import numpy as np

from nilometer_detectors.statistics.base.contract import Arrays, Block, Layout, Result, Statistic, plain


class Extremes(Statistic):
    """The smallest and the largest finite value.

    State: 16 bytes a column, exact in any order and batching. Zero has one sign here, because which of two zeros is the
    smaller is nowhere said.
    """

    __slots__ = ("max", "min")

    names = ("min", "max")

    def __init__(self, layout: Layout) -> None:
        """Makes the extremes of no rows: nothing is smaller than the minimum, nothing larger than the maximum."""
        super().__init__(layout)
        self.min = np.full(len(layout.schema), np.inf)
        self.max = np.full(len(layout.schema), -np.inf)

    def update(self, block: Block) -> None:
        """Takes the finite values of a block."""
        if not len(block):
            return
        if block.whole:
            low = high = block.values
        else:
            low = np.where(block.finite, block.values, np.inf)
            high = np.where(block.finite, block.values, -np.inf)
        np.minimum(self.min, np.minimum.reduce(low, axis=0), out=self.min)
        np.maximum(self.max, np.maximum.reduce(high, axis=0), out=self.max)

    def merge(self, other: Self) -> None:
        """Takes the other's extremes."""
        np.minimum(self.min, other.min, out=self.min)
        np.maximum(self.max, other.max, out=self.max)

    def result(self) -> list[Result]:
        """Gives min and max of the columns of numbers; null where there is no finite value."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        extremes = self.state()
        for place in self.layout.numeric:
            results[place] = {name: plain(extreme[place]) for name, extreme in extremes.items()}
        return results

    def state(self) -> Arrays:
        """Gives both extremes."""
        return {"min": self.min + 0.0, "max": self.max + 0.0}  # which makes +0 of -0

    @classmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives 16 bytes a column."""
        return 16 * len(layout.schema)

    def restore(self, state: Arrays) -> None:
        """Takes both extremes."""
        self.min, self.max = state["min"].copy(), state["max"].copy()
