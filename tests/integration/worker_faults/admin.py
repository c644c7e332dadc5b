"""What the fault tests ask of Kafka, and do to it, beside reading and writing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from aiokafka.protocol.admin import DeleteGroupsRequest

from tests.integration.worker.feeding import PARTITIONS

T = TypeVar("T")


@asynccontextmanager
async def _administering(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


def _ask(kafka: str, question: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
    async def asking() -> T:
        async with _administering(kafka) as admin:
            return await question(admin)

    return asyncio.run(asking())


def ends(kafka: str, topic: str) -> dict[int, int]:
    """Returns the end of each partition of a topic; nothing where there is no such topic."""

    async def asking() -> dict[int, int]:
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
        await consumer.start()
        try:
            if topic not in await consumer.topics():
                return {}
            found = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
            return {partition.partition: end for partition, end in found.items()}
        finally:
            await consumer.stop()

    return asyncio.run(asking())


def committed(kafka: str, group: str, topic: str) -> dict[int, int]:
    """Returns the offsets that a group has committed, by partition."""

    async def asking(admin: AIOKafkaAdminClient) -> dict[int, int]:
        found = await admin.list_consumer_group_offsets(group)
        return {partition.partition: at.offset for partition, at in found.items() if partition.topic == topic}

    return _ask(kafka, asking)


def group_members(kafka: str, group: str) -> int:
    """Tells how many members a group has; 0 unless it is stable."""

    async def asking(admin: AIOKafkaAdminClient) -> int:
        [answer] = await admin.describe_consumer_groups([group])
        [(_, _, state, _, _, members, *_)] = answer.groups
        return len(members) if state == "Stable" else 0

    return _ask(kafka, asking)


def delete_group(kafka: str, group: str) -> None:
    """Deletes a group that has no members, and with it the offsets that it has committed."""

    async def asking(admin: AIOKafkaAdminClient) -> None:
        coordinator = await admin.find_coordinator(group)
        answer = await admin._send_request(DeleteGroupsRequest([group]), coordinator)
        for _, code in answer.results:
            if code:
                raise for_code(code)(f"group {group} was not deleted")

    _ask(kafka, asking)


def delete_topics(kafka: str, names: Sequence[str]) -> None:
    """Deletes topics, and returns when they are gone."""

    async def asking(admin: AIOKafkaAdminClient) -> None:
        await admin.delete_topics(list(names))
        while set(names) & set(await admin.list_topics()):
            pass  # deleted a moment later; each look is a request

    _ask(kafka, asking)


def create_topic(kafka: str, name: str, partitions: int, configs: Mapping[str, str]) -> None:
    """Creates a topic of a certain configuration."""

    async def asking(admin: AIOKafkaAdminClient) -> None:
        reply = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(configs))])
        assert all(code == 0 for _, code, *_ in reply.topic_errors), reply

    _ask(kafka, asking)
