"""The block of rows, and the hashes of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.rows._schema import Floats, Schema


@dataclass(frozen=True)
class Rows:
    """A block of instances, decoded from one or many inferences of one stream.

    Attributes:
        half: features come from requests, predictions from responses.
        schema: the columns of `values`.
        values: shape (rows, columns).
        times: event times, shape (rows,), int64 nanoseconds.
        ids: the id of the inference of each row.
        numbers: shape (rows,), int64; the row's place in its inference, from 0.
        hashes: shape (rows,), uint64; a hash of the row's identity, the same wherever and however often it is read.
        unrecognized: by (row, column), the text of a value that the column has no number for: in a categorical column a
            category that the schema does not name, in another one what is no number.
    """

    half: Half
    schema: Schema
    values: Floats
    times: NDArray[np.int64]
    ids: Sequence[str]
    numbers: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    unrecognized: Mapping[tuple[int, int], str] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.values)

    def take(self, indices: NDArray[np.intp]) -> "Rows":
        """Returns the rows at some indices, in the order of the indices."""
        unrecognized: dict[tuple[int, int], str] = {}
        if self.unrecognized:
            place = {old: new for new, old in enumerate(indices.tolist())}
            unrecognized = {
                (place[row], column): text for (row, column), text in self.unrecognized.items() if row in place
            }
        return Rows(
            self.half,
            self.schema,
            self.values[indices],
            self.times[indices],
            [self.ids[index] for index in indices.tolist()],
            self.numbers[indices],
            self.hashes[indices],
            unrecognized,
        )

    @classmethod
    def concatenate(cls, blocks: Sequence[Self]) -> "Rows":
        """Joins blocks of one half and one schema, in their order; `blocks` must not be empty."""
        if len(blocks) == 1:
            return blocks[0]
        first, unrecognized, offset = blocks[0], {}, 0
        for block in blocks:
            unrecognized.update({(row + offset, column): text for (row, column), text in block.unrecognized.items()})
            offset += len(block)
        return Rows(
            first.half,
            first.schema,
            np.concatenate([block.values for block in blocks]),
            np.concatenate([block.times for block in blocks]),
            [name for block in blocks for name in block.ids],
            np.concatenate([block.numbers for block in blocks]),
            np.concatenate([block.hashes for block in blocks]),
            unrecognized,
        )


def row_hashes(identity: int, rows: int) -> NDArray[np.uint64]:
    """Hashes each row of one event, so that samples can be drawn by the smallest hashes.

    Args:
        identity: a 64-bit hash of the event's identity.
        rows: how many rows the event has.

    Returns:
        Shape (rows,).
    """
    return hashes_of(np.full(rows, identity, dtype=np.uint64), np.arange(rows, dtype=np.int64))


def hashes_of(identities: NDArray[np.uint64], numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hashes rows of many events.

    Args:
        identities: shape (rows,); of the event of each row.
        numbers: shape (rows,); the row's place in its event, from 0.

    Returns:
        Shape (rows,): splitmix64 (Steele et al., "Fast splittable pseudorandom number generators", 2014) of the
        identity and the row's number.
    """
    state = identities + (numbers + 1).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed
