"""From an event to an inference, or to the reason why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

import msgspec

from nilometer_logger import redriven
from nilometer_logger.errors import FutureTimeError, PayloadError
from nilometer_logger.events import CloudEvent
from nilometer_logger.kserve import Half, Stream, half_of, time_of
from nilometer_logger.payload import Payload, decode
from nilometer_logger.times import SECOND, format_time

_hash = blake2b(digest_size=8)
_MILLISECOND = SECOND // 1000


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

    @classmethod
    def read(cls, fetched: Any) -> Self:
        """Takes a record as a client of Kafka gives it, with milliseconds."""
        arrival = fetched.timestamp * _MILLISECOND
        return cls(fetched.topic, fetched.partition, fetched.offset, arrival, list(fetched.headers), fetched.value)

    @property
    def position(self) -> str:
        """Topic, partition and offset as one text."""
        return f"{self.topic}/{self.partition}@{self.offset}"


class Inference(
    msgspec.Struct,
    frozen=True,
    eq=False,  # payloads have no one answer to it
    gc=False,  # nothing in it could lead back to it
):
    """One half of an inference, decoded but not yet given a schema.

    Attributes:
        id: of the inference, as its client chose it.
        identity: a 64-bit hash of stream, id, half and time; the same wherever and however often the event is read.
        half: request or response.
        time: its event time in nanoseconds.
        payload: its rows.
        event: as it came.
        record: that it stands in.
        number: its place in the record.
        arrival: the record's timestamp, in nanoseconds.
        block: the record's offset.
        untimed: whether it has no time of its own that can be read, so that its arrival stands in for it.
    """

    id: str
    identity: int
    half: Half
    time: int
    payload: Payload
    event: CloudEvent
    record: Record
    number: int
    arrival: int
    block: int
    untimed: bool

    @property
    def place(self) -> str:
        """Its position in the log as one text."""
        return place_of(self.record, self.number)


def place_of(record: Record, number: int) -> str:
    """Writes the position of an event: ``TOPIC/PARTITION@OFFSET[NUMBER]``."""
    return f"{record.position}[{number}]"


def read_inference(
    event: CloudEvent, stream: Stream | str, record: Record, number: int, future_bound: int
) -> Inference | None:
    """Decodes one event.

    Args:
        event: of a watched stream.
        stream: the event's stream, or its text.
        record: the record that it stands in.
        number: its place in the record.
        future_bound: how far its time may lie after the record's, in nanoseconds.

    Returns:
        None where the event is neither a request nor a response, or holds no rows.

    Raises:
        PayloadError: if the event must be set aside.
    """
    attributes = event.attributes
    half = half_of(attributes)
    if half is None:
        return None
    arrival = record.timestamp
    time = time_of(attributes)
    untimed = time is None
    if time is None:
        time = arrival
    if time > arrival + future_bound:
        ahead = (time - arrival) / SECOND
        raise FutureTimeError(
            f"its time {format_time(time)} is {ahead:.0f} s after its arrival; set the sender's clock"
        )
    payload = decode(event.data)
    if payload.half != half and payload.half is not None:
        raise PayloadError(f"a {half} event holds the body of a {payload.half}")
    if not payload.rows:
        return None
    name = attributes["id"]
    text = f"{stream}\0{name}\0{half}\0{time}"
    if again := attributes.get(redriven.COUNT):  # sent again on purpose: no duplicate of what could not be used
        text = f"{text}\0{again}"
    identity = _identity(text)
    return Inference(name, identity, half, time, payload, event, record, number, arrival, record.offset, untimed)


def _identity(text: str) -> int:
    made = _hash.copy()  # faster than a new one
    made.update(text.encode())
    return int.from_bytes(made.digest(), "big")
