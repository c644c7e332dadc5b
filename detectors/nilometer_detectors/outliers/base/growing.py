"""An isolation forest is grown by scikit-learn and taken over as plain arrays.

Only this module imports scikit-learn, and only when a baseline is built (extra `fit`). Nothing of its objects is kept:
they would have to be pickled, and a pickle runs code and fits one version of scikit-learn.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels.forest import Forest
from nilometer_logger.errors import ExtraMissing
from nilometer_logger.rows import Floats

TREES = 100
_SEED = 0
_EULER = float(np.euler_gamma)


def grow(values: Floats) -> tuple[Forest, float]:
    """Grows a forest of 100 trees, each of 256 rows drawn with a fixed seed (Liu et al., see `IForest`).

    Args:
        values: shape (rows, features), within float32; NaN where missing.

    Returns:
        The forest, and the number that the sum of a row's path lengths is divided by: the trees times the average path
        length in a tree of so many rows.

    Raises:
        ExtraMissing: if scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - 3 s, for those who build a baseline
    except ImportError:
        raise ExtraMissing("growing an isolation forest", "fit") from None
    fitted = IsolationForest(n_estimators=TREES, random_state=_SEED).fit(values)
    trees = [estimator.tree_ for estimator in fitted.estimators_]
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.cumsum(sizes) - sizes
    above = np.repeat(roots, sizes)

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(tree, name) for tree in trees])

    left, right, rows = joined("children_left"), joined("children_right"), joined("n_node_samples")
    depths = np.concatenate([tree.compute_node_depths() for tree in trees]) - 1  # which counts the root as well
    inner = left >= 0
    links = [left + above, right + above, joined("feature"), joined("missing_go_to_left")]
    nodes = np.where(inner[:, np.newaxis], np.stack(links, axis=1), -1).astype(np.int64)
    numbers = np.stack([joined("threshold"), depths + average_path_length(rows)], axis=1)
    forest = Forest(roots.astype(np.int64), nodes, numbers)
    return forest, float(TREES * average_path_length(np.array([fitted.max_samples_]))[0])


def average_path_length(rows: NDArray[np.int64]) -> Floats:
    """Gives the average length of an unsuccessful search in a binary search tree of some rows.

        c(n) = 2 H(n - 1) - 2 (n - 1) / n,    H(i) ≈ ln i + 0.5772…,    c(2) = 1,    c(1) = 0

    (Liu, Ting and Zhou, "Isolation forest", ICDM 2008, equation 1.)

    Args:
        rows: each at least 1, any shape.

    Returns:
        The same shape.
    """
    n = np.maximum(rows, 3).astype(np.float64)
    lengths: Floats = 2.0 * (np.log(n - 1.0) + _EULER) - 2.0 * (n - 1.0) / n
    return np.where(rows >= 3, lengths, np.where(rows == 2, 1.0, 0.0))
