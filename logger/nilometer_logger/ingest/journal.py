"""Appends events to the topic `inferences`, in records that grow with the load by themselves.

A partition has at most one produce request in flight. The events that arrive meanwhile wait, and leave together as the
next record; so an idle logger adds no delay at all, and a busy one writes large records, whose cost per record (in
Kafka, and above all in the worker) is shared by many events.

Where events come fast, a record also waits a moment for company: until as many wait as were at hand when the last
record was acknowledged, since clients that send one event after another all come back then. It waits no longer than
that record took, beyond which two smaller records would have been faster, and never longer than `max_linger_seconds`.
At a rate at which nobody is expected in that time it does not wait at all.

Whoever appends gets a future that ends with Kafka's acknowledgement or with a reason. The producer is idempotent with
acks=all: it retries a request for ever and neither loses, repeats nor reorders a record. So the deadline is ours: an
event that has waited `max_held_seconds` is given up, and dropped unless it is in flight already; one in flight may
still arrive, though nobody was promised it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.partitioner import murmur2

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import LONGEST_ID, Stream, short_id, stream_of
from nilometer_logger.errors import NilometerError, TooLargeError, UnavailableError
from nilometer_logger.ingest.batch_producer import BatchProducer, size_of
from nilometer_logger.metrics import Metrics
from nilometer_logger.settings import LoggerSettings

_log = structlog.get_logger("nilometer.journal")
_SWEEPS = 20  # looks for events past their deadline, this often in the time that they may wait


@dataclass(slots=True)
class _Held:
    event: CloudEvent
    stream: Stream
    size: int
    since: float
    done: asyncio.Future[None]


class _PartitionQueue:
    """The events of one partition that wait or are in flight, and the task that sends them.

    Attributes:
        waiting: in the order in which they came.
        in_flight: the record in flight.
        sender: runs while there is anything to send.
        expected: how many events to wait for, because so many were at hand when the last record was acknowledged.
        sent: when the last record left.
        rtt: how long it was on its way, in seconds.
        complete: set when `expected` events wait; None unless somebody waits for that.
    """

    __slots__ = ("complete", "expected", "in_flight", "rtt", "sender", "sent", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[_Held] = deque()
        self.in_flight: list[_Held] = []
        self.sender: asyncio.Task[None] | None = None
        self.expected = 1
        self.sent = 0.0
        self.rtt = 0.0
        self.complete: asyncio.Future[None] | None = None


@lru_cache(maxsize=65536)
def partition_of(stream: Stream, partitions: int) -> int:
    """Tells the partition of a stream, as Kafka's own default partitioner would for the key `str(stream)`."""
    hashed: int = murmur2(str(stream).encode())
    return (hashed & 0x7FFFFFFF) % partitions


class Journal:
    """The way of events into `inferences`.

    Args:
        producing: writes records.
        settings: the bounds of what may wait, and for how long.
        metrics: counts what was acknowledged.
        clock: seconds, never going back. The event loop's own counts whole milliseconds.
    """

    def __init__(
        self,
        producing: BatchProducer,
        settings: LoggerSettings,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._producing = producing
        self._metrics = metrics
        self._queues = [_PartitionQueue() for _ in range(producing.partitions)]
        self._max_event_bytes = min(settings.max_event_bytes, producing.max_record_bytes)
        self._max_held_events = settings.max_held_events
        self._max_held_bytes = settings.max_held_bytes
        self._max_held_seconds = settings.max_held_seconds
        self._max_linger_seconds = settings.max_linger_seconds
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._sweeper: asyncio.TimerHandle | None = None
        self.held_events = 0
        self.held_bytes = 0

    def append(self, event: CloudEvent) -> asyncio.Future[None]:
        """Appends an event.

        Returns:
            Ends once Kafka has acknowledged it, or with UnavailableError or TooLargeError if it never will.

        Raises:
            TooLargeError: if it can never be taken.
            UnavailableError: if too much waits for Kafka already.
        """
        event = _with_short_id(event)
        size = size_of(event)
        self._admit(1, size, size)
        return self._hold(event, size)

    async def append_all(self, events: Sequence[CloudEvent]) -> None:
        """Appends events that belong together: all of them are held, or none.

        Returns once Kafka has acknowledged all of them.

        Raises:
            TooLargeError: if one of them can never be taken; none was appended, or Kafka itself refused that one.
            UnavailableError: if one was not acknowledged. Others may have been: nobody was promised anything.
        """
        events = [_with_short_id(event) for event in events]
        sizes = [size_of(event) for event in events]
        self._admit(len(events), sum(sizes), max(sizes, default=0))
        held = [self._hold(event, size) for event, size in zip(events, sizes, strict=True)]
        failures = [found for found in await asyncio.gather(*held, return_exceptions=True) if found is not None]
        if failures:
            raise next((failure for failure in failures if isinstance(failure, TooLargeError)), failures[0])

    async def drain(self) -> None:
        """Waits until all that was appended has been acknowledged or refused."""
        while senders := [queue.sender for queue in self._queues if queue.sender is not None]:
            await asyncio.wait(senders)

    def _admit(self, events: int, size: int, largest: int) -> None:
        if largest > self._max_event_bytes:
            raise TooLargeError(
                f"an event of {largest} bytes with its attributes: {self._max_event_bytes} is the most that is taken"
            )
        if size > self._max_held_bytes:
            raise TooLargeError(f"{size} bytes in one batch: {self._max_held_bytes} is the most that is held")
        if events > self._max_held_events:
            raise TooLargeError(f"{events} events in one batch: {self._max_held_events} is the most that is held")
        if self.held_bytes + size > self._max_held_bytes:
            raise UnavailableError(f"{self.held_bytes} bytes wait for Kafka; {self._max_held_bytes} is the most")
        if self.held_events + events > self._max_held_events:
            raise UnavailableError(f"{self.held_events} events wait for Kafka; {self._max_held_events} is the most")

    def _hold(self, event: CloudEvent, size: int) -> asyncio.Future[None]:
        stream = stream_of(event.attributes)
        number = partition_of(stream, len(self._queues))
        queue = self._queues[number]
        done = self._loop.create_future()
        queue.waiting.append(_Held(event, stream, size, self._clock(), done))
        self.held_events += 1
        self.held_bytes += size
        if queue.sender is None:
            queue.sender = self._loop.create_task(self._send(number, queue))
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(self._max_held_seconds / _SWEEPS, self._sweep)
        elif queue.complete is not None and len(queue.waiting) >= queue.expected and not queue.complete.done():
            queue.complete.set_result(None)
        return done

    async def _send(self, number: int, queue: _PartitionQueue) -> None:
        try:
            while queue.waiting:
                await self._linger(queue)
                queue.in_flight = self._next(queue)
                if queue.in_flight:
                    await self._produce(number, queue.in_flight)
                    queue.rtt = self._clock() - queue.sent
                    queue.expected = len(queue.in_flight) + len(queue.waiting)
                    queue.in_flight = []
        finally:
            queue.sender = None

    async def _linger(self, queue: _PartitionQueue) -> None:
        """Waits for company where so much comes that it is to be expected."""
        now = self._clock()
        linger = min(self._max_linger_seconds, queue.rtt)
        # As fast as they came since the last record left, more than one more would come meanwhile. The first of them
        # says nothing of a rate: the response of a lone inference follows its request, and nobody follows that.
        if len(queue.waiting) < queue.expected and (queue.expected - 1) * linger > now - queue.sent:
            queue.complete = self._loop.create_future()
            timer = self._loop.call_later(linger, _end, queue.complete)
            await queue.complete
            timer.cancel()
            queue.complete = None
            now = self._clock()
        queue.sent = now

    def _next(self, queue: _PartitionQueue) -> list[_Held]:
        batch: list[_Held] = []
        room = self._producing.max_record_bytes
        while queue.waiting and queue.waiting[0].size <= room:
            held = queue.waiting.popleft()
            batch.append(held)
            room -= held.size
        return batch

    async def _produce(self, number: int, batch: list[_Held]) -> None:
        try:
            size = await self._producing.send(number, [(held.stream, held.event) for held in batch])
        except MessageSizeTooLargeError as error:
            await self._divide(number, batch, error)
        except KafkaError as error:
            _log.error("record refused", partition=number, events=len(batch), error=repr(error))
            self._release(batch, UnavailableError(f"Kafka did not take a record of {len(batch)} events: {error!r}"))
        except Exception as error:  # noqa: BLE001 - see below
            # A bug must not end the partition, nor hold what it met for ever.
            _log.exception("record failed", partition=number, events=len(batch), error=repr(error))
            self._release(batch, UnavailableError(f"a record of {len(batch)} events failed"))
        else:
            self._metrics.record_events.observe(len(batch))
            self._metrics.record_bytes.observe(size)
            self._release(batch)

    async def _divide(self, number: int, batch: list[_Held], error: KafkaError) -> None:
        """Sends in halves what the broker finds too large, so that one event is to blame in the end and no other."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._produce(number, batch[:middle])
            await self._produce(number, batch[middle:])
            return
        _log.error("event too large for the broker", partition=number, bytes=batch[0].size, error=repr(error))
        self._release(batch, TooLargeError(f"an event of {batch[0].size} bytes is more than the broker takes: {error}"))

    def _release(self, batch: list[_Held], failure: NilometerError | None = None) -> None:
        now, metrics = self._clock(), self._metrics
        for held in batch:
            self.held_events -= 1
            self.held_bytes -= held.size
            if failure is None:
                metrics.accepted(held.stream, held.size)
                metrics.acknowledgement_seconds.observe(now - held.since)
            if held.done.done():
                continue  # given up before, or whoever waited has gone
            if failure is None:
                held.done.set_result(None)
            else:
                held.done.set_exception(failure)

    def _sweep(self) -> None:
        """Gives up what has waited too long."""
        self._sweeper = None
        earliest = self._clock() - self._max_held_seconds
        late = UnavailableError(f"Kafka did not acknowledge within {self._max_held_seconds:g} s")
        for queue in self._queues:
            for held in queue.in_flight:
                if held.since <= earliest and not held.done.done():
                    held.done.set_exception(late)
            expired: list[_Held] = []
            while queue.waiting and queue.waiting[0].since <= earliest:
                expired.append(queue.waiting.popleft())
            self._release(expired, late)
        if self.held_events:
            self._sweeper = self._loop.call_later(self._max_held_seconds / _SWEEPS, self._sweep)


def _with_short_id(event: CloudEvent) -> CloudEvent:
    """Shortens an id that is longer than any: both halves of an inference get the same, and so does one that comes again."""
    event_id = event.attributes["id"]
    if len(event_id) <= LONGEST_ID:
        return event
    return CloudEvent({**event.attributes, "id": short_id(event_id)}, event.data)


def _end(waited: asyncio.Future[None]) -> None:
    if not waited.done():
        waited.set_result(None)
