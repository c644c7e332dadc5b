"""From the events of one record to blocks of rows: who is watched, what can be decoded, and what must be set aside.

An event that cannot be decoded spoils nothing but itself: it becomes a dead letter with its reason, its position in the
log and its original bytes, and the next event is taken. An event whose time lies too far after its own arrival in Kafka
is set aside as well, because it would close every window before it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.deadletters import dead_letter
from nilometer_logger.errors import PayloadError
from nilometer_logger.events import CloudEvent, to_kafka
from nilometer_logger.kserve import Half, Stream, half_of, time_of
from nilometer_logger.monitoring import Monitor
from nilometer_logger.payload import Payload, decode
from nilometer_logger.rows import Floats, Rows, Schema, bind, row_hashes
from nilometer_logger.snapshots import Message
from nilometer_logger.times import SECOND, format_time


@dataclass(frozen=True)
class Record:
    """One record of the input.

    Attributes:
        topic: where it was read, prefix and all.
        partition: of the topic.
        offset: in the partition.
        timestamp: when Kafka says it was written, in nanoseconds.
        headers: as they stand.
        value: as it stands; None for a tombstone.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None

    @property
    def position(self) -> str:
        """Topic, partition and offset as one text."""
        return f"{self.topic}/{self.partition}@{self.offset}"


@dataclass(frozen=True, slots=True)
class Inference:
    """One half of an inference, decoded but not yet given a schema."""

    id: str
    identity: int
    half: Half
    time: int
    payload: Payload
    event: CloudEvent
    place: str


@dataclass
class Arrivals:
    """The decoded inferences of one stream in one record, in order."""

    stream: Stream
    inferences: list[Inference] = field(default_factory=list)


def read_inference(
    event: CloudEvent, stream: Stream, record: Record, place: str, future_bound: int
) -> Inference | None:
    """Decodes one event.

    Args:
        event: of a watched stream.
        stream: the event's stream.
        record: the record that it stands in.
        place: its position in the log.
        future_bound: how far its time may lie after the record's, in nanoseconds.

    Returns:
        None where the event is neither a request nor a response, or holds no rows.

    Raises:
        PayloadError: if the event must be set aside.
    """
    half = half_of(event.attributes)
    if half is None:
        return None
    time = time_of(event.attributes)
    if time is None:
        time = record.timestamp
    if time > record.timestamp + future_bound:
        ahead = (time - record.timestamp) / SECOND
        raise PayloadError(f"its time {format_time(time)} is {ahead:.0f} s after its arrival; set the sender's clock")
    payload = decode(event.data)
    if payload.half not in (half, None):
        raise PayloadError(f"a {half} event holds the body of a {payload.half}")
    if not len(payload.table):
        return None
    text = f"{stream}\0{event.attributes['id']}\0{half}\0{time}"
    identity = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return Inference(event.attributes["id"], identity, half, time, payload, event, place)


def rows_of(
    monitor: Monitor, arrivals: Arrivals, half: Half, clock_before: NDArray[np.int64]
) -> tuple[Rows | None, NDArray[np.int64], list[Message]]:
    """Gives the inferences of one half the columns that a monitor watches.

    Args:
        monitor: whose schema the rows get.
        arrivals: one stream's inferences of a record.
        half: requests or responses.
        clock_before: shape (inferences,); what the stream's clock said before each.

    Returns:
        The rows (None where there are none), the clock before each row, and dead letters for the inferences that do
        not fit the schema.
    """
    schema = monitor.features if half == "request" else monitor.predictions
    blocks: list[Rows] = []
    clocks: list[NDArray[np.int64]] = []
    dead: list[Message] = []
    if not len(schema):
        return None, np.empty(0, dtype=np.int64), dead
    for inference, clock in zip(arrivals.inferences, clock_before.tolist(), strict=True):
        if inference.half != half:
            continue
        try:
            values, unseen = bind(schema, inference.payload.names, inference.payload.table)
        except PayloadError as error:
            headers, body = to_kafka(inference.event)
            dead.append(dead_letter(f"monitor {monitor.name}: {error}", inference.place, headers, body))
            continue
        blocks.append(_block(inference, schema, values, unseen))
        clocks.append(np.full(len(values), clock, dtype=np.int64))
    if not blocks:
        return None, np.empty(0, dtype=np.int64), dead
    return Rows.concatenate(blocks), np.concatenate(clocks), dead


def _block(inference: Inference, schema: Schema, values: Floats, unseen: dict[tuple[int, int], str]) -> Rows:
    count = len(values)
    return Rows(
        half=inference.half,
        schema=schema,
        values=values,
        times=np.full(count, inference.time, dtype=np.int64),
        ids=[inference.id] * count,
        numbers=np.arange(count, dtype=np.int64),
        hashes=row_hashes(inference.identity, count),
        unseen=unseen,
    )
