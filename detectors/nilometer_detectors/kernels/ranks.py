"""Where values stand among others: what rank tests begin with."""

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_logger.rows import Floats

Counts = NDArray[np.int64]


def ranks(references: Ragged, samples: Ragged) -> tuple[Counts, Counts]:
    """Counts the reference's values below each value of the sample, and those up to it.

    Args:
        references: of each feature, sorted, finite.
        samples: of each feature, sorted, finite.

    Returns:
        Both in the order of `samples.values`, shape (values,). O(m log(n / m)) a feature of n and m values.
    """
    below = np.empty(len(samples.values), dtype=np.int64)
    upto = np.empty(len(samples.values), dtype=np.int64)
    _ranks(references.values, references.offsets, samples.values, samples.offsets, below, upto)
    return below, upto


def average_ranks(values: Floats) -> Floats:
    """Ranks each column's values, from 1 on; equal ones share the mean of their ranks.

    What `scipy.stats.rankdata` gives, whose package costs a worker tens of megabytes.

    Args:
        values: shape (rows, columns), without NaN.

    Returns:
        The same shape. O(rows log rows) a column.
    """
    columns = np.ascontiguousarray(values.T)
    order = np.argsort(columns, axis=1)
    ascending = np.take_along_axis(columns, order, axis=1)
    places = np.arange(columns.shape[1])
    differs = ascending[:, 1:] != ascending[:, :-1]
    first, last = np.zeros(columns.shape, dtype=np.intp), np.full(columns.shape, len(places) - 1, dtype=np.intp)
    np.maximum.accumulate(np.where(differs, places[1:], 0), axis=1, out=first[:, 1:])
    np.minimum.accumulate(np.where(differs, places[:-1], last[:, 1:])[:, ::-1], axis=1, out=last[:, -2::-1])
    ranks = np.empty(columns.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=1)
    return ranks.T


@kernel("f8[]", "i8[]", "f8[]", "i8[]", "i8[]=", "i8[]=")
def _ranks(
    references: Floats, reference_offsets: Counts, samples: Floats, sample_offsets: Counts, below: Counts, upto: Counts
) -> None:
    """Goes up both; tied values of a sample are looked up once."""
    for feature in range(len(sample_offsets) - 1):
        reference = references[reference_offsets[feature] : reference_offsets[feature + 1]]
        reached = 0
        for at in range(sample_offsets[feature], sample_offsets[feature + 1]):
            if at > sample_offsets[feature] and samples[at] == samples[at - 1]:
                below[at] = below[at - 1]
            else:
                below[at] = _reached(reference, reached, samples[at], False)
                reached = _reached(reference, below[at], samples[at], True)
            upto[at] = reached


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
