"""The Cramér-von Mises statistic of sliding windows against a reference, value by value, and its thresholds.

alibi-detect's `CVMDriftOnline`, after Ross and Adams, "Two nonparametric control charts for detecting arbitrary
distribution changes", 2012: for each window size w, of the last w values G and of the n reference values F,

    S = Σ (F(z) - G(z))² over all values z of both,    T = (S n w / (n+w)² - mean) / stddev

with the mean and variance that Anderson (1962) gives. The state is a ring of the last values, so neither memory nor
time grows with the stream. A value of the reference is looked at only through sums over runs between two of the window.

Change is found where the largest T over the windows exceeds the threshold of its time. Thresholds are simulated once:
they depend on the sizes and the expected run time alone, so they belong into an artefact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats


@dataclass(frozen=True)
class Prepared:
    """A reference, and sums over it.

    Attributes:
        values: sorted, shape (n,).
        sums: of F over the values before each place, shape (n + 1,).
        squares: of F² likewise.
    """

    values: Floats
    sums: Floats
    squares: Floats


def prepare(reference: Floats) -> Prepared:
    """Prepares a reference of finite values, not empty. O(n log n)."""
    values = np.sort(reference)
    distribution = np.searchsorted(values, values, "right") / len(values)
    sums, squares = np.zeros(len(values) + 1), np.zeros(len(values) + 1)
    np.cumsum(distribution, out=sums[1:])
    np.cumsum(distribution**2, out=squares[1:])
    return Prepared(values, sums, squares)


def new_state(window_sizes: Sequence[int]) -> Floats:
    """Makes the state: how many values came, and a ring of as many as the largest window has."""
    return np.zeros(1 + max(window_sizes))


def statistics(prepared: Prepared, values: Floats, state: Floats, window_sizes: Sequence[int]) -> Floats:
    """Takes values and computes T of each window after each of them.

    Args:
        prepared: the reference.
        values: finite, shape (values,).
        state: of `new_state`; changed.
        window_sizes: in values, at least 1.

    Returns:
        Shape (values, windows); NaN where a window is not full yet. O(w log w + w log n) a value and window of w.
    """
    sizes = np.array(window_sizes, dtype=np.int64)
    found = np.empty((len(values), len(sizes)))
    _statistics(prepared.values, prepared.sums, prepared.squares, np.ascontiguousarray(values), state, sizes, found)
    return found


def thresholds(
    size: int, window_sizes: Sequence[int], ert: float, features: int = 1, bootstraps: int = 10_000, seed: int = 0
) -> Floats:
    """Simulates thresholds under which change is found after `ert` values on average where there is none.

    Args:
        size: n of the reference.
        window_sizes: in values.
        ert: the expected run time, in values from the first full window on.
        features: how many features are watched at once, taken to be independent.
        bootstraps: how many streams are simulated, ten times `ert` or more.
        seed: of the random numbers.

    Returns:
        By time, shape (2 w - 1,) for the largest window w; the last one holds from then on; NaN before a window is
        full. Of the streams not yet stopped, a share of 1 - (1 - 1/ert)^(1/features) is stopped at each time.
        O(bootstraps w² log n).
    """
    share = 1 - (1 - 1 / ert) ** (1 / features)
    times = 2 * max(window_sizes) - 1
    random = np.random.default_rng(seed)
    greatest = np.empty((bootstraps, times))
    for stream in range(bootstraps):
        found = statistics(prepare(random.random(size)), random.random(times), new_state(window_sizes), window_sizes)
        greatest[stream] = np.fmax.reduce(found, axis=1)
    limits = np.full(times, np.nan)
    for at in range(min(window_sizes) - 1, times):
        limits[at] = np.quantile(greatest[:, at], 1 - share)
        greatest = greatest[greatest[:, at] <= limits[at]]
    return limits


@kernel("f8[]", "f8[]", "f8[]", "f8[]", "f8[]=", "i8[]", "f8[,]=")
def _statistics(
    reference: Floats,
    sums: Floats,
    squares: Floats,
    values: Floats,
    state: Floats,
    sizes: NDArray[np.int64],
    found: Floats,
) -> None:
    """Goes value by value, and up each window."""
    n, ring = len(reference), len(state) - 1
    for at in range(len(values)):
        count = int(state[0])
        state[1 + count % ring] = values[at]
        state[0] += 1.0
        for place in range(len(sizes)):
            w = sizes[place]
            if count + 1 < w:
                found[at, place] = np.nan
                continue
            window = np.empty(w)
            for back in range(w):
                window[back] = state[1 + (count - back) % ring]
            window.sort()
            total, reached, k = 0.0, 0, 0
            while k < w:
                first = k
                while k < w and window[k] == window[first]:
                    k += 1
                below = np.searchsorted(reference, window[first])
                upto = np.searchsorted(reference, window[first], "right")
                g = first / w
                total += (
                    squares[below]
                    - squares[reached]
                    - 2 * g * (sums[below] - sums[reached])
                    + (below - reached) * g * g
                )
                total += (k - first) * (upto / n - k / w) ** 2
                reached = below
            total += squares[n] - squares[reached] - 2 * (sums[n] - sums[reached]) + (n - reached)
            mean = 1 / 6 + 1 / (6 * (n + w))
            variance = (n + w + 1.0) * (4.0 * n * w * (n + w) - 3.0 * (n * n + w * w) - 2.0 * n * w)
            variance /= 45.0 * (n + w) * (n + w) * 4 * n * w
            found[at, place] = (total * n * w / ((n + w) * (n + w)) - mean) / math.sqrt(variance)
