"""The edges of a histogram: given, of equal width, or chosen by a rule from data.

A rule gives a width; there are as many bins of equal width from the smallest to the largest finite value as that needs,
and at most `MOST`. Of n values with range R, standard deviation s (of the population) and quartiles Q₁ and Q₃:

| rule               | width                                                        | source                                   |
|--------------------|--------------------------------------------------------------|------------------------------------------|
| `sturges`          | R / (log₂ n + 1)                                             | Sturges, JASA 21, 1926                   |
| `doane`            | R / (1 + log₂ n + log₂(1 + |g₁| / e)), g₁ the skewness,      | Doane, The American Statistician 30,     |
|                    | e² = 6 (n - 2) / ((n + 1) (n + 3))                           | 1976                                     |
| `rice`             | R / (2 ∛n)                                                   | Lane, Online Statistics Education        |
| `scott`            | s ∛(24 √π / n)                                               | Scott, Biometrika 66, 1979               |
| `freedmanDiaconis` | 2 (Q₃ - Q₁) / ∛n                                             | Freedman and Diaconis, Zeitschrift für   |
|                    |                                                              | Wahrscheinlichkeitstheorie 57, 1981      |

They are numpy's (`numpy.histogram_bin_edges`), to the bit where that gives no more than `MOST` bins of more than one
value; where a rule gives no width (a quarter of the values alike, say) there is one bin, as there. Unlike numpy's, the
edges of a constant are its value twice, a bin that holds it alone, and values at both ends of float64 have edges as any
others have.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from nilometer_logger.rows import Floats

MOST = 200
"""The most bins that a rule gives: a window's histogram costs a comparison and a count a bin."""

_HUGE = 2.0**500  # the squares of larger values are beyond float64


def given(edges: Sequence[float]) -> Floats:
    """Makes edges of given numbers.

    Args:
        edges: ascending; two that are alike are a bin of one value.

    Raises:
        ValueError: if they make no bins; saying what is expected.
    """
    array = np.array(edges, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2 or not np.isfinite(array).all():
        raise ValueError("expected at least two finite edges")
    if len(array) == 2 and array[0] == array[1]:
        return array
    if len(array) - 1 > MOST:
        raise ValueError(f"has {len(array) - 1} bins; expected at most {MOST}")
    for before, after in pairwise(array.tolist()):
        if not before < after:
            raise ValueError(f"expected ascending edges, and {after:g} stands after {before:g}")
    return array


def equal(low: float, high: float, bins: int) -> Floats:
    """Lays out bins of equal width.

    Args:
        low: the first edge, finite.
        high: the last edge, finite and not below `low`.
        bins: how many; where float64 has fewer numbers between low and high there are as many as it has.

    Returns:
        Ascending edges, or `low` twice where `high` is the same.
    """
    if low == high:
        return np.array([low, low])
    share = 1.0 if math.isfinite(high - low) else 0.25  # of which the distance fits into float64
    edges: Floats = np.unique(np.linspace(low * share, high * share, bins + 1)) / share
    return edges


def chosen(rule: str, values: Floats) -> Floats:
    """Lays out bins for some data by a rule.

    Args:
        rule: one of `RULES`.
        values: shape (n,); those that are not finite take no part.

    Raises:
        ValueError: if no value is finite.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise ValueError("has no finite value, so there is nothing to lay out bins for")
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        return equal(low, high, 1)
    # A power of two changes no digit, and so no number of bins.
    scale = 2.0 ** -math.frexp(max(-low, high))[1] if max(-low, high) > _HUGE else 1.0
    width = RULES[rule](finite * scale)
    bins = min(MOST, max(1, math.ceil((high * scale - low * scale) / width))) if width > 0.0 else 1
    return equal(low, high, bins)


def sturges(values: Floats) -> float:
    """Gives Sturges' width, for near normal data."""
    return float(np.ptp(values) / (np.log2(len(values)) + 1.0))


def doane(values: Floats) -> float:
    """Gives Doane's width: Sturges', and more bins the more skewed the data are; 0 for fewer than three values."""
    count, spread = len(values), np.std(values)
    if count < 3 or not spread > 0.0:
        return 0.0
    skewness = np.mean(((values - np.mean(values)) / spread) ** 3)
    error = np.sqrt(6.0 * (count - 2) / ((count + 1.0) * (count + 3)))
    return float(np.ptp(values) / (1.0 + np.log2(count) + np.log2(1.0 + np.absolute(skewness) / error)))


def rice(values: Floats) -> float:
    """Gives Rice's width: twice as many bins as the cube root of the number of values."""
    return float(np.ptp(values) / (2.0 * len(values) ** (1.0 / 3)))


def scott(values: Floats) -> float:
    """Gives Scott's width: the one with the least mean square error for normal data."""
    return float((24.0 * np.pi**0.5 / len(values)) ** (1.0 / 3.0) * np.std(values))


def freedman_diaconis(values: Floats) -> float:
    """Gives Freedman and Diaconis' width: Scott's without its weakness for outliers; 0 where the quartiles are alike."""
    upper, lower = np.percentile(values, [75, 25])
    return float(2.0 * (upper - lower) * len(values) ** (-1.0 / 3.0))


RULES: Mapping[str, Callable[[Floats], float]] = {
    "sturges": sturges,
    "doane": doane,
    "rice": rice,
    "scott": scott,
    "freedmanDiaconis": freedman_diaconis,
}
"""The rules by the names that a user gives: from finite values of more than one kind to the width of a bin, 0 for none."""
