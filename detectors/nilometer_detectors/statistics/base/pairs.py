"""Sums over pairs of values: what the covariances of columns and the autocorrelation of each have in common."""

from abc import abstractmethod
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.base.shifted import Shifted
from nilometer_logger.rows import Floats

_LEAST = 1e-140


class Pairs(Shifted):
    """Sums over the rows in which both values of a pair are finite.

    A pair (x, y) is two series of `Shifted`, that of x and that of y, each the *partner* of the other. Both count just
    the rows in which both are finite, and have an origin of their own: so each pair is as precise as if nothing else
    were there, whatever is missing elsewhere. The third sum is that of the products d_x d_y, from which

        C = Σ d_x d_y - Σd_x Σd_y / n,    covariance = C / (n - 1),    correlation = C / √(M₂x M₂y)

    State: 80 bytes a pair. A block of b rows and p pairs: O(b·p).
    """

    __slots__ = ("_partners",)

    sums: ClassVar[int] = 3

    def __init__(self, layout: Layout) -> None:
        """Makes the sums of no rows."""
        super().__init__(layout)
        self._partners = self.partners(layout)

    @classmethod
    @abstractmethod
    def partners(cls, layout: Layout) -> NDArray[np.intp]:
        """Gives the place of each series' partner, shape (series,)."""

    @classmethod
    def series(cls, layout: Layout) -> int:
        """Gives twice the number of pairs."""
        return len(cls.partners(layout))

    def _multiply(self, deviations: Floats, terms: Floats) -> None:
        np.multiply(deviations, deviations[:, self._partners], out=terms[:, 2 * deviations.shape[1] :])

    def _around(self, by: Floats) -> Floats:
        moved = super()._around(by)
        theirs = self._partners
        return np.stack([*moved, self._sums[2] - by[theirs] * self._sums[0] - by * moved[0, theirs]])

    def _covariances(self) -> tuple[Floats, Floats]:
        """Gives the sample covariance and the correlation of each series with its partner, shape (series,).

        The covariance is NaN where there are fewer than two rows, the correlation also where one of both is constant
        or has a standard deviation below 1e-140, whose square float64 does not hold.
        """
        count = self.count
        with np.errstate(all="ignore"):
            _, squares, products = self._central()
            covariance = np.where(count > 1, products / (count - 1), np.nan)
            spreads = np.sqrt(np.maximum(squares, 0.0))
            varies = (count > 1) & (squares > count * _LEAST**2)
            spread, exists = spreads * spreads[self._partners], varies & varies[self._partners]
            correlation = np.where(exists, np.clip(products / spread, -1.0, 1.0), np.nan)
        return covariance, correlation


@lru_cache(maxsize=64)
def ordered_pairs(columns: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Lists the pairs of different columns, (0, 1), (0, 2) … (1, 0), (1, 2) …, each in both orders.

    Returns:
        The first and the second column of each, and the place of the same pair in the other order; shape
        (columns (columns - 1),).
    """
    first, second = np.nonzero(~np.eye(columns, dtype=bool))
    places = np.zeros((columns, columns), dtype=np.intp)
    places[first, second] = np.arange(len(first))
    return first, second, places[second, first]
