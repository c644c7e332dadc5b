"""The two-sample Kolmogorov-Smirnov test of all features at once, against references that stand sorted.

With F of the reference's n values and G of the sample's m:

    D = max |F - G|,    D(less) = max (G - F),    D(greater) = max (F - G)

Two p-values. The asymptotic one is that of `scipy.stats.ks_2samp(method="asymp")` and so of alibi-detect's `KSDrift`:
`kolmogorov.survival` with round(nm / (n+m)) values, one-sided by Hodges ("The significance probability of the Smirnov
two-sample test", 1958, equation 5.3). The calibrated one is the exact probability given which values are tied
(`permutations`), and the asymptotic one only where that would take too long: with ties, which rounded values, integers
and flags have, the asymptotic one is far too large, so that the test rarely sees anything.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels import kolmogorov, permutations
from nilometer_detectors.kernels._jit import kernel
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_logger.rows import Floats

Alternative = Literal["two-sided", "less", "greater"]


def distances(references: Ragged, samples: Ragged, alternative: Alternative = "two-sided") -> Floats:
    """Measures how far the empirical distribution functions lie apart.

    Args:
        references: of each feature, sorted, finite, not empty.
        samples: of each feature, sorted, finite, not empty.
        alternative: which differences count.

    Returns:
        Between 0 and 1, shape (features,), to the bit as scipy has them. O(m log(n / m)) a feature.
    """
    less, greater = np.empty(len(samples)), np.empty(len(samples))
    _distances(references.values, references.offsets, samples.values, samples.offsets, less, greater)
    if alternative == "two-sided":
        return np.maximum(less, greater)
    return less if alternative == "less" else greater


def asymptotic(
    found: Floats,
    references: NDArray[np.int64],
    samples: NDArray[np.int64],
    alternative: Alternative = "two-sided",
) -> Floats:
    """Tells how probable distances at least as large are, by the asymptotic distribution.

    Args:
        found: distances, shape (features,).
        references: the number of values of each reference, shape (features,).
        samples: the number of values of each sample, shape (features,).
        alternative: which differences count.

    Returns:
        Shape (features,), as scipy and alibi-detect have them. O(1) to 0.1 ms a feature (`kolmogorov.survival`).
    """
    larger = np.maximum(references, samples).astype(np.float64)
    smaller = np.minimum(references, samples).astype(np.float64)
    effective = larger * smaller / (larger + smaller)
    if alternative == "two-sided":
        return kolmogorov.survival(np.round(effective).astype(np.int64), found)
    z = np.sqrt(effective) * found
    product = np.sqrt(larger * smaller * (larger + smaller))
    clipped: Floats = np.minimum(np.exp(-2 * z**2 - 2 * z * (larger + 2 * smaller) / product / 3.0), 1.0)
    return clipped


def calibrated(
    found: Floats,
    references: Ragged,
    samples: Ragged,
    alternative: Alternative = "two-sided",
    steps: int = permutations.STEPS,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Tells how probable distances at least as large are, exactly where that is not too dear.

    Args:
        found: the samples' distances, shape (features,).
        references: of each feature, sorted.
        samples: of each feature, sorted.
        alternative: which differences count.
        steps: how much may be spent on a feature; see `permutations.exceeding`.

    Returns:
        The probabilities, and where they are exact; shape (features,) each.
    """
    probabilities = permutations.exceeding(found, references, samples, alternative, steps)
    exact: NDArray[np.bool_] = ~np.isnan(probabilities)
    if not exact.all():
        rest = ~exact
        sizes = references.sizes[rest], samples.sizes[rest]
        probabilities[rest] = asymptotic(found[rest], *sizes, alternative)
    return probabilities, exact


@kernel("f8[]", "i8", "f8", "b1")
def _reached(values: Floats, start: int, value: float, inclusive: bool) -> int:
    """Counts the values below `value`, or up to it, of which `start` are known; doubling steps, then halving ones."""
    low, step, size = start, 1, len(values)
    high = start
    while high < size and (values[high] < value or (inclusive and values[high] == value)):
        low = high + 1
        high += step
        step *= 2
    high = min(high, size)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value or (inclusive and values[middle] == value):
            low = middle + 1
        else:
            high = middle
    return low


@kernel("f8[]", "i8[]", "f8[]", "i8[]", "f8[]=", "f8[]=")
def _distances(
    references: Floats,
    reference_offsets: NDArray[np.int64],
    samples: Floats,
    sample_offsets: NDArray[np.int64],
    less: Floats,
    greater: Floats,
) -> None:
    """Measures, at the sample's values and just below: between them only F grows, so nowhere else can D be reached."""
    for feature in range(len(less)):
        reference = references[reference_offsets[feature] : reference_offsets[feature + 1]]
        sample = samples[sample_offsets[feature] : sample_offsets[feature + 1]]
        n, m = len(reference), len(sample)
        over, under, at, j = 0.0, 0.0, 0, 0
        while j < m:
            value = sample[j]
            below = _reached(reference, at, value, False)
            under = max(under, below / n - j / m)
            while j < m and sample[j] == value:
                j += 1
            at = _reached(reference, below, value, True)
            over = max(over, j / m - at / n)
            under = max(under, at / n - j / m)
        less[feature], greater[feature] = over, under
