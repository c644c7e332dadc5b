"""How many values there are: count, missing, infinite."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.contract import Arrays, Block, Layout, Result, Statistic


class Counts(Statistic):
    """Counts values by what they are, so that count + missing + infinite = rows.

    `count` is the number of usable values: finite numbers, or categories (those that the schema does not name
    included). State: 16 bytes a column.
    """

    __slots__ = ("infinite", "missing", "rows")

    names = ("count", "missing", "infinite")

    def __init__(self, layout: Layout) -> None:
        """Makes the counts of no rows."""
        super().__init__(layout)
        self.rows = 0
        self.missing = np.zeros(len(layout.schema), dtype=np.int64)
        self.infinite = np.zeros(len(layout.schema), dtype=np.int64)

    def update(self, block: Block) -> None:
        """Counts the rows of a block."""
        self.rows += len(block)
        if not block.whole:
            missing = np.add.reduce(np.isnan(block.values), axis=0, dtype=np.int64)
            self.missing += missing
            self.infinite += len(block) - block.finite_counts - missing

    def merge(self, other: Self) -> None:
        """Adds the other's counts."""
        self.rows += other.rows
        self.missing += other.missing
        self.infinite += other.infinite

    @property
    def count(self) -> NDArray[np.int64]:
        """The number of usable values, shape (columns,)."""
        usable: NDArray[np.int64] = self.rows - self.missing - self.infinite
        return usable

    def result(self) -> list[Result]:
        """Gives count, missing and, for columns of numbers, infinite."""
        numeric = set(self.layout.numeric)
        results: list[Result] = []
        counted = zip(self.count.tolist(), self.missing.tolist(), self.infinite.tolist(), strict=True)
        for place, (count, missing, infinite) in enumerate(counted):
            result: Result = {"count": count, "missing": missing}
            if place in numeric:
                result["infinite"] = infinite
            results.append(result)
        return results

    def state(self) -> Arrays:
        """Gives the three counts."""
        return {"rows": np.array([self.rows]), "missing": self.missing, "infinite": self.infinite}

    @classmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives 16 bytes a column."""
        return 16 * len(layout.schema)

    def restore(self, state: Arrays) -> None:
        """Takes the three counts."""
        self.rows = int(state["rows"][0])
        self.missing, self.infinite = state["missing"].copy(), state["infinite"].copy()
