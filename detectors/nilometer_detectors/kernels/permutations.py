"""The exact distribution of the two-sample Kolmogorov-Smirnov distance, given which values are tied.

Where both samples are of one distribution, every way to deal the pooled values out to reference and sample is as
probable as any other: a path on a lattice from (0, 0) to (n, m), a step for each value in ascending order. The distance
is reached where a path lies on or outside of a band around the diagonal, looked at only where the pooled value changes:
between tied values there is no place to look from. That is what makes the test right for discrete values (Schröer and
Trenkler, "Exact and randomization distributions of Kolmogorov-Smirnov tests two or three samples", 1995; without ties
Hodges, 1958; Nikiforov, "Exact Smirnov two-sample tests for arbitrary distributions", 1994).

Of the values so far, j are of the sample with a probability that is carried from value to value; what leaves the band
is summed, so that small p-values are as precise as large ones. A long run of tied values is one hypergeometric step.
"""

import numpy as np

from nilometer_detectors.kernels._jit import kernel
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_logger.rows import Floats

STEPS = 60_000
"""What a feature may cost by default: some 0.1 ms. Values without ties cost more only where there are so many of them that
the asymptotic distribution is as good; where they are tied, few are different, and they cost less."""

_RUN = 8  # tied values from which on one step is cheaper than many
_NOTHING = 1e-290  # below it numbers are no longer normal, and slow


def exceeding(found: Floats, references: Ragged, samples: Ragged, alternative: str, steps: int = STEPS) -> Floats:
    """Tells how probable distances at least as large are where every permutation of the pooled values is.

    Args:
        found: the distances, shape (features,).
        references: of each feature, sorted; n values.
        samples: of each feature, sorted; m values.
        alternative: two-sided, less or greater, as in `ks.distances`.
        steps: how many additions a feature may cost.

    Returns:
        Shape (features,); NaN where it would cost more. O((n+m) w), where w = D nm/(n+m), the width of the band, is at
        most 3 sqrt(nm/(n+m)) for p >= 1e-8; with k different values O(k w²) or less.
    """
    probabilities = np.full(len(found), np.nan)
    side = {"two-sided": 0, "less": 1, "greater": -1}[alternative]
    n, m = references.sizes, samples.sizes
    worth = np.flatnonzero(references.distinct * found * n * m / (n + m) * (1 if side else 2) <= steps)
    for feature in worth:
        probabilities[feature] = _exceeding(found[feature], references[feature], samples[feature], side, steps)
    return probabilities


@kernel("f8", "f8[]", "f8[]", "i8", "i8")
def _exceeding(found: float, reference: Floats, sample: Floats, side: int, budget: int) -> float:
    """Sums the probability that leaves the band."""
    n, m = len(reference), len(sample)
    total = n + m
    bound = round(found * n * m)  # |i m - k n| >= bound, with i of the reference and k of the sample
    if bound == 0:
        return 1.0
    now, then = np.zeros(m + 2), np.zeros(m + 2)
    now[0] = 1.0
    low, high, exceeded, spent = 0, 0, 0.0, 0
    i, k = 0, 0  # of the pooled values in order, which are of the reference and which of the sample
    while i + k < total:
        done = i + k
        value = sample[k] if i == n or (k < m and sample[k] < reference[i]) else reference[i]
        while i < n and reference[i] == value:
            i += 1
        while k < m and sample[k] == value:
            k += 1
        run = i + k - done
        if run < _RUN:
            for step in range(run):
                _step(now, then, low, high, n, m, done + step)
                high = min(high + 1, m)
                low = max(low, done + step + 1 - n)
                now, then = then, now
                spent += high - low + 1
        else:
            spent += _run(now, then, low, high, n, m, done, run)
            high, low = min(high + run, m), max(low, done + run - n)
            now, then = then, now
        while low <= high and (now[low] < _NOTHING or (side <= 0 and (i + k) * m - low * total >= bound)):
            exceeded += now[low]
            now[low] = 0.0
            low += 1
        while low <= high and (now[high] < _NOTHING or (side >= 0 and high * total - (i + k) * m >= bound)):
            exceeded += now[high]
            now[high] = 0.0
            high -= 1
        if spent > budget:
            return np.nan
    return min(exceeded, 1.0)


@kernel("f8[]", "f8[]=", "i8", "i8", "i8", "i8", "i8")
def _step(now: Floats, then: Floats, low: int, high: int, n: int, m: int, done: int) -> None:
    """Deals out one value: to the sample with (values it still lacks) / (values that are left)."""
    each = 1.0 / (n + m - done)
    then[low] = now[low] * ((n - done + low) * each)
    lower, same, given = now[low:high], now[low + 1 : high + 1], then[low + 1 : high + 1]
    for at in range(len(given)):
        j = low + 1 + at
        given[at] = same[at] * ((n - done + j) * each) + lower[at] * ((m - j + 1) * each)
    if high < m:
        then[high + 1] = now[high] * ((m - high) * each)


@kernel("f8[]", "f8[]=", "i8", "i8", "i8", "i8", "i8", "i8")
def _run(now: Floats, then: Floats, low: int, high: int, n: int, m: int, done: int, run: int) -> int:
    """Deals out tied values at once: hypergeometric weights, from their mode outwards; returns the work it took."""
    then[low : min(high + run, m) + 1] = 0.0
    weights = np.empty(run + 1)
    spent = 0
    for j in range(low, high + 1):
        lacking, others = m - j, n - (done - j)
        least, most = max(0, run - others), min(run, lacking)
        mode = min(max((run + 1) * (lacking + 1) // (lacking + others + 2), least), most)
        weights[mode] = total = 1.0
        first = last = mode
        while last < most and weights[last] > 1e-22:
            ratio = (run - last) * (lacking - last) / ((last + 1.0) * (others - run + last + 1))
            weights[last + 1] = weights[last] * ratio
            last += 1
            total += weights[last]
        while first > least and weights[first] > 1e-22:
            ratio = first * (others - run + first) / ((run - first + 1.0) * (lacking - first + 1))
            weights[first - 1] = weights[first] * ratio
            first -= 1
            total += weights[first]
        share = now[j] / total
        for k in range(first, last + 1):
            then[j + k] += share * weights[k]
        spent += last - first + 8
    return spent
