"""Detectors of change that judge value by value, with a state of bounded size that is an array.

Each takes some values of one column, in order, with a state that it changes, and tells after which of them it found
change. Cutting the values into blocks changes nothing: the state is all that is carried over. After change was found a
detector begins anew. ADWIN has a module of its own.

Values are finite; what is missing or infinite is for the caller to leave out.
"""

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats

Flags = NDArray[np.bool_]


def new_cusum() -> Floats:
    """Makes the state of `cusum`: both sums, shape (2,)."""
    return np.zeros(2)


def cusum(values: Floats, state: Floats, mean: float, stddev: float, drift: float, threshold: float) -> Flags:
    """Sums up how far values lie above or below a mean, beyond an allowance (Page, "Continuous inspection schemes", 1954).

        s⁺ = max(0, s⁺ + z - drift),    s⁻ = max(0, s⁻ - z - drift),    z = (x - mean) / stddev

    Args:
        values: shape (values,).
        state: of `new_cusum`; changed.
        mean: of the reference.
        stddev: of the reference, more than 0.
        drift: what is allowed, in standard deviations; half the shift that is to be found is best (0.5 for 1).
        threshold: in standard deviations; with a drift of 0.5, 4 and 5 have a run length without change of 168 and 465.

    Returns:
        After which values a sum exceeded the threshold, shape (values,). O(1) a value.
    """
    found = np.zeros(len(values), dtype=np.bool_)
    _cusum(np.ascontiguousarray(values), state, mean, stddev, drift, threshold, found)
    return found


@kernel("f8[]", "f8[]=", "f8", "f8", "f8", "f8", "b1[]=")
def _cusum(
    values: Floats, state: Floats, mean: float, stddev: float, drift: float, threshold: float, found: Flags
) -> None:
    """Goes value by value."""
    above, below = state[0], state[1]
    for at in range(len(values)):
        z = (values[at] - mean) / stddev
        above, below = max(0.0, above + z - drift), max(0.0, below - z - drift)
        if above > threshold or below > threshold:
            found[at] = True
            above, below = 0.0, 0.0
    state[0], state[1] = above, below


def new_page_hinkley() -> Floats:
    """Makes the state of `page_hinkley`: count, mean, both sums, their extremes, shape (6,)."""
    return np.array([0.0, 0.0, 0.0, 0.0, np.inf, -np.inf])


def page_hinkley(
    values: Floats,
    state: Floats,
    min_instances: int = 30,
    delta: float = 0.005,
    threshold: float = 50.0,
    alpha: float = 0.9999,
) -> Flags:
    """Watches the sum of deviations from the running mean leave its extreme (Page, 1954; Hinkley, 1971).

        s = alpha s + (x - mean - delta); change where s - min s > threshold, and likewise downwards

    Parameters, order of operations and both directions are river's `PageHinkley`'s (version 0.26).

    Args:
        values: shape (values,).
        state: of `new_page_hinkley`; changed.
        min_instances: how many values come before change can be found.
        delta: what is allowed, in units of the values.
        threshold: in units of the values.
        alpha: how much of the sum is kept from value to value.

    Returns:
        After which values there was change, shape (values,). O(1) a value.
    """
    found = np.zeros(len(values), dtype=np.bool_)
    _page_hinkley(np.ascontiguousarray(values), state, min_instances, delta, threshold, alpha, found)
    return found


@kernel("f8[]", "f8[]=", "i8", "f8", "f8", "f8", "b1[]=")
def _page_hinkley(
    values: Floats, state: Floats, least: int, delta: float, threshold: float, alpha: float, found: Flags
) -> None:
    """Goes value by value."""
    for at in range(len(values)):
        x = values[at]
        state[0] += 1.0
        state[1] += (x - state[1]) / state[0]
        off = x - state[1]
        state[2] = alpha * state[2] + off - delta
        state[3] = alpha * state[3] + off + delta
        state[4], state[5] = min(state[4], state[2]), max(state[5], state[3])
        if state[0] >= least and (state[2] - state[4] > threshold or state[5] - state[3] > threshold):
            found[at] = True
            state[0] = state[1] = state[2] = state[3] = 0.0
            state[4], state[5] = np.inf, -np.inf
