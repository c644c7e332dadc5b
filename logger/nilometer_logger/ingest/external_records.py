"""What a record of another's topic holds for us: events, and what must be set aside.

An event is told apart from others by its stream, id, type and time (`inferences`). Where it has no time that can be
read, the time of its record stands in; so it is put into the event here, before the event moves to a record of ours
with a time of its own. However often it is read, it stays the same event then, in the same window.
"""

from dataclasses import dataclass, field
from typing import Protocol

from nilometer_logger.cloudevents import CloudEvent, kind_of, read_kafka, to_kafka
from nilometer_logger.cloudevents.kserve import time_of
from nilometer_logger.deadletters import Headers
from nilometer_logger.errors import EventError, TooLargeError
from nilometer_logger.times import format_time

_MILLISECOND = 1_000_000


class KafkaRecord(Protocol):
    """As much of a record as is read here; aiokafka's has it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    headers: Headers
    value: bytes | None


@dataclass(frozen=True)
class Unusable:
    """What becomes a dead letter; see `dead_letter`."""

    reason: str
    position: str
    headers: Headers
    value: bytes | None

    @classmethod
    def too_large(cls, error: TooLargeError, event: CloudEvent, position: str) -> "Unusable":
        """Makes one of an event that no record takes."""
        return cls(str(error), position, *to_kafka(event))


@dataclass
class Opened:
    """What a record holds.

    Attributes:
        events: to be appended, each with its position.
        unusable: to be set aside.
    """

    events: list[tuple[CloudEvent, str]] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)


def open_record(record: KafkaRecord, namespaces: frozenset[str]) -> Opened:
    """Reads a record, whichever of the encodings that `read_kafka` knows it has.

    Args:
        record: of another's topic.
        namespaces: whose events are taken; empty means all.
    """
    position = f"{record.topic}/{record.partition}@{record.offset}"
    try:
        if kind_of(record.headers) == "punctuation":
            return Opened()  # the topic is another Nilometer's `inferences`
        events = read_kafka(record.headers, record.value)
    except EventError as error:
        return Opened(unusable=[Unusable(str(error), position, record.headers, record.value)])
    return Opened(
        [
            (dated(event, record.timestamp), f"{position}[{number}]")
            for number, event in enumerate(events)
            if not namespaces or event.attributes.get("namespace", "") in namespaces
        ]
    )


def dated(event: CloudEvent, milliseconds: int) -> CloudEvent:
    """Gives an event that has no time the time of its record."""
    if time_of(event.attributes) is not None:
        return event
    return CloudEvent({**event.attributes, "time": format_time(milliseconds * _MILLISECOND)}, event.data)
