"""Cumulative sums of many columns at once: CUSUM and Page-Hinkley, row by row.

Both leave what they remember in arrays that the caller keeps, so that a block of rows may be cut anywhere.
"""

import math

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats


@kernel("f8[,]", "f8", "f8", "f8[,]=", "f8[,]=")
def cusum(values: Floats, slack: float, threshold: float, sums: Floats, out: Floats) -> None:
    """Follows the two one-sided sums of each column; one beyond the threshold begins both anew.

    Args:
        values: shape (rows, columns), of mean 0 where nothing has changed; NaN is passed over.
        slack: k, what a value must exceed to count.
        threshold: h.
        sums: shape (columns, 2), the upper and the lower sum, from 0; changed in place.
        out: shape (rows, columns); the larger sum after each row, NaN where it was passed over.
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = values[row, column]
            out[row, column] = value
            if math.isnan(value):
                continue
            upper = max(0.0, sums[column, 0] + value - slack)
            lower = max(0.0, sums[column, 1] - value - slack)
            largest = max(upper, lower)
            out[row, column] = largest
            if largest > threshold:
                upper = lower = 0.0
            sums[column, 0], sums[column, 1] = upper, lower


@kernel("f8[,]", "f8", "f8", "f8", "f8[]", "f8[,]=", "f8[,]=")
def page_hinkley(
    values: Floats,
    delta: float,
    alpha: float,
    threshold: float,
    start: Floats,
    memory: Floats,
    out: Floats,
) -> None:
    """Follows the sums of deviations from the running mean, as river's `PageHinkley` does in mode both.

    Args:
        values: shape (rows, columns); NaN is passed over.
        delta: what a deviation must exceed to count.
        alpha: what is left of a sum after a row.
        threshold: lambda.
        start: a column's memory before its first row and after an alarm, shape (6,).
        memory: shape (columns, 6): how many values, their mean, the rising sum, its smallest, the falling sum, its
            largest; changed in place.
        out: shape (rows, columns); the larger distance of a sum from its extreme after each row, NaN where it was
            passed over.
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = values[row, column]
            out[row, column] = value
            if math.isnan(value):
                continue
            mine = memory[column]
            mine[0] += 1.0
            mine[1] += (value - mine[1]) / mine[0]
            deviation = value - mine[1]
            mine[2] = alpha * mine[2] + deviation - delta
            mine[3] = min(mine[3], mine[2])
            mine[4] = alpha * mine[4] + deviation + delta
            mine[5] = max(mine[5], mine[4])
            largest = max(mine[2] - mine[3], mine[5] - mine[4])
            out[row, column] = largest
            if largest > threshold:
                mine[:] = start
