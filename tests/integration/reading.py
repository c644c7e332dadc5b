"""What lies in a topic: every committed record, from its beginning to its present end."""

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from nilometer_logger.cloudevents import CloudEvent, decode_batch, from_kafka, kind_of


def records_of(kafka: str, topic: str) -> list[ConsumerRecord]:
    """Reads the committed records of all partitions of a topic; none where there is no such topic."""
    return asyncio.run(_records_of(kafka, topic))


def events_of(kafka: str, topic: str) -> list[CloudEvent]:
    """Reads the events of a topic, in batch records or in binary mode; punctuation is passed over."""
    found: list[CloudEvent] = []
    for record in records_of(kafka, topic):
        if kind_of(record.headers) == "batch":
            found += decode_batch(record.value)
        elif any(name == "ce_id" for name, _ in record.headers):
            found.append(from_kafka(record.headers, record.value))
    return found


async def _records_of(kafka: str, topic: str) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        if not partitions:
            return []
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        found: dict[TopicPartition, list[ConsumerRecord]] = {partition: [] for partition in partitions}
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                found[partition] += records
        return [record for partition in partitions for record in found[partition]]
    finally:
        await consumer.stop()
