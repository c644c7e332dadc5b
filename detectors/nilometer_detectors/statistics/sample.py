"""A sample of rows that does not depend on their order: those with the k smallest hashes."""

from typing import Self

import numpy as np

from nilometer_detectors.statistics.base.bottomk import BottomK
from nilometer_detectors.statistics.base.contract import OBJECT_BYTES, Arrays, Block, Layout, Result, Statistic
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Floats


class Sample(Statistic):
    """The rows with the `layout.sample` smallest hashes of their identity: a uniform sample without replacement.

    State: at most 2k rows while it is updated, k rows when it is written; 8 bytes a value and 8 a hash. See `bottomk`.
    """

    __slots__ = ("_rows",)

    names = ()

    grows = frozenset({"values", "hashes"})

    def __init__(self, layout: Layout) -> None:
        """Makes the sample of no rows."""
        super().__init__(layout)
        self._rows = BottomK(layout.sample, np.empty((0, len(layout.schema))))

    def update(self, block: Block) -> None:
        """Takes the rows of a block that may be among the smallest."""
        self._rows.take(block.hashes, block.values)

    def merge(self, other: Self) -> None:
        """Takes the other's rows."""
        self._rows.merge(other._rows)

    def rows(self, size: int | None = None) -> Floats:
        """Gives the values of the rows with the smallest hashes, in the order of the hashes.

        Args:
            size: how many at most; None for all that are kept.

        Returns:
            Shape (rows, columns); the caller must not change it.
        """
        values: Floats = self._rows.kept()[1][:size]
        return values

    def result(self) -> list[Result]:
        """Gives nothing: rows of a stream do not leave in a finding of statistics."""
        return [{} for _ in self.layout.schema.columns]

    def state(self) -> Arrays:
        """Gives the rows and their hashes, in the order of the hashes."""
        hashes, values = self._rows.kept()
        return {"values": values, "hashes": hashes}

    @classmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives 8 bytes a value and 8 a hash."""
        return 8 * layout.sample * (len(layout.schema) + 1)

    @classmethod
    def memory_bytes(cls, layout: Layout, rows: int) -> int:
        """Gives the room of its rows, which grows with them."""
        return BottomK.memory_bytes(layout.sample, 8 * len(layout.schema), rows) + OBJECT_BYTES

    def restore(self, state: Arrays) -> None:
        """Takes the rows.

        Raises:
            StateError: if they are not rows of this layout, or too many.
        """
        values, hashes = state["values"], state["hashes"]
        if values.shape != (len(hashes), len(self.layout.schema)) or len(hashes) > self.layout.sample:
            raise StateError("the state of Sample does not fit: its rows are too many or of another shape")
        self._rows.take(hashes, values)
