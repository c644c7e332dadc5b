"""The embedded Kafka: a real broker that a process can start, lose and have back."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka

RECORDS = [f"record {number}".encode() for number in range(1000)]


async def produce(bootstrap: str, topic: str, values: list[bytes]) -> list[int]:
    """Makes the topic if it is not there, appends to its one partition, and returns the offsets acknowledged."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if topic not in await admin.list_topics():
            await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        acknowledgements = [await producer.send(topic, value, partition=0) for value in values]
        return [record.offset for record in await asyncio.gather(*acknowledgements)]
    finally:
        await producer.stop()


async def consume(bootstrap: str, topic: str) -> list[bytes]:
    """Returns the values of the topic's one partition, from its start to the end it has now."""
    partition = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        return [(await consumer.getone(partition)).value for _ in range(end)]
    finally:
        await consumer.stop()


@pytest.mark.timeout(60)
def test_what_is_acknowledged_can_be_read(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """An idempotent producer's acknowledged records come back once, in their order."""
    topic = f"{topic_prefix}records"

    offsets = asyncio.run(produce(kafka.bootstrap, topic, RECORDS))

    assert offsets == list(range(len(RECORDS)))
    assert asyncio.run(consume(kafka.bootstrap, topic)) == RECORDS


@pytest.mark.usefixtures("kafka_available")
@pytest.mark.timeout(120)
def test_a_killed_broker_comes_back_with_its_data(tmp_path: Path) -> None:
    """After kill -9, a broker started on the same folder has the same address, every record, and takes new ones."""
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        address = broker.bootstrap
        asyncio.run(produce(address, "records", RECORDS))

        broker.kill()
        assert not broker.running
        broker.start()

        assert broker.bootstrap == address
        assert asyncio.run(consume(address, "records")) == RECORDS
        assert asyncio.run(produce(address, "records", [b"one more"])) == [len(RECORDS)]


@pytest.mark.usefixtures("kafka_available")
@pytest.mark.timeout(120)
def test_a_stopped_broker_is_started_by_another_object(tmp_path: Path) -> None:
    """The folder and the port are all a broker is: a new object on them goes on where the old one stopped."""
    with EmbeddedKafka(tmp_path / "kafka") as first:
        asyncio.run(produce(first.bootstrap, "records", RECORDS))
    assert not first.running

    with EmbeddedKafka(tmp_path / "kafka", port=first.port) as second:
        assert second.bootstrap == first.bootstrap
        assert asyncio.run(consume(second.bootstrap, "records")) == RECORDS
