"""Histograms with given edges, and counts of categories: no value is ever dropped."""

from typing import Self

import numpy as np

from nilometer_detectors.statistics.contract import Arrays, Block, Layout, Result, Statistic
from nilometer_logger.rows import Floats

_CHUNK = 255  # rows whose count fits into one byte, so that a sum over booleans stays in SIMD lanes


class Histogram(Statistic):
    """How many values lie in each bin of a column of numbers, or are of each category of a categorical column.

    A bin holds its lower edge and not its upper one, except the last, which holds both (as `numpy.histogram` has it).
    What lies outside is counted in `below` and `above`, infinite values among it, so that below + counts + above =
    count + infinite. A category that the schema does not name is counted as `unseen`.

    Not the bins are counted but, for every edge, the values at or above it: that is one comparison of the block with
    all edges of all columns, without a search, and the bins are differences. State: 8 bytes an edge or category; a
    block of b rows costs O(b · edges).
    """

    names = ("histogram",)

    def __init__(self, layout: Layout) -> None:
        """Makes the histogram of no rows."""
        super().__init__(layout)
        edges = layout.edges or [None] * len(layout.schema)
        self._numeric = [place for place in layout.numeric if edges[place] is not None]
        self._cuts = _cuts([found for place in self._numeric if (found := edges[place]) is not None])
        self.at_least = np.zeros(self._cuts.shape, dtype=np.int64)
        columns = layout.schema.columns
        self._categorical = [place for place, column in enumerate(columns) if column.type == "categorical"]
        # One slot for each category, one before them for the unseen and one after them for the missing.
        sizes = np.array([len(columns[place].categories) + 2 for place in self._categorical], dtype=np.int64)
        self._offsets = np.cumsum(sizes) - sizes
        self._missing = (sizes - 2).astype(np.float64)
        self.slots = np.zeros(int(sizes.sum()), dtype=np.int64)

    def update(self, block: Block) -> None:
        """Counts the values of a block."""
        if self._numeric:
            values = block.values
            if len(self._numeric) < values.shape[1]:
                values = values[:, self._numeric]
            for start in range(0, len(values), _CHUNK):
                above = values[start : start + _CHUNK, :, np.newaxis] >= self._cuts
                self.at_least += np.add.reduce(above.view(np.uint8), axis=0, dtype=np.uint8)
        if self._categorical:
            codes = block.values[:, self._categorical]
            # What is no code (a bug of whoever encoded it) is still counted, as unseen.
            codes = np.where(np.isnan(codes), self._missing, np.where(codes < self._missing, codes, -1.0))
            places = np.maximum(codes, -1.0).astype(np.int64) + 1 + self._offsets
            self.slots += np.bincount(places.ravel(), minlength=len(self.slots))

    def merge(self, other: Self) -> None:
        """Adds the other's counts."""
        self.at_least += other.at_least
        self.slots += other.slots

    def result(self) -> list[Result]:
        """Gives edges, counts, below and above, or categories, counts and unseen; nothing for a column without edges."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        for row, place in enumerate(self._numeric):
            edges = self.layout.edges[place]
            assert edges is not None  # noqa: S101 - `_numeric` holds only columns that have edges
            at_least = self.at_least[row, : len(edges) + 1]
            counts = at_least[1:-1] - at_least[2:]
            below, above = at_least[0] - at_least[1], at_least[-1]
            results[place]["histogram"] = {
                "edges": edges.tolist(),
                "counts": counts.tolist(),
                "below": int(below),
                "above": int(above),
            }
        for offset, place in zip(self._offsets.tolist(), self._categorical, strict=True):
            categories = self.layout.schema.columns[place].categories
            unseen, *counts_of = self.slots[offset : offset + len(categories) + 1].tolist()
            results[place]["histogram"] = {"categories": list(categories), "counts": counts_of, "unseen": unseen}
        return results

    def state(self) -> Arrays:
        """Gives the counts at or above each edge, and of each category."""
        return {"at_least": self.at_least, "slots": self.slots}


def _cuts(edges: list[Floats]) -> Floats:
    """Lays the edges of some columns into one matrix, a row a column.

    Before the edges stands -inf, which every value reaches but NaN; the last edge is moved up by one float, because the
    last bin holds it; the rest of a row is NaN, which no value reaches.
    """
    cuts = np.full((len(edges), 1 + max(map(len, edges), default=0)), np.nan)
    for row, given in enumerate(edges):
        cuts[row, 0] = -np.inf
        cuts[row, 1 : len(given)] = given[:-1]
        cuts[row, len(given)] = np.nextafter(given[-1], np.inf)
    return cuts
