"""The decoded events of one stream in some consecutive records, by columns.

An object for each event would cost more than all that is done with it; of columns, numpy and the C functions of lists,
sets and dictionaries take hundreds of events in one call.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.decoding.inferences._record import Record
from nilometer_logger.decoding.payload import Payload

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Inferences:
    """Halves of inferences, decoded but not yet given a schema, in the order of the log.

    Attributes:
        ids: of the inferences, as their clients chose them.
        are_requests: shape (events,); the others are responses.
        times: shape (events,); in nanoseconds.
        identities: shape (events,); 64-bit hashes of stream, id, half and time, the same wherever and however often an
            event is read.
        payloads: their rows.
        numbers: the place of each in its record.
        untimed: shape (events,); whether it has no time of its own that can be read, so that its arrival stands in.
    """

    ids: list[str]
    are_requests: Flags
    times: NDArray[np.int64]
    identities: NDArray[np.uint64]
    payloads: list[Payload]
    numbers: list[int]
    untimed: Flags

    def __len__(self) -> int:
        """The number of events."""
        return len(self.ids)

    def chosen(self, wanted: Flags) -> "Inferences":
        """Returns those that are wanted, by an answer for each."""
        answers = wanted.tolist()
        return Inferences(
            list(compress(self.ids, answers)),
            self.are_requests[wanted],
            self.times[wanted],
            self.identities[wanted],
            list(compress(self.payloads, answers)),
            list(compress(self.numbers, answers)),
            self.untimed[wanted],
        )

    def at(self, places: Sequence[int]) -> "Inferences":
        """Returns those at some places, which costs no more than they are."""
        return Inferences(
            [self.ids[place] for place in places],
            self.are_requests[places],
            self.times[places],
            self.identities[places],
            [self.payloads[place] for place in places],
            [self.numbers[place] for place in places],
            self.untimed[places],
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Inferences"]) -> "Inferences":
        """Joins inferences in their order; `parts` must not be empty."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            list(chain.from_iterable([part.ids for part in parts])),
            np.concatenate([part.are_requests for part in parts]),
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.identities for part in parts]),
            list(chain.from_iterable([part.payloads for part in parts])),
            list(chain.from_iterable([part.numbers for part in parts])),
            np.concatenate([part.untimed for part in parts]),
        )


class RecordBatch(NamedTuple):
    """The events of one record in a run: at least one.

    Attributes:
        record: that they stand in.
        inferences: the events.
    """

    record: Record
    inferences: Inferences


@dataclass(slots=True)
class StreamBatch:
    """The events of one stream in some consecutive records.

    Attributes:
        blocks: of the records that hold events that were not there before, in order.
        duplicates: for every event passed over, the offset of the record that it stood in.
    """

    blocks: list[RecordBatch] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)

    def add(self, record: Record, inferences: Inferences, duplicates: int = 0) -> None:
        """Puts what stands in the next record behind the rest.

        Args:
            record: whose events these are.
            inferences: perhaps none.
            duplicates: how many were passed over.
        """
        if len(inferences):
            self.blocks.append(RecordBatch(record, inferences))
        self.duplicates += [record.offset] * duplicates


def by_record(runs: Mapping[str, StreamBatch]) -> Iterator[tuple[str, StreamBatch]]:
    """Cuts runs into those of one record each, in the order of the log: in a record, the stream of the first event first.

    Args:
        runs: by the texts of their streams.

    Yields:
        The text of a stream, and its run; what was passed over stands in runs of its own where nothing else does.
    """
    found: dict[tuple[int, int, str], StreamBatch] = {}
    for text, run in runs.items():
        passed_over = Counter(run.duplicates)
        for block in run.blocks:
            offset = block.record.offset
            duplicates = [offset] * passed_over.pop(offset, 0)
            found[offset, block.inferences.numbers[0], text] = StreamBatch([block], duplicates)
        for offset, count in passed_over.items():
            found[offset, -1, text] = StreamBatch([], [offset] * count)
    for (_, _, text), run in sorted(found.items(), key=lambda item: item[0]):
        yield text, run
