"""Permutation tests: how often does a random deal of the rows look as much like drift as the true one?

Where reference and window are of one distribution, every way to deal their rows out to the two is as probable as any
other. With b of B random deals whose statistic is at least the true one's,

    p = (1 + b) / (1 + B)

never is too small a p-value, whatever the distribution and however few the rows (Phipson and Smyth, "Permutation
p-values should never be zero", 2010, equation 2). alibi-detect takes b / B, which can be 0.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, InvalidDetector
from nilometer_detectors.drift.base.deciding import LevelParameters
from nilometer_logger.rows import Floats

_MOST = 1_000_000  # deals of one test
_BLOCK = 128  # deals that are looked at together: bounds the memory to some MB
_ROUNDING = 1e-9  # relative; statistics that differ by less are the same, because sums are rounded


class PermutationParameters(LevelParameters):
    """The parameters of every permutation test, named as in alibi-detect where it has them."""

    n_permutations: int = Field(
        default=100,
        ge=1,
        le=_MOST,
        description="how many random deals of the rows the true one is compared with; the smallest possible p-value is "
        "1 / (nPermutations + 1)",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="of the random deals")

    def level(self, context: Context) -> float:
        """Gives the level of the test in one window.

        Raises:
            InvalidDetector: as for any test; and if no p-value could ever be below the level.
        """
        level = super().level(context)
        needed = permutations_for(level)
        if self.n_permutations < needed:
            remedy = f"{needed} are needed" if needed <= _MOST else f"not even {_MOST} would do: ask for a larger one"
            raise InvalidDetector(
                f"is {self.n_permutations}: the smallest possible p-value, 1/{self.n_permutations + 1}, is not below "
                f"the level that is asked for, {level:.3g}; {remedy}",
                "nPermutations",
            )
        return level


def permutations_for(level: float) -> int:
    """Tells how many permutations there must be for 1 / (permutations + 1) to lie below a level.

    Args:
        level: more than 0 and less than 1, however small: 1 / level need not be a float.
    """
    needed = math.floor(1 / Fraction(level))
    return needed + (1 / (needed + 1) >= level)  # where the fraction is smaller and its float is not


def deals(
    strata: np.ndarray[tuple[int], np.dtype[np.intp]], ours: Floats, permutations: int, seed: int
) -> Iterator[Floats]:
    """Deals rows out at random, within strata.

    Args:
        strata: of each row, shape (rows,).
        ours: 1 for a row of the window and 0 for one of the reference, shape (rows,): the true deal.
        permutations: how many deals.
        seed: the same one gives the same deals.

    Yields:
        Deals as columns of 0 and 1, shape (rows, deals): the true one and then the random ones, a block at a time.
    """
    generator = np.random.default_rng(seed)
    groups = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    for first in range(0, permutations + 1, _BLOCK):
        block = np.repeat(ours[:, np.newaxis], min(_BLOCK, permutations + 1 - first), axis=1)
        random = block if first else block[:, 1:]
        for group in groups:
            random[group] = generator.permuted(random[group], axis=0)
        yield block


def p_value(statistics: Floats) -> float:
    """Compares the true deal's statistic, which stands first, with those of all random ones."""
    true, others = statistics[0], statistics[1:]
    tolerance = _ROUNDING * max(abs(true), float(np.abs(others).max(initial=0.0)))
    return (1 + int(np.count_nonzero(others >= true - tolerance))) / (1 + len(others))
