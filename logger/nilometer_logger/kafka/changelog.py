"""What a compacted partition holds: the latest value of each key, read from beginning to end as it is now.

It is read with `read_committed`, until the *position* reaches the end, since the last offsets are control records that
no poll ever returns. Kafka compacts now and then; here it is done while reading, so that no more is held than is there.
"""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

_POLL_MILLISECONDS = 200


async def read_changelog(connection: dict[str, Any], partition: TopicPartition) -> dict[bytes, bytes]:
    """Reads the latest value of each key.

    Args:
        connection: the arguments of a client of Kafka.
        partition: of a compacted topic.

    Raises:
        KafkaError: if Kafka fails.
    """
    latest: dict[bytes, bytes] = {}
    reader = AIOKafkaConsumer(
        **connection,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await reader.start()
    try:
        reader.assign([partition])
        end = (await reader.end_offsets([partition]))[partition]
        reader.seek(partition, (await reader.beginning_offsets([partition]))[partition])
        while await reader.position(partition) < end:
            for records in (await reader.getmany(partition, timeout_ms=_POLL_MILLISECONDS)).values():
                for record in records:
                    if record.value is None:
                        latest.pop(record.key, None)
                    else:
                        latest[record.key] = record.value
    finally:
        await reader.stop()
    return latest
