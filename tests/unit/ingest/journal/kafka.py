"""Kafka as the journal sees it: takes a record a partition, and acknowledges it when the test says so."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.ingest.batch_producer import size_of
from nilometer_logger.ingest.journal import Journal, partition_of
from nilometer_logger.metrics import Metrics
from nilometer_logger.settings import LoggerSettings
from tests.unit import logged

PARTITIONS = 2
# One stream a partition: stream number n lies in partition n.
STREAMS = [
    next(
        stream
        for stream in (Stream("demo", f"model-{number}", "predictor", "") for number in range(100))
        if partition_of(stream, PARTITIONS) == partition
    )
    for partition in range(PARTITIONS)
]


@dataclass
class Sent:
    """A record.

    Attributes:
        partition: where it was sent to.
        events: which it holds.
        time: when it left.
        outcome: its bytes, or Kafka's refusal.
    """

    partition: int
    events: Sequence[tuple[Stream, CloudEvent]]
    time: float
    outcome: "asyncio.Future[int]" = field(repr=False)

    @property
    def ids(self) -> list[str]:
        """The ids of its events."""
        return [event["id"] for _, event in self.events]

    @property
    def size(self) -> int:
        """What its events add up to."""
        return sum(size_of(event) for _, event in self.events)


class Kafka:
    """Stands where `Producing` does.

    Args:
        max_record_bytes: the most that a record may have.
        at_once: whether every record is acknowledged as it comes.

    Attributes:
        sent: all records, in the order in which they left.
        in_flight: the record in flight, by partition.
        taken: the ids of the events that were acknowledged, by partition.
    """

    def __init__(self, max_record_bytes: int = 10_000, *, at_once: bool = False) -> None:
        self.partitions = PARTITIONS
        self.max_record_bytes = max_record_bytes
        self.at_once = at_once
        self.sent: list[Sent] = []
        self.in_flight: dict[int, Sent] = {}
        self.taken: list[list[str]] = [[] for _ in range(PARTITIONS)]

    async def send(self, partition: int, events: Sequence[tuple[Stream, CloudEvent]]) -> int:
        """Takes a record, of which a partition has one at most in flight."""
        assert partition not in self.in_flight
        loop = asyncio.get_running_loop()
        record = Sent(partition, events, loop.time(), loop.create_future())
        assert record.size <= self.max_record_bytes
        self.sent.append(record)
        self.in_flight[partition] = record
        if self.at_once:
            self.acknowledge(partition)
        return await record.outcome

    def acknowledge(self, partition: int = 0) -> None:
        """Keeps the record in flight, and says so."""
        record = self.in_flight.pop(partition)
        self.taken[partition] += record.ids
        record.outcome.set_result(record.size)

    def refuse(self, error: Exception, partition: int = 0) -> None:
        """Refuses the record in flight."""
        self.in_flight.pop(partition).outcome.set_exception(error)

    @property
    def records(self) -> list[list[str]]:
        """The ids of every record that left."""
        return [record.ids for record in self.sent]


def journal(kafka: Kafka, **settings: float) -> Journal:
    """Returns a journal before a Kafka; call it in the loop. It waits for no company unless the settings say so."""
    loop = asyncio.get_running_loop()
    return Journal(kafka, LoggerSettings(**{"max_linger_seconds": 0.0, **settings}), Metrics(10), loop.time)


def event(name: object = "1", partition: int = 0, body: bytes = b"{}") -> CloudEvent:
    """Returns an event of a partition."""
    return logged.event(None, id=str(name), stream=STREAMS[partition], body=body)


def sized(name: object, size: int, partition: int = 0) -> CloudEvent:
    """Returns an event of so many bytes, attributes and all."""
    return event(name, partition, b"x" * (size - size_of(event(name, partition, b""))))


def failed(done: "asyncio.Future[None]") -> type[BaseException] | None:
    """Returns the class of the error that somebody was told; None where it was none."""
    return type(done.exception()) if done.exception() else None


TRANSIENT = KafkaError("not now")
