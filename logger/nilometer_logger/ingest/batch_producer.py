"""Writes records of events to one partition after another, over a producer that is replaced when it is spent.

An idempotent producer numbers its records per partition. When Kafka refuses one for good (too large, say), the next
number is one too high, and Kafka refuses every later record of that partition as out of sequence. So a producer that
met such an error is left to finish what it has in flight, and a new one takes its place.

A record is a batch of events (`cloudevents.encode_batch`), or, for those who read the topic with tools of their own, one
CloudEvent in Kafka's binary mode; events that leave together share a produce request in either format.
"""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from nilometer_logger import topics
from nilometer_logger.cloudevents import BATCH_HEADERS, CloudEvent, encode_batch, to_kafka
from nilometer_logger.cloudevents.kserve import Stream, stream_of
from nilometer_logger.errors import UnavailableError
from nilometer_logger.kafka import connection, retrying, topic_admin, why
from nilometer_logger.settings import LoggerSettings

_log = structlog.get_logger("nilometer.producing")
# Room in a produce request's batch for its own header and the record's, below the topic's limit.
_HEADROOM_BYTES = 4096
_PROBE_SECONDS = 5.0
# What MessagePack adds to an event: a header for each text, the body and the pair; what Kafka adds to a record is less.
_OVERHEAD_BYTES = 48
_OVERHEAD_ATTRIBUTE_BYTES = 10

OpenProducer = Callable[[], Awaitable[AIOKafkaProducer]]
Events = Sequence[tuple[Stream, CloudEvent]]


def size_of(event: CloudEvent) -> int:
    """Bounds the bytes that an event takes in a record from above, in either format."""
    attributes = event.attributes
    size = len(event.data) + _OVERHEAD_ATTRIBUTE_BYTES * len(attributes) + _OVERHEAD_BYTES
    for part in stream_of(attributes):  # the key of a record that is one event repeats them
        size += len(part) if part.isascii() else len(part.encode())
    for name, value in attributes.items():
        size += len(name) + (len(value) if value.isascii() else len(value.encode()))
    return size


class BatchProducer:
    """Writes to one topic.

    Args:
        open_producer: starts a producer that is idempotent, with acks=all and without linger; it tries until it can.
        producer: the first one, started.
        topic: its name, prefix and all.
        partitions: how many it has.
        max_record_bytes: the most events may add up to that leave together.
        one_event_a_record: whether a record is one CloudEvent instead of a batch.
    """

    def __init__(
        self,
        open_producer: OpenProducer,
        producer: AIOKafkaProducer,
        topic: str,
        partitions: int,
        *,
        max_record_bytes: int,
        one_event_a_record: bool,
    ) -> None:
        self.partitions = partitions
        self.max_record_bytes = max_record_bytes
        self._open = open_producer
        self._producer = producer
        self._topic = topic
        self._one_event_a_record = one_event_a_record
        self._replacing = asyncio.Lock()
        self._spent: set[asyncio.Task[None]] = set()

    async def send(self, partition: int, events: Events) -> int:
        """Writes events to a partition and returns their bytes once Kafka has acknowledged them all.

        Raises:
            KafkaError: if Kafka refused for good. Some of the events may have been taken where a record is one event.
        """
        producer = self._producer
        try:
            if self._one_event_a_record:
                return await self._send_each(producer, partition, events)
            value = encode_batch([event for _, event in events])
            await producer.send_and_wait(self._topic, value, partition=partition, headers=BATCH_HEADERS)
            return len(value)
        except KafkaError as error:
            await self._replace(producer, error)
            raise

    async def _send_each(self, producer: AIOKafkaProducer, partition: int, events: Events) -> int:
        sent: list[asyncio.Future[object]] = []
        size = 0
        for stream, event in events:
            headers, value = to_kafka(event)
            size += len(value)
            key = str(stream).encode()
            sent.append(await producer.send(self._topic, value, key=key, partition=partition, headers=headers))
        await asyncio.gather(*sent)
        return size

    async def _replace(self, spent: AIOKafkaProducer, error: KafkaError) -> None:
        async with self._replacing:
            if self._producer is not spent:
                return  # another partition's sender was first
            _log.warning("producer replaced", reason=repr(error))
            self._producer = await self._open()
            closing = asyncio.create_task(_close(spent))
            self._spent.add(closing)
            closing.add_done_callback(self._spent.discard)

    async def probe(self) -> None:
        """Asks Kafka about the topic.

        Raises:
            UnavailableError: if there is no answer.
        """
        reason = "does not answer"
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                if await self._producer.client.force_metadata_update():
                    return
        except TimeoutError:
            reason = f"does not answer within {_PROBE_SECONDS:g} s"
        raise UnavailableError(f"Kafka {reason}; events are held meanwhile, and then answered 503")

    async def close(self) -> None:
        """Closes the producers; whatever is still in flight is waited for."""
        await _close(self._producer)
        if self._spent:
            await asyncio.wait(self._spent)


async def _close(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(KafkaError):  # what was in flight has told its own senders
        await producer.stop()


async def open_batch_producer(settings: LoggerSettings) -> BatchProducer:
    """Makes sure of the topic `inferences` and connects to it; it tries for as long as it takes.

    Raises:
        NilometerError: for a reason that no retry could mend.
    """
    name = settings.topic_prefix + topics.INFERENCES

    async def topic() -> tuple[int, int]:
        partitions = await topic_admin.ensure(settings, (topics.INFERENCES,))
        return partitions, await topic_admin.max_message_bytes(settings, name)

    partitions, limit = await retrying(topic, "Kafka")
    open_producer = functools.partial(retrying, functools.partial(_open_producer, settings, limit), "Kafka")
    return BatchProducer(
        open_producer,
        await open_producer(),
        name,
        partitions,
        max_record_bytes=limit - _HEADROOM_BYTES,
        one_event_a_record=settings.record_format == "cloudevents",
    )


async def _open_producer(settings: LoggerSettings, limit: int) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        **connection(settings),
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=limit,
        max_request_size=limit,
    )
    try:
        await producer.start()
    except (KafkaError, OSError) as error:
        await producer.stop()
        raise await why(settings, error) from error
    return producer
