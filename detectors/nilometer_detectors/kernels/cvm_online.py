"""The Cramér-von Mises statistic of the last values of a stream against a sorted reference, row by row.

With F of the reference's n values and G of the last w:

    T = n w / (n+w)² Σ (F - G)² over all n + w pooled values

Between two values of the window G is constant, so that the reference's part of the sum is one of w runs, from prefix
sums of F: O(w + log n) a row, whatever the reference.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats

Integers = NDArray[np.int64]


@kernel("f8[]", "f8[]", "f8", "f8[]", "i8[]", "f8[]", "f8[]", "f8", "f8[]=", "i8[]=", "f8[]=")
def follow(
    values: Floats,
    reference: Floats,
    squares: float,
    prefix: Floats,
    windows: Integers,
    means: Floats,
    deviations: Floats,
    threshold: float,
    ring: Floats,
    seen: Integers,
    out: Floats,
) -> None:
    """Takes values of one column; an alarm empties its windows.

    Args:
        values: shape (rows,); NaN is passed over.
        reference: ascending.
        squares: the sum of F² over the reference.
        prefix: sums of F over the reference's first 0, 1, … n values, shape (n + 1,).
        windows: how many values each window holds, ascending.
        means: of T of each window where nothing has changed.
        deviations: its standard deviations.
        threshold: a window whose T is so many standard deviations above its mean is an alarm.
        ring: the last values, shape (the longest window,); changed in place.
        seen: how many values since the beginning, shape (1,); changed in place.
        out: shape (rows,); the largest (T - mean) / deviation of the windows that are full, 0 where none is, NaN where
            the row was passed over.
    """
    longest = len(ring)
    kept = np.empty((len(windows), longest))  # each window's values, ascending
    places = np.empty((len(windows), longest, 2), dtype=np.int64)  # values of the reference below them, and up to them
    _restore(kept, places, reference, windows, ring, seen[0])
    for row in range(len(values)):
        value = values[row]
        out[row] = value
        if math.isnan(value):
            continue
        largest = 0.0
        below, upto = np.searchsorted(reference, value), np.searchsorted(reference, value, "right")
        for which in range(len(windows)):
            window = windows[which]
            size = min(seen[0], window)
            if size == window:
                _remove(kept[which], places[which], size, ring[(seen[0] - window) % longest])
                size -= 1
            _insert(kept[which], places[which], size, value, below, upto)
            if size + 1 == window:
                found = _statistic(kept[which, :window], places[which, :window], squares, prefix)
                largest = max(largest, (found - means[which]) / deviations[which])
        ring[seen[0] % longest] = value
        seen[0] += 1
        out[row] = largest
        if largest > threshold:
            seen[0] = 0
            ring[:] = 0.0


@kernel("f8[,]=", "i8[,,]=", "f8[]", "i8[]", "f8[]", "i8")
def _restore(kept: Floats, places: Integers, reference: Floats, windows: Integers, ring: Floats, seen: int) -> None:
    """Puts the last values of the stream, of which `seen` have come, in each window's order."""
    for which in range(len(windows)):
        size = min(seen, windows[which])
        for back in range(size):
            value = ring[(seen - 1 - back) % len(ring)]
            below, upto = np.searchsorted(reference, value), np.searchsorted(reference, value, "right")
            _insert(kept[which], places[which], back, value, below, upto)


@kernel("f8[]=", "i8[,]=", "i8", "f8", "i8", "i8")
def _insert(ordered: Floats, places: Integers, size: int, value: float, below: int, upto: int) -> None:
    """Adds a value to the first `size` that are ascending."""
    at = size
    while at > 0 and ordered[at - 1] > value:
        ordered[at] = ordered[at - 1]
        places[at, 0], places[at, 1] = places[at - 1, 0], places[at - 1, 1]
        at -= 1
    ordered[at] = value
    places[at, 0], places[at, 1] = below, upto


@kernel("f8[]=", "i8[,]=", "i8", "f8")
def _remove(ordered: Floats, places: Integers, size: int, value: float) -> None:
    """Takes a value out of the first `size` that are ascending."""
    for at in range(np.searchsorted(ordered[:size], value), size - 1):
        ordered[at] = ordered[at + 1]
        places[at, 0], places[at, 1] = places[at + 1, 0], places[at + 1, 1]


@kernel("f8[]=", "i8[,]=", "f8", "f8[]")
def _statistic(window: Floats, places: Integers, squares: float, prefix: Floats) -> float:
    """Computes T of a window that is ascending."""
    n, w = len(prefix) - 1, len(window)
    of_window, products, of_reference = 0.0, 0.0, squares
    before, at = 0, 0  # values of the reference below the last value of the window; values of the window below this one
    while at < w:
        after = at + 1
        while after < w and window[after] == window[at]:
            after += 1
        below, upto = places[at, 0], places[at, 1]
        share = at / w
        of_reference += share * share * (below - before)
        products += share * (prefix[below] - prefix[before])
        off = upto / n - after / w
        of_window += (after - at) * off * off
        before, at = below, after
    of_reference += n - before
    products += prefix[n] - prefix[before]
    found: float = n * w / (n + w) ** 2 * (of_reference - 2.0 * products + of_window)
    return found
