"""How deep rows lie in the trees of a forest."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats

LEFT, RIGHT, FEATURE, MISSING_LEFT = range(4)
THRESHOLD, LENGTH = range(2)


class Forest(NamedTuple):
    """Trees as arrays, the nodes of one after those of another; what is read together lies together.

    Attributes:
        roots: the root of each tree, shape (trees,).
        nodes: shape (nodes, 4): where to go with a value not larger than the threshold (-1 for a leaf), where to go with
            a larger one, the feature of the value, and whether a missing value goes left.
        numbers: shape (nodes, 2): the threshold, and at a leaf the length of the path to it.
    """

    roots: NDArray[np.int64]
    nodes: NDArray[np.int64]
    numbers: Floats


def is_sound(forest: Forest, features: int) -> bool:
    """Tells whether every path through the trees ends, at nodes and features that there are: the kernel does not check.

    Args:
        forest: of any origin, with arrays of any shape and type.
        features: how many a row has.
    """
    types = [np.int64, np.int64, np.float64]
    if [array.dtype for array in forest] != types or [array.ndim for array in forest] != [1, 2, 2]:
        return False
    count = len(forest.nodes)
    if forest.nodes.shape[1] != 4 or forest.numbers.shape != (count, 2):
        return False
    places = np.arange(count)
    inner = forest.nodes[:, LEFT] >= 0
    after = [(forest.nodes[:, side] > places) & (forest.nodes[:, side] < count) for side in (LEFT, RIGHT)]
    known = (forest.nodes[:, FEATURE] >= 0) & (forest.nodes[:, FEATURE] < features)
    rooted = (forest.roots >= 0) & (forest.roots < count)
    return bool(rooted.all() and (after[0] & after[1] & known)[inner].all())


@kernel("f8[,]", "i8[]", "i8[,]", "f8[,]", "f8[]=")
def _lengths(values: Floats, roots: NDArray[np.int64], nodes: NDArray[np.int64], numbers: Floats, out: Floats) -> None:
    for row in range(len(values)):
        summed = 0.0
        for root in roots:
            node = root
            while nodes[node, LEFT] >= 0:
                value = np.float64(np.float32(values[row, nodes[node, FEATURE]]))
                goes_left = nodes[node, MISSING_LEFT] == 1 if np.isnan(value) else value <= numbers[node, THRESHOLD]
                node = nodes[node, LEFT] if goes_left else nodes[node, RIGHT]
            summed += numbers[node, LENGTH]
        out[row] = summed


def path_lengths(values: Floats, forest: Forest) -> Floats:
    """Adds the lengths of each row's paths, from the first tree to the last. O(rows · trees · depth).

    Values are rounded to float32 before they are compared, as scikit-learn does.

    Args:
        values: shape (rows, features); NaN where missing.
        forest: a sound one.

    Returns:
        Shape (rows,).
    """
    out = np.empty(len(values))
    _lengths(np.ascontiguousarray(values), *forest, out)
    return out
