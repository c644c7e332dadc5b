"""The rows with the k smallest hashes: a sample that depends neither on their order nor on how samples merge."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_LARGEST = np.uint64(2**64 - 1)
_ROOM = 64  # rows, at least


class BottomK:
    """The rows with the k smallest hashes of their identity: a uniform sample without replacement.

    Bottom-k sampling (Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007): which rows are kept
    depends neither on their order nor on how states merge, and the sample of j < k rows is a part of that of k. Of
    rows with the same hash (a client may repeat itself) the smaller ones are kept, by the first number in which they
    differ.

    At most 2k rows while it is updated, k rows when it is read. Once it is full, a block costs one comparison of its
    hashes, and rows are kept ever more rarely.

    Args:
        size: k.
        empty: arrays of no rows, for the types and shapes of what is kept of each row beside its hash.

    Attributes:
        size: k.
    """

    __slots__ = ("_arrays", "_largest", "_used", "size")

    def __init__(self, size: int, *empty: NDArray[Any]) -> None:
        self.size = size
        self._arrays: list[NDArray[Any]] = [np.empty(0, dtype=np.uint64), *empty]
        self._used = 0
        self._largest = _LARGEST  # no row beyond it can still be among the smallest

    @staticmethod
    def memory_bytes(size: int, row_bytes: int, rows: int) -> int:
        """Tells what the rows take of memory, from above.

        Args:
            size: k.
            row_bytes: what is kept of a row, its hash not included.
            rows: how many were taken.
        """
        return max(_ROOM, min(2 * rows, 2 * size)) * (row_bytes + 8)

    def take(self, hashes: NDArray[np.uint64], *arrays: NDArray[Any]) -> None:
        """Takes the rows that may be among the smallest.

        Args:
            hashes: shape (rows,).
            arrays: what is kept of each row, shape (rows, …), copied.
        """
        taken: list[NDArray[Any]] = [hashes, *arrays]
        if self._largest != _LARGEST:
            keep = hashes <= self._largest
            if not keep.any():
                return
            taken = [array[keep] for array in taken]
        before, needed = self._used, self._used + len(taken[0])
        if needed > len(self._arrays[0]):
            room = max(needed, _ROOM, min(2 * self.size, 2 * len(self._arrays[0])))
            self._arrays = [_with_room(array[:before], room) for array in self._arrays]
        for ours, theirs in zip(self._arrays, taken, strict=True):
            ours[before:needed] = theirs
        self._used = needed
        if needed >= 2 * self.size:
            self._settle()

    def _settle(self) -> None:
        """Keeps the k smallest, in the order of their hashes, and gives back the room of the others."""
        hashes, *arrays = (array[: self._used] for array in self._arrays)
        order = np.argsort(hashes, kind="stable")
        ranked = hashes[order]
        if (ranked[1:] == ranked[:-1]).any():
            # The same identity twice: what is kept of the rows decides, so that the order of arrival does not.
            keys = [key for array in arrays for key in array.reshape(len(hashes), -1).T]
            order = np.lexsort((*keys[::-1], hashes))
        order = order[: self.size]
        self._arrays, self._used = [array[order] for array in (hashes, *arrays)], len(order)
        if self._used == self.size and self._used:
            self._largest = self._arrays[0][-1]

    def merge(self, other: Self) -> None:
        """Takes the other's rows."""
        hashes, *arrays = (array[: other._used] for array in other._arrays)
        self.take(hashes, *arrays)

    def kept(self) -> list[NDArray[Any]]:
        """Gives the hashes of the rows and what is kept of them, in the order of the hashes; not to be changed."""
        self._settle()
        return [array[: self._used] for array in self._arrays]


def _with_room(array: NDArray[Any], room: int) -> NDArray[Any]:
    """Copies an array into one that has room for so many rows."""
    roomy = np.empty((room, *array.shape[1:]), dtype=array.dtype)
    roomy[: len(array)] = array
    return roomy
