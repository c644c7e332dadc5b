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
from nilometer_detectors.kernels.ranks import ranks
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
    below, upto = ranks(references, samples)
    _distances(references.sizes, samples.values, samples.offsets, below, upto, less, greater)
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


@kernel("i8[]", "f8[]", "i8[]", "i8[]", "i8[]", "f8[]=", "f8[]=")
def _distances(
    sizes: NDArray[np.int64],
    samples: Floats,
    offsets: NDArray[np.int64],
    below: NDArray[np.int64],
    upto: NDArray[np.int64],
    less: Floats,
    greater: Floats,
) -> None:
    """Measures, at the sample's values and just below: between them only F grows, so nowhere else can D be reached."""
    for feature in range(len(less)):
        n, first, end = sizes[feature], offsets[feature], offsets[feature + 1]
        m = end - first
        over, under, at = 0.0, 0.0, first
        while at < end:
            start = at
            under = max(under, below[start] / n - (at - first) / m)
            while at < end and samples[at] == samples[start]:
                at += 1
            over = max(over, (at - first) / m - upto[start] / n)
            under = max(under, upto[start] / n - (at - first) / m)
        less[feature], greater[feature] = over, under
