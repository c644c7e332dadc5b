"""Where the log is read: at the offset that was asked for, whatever the group has committed and the log has lost."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_logger.worker import fetcher
from nilometer_logger.worker.fetcher import Fetched, OffsetOutOfRange, poll

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Act = Callable[[AIOKafkaConsumer, TopicPartition], Awaitable[None]]


def consuming(kafka: EmbeddedKafka, prefix: str, committed: int | None, act: Act, *, expired: int = 0) -> None:
    """Lets a member of a group read a topic of ten records, whose group has committed an offset."""

    async def consume() -> None:
        partition = TopicPartition(f"{prefix}log", 0)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(partition.topic, 1, 1)])
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            for number in range(10):
                await producer.send_and_wait(partition.topic, b"%d" % number, partition=0)
        if expired:
            await admin.delete_records({partition: RecordsToDelete(expired)})
        await admin.close()
        member = AIOKafkaConsumer(
            partition.topic,
            bootstrap_servers=kafka.bootstrap,
            group_id=f"{prefix}group",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        async with member:
            if committed is not None:
                await member.commit({partition: committed})
            await act(member, partition)

    asyncio.run(consume())


async def looked(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int, upto: int = 10) -> list[bytes]:
    """Reads from an offset on until another follows, and returns the values."""
    values: list[bytes] = []
    while offset < upto:
        for found in await poll(consumer, {partition: offset}):
            assert isinstance(found, Fetched)
            values += [record.value for record in found.records]
            offset = found.following
    return values


@pytest.mark.parametrize("committed", [None, 2, 5, 9])
def test_what_was_committed_does_not_matter(kafka: EmbeddedKafka, topic_prefix: str, committed: int | None) -> None:
    """Deleted, older or newer: what comes first is what was asked for."""

    async def act(consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        assert await looked(consumer, partition, 5) == [b"5", b"6", b"7", b"8", b"9"]

    consuming(kafka, topic_prefix, committed, act)


def test_a_position_that_another_has_moved_is_moved_back(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """Faust seeks to what was committed after every rebalance, maybe after we have."""

    async def act(consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        assert len(await looked(consumer, partition, 0)) == 10
        consumer.seek(partition, 3)
        assert await looked(consumer, partition, 8) == [b"8", b"9"]

    consuming(kafka, topic_prefix, 0, act)


@pytest.mark.parametrize(("wanted", "expired"), [(2, 6), (25, 0)])
def test_an_offset_that_is_not_there_is_told(
    kafka: EmbeddedKafka, topic_prefix: str, wanted: int, expired: int
) -> None:
    """Before the log's beginning or after its end: nothing else is read in its place."""

    async def act(consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        while not (
            found := [each for each in await poll(consumer, {partition: wanted}) if isinstance(each, OffsetOutOfRange)]
        ):
            pass
        assert found == [OffsetOutOfRange(0, wanted, expired, 10)]

    consuming(kafka, topic_prefix, None, act, expired=expired)


def test_markers_of_transactions_are_no_gap(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """They take offsets, and are handed to nobody: reading goes on behind them, up to the log's very end."""

    async def act(consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        foreign = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"{topic_prefix}foreign")
        async with foreign:
            for value in (b"a", b"b"):
                async with foreign.transaction():
                    await foreign.send_and_wait(partition.topic, value, partition=0)

        assert await looked(consumer, partition, 9, upto=14) == [b"9", b"a", b"b"]

    consuming(kafka, topic_prefix, None, act)


def test_records_are_gathered_where_they_come_fast(
    kafka: EmbeddedKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka holds records back until there are enough bytes of them, and hands them over in one look."""
    monkeypatch.setattr(fetcher, "_GATHERED", (3_000, 30_000))  # so long that only the bytes can end it

    async def act(consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        assert len(await looked(consumer, partition, 0)) == 10
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            await producer.send_and_wait(partition.topic, b"asked for at once", partition=0)
            assert await found(consumer, partition, 10) == [b"asked for at once"]
            for value in (b"a", b"b", b"c"):
                assert not await values(consumer, partition, 11)
                await producer.send_and_wait(partition.topic, value * 1_000, partition=0)

        assert [value[:1] for value in await found(consumer, partition, 11)] == [b"a", b"b", b"c"]

    async def values(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> list[bytes]:
        seen = await poll(consumer, {partition: offset}, gathered=True)
        return [record.value for each in seen if isinstance(each, Fetched) for record in each.records]

    async def found(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> list[bytes]:
        while not (seen := await values(consumer, partition, offset)):
            pass
        return seen

    consuming(kafka, topic_prefix, 0, act)


def test_partitions_of_others_are_left_out(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """A partition that is not assigned any more brings nothing, and fails nothing."""

    async def act(consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        assert not await poll(consumer, {TopicPartition(partition.topic, 7): 0})

    consuming(kafka, topic_prefix, None, act)
