"""Fisher's exact test of all flags at once.

Of a table of a window's m values, x of them 1, and a reference's n values, y of them 1, the margins given, x has the
hypergeometric distribution (Fisher, 1934)

    P(x) = C(m, x) C(n, y) / C(n + m, x + y)

The two-sided p-value is the probability of all tables that are no more probable than the one found (Irwin, 1935), as in
`scipy.stats.fisher_exact`; `greater`, the default of alibi-detect's `FETDrift`, that of x or more.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats

Alternative = Literal["two-sided", "less", "greater"]
Counts = NDArray[np.int64]


def odds_ratios(ones: Counts, sizes: Counts, reference_ones: Counts, reference_sizes: Counts) -> Floats:
    """Computes x (n - y) / (y (m - x)), the distance that alibi-detect gives.

    Returns:
        Shape (features,); inf where the denominator is 0, NaN where all values are equal.
    """
    zeros, reference_zeros = sizes - ones, reference_sizes - reference_ones
    constant = (ones + reference_ones == 0) | (zeros + reference_zeros == 0)
    found = np.full(len(ones), np.inf)
    np.divide(ones * reference_zeros, reference_ones * zeros, out=found, where=reference_ones * zeros > 0)
    found[constant] = np.nan
    return found


def p_values(
    ones: Counts,
    sizes: Counts,
    reference_ones: Counts,
    reference_sizes: Counts,
    alternative: Alternative = "two-sided",
) -> Floats:
    """Tells how probable a table that lies as far from the reference is.

    Args:
        ones: how many of the window's values are 1, shape (features,).
        sizes: how many values the window has, shape (features,).
        reference_ones: how many of the reference's values are 1, shape (features,).
        reference_sizes: how many values the reference has, shape (features,).
        alternative: two-sided, or whether less or greater shares of ones count.

    Returns:
        Shape (features,); 1 where all values are equal. O(min(m, x + y)) a feature.
    """
    side = {"two-sided": 0, "less": -1, "greater": 1}[alternative]
    found = np.empty(len(ones))
    _p_values(ones, sizes, reference_ones, reference_sizes, side, found)
    return found


@kernel("i8[]", "i8[]", "i8[]", "i8[]", "i8", "f8[]=")
def _p_values(
    ones: Counts, sizes: Counts, reference_ones: Counts, reference_sizes: Counts, side: int, found: Floats
) -> None:
    """Sums probabilities in units of the most probable table's, by their ratios, outwards."""
    for feature in range(len(found)):
        x, m, n = ones[feature], sizes[feature], reference_sizes[feature]
        drawn = x + reference_ones[feature]
        least, most = max(0, drawn - n), min(drawn, m)
        mode = min(max((drawn + 1) * (m + 1) // (n + m + 2), least), most)
        weights = np.zeros(most - least + 1)
        weights[mode - least] = 1.0
        for k in range(mode + 1, most + 1):
            ratio = (m - k + 1.0) * (drawn - k + 1) / (k * (n - drawn + k + 0.0))
            weights[k - least] = weights[k - 1 - least] * ratio
            if weights[k - least] < 1e-290:
                break
        for k in range(mode - 1, least - 1, -1):
            ratio = (k + 1.0) * (n - drawn + k + 1) / ((m - k + 0.0) * (drawn - k))
            weights[k - least] = weights[k + 1 - least] * ratio
            if weights[k - least] < 1e-290:
                break
        here = weights[x - least] * (1 + 1e-9)  # equal probabilities differ by rounding
        total, extreme = 0.0, 0.0
        for k in range(least, most + 1):
            weight = weights[k - least]
            total += weight
            if (side == 0 and weight <= here) or (side > 0 and k >= x) or (side < 0 and k <= x):
                extreme += weight
        found[feature] = min(extreme / total, 1.0)
