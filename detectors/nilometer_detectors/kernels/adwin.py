"""ADWIN: a window of past values that grows while their mean stays and shrinks when it changes.

Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", 2007. The window is kept as buckets of 1,
2, 4, ... values, at most five of a size, each with its sum and its sum of squared deviations. Every `CLOCK` values it is
cut between any two buckets, from the oldest on; the parts of n0 and n1 values differ where their means are more than

    sqrt(2 v d / m) + 2 d / (3 m),   d = ln(2 ln(n) / delta),   1/m = 1/(n0 - 4) + 1/(n1 - 4),   v the window's variance

apart. Constants and order of operations are those of river's
`ADWIN` (version 0.26), which likewise begins with an empty window after change.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats

Flags = NDArray[np.bool_]

CLOCK = 32
_GRACE = 10  # values before which nothing is cut
_SHORTEST = 5
_BUCKETS = 5
_SIZES = 40  # buckets of 1 to 2³⁹ values: more than any stream has
_HEAD = 5  # values so far, width, sum, sum of squared deviations, sizes in use
_FIELDS = 1 + 2 * (_BUCKETS + 1)  # of a size: how many buckets, their sums, their sums of squared deviations


def new_adwin() -> Floats:
    """Makes the state of an empty window, shape (525,): 4 kB, however long the window grows."""
    state = np.zeros(_HEAD + _SIZES * _FIELDS)
    state[4] = 1.0
    return state


def adwin(values: Floats, state: Floats, delta: float = 0.002) -> Flags:
    """Takes values into the window.

    Args:
        values: finite, shape (values,).
        state: of `new_adwin`; changed.
        delta: the probability of finding change where there is none, roughly, at a check.

    Returns:
        After which values the window was cut, shape (values,). O(1) a value, and O(log width) at a check.
    """
    found = np.zeros(len(values), dtype=np.bool_)
    _adwin(np.ascontiguousarray(values), state, delta, found)
    return found


@kernel("f8[]", "f8[]=", "f8", "b1[]=")
def _adwin(values: Floats, state: Floats, delta: float, found: Flags) -> None:
    """Goes value by value."""
    rows = state[_HEAD:].reshape(_SIZES, _FIELDS)
    for at in range(len(values)):
        _take(values[at], state, rows)
        if int(state[0]) % CLOCK == 0 and state[1] > _GRACE:
            while _cut(state, rows, delta):
                found[at] = True
                _drop_oldest(state, rows)
        if found[at]:
            state[:] = 0.0
            state[4] = 1.0


@kernel("f8", "f8[]=", "f8[,]=")
def _take(value: float, state: Floats, rows: Floats) -> None:
    """Adds a bucket of one value, and joins the two oldest of a size wherever there are more than five."""
    state[0] += 1.0
    state[1] += 1.0
    if state[1] > 1.0:
        off = value - state[2] / (state[1] - 1.0)
        state[3] += (state[1] - 1.0) * off * off / state[1]
    state[2] += value
    _append(rows[0], value, 0.0)
    size, row = 1.0, 0
    while rows[row, 0] == _BUCKETS + 1:
        sums, squares = rows[row, 1 : 2 + _BUCKETS], rows[row, 2 + _BUCKETS :]
        apart = sums[0] / size - sums[1] / size
        joined = squares[0] + squares[1] + size * size * apart * apart / (size + size)
        _append(rows[row + 1], sums[0] + sums[1], joined)
        _remove(rows[row], 2)
        row += 1
        size *= 2.0
        state[4] = max(state[4], row + 1.0)


@kernel("f8[]=", "f8", "f8")
def _append(row: Floats, total: float, squares: float) -> None:
    """Adds the newest bucket of a size."""
    count = int(row[0])
    row[1 + count], row[2 + _BUCKETS + count] = total, squares
    row[0] += 1.0


@kernel("f8[]=", "i8")
def _remove(row: Floats, count: int) -> None:
    """Removes the oldest buckets of a size."""
    for first in (1, 2 + _BUCKETS):
        for at in range(_BUCKETS + 1):
            row[first + at] = row[first + at + count] if at + count <= _BUCKETS else 0.0
    row[0] -= count


@kernel("f8[]=", "f8[,]=")
def _drop_oldest(state: Floats, rows: Floats) -> None:
    """Removes the oldest bucket from the window."""
    row = int(state[4]) - 1
    size = 2.0**row
    mean = rows[row, 1] / size
    state[1] -= size
    state[2] -= rows[row, 1]
    apart = mean - state[2] / state[1]
    state[3] -= rows[row, 2 + _BUCKETS] + size * state[1] * apart * apart / (size + state[1])
    _remove(rows[row], 1)
    if rows[row, 0] == 0 and row > 0:
        state[4] -= 1.0


@kernel("f8[]", "f8[,]", "f8")
def _cut(state: Floats, rows: Floats, delta: float) -> bool:
    """Tells whether the means before and after any bucket differ."""
    width = state[1]
    older, newer, older_sum, newer_sum = 0.0, width, 0.0, state[2]
    confidence = math.log(2 * math.log(width) / delta)
    for row in range(int(state[4]) - 1, -1, -1):
        size = 2.0**row
        for bucket in range(int(rows[row, 0])):
            older += size
            newer -= size
            older_sum += rows[row, 1 + bucket]
            newer_sum -= rows[row, 1 + bucket]
            if newer >= _SHORTEST and older >= _SHORTEST:
                m = 1.0 / (older - _SHORTEST + 1) + 1.0 / (newer - _SHORTEST + 1)
                bound = math.sqrt(2 * m * (state[3] / width) * confidence) + 2 / 3 * confidence * m
                if abs(older_sum / older - newer_sum / newer) > bound:
                    return True
    return False
