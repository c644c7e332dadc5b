"""Standardised and decorrelated values, a row at a time."""

import numpy as np

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats

_FARTHEST = 1e100  # standard deviations: its square still fits into float64


@kernel("f8[,]", "f8[]", "f8[]", "f8[,]", "f8[,]=")
def whitened(values: Floats, mean: Floats, scale: Floats, root: Floats, out: Floats) -> None:
    """Multiplies the standardised values of each row by a symmetric matrix.

    Each row is computed by itself, in one order, so that its result does not depend on the rows beside it, as that of a
    BLAS does. A value more than 1e100 standard deviations away counts as so far, so that nothing becomes NaN.
    O(rows · features²).

    Args:
        values: shape (rows, features), without NaN.
        mean: shape (features,).
        scale: shape (features,); not 0.
        root: shape (features, features), symmetric.
        out: shape (rows, features); is written.
    """
    rows, features = values.shape
    for row in range(rows):
        for feature in range(features):
            out[row, feature] = 0.0
        for other in range(features):
            distance = (values[row, other] - mean[other]) / scale[other]
            distance = min(max(distance, -_FARTHEST), _FARTHEST)
            for feature in range(features):  # along a row of the matrix: contiguous, and without a sum to wait for
                out[row, feature] += root[other, feature] * distance


def whiten(values: Floats, mean: Floats, scale: Floats, root: Floats) -> Floats:
    """Gives what `whitened` writes, in an array of its own; the arguments are those."""
    out = np.empty(values.shape)
    whitened(np.ascontiguousarray(values), mean, scale, root, out)
    return out
