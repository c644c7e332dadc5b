"""Distances between a reference and a sample that are no tests: in units of the feature, or between histograms.

Histograms are counts of the same bins, under- and overflow among them, so that no value is left out. Each bin of each
histogram is given half a value more before shares are taken (Krichevsky and Trofimov, "The performance of universal
encoding", 1981): no share is 0, hence no distance infinite and none negative, and what lies in bins that are empty in
the reference counts. A histogram of no values has equal shares.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_logger.rows import Floats

_ADDED = 0.5


def wasserstein(references: Ragged, samples: Ragged) -> Floats:
    """Measures how far values must be moved on average to make one of the other: ∫ |F - G| (Vallender, 1974).

    Args:
        references: of each feature, sorted, finite, not empty.
        samples: of each feature, sorted, finite, not empty.

    Returns:
        In units of the feature, shape (features,), as `scipy.stats.wasserstein_distance` has them. O(n + m) a feature.
    """
    found = np.empty(len(samples))
    _wasserstein(references.values, references.offsets, samples.values, samples.offsets, found)
    return found


def kullback_leibler(references: Ragged, windows: Ragged) -> Floats:
    """Measures Σ p ln(p / q), p of the window, q of the reference (Kullback and Leibler, 1951).

    Args:
        references: counts by bin, of each feature, not empty.
        windows: counts of the same bins.

    Returns:
        Nats, 0 or more, shape (features,). O(bins) a feature.
    """
    return _summed(references, windows, lambda q, p: p * np.log(p / q) - p + q)


def population_stability_index(references: Ragged, windows: Ragged) -> Floats:
    """Measures Σ (p - q) ln(p / q), which is KL both ways (Jeffreys, 1946; PSI in credit scoring: Siddiqi, 2006).

    Args:
        references: counts by bin, of each feature, not empty.
        windows: counts of the same bins.

    Returns:
        Nats, 0 or more, shape (features,); 0.1 and 0.25 are customary bounds. O(bins) a feature.
    """
    return _summed(references, windows, lambda q, p: (p - q) * np.log(p / q))


def jensen_shannon(references: Ragged, windows: Ragged) -> Floats:
    """Measures the divergence KL(p, m)/2 + KL(q, m)/2 with m = (p + q)/2 (Lin, 1991); no square root is taken.

    Args:
        references: counts by bin, of each feature, not empty.
        windows: counts of the same bins.

    Returns:
        Nats, 0 to ln 2, shape (features,). O(bins) a feature.
    """
    return _summed(references, windows, lambda q, p: (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))) / 2)


def hellinger(references: Ragged, windows: Ragged) -> Floats:
    """Measures sqrt(Σ (√p - √q)² / 2) (Hellinger, 1909).

    Args:
        references: counts by bin, of each feature, not empty.
        windows: counts of the same bins.

    Returns:
        0 to 1, shape (features,). O(bins) a feature.
    """
    squares = _summed(references, windows, lambda q, p: (np.sqrt(p) - np.sqrt(q)) ** 2)
    found: Floats = np.sqrt(squares / 2)
    return found


def _summed(references: Ragged, windows: Ragged, term: Callable[[Floats, Floats], Floats]) -> Floats:
    """Sums a term of each bin by feature; rounding may not make it negative."""
    terms = term(_shares(references), _shares(windows))
    sums: Floats = np.maximum(np.add.reduceat(terms, references.offsets[:-1]), 0.0)
    return sums


def _shares(counts: Ragged) -> Floats:
    smoothed = counts.values + _ADDED
    totals = np.add.reduceat(smoothed, counts.offsets[:-1])
    shares: Floats = smoothed / np.repeat(totals, counts.sizes)
    return shares


@kernel("f8[]", "i8[]", "f8[]", "i8[]", "f8[]=")
def _wasserstein(
    references: Floats,
    reference_offsets: NDArray[np.int64],
    samples: Floats,
    sample_offsets: NDArray[np.int64],
    found: Floats,
) -> None:
    """Adds up |F - G| times the way to the next value, upwards."""
    for feature in range(len(found)):
        reference = references[reference_offsets[feature] : reference_offsets[feature + 1]]
        sample = samples[sample_offsets[feature] : sample_offsets[feature + 1]]
        n, m = len(reference), len(sample)
        i, k, distance = 0, 0, 0.0
        value = min(reference[0], sample[0])
        while i < n or k < m:
            following = sample[k] if i == n or (k < m and sample[k] < reference[i]) else reference[i]
            distance += abs(i / n - k / m) * (following - value)
            value = following
            while i < n and reference[i] == value:
                i += 1
            while k < m and sample[k] == value:
                k += 1
        found[feature] = distance
