"""The topics: made once, alike, and never changed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger import topics
from nilometer_logger.errors import StateError, UnavailableError
from nilometer_logger.kafka import topic_admin
from nilometer_logger.kafka.topic_ids import topic_of
from nilometer_logger.settings import Topics
from tests.integration.worker.feeding import recreate_inferences

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

ALL = (topics.INFERENCES, topics.DEAD, topics.STATE, topics.FINDINGS, topics.OUTLIERS)


def ensure(kafka: str, prefix: str, names: tuple[str, ...] = ALL, partitions: int = 3) -> int:
    """Makes the topics that are not there."""
    return asyncio.run(topic_admin.ensure(Topics(kafka=kafka, topic_prefix=prefix, partitions=partitions), names))


def counts(kafka: str, prefix: str) -> dict[str, int]:
    """Returns how many partitions each topic has."""

    async def ask() -> dict[str, int]:
        return {name: await topic_admin.partitions_of(Topics(kafka=kafka), prefix + name) for name in ALL}

    return asyncio.run(ask())


def administer(kafka: str, act: Callable[[AIOKafkaAdminClient], Awaitable[object]]) -> object:
    """Lets something be done with a client of Kafka's administration."""

    async def run() -> object:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        try:
            return await act(admin)
        finally:
            await admin.close()

    return asyncio.run(run())


def test_all_are_made_with_the_same_partitions(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """A stream's state and findings lie in the partition of its inferences."""
    assert ensure(kafka.bootstrap, topic_prefix) == 3
    assert counts(kafka.bootstrap, topic_prefix) == dict.fromkeys(ALL, 3)


def test_what_is_there_stays_as_it_is(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """The number of partitions never changes, whatever the setting says; later topics follow `inferences`."""
    ensure(kafka.bootstrap, topic_prefix, (topics.INFERENCES,), partitions=2)

    assert ensure(kafka.bootstrap, topic_prefix, partitions=7) == 2
    assert counts(kafka.bootstrap, topic_prefix) == dict.fromkeys(ALL, 2)


def test_two_may_make_them_at_once(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """A logger and a worker that start together do not trip over each other."""

    async def both() -> list[int]:
        settings = Topics(kafka=kafka.bootstrap, topic_prefix=topic_prefix, partitions=3)
        logger = topic_admin.ensure(settings, (topics.INFERENCES,))
        worker = topic_admin.ensure(settings, ALL)
        return await asyncio.gather(logger, worker)

    assert asyncio.run(both()) == [3, 3]


def test_a_state_of_other_partitions_is_refused(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """Windows would be looked for in the wrong partition; the message says what to delete."""
    ensure(kafka.bootstrap, topic_prefix, (topics.INFERENCES,), partitions=2)
    administer(kafka.bootstrap, lambda admin: admin.create_topics([NewTopic(topic_prefix + topics.STATE, 5, 1)]))

    with pytest.raises(StateError, match=f"{topic_prefix}state has 5 partitions, .*inferences has 2: delete"):
        ensure(kafka.bootstrap, topic_prefix)


def test_the_state_is_compacted_and_dead_letters_have_room(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """The state does not grow for ever; a dead letter of Kafka's default size fits with its reason."""
    ensure(kafka.bootstrap, topic_prefix)
    names = [topic_prefix + topics.STATE, topic_prefix + topics.DEAD]
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]

    [reply] = administer(kafka.bootstrap, lambda admin: admin.describe_configs(resources))
    configs = {resource[3]: {entry[0]: entry[1] for entry in resource[4]} for resource in reply.resources}

    assert configs[names[0]]["cleanup.policy"] == "compact"
    assert int(configs[names[1]]["max.message.bytes"]) > 2**20


def test_a_kafka_that_is_away_is_told_by_its_address() -> None:
    """Both ways to ask say where they looked."""
    address = f"127.0.0.1:{free_port()}"

    with pytest.raises(UnavailableError, match=f"Kafka at {address} cannot be reached"):
        ensure(address, "")
    with pytest.raises(UnavailableError, match=f"Kafka at {address} cannot be reached"):
        counts(address, "")


def asked(kafka: str, topic: str) -> tuple[str, int] | None:
    """Asks Kafka for a topic's id and how many partitions it has."""

    async def ask() -> tuple[str, int] | None:
        client = AIOKafkaClient(bootstrap_servers=kafka)
        await client.bootstrap()
        try:
            return await topic_of(client, topic)
        finally:
            await client.close()

    return asyncio.run(ask())


def test_a_topic_that_is_created_anew_has_another_id(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """Its name is the same, and its offsets may be; the id tells, and stays as long as the topic does."""
    ensure(kafka.bootstrap, topic_prefix, partitions=4)
    name = topic_prefix + topics.INFERENCES

    first, again = asked(kafka.bootstrap, name), asked(kafka.bootstrap, name)
    recreate_inferences(kafka.bootstrap, topic_prefix)
    other = asked(kafka.bootstrap, name)

    assert first is not None
    assert other is not None
    assert first == again
    assert first[0] != other[0]
    assert first[1] == other[1] == 4


def test_asking_for_a_topic_makes_none(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    """A topic that is not there is said to be missing."""
    name = topic_prefix + topics.INFERENCES

    for _ in range(2):
        with pytest.raises(UnavailableError, match=f"there is no topic {name}"):
            asked(kafka.bootstrap, name)
