"""The chi-squared test of all categorical columns at once, against reference counts.

Of a table of two rows, the reference's n and the window's m values counted by category (Pearson, 1900):

    χ² = Σ (observed - expected)² / expected,    expected = row total · column total / (n + m)

with as many degrees of freedom as there are categories, less one. A category that occurs in neither row is left out; a
table of fewer than two categories has χ² 0 and p-value 1, and so has one with an empty row. Which categories there are
is the caller's business: those of the baseline, those declared, and one for all that were never seen.

The p-value that is compatible with alibi-detect's `ChiSquareDrift` is that of `scipy.stats.chi2_contingency`, which
moves counts of two categories towards each other by half (Yates, 1934), so that it is conservative there, and takes any
cell as it is, so that a column of many rare categories is drift too often (200 categories by Zipf's law: 19 % of
windows at 5 %). The calibrated test moves nothing, and pools rare categories first until all are expected five times
in the smaller row (Cochran, "Some methods for strengthening the common χ² tests", 1954).
"""

import numpy as np
import scipy.special
from numpy.typing import NDArray

from nilometer_detectors.kernels import fisher
from nilometer_detectors.kernels._jit import kernel
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_logger.rows import Floats

Counts = NDArray[np.int64]
_EXPECTED = 5.0
_ALONE = 0.1


def compatible(references: Ragged, windows: Ragged) -> tuple[Floats, Floats]:
    """Tests as alibi-detect does.

    Args:
        references: counts by category, of each column.
        windows: counts of the same categories in the same order.

    Returns:
        χ² and p-values, shape (columns,) each. O(categories) a column.
    """
    found, degrees, _ = _tested(references, windows, 0.0, yates=True)
    return found, _p_values(found, degrees)


def calibrated(references: Ragged, windows: Ragged) -> tuple[Floats, Floats, Counts]:
    """Tests with rare categories pooled.

    The categories whose expectation in the smaller row is below 5 are put together, in their order, until they are
    expected as often; those that are left over join the rarest of the others. Totals of both rows decide, and under
    permutation they are given, so the choice favours no side. So that a window full of what the reference hardly has
    cannot hide there, what has joined is tested by itself as well (Fisher's exact test: itself against all else), at a
    tenth of the level, and χ² at the rest of it: the smaller of p / 0.1 and p / 0.9 stands, or the exact p-value alone
    where nothing is left for χ² (Bonferroni with weights: Genovese, Roeder and Wasserman, "False discovery control with
    p-value weighting", 2006).

    Args:
        references: counts by category, of each column.
        windows: counts of the same categories in the same order.

    Returns:
        χ², p-values, and the degrees of freedom that were left, shape (columns,) each: 0 where there are too few values
        to tell anything. O(categories) a column.
    """
    found, degrees, joined = _tested(references, windows, _EXPECTED, yates=False)
    probabilities = _p_values(found, degrees)
    hidden = np.flatnonzero(joined.any(axis=1))
    if len(hidden):
        ones, sizes, reference_ones, reference_sizes = np.ascontiguousarray(joined[hidden].T)
        alone = fisher.p_values(ones, sizes, reference_ones, reference_sizes)
        weighed = np.minimum(probabilities[hidden] / (1 - _ALONE), alone / _ALONE)
        probabilities[hidden] = np.minimum(np.where(degrees[hidden] > 0, weighed, alone), 1.0)
    return found, probabilities, degrees


def _tested(references: Ragged, windows: Ragged, expected: float, *, yates: bool) -> tuple[Floats, Counts, Counts]:
    columns = len(references)
    found, degrees = np.empty(columns), np.empty(columns, dtype=np.int64)
    joined = np.zeros((columns, 4), dtype=np.int64)
    _statistics(references.values, windows.values, references.offsets, expected, yates, found, degrees, joined)
    return found, degrees, joined


def _p_values(found: Floats, degrees: Counts) -> Floats:
    survival: Floats = scipy.special.chdtrc(np.maximum(degrees, 1), found)
    return np.where(degrees > 0, survival, 1.0)


@kernel("f8[]", "f8[]", "i8[]", "f8", "b1", "f8[]=", "i8[]=", "i8[,]=")
def _statistics(
    references: Floats,
    windows: Floats,
    offsets: Counts,
    least: float,
    yates: bool,
    found: Floats,
    degrees: Counts,
    joined: Counts,
) -> None:
    """Computes χ² of each column with the categories that are expected less often than `least` in one.

    Where that one had to join another, `joined` gets its count in the window, the window's, and the reference's two.
    """
    rest = np.empty(2)
    for column in range(len(found)):
        reference = references[offsets[column] : offsets[column + 1]]
        window = windows[offsets[column] : offsets[column + 1]]
        n, m = reference.sum(), window.sum()
        found[column], degrees[column] = 0.0, 0
        if n == 0 or m == 0:
            continue
        a, b = np.empty(len(window) + 1), np.empty(len(window) + 1)
        kept = _pooled(reference, window, least * (n + m) / min(n, m), a, b, rest)
        if rest[0] + rest[1] > 0:
            joined[column, 0], joined[column, 1] = rest[1], m
            joined[column, 2], joined[column, 3] = rest[0], n
        if kept >= 2:
            degrees[column] = kept - 1
            found[column] = _chi_squared(a[:kept], b[:kept], n, m, yates and kept == 2)


@kernel("f8[]", "f8[]", "f8", "f8[]=", "f8[]=", "f8[]=")
def _pooled(reference: Floats, window: Floats, rare: float, a: Floats, b: Floats, rest: Floats) -> int:
    """Pools the categories whose total is less than `rare`; leaves out those without any.

    The pooled counts go to `a` and `b`, and their number is returned; what had to join another category, or zeros, goes
    to `rest`.
    """
    kept, rarest, a_rest, b_rest = 0, -1, 0.0, 0.0
    rest[:] = 0.0
    for category in range(len(window)):
        total = reference[category] + window[category]
        if total == 0:
            continue
        if total < rare:
            a_rest += reference[category]
            b_rest += window[category]
            total = a_rest + b_rest
            if total < rare:
                continue
            a[kept], b[kept] = a_rest, b_rest
            a_rest, b_rest = 0.0, 0.0
        else:
            a[kept], b[kept] = reference[category], window[category]
        if rarest < 0 or total < a[rarest] + b[rarest]:
            rarest = kept
        kept += 1
    if kept > 0 and 0 < a_rest + b_rest < rare:
        a[rarest] += a_rest
        b[rarest] += b_rest
        rest[0], rest[1] = a_rest, b_rest
    elif a_rest + b_rest > 0:
        a[kept], b[kept] = a_rest, b_rest
        kept += 1
    return kept


@kernel("f8[]", "f8[]", "f8", "f8", "b1")
def _chi_squared(a: Floats, b: Floats, n: float, m: float, yates: bool) -> float:
    """Computes χ² of the counts of two rows whose totals are n and m."""
    found = 0.0
    for category in range(len(a)):
        for row in range(2):
            observed = a[category] if row == 0 else b[category]
            expected = (a[category] + b[category]) * (n if row == 0 else m) / (n + m)
            off = observed - expected
            if yates:
                off = np.sign(off) * (abs(off) - min(0.5, abs(off)))
            found += off * off / expected
    return found
