"""A sample of rows that does not depend on their order: those with the k smallest hashes."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.contract import Arrays, Block, Layout, Result, Statistic
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Floats

_LARGEST = np.uint64(2**64 - 1)


class Sample(Statistic):
    """The rows with the `layout.sample` smallest hashes of their identity: a uniform sample without replacement.

    Bottom-k sampling (Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007): which rows are kept
    depends neither on their order nor on how states merge, and the sample of j < k rows is a part of that of k.

    State: at most 2k rows while it is updated, k rows when it is written; 8 bytes a value and 8 a hash. Once it is
    full, a block costs one comparison of its hashes, and rows are kept ever more rarely.
    """

    __slots__ = ("_hashes", "_largest", "_used", "_values")

    names = ()

    grows = frozenset({"values", "hashes"})

    def __init__(self, layout: Layout) -> None:
        """Makes the sample of no rows."""
        super().__init__(layout)
        self._used = 0
        self._values: Floats = np.empty((0, len(layout.schema)))
        self._hashes: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self._largest = _LARGEST  # no row beyond it can still be among the smallest

    def update(self, block: Block) -> None:
        """Takes the rows of a block that may be among the smallest."""
        values, hashes = block.values, block.hashes
        if self._largest != _LARGEST:
            keep = hashes <= self._largest
            if not keep.any():
                return
            values, hashes = values[keep], hashes[keep]
        self._take(values, hashes)

    def _take(self, values: Floats, hashes: NDArray[np.uint64]) -> None:
        needed = self._used + len(hashes)
        if needed > len(self._hashes):
            room = max(needed, 64, min(2 * self.layout.sample, 2 * len(self._hashes)))
            self._values = np.concatenate([self._values[: self._used], np.empty((room - self._used, values.shape[1]))])
            self._hashes = np.concatenate([self._hashes[: self._used], np.empty(room - self._used, dtype=np.uint64)])
        self._values[self._used : needed] = values
        self._hashes[self._used : needed] = hashes
        self._used = needed
        if needed >= 2 * self.layout.sample:
            self._settle()

    def _settle(self) -> None:
        """Keeps the k smallest, in the order of their hashes, and gives back the room of the others."""
        values, hashes = self._values[: self._used], self._hashes[: self._used]
        order = np.argsort(hashes, kind="stable")
        ranked = hashes[order]
        if (ranked[1:] == ranked[:-1]).any():
            # The same identity twice: the values decide, so that the order of arrival does not.
            order = np.lexsort((*values.T[::-1], hashes))
        order = order[: self.layout.sample]
        self._values, self._hashes, self._used = values[order], hashes[order], len(order)
        if self._used == self.layout.sample and self._used:
            self._largest = self._hashes[-1]

    def merge(self, other: Self) -> None:
        """Takes the other's rows."""
        self._take(other._values[: other._used], other._hashes[: other._used])

    def rows(self, size: int | None = None) -> Floats:
        """Gives the values of the rows with the smallest hashes, in the order of the hashes.

        Args:
            size: how many at most; None for all that are kept.

        Returns:
            Shape (rows, columns); the caller must not change it.
        """
        self._settle()
        return self._values[: self._used][:size]

    def result(self) -> list[Result]:
        """Gives nothing: rows of a stream do not leave in a finding of statistics."""
        return [{} for _ in self.layout.schema.columns]

    def state(self) -> Arrays:
        """Gives the rows and their hashes, in the order of the hashes."""
        self._settle()
        return {"values": self._values, "hashes": self._hashes}

    @classmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives 8 bytes a value and 8 a hash."""
        return 8 * layout.sample * (len(layout.schema) + 1)

    def restore(self, state: Arrays) -> None:
        """Takes the rows.

        Raises:
            StateError: if they are not rows of this layout, or too many.
        """
        values, hashes = state["values"], state["hashes"]
        if values.shape != (len(hashes), len(self.layout.schema)) or len(hashes) > self.layout.sample:
            raise StateError("the state of Sample does not fit: its rows are too many or of another shape")
        self._take(values, hashes)
        self._settle()
