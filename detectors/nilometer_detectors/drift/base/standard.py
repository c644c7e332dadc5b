"""Columns in units of the baseline's standard deviations, and categories beside them, so that columns can be weighed.

A numeric or boolean value becomes (x - mean) / stddev with the baseline's mean and sample standard deviation, and no
further than `FURTHEST` from 0: beyond that it is far, and how far is noise that would drown the other columns. A column
that is constant in the baseline has a standard deviation of 0, so that any other value is as far as can be.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nilometer_logger.rows import UNSEEN, Floats

FURTHEST = 5.0
"""In standard deviations."""


class Standard:
    """Standardises numeric and boolean columns.

    Args:
        references: of each column, the baseline's finite values, ascending, at least one.
    """

    def __init__(self, references: Sequence[Floats]) -> None:
        self._scales, self._means, self._deviations = np.array([_moments(each) for each in references]).reshape(-1, 3).T

    def __call__(self, values: Floats) -> Floats:
        """Standardises rows.

        Args:
            values: shape (rows, columns).

        Returns:
            The same shape, from -FURTHEST to FURTHEST; NaN where a value is missing or infinite.
        """
        finite = np.where(np.isfinite(values), values, np.nan)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            off = finite / self._scales - self._means
            standardised: Floats = np.clip(np.where(off == 0, off, off / self._deviations), -FURTHEST, FURTHEST)
        return standardised


def _moments(values: Floats) -> tuple[float, float, float]:
    """Gives scale, and mean and sample standard deviation in units of the scale: no square overflows."""
    low, high = float(values[0]), float(values[-1])
    if low == high:
        return 1.0, low, 0.0
    scale = max(abs(low), abs(high))
    scaled = values / scale
    return scale, float(scaled.mean()), float(scaled.std(ddof=1))


@dataclass(frozen=True)
class Categories:
    """Makes a categorical column into numbers that weigh as much as a standardised one.

    A value becomes a vector with s at its category, of which the last one is for all that the schema does not name, and
    0 elsewhere, less the baseline's mean vector. With s² = 1 / (1 - sum p²), two of the baseline's rows have an expected
    squared distance of 2, as those of a standardised column; s is FURTHEST where a category is all but alone.

    Attributes:
        shares: p, of each category and the unseen, shape (categories + 1,).
    """

    shares: Floats

    @classmethod
    def of(cls, reference: Floats, categories: int) -> "Categories":
        """Counts the categories of the baseline.

        Args:
            reference: codes, at least one.
            categories: how many the schema names.
        """
        counts = np.bincount(_places(reference, categories), minlength=categories + 1)
        return cls(counts / len(reference))

    def __call__(self, codes: Floats) -> Floats:
        """Encodes codes of shape (rows,) as numbers of shape (rows, categories + 1); NaN where the code is missing."""
        known = np.isfinite(codes)
        encoded = np.full((len(codes), len(self.shares)), np.nan)
        encoded[known] = -self.shares
        encoded[np.flatnonzero(known), _places(codes[known], len(self.shares) - 1)] += 1.0
        unlike = 1.0 - float(self.shares @ self.shares)
        encoded *= min(FURTHEST, 1.0 / np.sqrt(unlike)) if unlike > 0 else FURTHEST
        return encoded


def _places(codes: Floats, categories: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Finds the place of each code; the last one is for the unseen."""
    return np.where(codes == UNSEEN, categories, codes).astype(np.intp)
