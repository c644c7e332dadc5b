"""Topics of others, and their records: as a KafkaSink, a Knative Kafka Broker or anybody else writes them."""

import asyncio
import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from nilometer_logger.cloudevents import BATCH_CONTENT_TYPE, CloudEvent, encode_batch, to_kafka

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Foreign:
    """A record as it is sent."""

    partition: int
    value: bytes | None
    headers: Headers
    timestamp: int | None = None


def make_topic(kafka: str, name: str, partitions: int, **configs: str) -> None:
    """Makes a topic; names of configurations with underscores for dots."""

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        try:
            chosen = {key.replace("_", "."): value for key, value in configs.items()}
            reply = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=chosen)])
            assert [error[1] for error in reply.topic_errors] == [0], reply.topic_errors
        finally:
            await admin.close()

    asyncio.run(make())


def write(kafka: str, topic: str, records: Iterable[Foreign], *, compression: str | None = None) -> None:
    """Writes records to a topic, each to its partition, in their order."""

    async def send() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka,
            enable_idempotence=True,
            compression_type=compression,
            max_request_size=16 * 2**20,
            linger_ms=5,
        )
        await producer.start()
        try:
            sent = [
                await producer.send(
                    topic,
                    record.value,
                    key=None if record.value else b"a tombstone has a key",
                    partition=record.partition,
                    headers=record.headers,
                    timestamp_ms=record.timestamp,
                )
                for record in records
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    asyncio.run(send())


def binary(event: CloudEvent, partition: int = 0) -> Foreign:
    """Writes an event in Kafka's binary mode, as a KafkaSink does by default."""
    headers, value = to_kafka(event)
    return Foreign(partition, value, list(headers))


def structured(event: CloudEvent, partition: int = 0) -> Foreign:
    """Writes an event as one JSON document."""
    kind = ("content-type", b"application/cloudevents+json; charset=UTF-8")
    return Foreign(partition, json.dumps(_document(event)).encode(), [kind])


def json_batch(events: Sequence[CloudEvent], partition: int = 0) -> Foreign:
    """Writes events as one JSON array."""
    kind = ("content-type", b"application/cloudevents-batch+json")
    return Foreign(partition, json.dumps([_document(event) for event in events]).encode(), [kind])


def own_batch(events: Sequence[CloudEvent], partition: int = 0) -> Foreign:
    """Writes events as our own logger does, into a topic that is another's."""
    return Foreign(partition, encode_batch(events), [("content-type", BATCH_CONTENT_TYPE.encode())])


def _document(event: CloudEvent) -> dict[str, str]:
    return {**event.attributes, "data_base64": base64.b64encode(event.data).decode()}
