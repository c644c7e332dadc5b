"""From the inferences of one stream to the blocks of rows that its monitors watch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress, repeat

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.cloudevents import CloudEvent, to_kafka
from nilometer_logger.cloudevents.kserve import Half, Stream
from nilometer_logger.deadletters import dead_letter
from nilometer_logger.decoding.inferences._batch import Inferences, RecordBatch
from nilometer_logger.decoding.payload import Alike, alike
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.errors import PayloadError
from nilometer_logger.rows import Floats, Rows, Schema, bind, hashes_of
from nilometer_logger.topics import Message

_Unrecognized = dict[tuple[int, int], str]


@dataclass(frozen=True)
class _Side:
    """The inferences of one half and what is known of each of their rows, whatever monitor looks at them.

    Attributes:
        places: shape (inferences,); of the inferences among all that arrived.
        groups: the inferences, by their columns.
        counts: shape (inferences,); how many rows each has, at least one.
        times, ids, numbers, hashes: of each row, as `Rows` has them.
    """

    places: NDArray[np.intp]
    groups: list[Alike]
    counts: NDArray[np.int64]
    times: NDArray[np.int64]
    ids: list[str]
    numbers: NDArray[np.int64]
    hashes: NDArray[np.uint64]

    def rows_of(self, group: Alike) -> NDArray[np.int64]:
        """Tells where the rows of a group are among all, in the order of the group."""
        counts = self.counts[group.members]
        starts = (np.cumsum(self.counts) - self.counts)[group.members]
        return np.repeat(starts, counts) + _numbers(counts)


class Batch:
    """The inferences of one stream in some consecutive records.

    Args:
        stream: whose they are.
        blocks: what stands in each of the records; at least one.

    Attributes:
        stream: as given.
        inferences: of all the records, in order.
    """

    def __init__(self, stream: Stream, blocks: Sequence[RecordBatch]) -> None:
        self.stream = stream
        self.inferences = Inferences.concatenate([block.inferences for block in blocks])
        self._blocks = blocks
        self._sides: dict[Half, _Side] = {}

    def side(self, half: Half) -> _Side:
        """Returns the inferences of one half; made once for all monitors."""
        if half not in self._sides:
            self._sides[half] = _side_of(self.inferences, half)
        return self._sides[half]

    def origin(self, place: int) -> tuple[CloudEvent, str]:
        """Tells an inference's event as it came, and its position in the log."""
        number = self.inferences.numbers[place]
        for record, inferences in self._blocks:
            if place < len(inferences):
                return record.events[number], record.place(number)
            place -= len(inferences)
        raise IndexError(place)


def _side_of(inferences: Inferences, half: Half) -> _Side:
    of_half = inferences.are_requests if half == "request" else ~inferences.are_requests
    answers = of_half.tolist()
    payloads = list(compress(inferences.payloads, answers))
    ids = list(compress(inferences.ids, answers))
    times, identities = inferences.times[of_half], inferences.identities[of_half]
    counts = np.array([payload.rows for payload in payloads], dtype=np.int64)
    numbers = _numbers(counts)
    if len(numbers) != len(payloads):  # one has several rows
        ids = list(chain.from_iterable(map(repeat, ids, counts.tolist())))
        times, identities = times.repeat(counts), identities.repeat(counts)
    places = np.flatnonzero(of_half)
    return _Side(places, alike(payloads), counts, times, ids, numbers, hashes_of(identities, numbers))


def _numbers(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts the rows of each inference from 0."""
    total = int(counts.sum())
    if total == len(counts):
        return np.zeros(total, dtype=np.int64)
    return np.arange(total, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)


def rows_of(
    monitor: Monitor, arrivals: Batch, half: Half, clock_before: NDArray[np.int64]
) -> tuple[Rows | None, NDArray[np.int64], list[Message]]:
    """Gives the inferences of one half the columns that a monitor watches.

    Args:
        monitor: whose schema the rows get.
        arrivals: one stream's inferences of one or many records.
        half: requests or responses.
        clock_before: shape (inferences,); what the stream's clock said before each.

    Returns:
        The rows (None where there are none), the clock before each row, and dead letters for the inferences that do
        not fit the schema.
    """
    schema = monitor.features if half == "request" else monitor.predictions
    side = arrivals.side(half)
    nothing = np.empty(0, dtype=np.int64)
    if not len(schema) or not len(side.places):
        return None, nothing, []
    values, unrecognized, refused = _bind_all(schema, side)
    clocks = clock_before[side.places].repeat(side.counts)
    rows = Rows(half, schema, values, side.times, side.ids, side.numbers, side.hashes, unrecognized)
    if not refused:
        return rows, clocks, []
    dead = [_dead(monitor, arrivals, int(side.places[place]), reason) for place, reason in sorted(refused.items())]
    fits = np.array([place not in refused for place in range(len(side.places))])
    if not fits.any():
        return None, nothing, dead
    kept = np.flatnonzero(fits.repeat(side.counts))
    return rows.take(kept), clocks[kept], dead


def _dead(monitor: Monitor, arrivals: Batch, place: int, reason: str) -> Message:
    event, position = arrivals.origin(place)
    headers, body = to_kafka(event)
    return dead_letter(f"monitor {monitor.name}: {reason}", position, headers, body)


def _bind_all(schema: Schema, side: _Side) -> tuple[Floats, _Unrecognized, dict[int, str]]:
    """Binds inferences to a schema: those with the same columns at once.

    Returns:
        Values of all rows, NaN where an inference cannot be bound; the texts of `Rows.unrecognized`, in the order of rows and
        columns, whatever was read at once; and the reasons why inferences cannot be bound, by their place.
    """
    if len(side.groups) == 1:
        [group] = side.groups
        try:
            values, unrecognized = bind(schema, group.names, group.table)
            return values, dict(sorted(unrecognized.items())), {}
        except PayloadError as error:
            return np.empty((len(side.ids), len(schema))), {}, dict.fromkeys(group.members, str(error))
    values = np.full((len(side.ids), len(schema)), np.nan)
    unrecognized, refused = {}, {}
    for group in side.groups:
        try:
            bound, texts = bind(schema, group.names, group.table)
        except PayloadError as error:
            refused.update(dict.fromkeys(group.members, str(error)))
            continue
        rows = side.rows_of(group)
        values[rows] = bound
        unrecognized.update({(int(rows[row]), column): text for (row, column), text in texts.items()})
    return values, dict(sorted(unrecognized.items())), refused
