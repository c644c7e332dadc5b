"""Appends events to the topic `inferences`, in records that grow with the load by themselves.

A partition has at most one produce request in flight. The events that arrive meanwhile wait, and leave together as the
next record; so an idle logger adds no delay at all, and a busy one writes large records, whose cost per record (in
Kafka, and above all in the worker) is shared by many events. There is no linger to tune.

The producer is idempotent with acks=all: it may retry a request as often as it likes and neither loses, repeats nor
reorders a record. Such a request never expires by itself, so those who wait bring their own deadline. An event whose
waiter has gone before its record left is dropped, since nobody was promised anything; one in flight may still arrive.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import lru_cache

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from nilometer_logger.errors import UnavailableError
from nilometer_logger.events import BATCH_CONTENT_TYPE, CloudEvent, encode_batch
from nilometer_logger.kserve import Stream

_log = structlog.get_logger("nilometer.journal")
_HEADERS = [("content-type", BATCH_CONTENT_TYPE.encode())]
# What MessagePack adds to an event: a header for each text, the body and the pair.
_OVERHEAD_BYTES = 16
_OVERHEAD_ATTRIBUTE_BYTES = 10


@dataclass(slots=True)
class _Held:
    event: CloudEvent
    size: int
    done: asyncio.Future[None]


class _Lane:
    """The events of one partition that wait, and the task that sends them."""

    def __init__(self) -> None:
        self.waiting: deque[_Held] = deque()
        self.sender: asyncio.Task[None] | None = None


@lru_cache(maxsize=65536)
def partition_of(stream: Stream, partitions: int) -> int:
    """Tells the partition of a stream, as Kafka's own default partitioner would for the key `str(stream)`."""
    hashed: int = murmur2(str(stream).encode())
    return (hashed & 0x7FFFFFFF) % partitions


def size_of(event: CloudEvent) -> int:
    """Bounds the bytes that an event takes in a record from above."""
    attributes = event.attributes
    texts = sum(len(name) + 4 * len(value) for name, value in attributes.items())
    return len(event.data) + texts + _OVERHEAD_ATTRIBUTE_BYTES * len(attributes) + _OVERHEAD_BYTES


class Journal:
    """The way of events into `inferences`.

    Args:
        producer: started, idempotent, acks=all, without linger.
        topic: the name of the topic, prefix and all.
        partitions: how many the topic has.
        max_record_bytes: of a record's value; the broker's limit holds for all of a produce request's batch.
        max_held_bytes: of all events that wait or are in flight.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        partitions: int,
        *,
        max_record_bytes: int,
        max_held_bytes: int,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._lanes = [_Lane() for _ in range(partitions)]
        self._max_record_bytes = max_record_bytes
        self._max_held_bytes = max_held_bytes
        self.held_bytes = 0

    async def append(self, stream: Stream, event: CloudEvent) -> None:
        """Appends an event and returns once Kafka has acknowledged it.

        Raises:
            UnavailableError: if too much waits for Kafka already, or Kafka refused the record.
        """
        size = size_of(event)
        if self.held_bytes + size > self._max_held_bytes:
            raise UnavailableError(f"{self.held_bytes} bytes wait for Kafka; {self._max_held_bytes} is the most")
        number = partition_of(stream, len(self._lanes))
        lane = self._lanes[number]
        held = _Held(event, size, asyncio.get_running_loop().create_future())
        self.held_bytes += size
        lane.waiting.append(held)
        if lane.sender is None:
            lane.sender = asyncio.create_task(self._send(number, lane))
        await held.done

    async def drain(self) -> None:
        """Waits until all that was appended has been acknowledged or refused."""
        while senders := [lane.sender for lane in self._lanes if lane.sender is not None]:
            await asyncio.wait(senders)

    async def _send(self, number: int, lane: _Lane) -> None:
        try:
            while batch := self._next(lane):
                await self._produce(number, batch)
        finally:
            lane.sender = None

    def _next(self, lane: _Lane) -> list[_Held]:
        batch: list[_Held] = []
        room = self._max_record_bytes
        while lane.waiting:
            held = lane.waiting[0]
            if batch and held.size > room:
                break
            lane.waiting.popleft()
            if held.done.done():
                self.held_bytes -= held.size
                continue
            batch.append(held)
            room -= held.size
        return batch

    async def _produce(self, number: int, batch: list[_Held]) -> None:
        value = encode_batch([held.event for held in batch])
        failure: UnavailableError | None = None
        try:
            await self._producer.send_and_wait(self._topic, value, partition=number, headers=_HEADERS)
        except KafkaError as error:
            failure = UnavailableError(f"Kafka did not take a record of {len(value)} bytes: {error!r}")
            _log.error("record refused", partition=number, events=len(batch), bytes=len(value), error=repr(error))
        for held in batch:
            self.held_bytes -= held.size
            if held.done.done():
                continue
            if failure is None:
                held.done.set_result(None)
            else:
                held.done.set_exception(failure)
