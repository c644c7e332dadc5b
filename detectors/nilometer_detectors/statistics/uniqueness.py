"""Whether every value of a column is another one, told without keeping them all."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.rows import Floats, hashes_of

_KEPT = 1000


class UniquenessSketch:
    """Looks for a value that comes again, among the thousand whose hashes are the smallest.

    Which values those are does not depend on their order, and a value that is dropped never comes back, so each of them
    is counted exactly (Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007). Where more than one
    value in 200 comes twice, that stays unseen with a probability below e⁻⁵.

    Attributes:
        repeated: whether one came again.
    """

    def __init__(self) -> None:
        self.repeated = False
        self._kept: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)

    def take(self, hashes: NDArray[np.uint64]) -> None:
        """Takes the hashes of some values, shape (values,)."""
        different, counts = np.unique(np.concatenate([self._kept, hashes]), return_counts=True)
        self._kept = different[:_KEPT]
        self.repeated |= bool((counts[:_KEPT] > 1).any())


def hashes_of_numbers(numbers: Floats) -> NDArray[np.uint64]:
    """Hashes numbers; those that are equal have the same hash."""
    return hashes_of((numbers + 0.0).view(np.uint64), np.zeros(len(numbers), dtype=np.int64))


def hashes_of_texts(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Hashes texts."""
    digests = [blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
