"""One record of the input, and the events in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from nilometer_logger.cloudevents import CloudEvent, RecordKind, decode_batch, from_kafka, kind_of
from nilometer_logger.times import SECOND

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

    def place(self, number: int) -> str:
        """Writes the position of an event: ``TOPIC/PARTITION@OFFSET[NUMBER]``."""
        return f"{self.position}[{number}]"

    @cached_property
    def kind(self) -> RecordKind:
        """What it is by its headers: `events.kind_of`.

        Raises:
            EventError: if it is marked as our own and cannot be.
        """
        return kind_of(self.headers)

    @cached_property
    def events(self) -> Sequence[CloudEvent]:
        """Its events whole, one or many, for whoever needs more than `logged_events` tells of them.

        Raises:
            EventError: if they cannot be read.
        """
        if self.kind == "batch":
            return decode_batch(self.value or b"")
        return [from_kafka(self.headers, self.value)]
