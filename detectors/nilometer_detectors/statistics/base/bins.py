"""Where the histograms of some columns count: made once a layout, because an open window should hold only counts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.rows import Column, Floats


class Bins:
    """The edges and categories of some columns, laid out for counting.

    Attributes:
        numeric: places of the columns that have edges.
        chosen: the same as an index, or None where they are all the columns.
        cuts: shape (numeric columns, cuts): before the edges of a column stands -inf, which every value reaches but
            NaN; its last edge is moved up by one float, because the last bin holds it; the rest of a row is NaN, which
            no value reaches.
        categorical: places of the categorical columns.
        offsets: the first slot of each of them; it has one for the unseen, one for each category, one for the missing.
        missing: the code that leads to the last slot of each.
        slots: how many slots there are in all.
    """

    def __init__(self, columns: Sequence[Column], edges: Sequence[Floats | None]) -> None:
        """Lays out columns and, one a column or none at all, their edges; a categorical column's are passed over."""
        given = [None if column.type == "categorical" else edge for column, edge in zip(columns, edges, strict=False)]
        self.numeric = [place for place, edge in enumerate(given) if edge is not None]
        self.chosen = None if len(self.numeric) == len(columns) else np.array(self.numeric, dtype=np.intp)
        self.cuts = _cuts([edge for edge in given if edge is not None])
        self.categorical = [place for place, column in enumerate(columns) if column.type == "categorical"]
        sizes = np.array([len(columns[place].categories) + 2 for place in self.categorical], dtype=np.int64)
        self.offsets: NDArray[np.int64] = np.cumsum(sizes) - sizes
        self.missing = (sizes - 2).astype(np.float64)
        self.slots = int(sizes.sum())

    def count(self, values: Floats) -> NDArray[np.intp]:
        """Counts categories in values of shape (rows, columns), whose codes are never dropped.

        Returns:
            Shape (slots,).
        """
        codes = values[:, self.categorical]
        # What is no code (a bug of whoever encoded it) is still counted, as unseen.
        codes = np.where(np.isnan(codes), self.missing, np.where(codes < self.missing, codes, -1.0))
        places = np.maximum(codes, -1.0).astype(np.int64) + 1 + self.offsets
        return np.bincount(places.ravel(), minlength=self.slots)


def _cuts(edges: list[Floats]) -> Floats:
    cuts = np.full((len(edges), 1 + max(map(len, edges), default=0)), np.nan)
    for row, given in enumerate(edges):
        cuts[row, 0] = -np.inf
        cuts[row, 1 : len(given)] = given[:-1]
        cuts[row, len(given)] = np.nextafter(given[-1], np.inf)
    return cuts
