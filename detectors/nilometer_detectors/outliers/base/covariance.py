"""The shrunk covariance matrix of a baseline, and roots of the inverse of it or a part of it."""

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.rows import Floats

# Variances along principal axes that are smaller than this share of their mean are rounding errors.
_SMALLEST = 1e-10


def ledoit_wolf(values: Floats) -> tuple[Floats, float]:
    """Estimates a covariance matrix that can be inverted whatever the rows are: shrunk towards a multiple of the identity.

    With the sample covariance S (divided by n) of p features, m = tr(S) / p, and x_k the centred rows:

        d² = ‖S - mI‖² / p
        b² = min(d², (Σ_k ‖x_k x_kᵀ - S‖² / n²) / p)
        result = (1 - b²/d²) S + (b²/d²) m I

    (Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of Multivariate
    Analysis 88, 2004, section 3.2.) O(rows · features²).

    Args:
        values: shape (rows, features), finite, at least one row.

    Returns:
        The matrix, shape (features, features), and the shrinkage b²/d², between 0 and 1.
    """
    rows, features = values.shape
    centred = values - values.mean(axis=0)
    covariance = centred.T @ centred / rows
    mean = np.trace(covariance) / features
    squares = centred**2
    size = np.sum(covariance**2)
    far = (size - features * mean**2) / features
    noise = min(far, (np.sum(squares.sum(axis=1) ** 2) / rows - size) / rows / features)
    shrinkage = float(noise / far) if features > 1 and noise > 0 else 0.0
    shrunk = (1 - shrinkage) * covariance
    shrunk.flat[:: features + 1] += shrinkage * mean
    return shrunk, shrinkage


def inverse_root(covariance: Floats) -> Floats:
    """Gives the symmetric matrix whose square is the inverse of a covariance matrix.

    A variance along a principal axis that is smaller than 1e-10 of their mean is taken as that: so features that
    depend on each other make the distance from their dependence large, and never the matrix singular. O(features³).

    Args:
        covariance: shape (features, features), symmetric, not all zero.

    Returns:
        Shape (features, features).
    """
    variances, axes = np.linalg.eigh(covariance)
    variances = np.maximum(variances, _SMALLEST * variances.mean())
    root: NDArray[np.float64] = (axes / np.sqrt(variances)) @ axes.T
    return np.ascontiguousarray((root + root.T) / 2)
