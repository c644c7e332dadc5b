"""The two-sample Cramér-von Mises test of all features at once, against references that stand sorted.

With the values' midranks r in the pooled sample of n values of the reference and m of the sample (Anderson, "On the
distribution of the two-sample Cramér-von Mises criterion", 1962, equations 9 and 10):

    U = n Σ (r(x_i) - i)² + m Σ (r(y_j) - j)²,    T = U / (n m (n+m)) - (4 n m - 1) / (6 (n+m))

A value of the reference has the rank i plus the number of the sample's values below it and half of those equal to it.
So the reference's sum is one of a few runs, between two values of the sample, of equal terms: no value of the reference
is looked at that is not near one of the sample.

The p-value is that of `scipy.stats.cramervonmises_2samp(method="auto")` and so of alibi-detect's `CVMDrift`: exact
where both have at most 20 values (Xiao, Gordon and Yakovlev, "A C++ program for the Cramér-von Mises two-sample test",
2006), else of the limit of the one-sample statistic with the two-sample mean and variance.

That is wrong where values are tied, and not on the safe side as scipy's documentation has it: U is then larger without
telling of any difference, so that rounded values and integers are drift (digits in 100 windows of 100). The calibrated
test has

    T = n m / (n+m)² Σ t (F - G)² over the different pooled values, each t times there,

and takes its mean and variance given the ties, from the covariance of F - G under permutation,
(n+m)² / (n m (n+m-1)) p (1 - q) at shares p <= q of the pooled values. Without ties it is the same test.
"""

import functools
import math

import numpy as np
import scipy.special
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_detectors.kernels.ranks import ranks
from nilometer_logger.rows import Floats

_EXACT = 20
_ENOUGH = 1e-7  # the series of the limit stops at a term below


def statistics(references: Ragged, samples: Ragged) -> tuple[Floats, Floats]:
    """Computes T, and U, of which it is made.

    Args:
        references: of each feature, sorted, finite, at least 2 values.
        samples: of each feature, sorted, finite, at least 2 values.

    Returns:
        T and U, shape (features,) each. O(m log(n / m)) a feature.
    """
    sums = np.empty(len(samples))
    below, upto = ranks(references, samples)
    _sums(references.sizes, references.ties, samples.values, samples.offsets, below, upto, sums)
    product, total = _sizes(references, samples)
    found: Floats = sums / (product * total) - (4 * product - 1) / (6 * total)
    return found, sums


def p_values(found: Floats, sums: Floats, references: NDArray[np.int64], samples: NDArray[np.int64]) -> Floats:
    """Tells how probable statistics at least as large are where both samples are of one distribution.

    Args:
        found: T of each feature, shape (features,).
        sums: U of each feature, shape (features,).
        references: the number of values of each reference, shape (features,).
        samples: the number of values of each sample, shape (features,).

    Returns:
        Shape (features,), as scipy and alibi-detect have them. O(1) a feature; where it is exact, O(n³ m³) once for
        each pair of sizes, kept for the last 64 of them.
    """
    moments = np.array([_moments(n, m) for n, m in zip(references.tolist(), samples.tolist(), strict=True)])
    probabilities = limit(1 / 6 + (found - moments[:, 0]) / moments[:, 1])  # Anderson, equation 15
    for place in np.flatnonzero(np.maximum(references, samples) <= _EXACT):
        probabilities[place] = _exact(float(sums[place]), int(references[place]), int(samples[place]))
    return probabilities


def _sizes(references: Ragged, samples: Ragged) -> tuple[Floats, Floats]:
    n, m = references.sizes.astype(np.float64), samples.sizes.astype(np.float64)
    return n * m, n + m


@functools.lru_cache(maxsize=1024)
def _moments(n: int, m: int) -> tuple[float, float]:
    """Gives the mean of T, and the ratio of its standard deviation to that of the limit (Anderson, eq. 11 and 14)."""
    product, total = n * m, n + m
    variance = (total + 1) * (4 * product * total - 3 * (n**2 + m**2) - 2 * product) / (45 * total**2 * 4 * product)
    return (1 + 1 / total) / 6, math.sqrt(45 * variance)


@functools.lru_cache(maxsize=64)
def _coefficients(terms: int) -> Floats:
    gammaln = scipy.special.gammaln
    return np.array([math.exp(gammaln(k + 0.5) - gammaln(k + 1)) for k in range(terms)])


def calibrated(
    references: Ragged, samples: Ragged, effective: NDArray[np.int64] | None = None
) -> tuple[Floats, Floats]:
    """Computes T from the distribution functions, and a p-value that ties do not spoil.

    Args:
        references: of each feature, sorted, finite, at least 2 values.
        samples: of each feature, sorted, finite, at least 2 values.
        effective: how many independent values each sample is worth, shape (features,); None for all of its values. T of
            fewer values is smaller in proportion to nm/(n+m).

    Returns:
        T and the p-values, shape (features,) each; 1 where all values are equal. Tied, the p-value is that of the limit
        with T's mean and variance, whose shape hardly depends on the ties: with two different values, where it does
        most, 0.05 stands for 0.0514 and 0.001 for 0.0012. O(n + m) a feature.
    """
    found, sums = statistics(references, samples)
    probabilities = p_values(found, sums, references.sizes, samples.sizes)
    worth = np.ones(len(samples))
    counts = samples.sizes if effective is None else effective
    for place in np.flatnonzero(counts < samples.sizes):
        n, m, counted = int(references.sizes[place]), int(samples.sizes[place]), int(counts[place])
        worth[place] = n * counted / (n + counted) * (n + m) / (n * m)
        mean, ratio = _moments(n, counted)
        probabilities[place] = limit(np.array([1 / 6 + (found[place] * worth[place] - mean) / ratio]))[0]
    tied = np.full((len(samples), 3), np.nan)
    _tied(
        references.values, references.offsets, samples.values, samples.offsets, _perhaps_tied(references, samples), tied
    )
    for place in np.flatnonzero(~np.isnan(tied[:, 0])):
        n, m = int(references.sizes[place]), int(samples.sizes[place])
        found[place] = tied[place, 0] * n * m / (n + m) ** 2
        mean, variance = tied[place, 1] / (n + m - 1), 2 * tied[place, 2] * _moments(n, m)[1] ** 2
        probabilities[place] = 1.0
        if variance > 0:
            standard = (found[place] * worth[place] - mean) / math.sqrt(45 * variance)
            probabilities[place] = limit(np.array([1 / 6 + standard]))[0]
    return found, probabilities


def _perhaps_tied(references: Ragged, samples: Ragged) -> NDArray[np.bool_]:
    """Tells which features may have tied values, in O(m log(n / m)): all in which a search finds any."""
    below, upto = ranks(references, samples)
    apart = np.concatenate([below != upto, [False]])
    apart[: len(below) - 1] |= (
        samples.values[1:] == samples.values[:-1]
    )  # may take the end of a feature for tied with the next
    met = np.logical_or.reduceat(apart, samples.offsets[:-1])
    perhaps: NDArray[np.bool_] = (references.ties > 0) | met
    return perhaps


def limit(found: Floats) -> Floats:
    """Tells how probable a value at least as large of the one-sample statistic's limit is.

    The series of Csörgő and Faraway ("The exact and asymptotic distributions of Cramér-von Mises statistics", 1996,
    equation 1.3), summed up to a term below 1e-7, as scipy does: good to 1e-7, so a p-value below that says only that
    it is small.

    Args:
        found: shape (tests,).

    Returns:
        Shape (tests,); 1 below 0.003, where the series vanishes. O(sqrt(x)) a test, some 5 terms for p > 1e-7.
    """
    x = np.maximum(found, 0.003)[:, np.newaxis]
    # exp(-2 (4k + 1)² / (16 x)), which bounds the terms, is below 1e-8 from here on.
    k = np.arange(math.ceil(3.1 * math.sqrt(np.max(x, initial=0.0))) + 3)
    fours = 4 * k + 1
    exponents = fours**2 / (16 * x)
    # In scipy's order of operations: where p is small, one unit of the last place of 1 - p shows.
    terms = _coefficients(len(k)) / (math.pi**1.5 * np.sqrt(x)) * np.sqrt(fours) * np.exp(-exponents)
    terms *= scipy.special.kv(0.25, exponents)
    summed = np.ones(terms.shape, dtype=bool)
    summed[:, 1:] = np.logical_and.accumulate(np.abs(terms[:, :-1]) >= _ENOUGH, axis=1)
    distribution = np.cumsum(np.where(summed, terms, 0.0), axis=1)[:, -1]
    probabilities: Floats = np.where(found >= 0.003, np.maximum(1.0 - distribution, 0.0), 1.0)
    return probabilities


def _exact(total: float, n: int, m: int) -> float:
    least = math.lcm(n, m)
    product = n * m
    zeta = least**2 * (n + m) * (6 * total - product * (4 * product - 1)) // (6 * product**2)
    values, tails = _distribution(n, m)
    at = int(np.searchsorted(values, zeta))
    return float(tails[at] / math.comb(n + m, n)) if at < len(values) else 0.0


@functools.lru_cache(maxsize=64)
def _distribution(n: int, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts for each value of the statistic the ways to deal out n and m values that reach it (Xiao et al., eq. 11).

    Returns:
        The values in ascending order, and how many ways reach at least each.
    """
    least = math.lcm(n, m)
    a, b = least // n, least // m
    nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    column = [(np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)), *[nothing] * n]
    for u in range(m + 1):
        here = nothing
        for v in range(n + 1):
            values = np.concatenate([here[0], column[v][0]])
            ways = np.concatenate([here[1], column[v][1]])
            different, places = np.unique(values, return_inverse=True)
            counted = np.zeros(len(different), dtype=np.int64)
            np.add.at(counted, places, ways)
            here = column[v] = (different + (a * v - b * u) ** 2, counted)
    values, ways = column[n]
    return values, np.cumsum(ways[::-1])[::-1]


@kernel("i8[]", "f8[]", "f8[]", "i8[]", "i8[]", "i8[]", "f8[]=")
def _sums(
    sizes: NDArray[np.int64],
    ties: Floats,
    samples: Floats,
    offsets: NDArray[np.int64],
    below: NDArray[np.int64],
    upto: NDArray[np.int64],
    sums: Floats,
) -> None:
    """Adds up U.

    Of c values tied in one sample, of which each has the mean of their ranks, the squares come to (c³ - c) / 12 more
    than c times the square of the mean of what is squared.
    """
    for feature in range(len(sums)):
        n, first, end = sizes[feature], offsets[feature], offsets[feature + 1]
        m = end - first
        of_reference, of_sample, reached, at = ties[feature], 0.0, 0, first
        while at < end:
            start = at
            while at < end and samples[at] == samples[start]:
                at += 1
            before, tied, tied_in_reference = float(start - first), float(at - start), upto[start] - below[start]
            of_reference += (below[start] - reached) * before**2
            of_reference += tied_in_reference * (before + tied / 2) ** 2
            of_sample += tied * (below[start] + tied_in_reference / 2) ** 2 + (tied**3 - tied) / 12
            reached = upto[start]
        of_reference += (n - reached) * float(m) ** 2
        sums[feature] = n * of_reference + m * of_sample


@kernel("f8[]", "i8[]", "f8[]", "i8[]", "b1[]", "f8[,]=")
def _tied(
    references: Floats,
    reference_offsets: NDArray[np.int64],
    samples: Floats,
    sample_offsets: NDArray[np.int64],
    perhaps: NDArray[np.bool_],
    found: Floats,
) -> None:
    """Finds Σ t (F - G)², or NaN where nothing is tied, and T's mean and half its variance but for factors of n and m.

    With shares p of the pooled values up to a run of t equal ones, and q of a later one, N = n+m: the mean is
    Σ t p (1 - p), the variance 2 Σ Σ t t' (p (1 - q))² / N² over all pairs.
    """
    for feature in range(len(found)):
        if not perhaps[feature]:
            continue
        reference = references[reference_offsets[feature] : reference_offsets[feature + 1]]
        sample = samples[sample_offsets[feature] : sample_offsets[feature + 1]]
        n, m = len(reference), len(sample)
        total = n + m
        apart, mean, variance, before, different = 0.0, 0.0, 0.0, 0.0, 0
        i, k = 0, 0
        while i + k < total:
            first = i + k
            value = sample[k] if i == n or (k < m and sample[k] < reference[i]) else reference[i]
            while i < n and reference[i] == value:
                i += 1
            while k < m and sample[k] == value:
                k += 1
            run, share = i + k - first, (i + k) / total
            weight = run / total
            different += 1
            apart += run * (i / n - k / m) ** 2
            mean += weight * total * share * (1 - share)
            variance += weight * (1 - share) ** 2 * (2 * before + weight * share**2)
            before += weight * share**2
        found[feature, 0] = np.nan if different == total else apart
        found[feature, 1], found[feature, 2] = mean, variance
