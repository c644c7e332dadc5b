"""Histograms with given edges, and counts of categories: no finite value is ever dropped."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.contract import Arrays, Block, Layout, Result, Statistic

_CHUNK = 255  # rows whose count fits into one byte, so that a sum over booleans stays in SIMD lanes


class Histogram(Statistic):
    """How many values lie in each bin of a column of numbers, or are of each category of a categorical column.

    A bin holds its lower edge and not its upper one, except the last, which holds both (as `numpy.histogram` has it).
    What lies outside is counted in `below` and `above`, so that below + counts + above = count: an infinite value is
    counted as `infinite` alone, like a missing one as `missing`. A category that the schema does not name is counted as
    `unseen`.

    Not the bins are counted but, for every edge, the values at or above it: that is one comparison of the block with
    all edges of all columns, without a search, and the bins are differences. The state is written as bins, which are
    zero where nothing lies. State: 8 bytes an edge or category; a block of b rows costs O(b · edges).
    """

    __slots__ = ("_at_least", "_slots")

    names = ("histogram",)

    def __init__(self, layout: Layout) -> None:
        """Makes the histogram of no rows."""
        super().__init__(layout)
        self._at_least = np.zeros(layout.bins.cuts.shape, dtype=np.int64)
        self._slots = np.zeros(layout.bins.slots, dtype=np.int64)

    def update(self, block: Block) -> None:
        """Counts the values of a block."""
        bins = self.layout.bins
        if bins.numeric:
            values = block.values if block.whole else np.where(block.finite, block.values, np.nan)
            values = values if bins.chosen is None else values[:, bins.chosen]
            for start in range(0, len(values), _CHUNK):
                above = values[start : start + _CHUNK, :, np.newaxis] >= bins.cuts
                self._at_least += np.add.reduce(above.view(np.uint8), axis=0, dtype=np.uint8)
        if bins.categorical:
            self._slots += bins.count(block.values)

    def merge(self, other: Self) -> None:
        """Adds the other's counts."""
        self._at_least += other._at_least
        self._slots += other._slots

    def result(self) -> list[Result]:
        """Gives edges, counts, below and above, or categories, counts and unseen; nothing for a column without edges."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        counted = self.state()
        for place, bins in zip(self.layout.bins.numeric, counted["bins"].tolist(), strict=True):
            edges = self.layout.edges[place]
            assert edges is not None  # noqa: S101 - `numeric` holds only columns that have edges
            below, *counts = bins[: len(edges)]
            results[place]["histogram"] = {
                "edges": edges.tolist(),
                "counts": counts,
                "below": below,
                "above": bins[len(edges)],
            }
        slots = counted["slots"].tolist()
        for offset, place in zip(self.layout.bins.offsets.tolist(), self.layout.bins.categorical, strict=True):
            categories = self.layout.schema.columns[place].categories
            unseen, *counts = slots[offset : offset + len(categories) + 1]
            results[place]["histogram"] = {"categories": list(categories), "counts": counts, "unseen": unseen}
        return results

    def counts(self, places: Sequence[int]) -> list[NDArray[np.int64]]:
        """Gives the counts of some columns.

        Args:
            places: of the columns.

        Returns:
            Of a column with edges: below, each bin, above. Of a categorical column: unseen, each category.

        Raises:
            KeyError: if a column has neither edges nor categories.
        """
        bins, counted = self.layout.bins, self.state()
        rows = {place: row for row, place in enumerate(bins.numeric)}
        offsets = dict(zip(bins.categorical, bins.offsets.tolist(), strict=True))
        found: list[NDArray[np.int64]] = []
        for place in places:
            if (edges := self.layout.edges[place] if place in rows else None) is not None:
                found.append(counted["bins"][rows[place], : 1 + len(edges)])
            else:
                first = offsets[place]
                found.append(
                    counted["slots"][first : first + 1 + len(self.layout.schema.columns[place].categories)].copy()
                )
        return found

    def state(self) -> Arrays:
        """Gives the counts of the bins, with what lies below before them and what lies above after, and of categories."""
        bins = self._at_least.copy()
        bins[:, :-1] -= self._at_least[:, 1:]
        return {"bins": bins, "slots": self._slots}

    @classmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives 8 bytes a bin, of which the column with the most gives each column's, and 8 a category."""
        return 8 * (layout.bins.cuts.size + layout.bins.slots)

    def restore(self, state: Arrays) -> None:
        """Takes the counts."""
        self._at_least = np.add.accumulate(state["bins"][:, ::-1], axis=1)[:, ::-1].copy()
        self._slots = state["slots"].copy()
