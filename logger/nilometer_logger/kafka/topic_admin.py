"""How the topics come to be: what is missing is created, what exists is left as it is.

Kafka is asked which topics there are before anything is created: where others made them all, the user that we are needs
no right to create any, and Kafka would refuse the attempt before it sees that there is nothing to do. It is asked for
all topics, because a question about one of a name would create it where `auto.create.topics.enable` is on.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from nilometer_logger.errors import StateError, UnavailableError
from nilometer_logger.kafka import connection, why
from nilometer_logger.settings import Common, Topics
from nilometer_logger.topics import DEAD, FINDINGS, FINDINGS_DEAD, INFERENCES, LATE, OUTLIERS, STATE

_log = structlog.get_logger("nilometer.topics")

FINDING_BYTES = 8 * 2**20
"""What the topics of findings, late events and dead letters take in a record, where we create them."""

_CONFIGS: Mapping[str, dict[str, str]] = {
    # The window of a wide model says something of each column; what is set aside may be a large record with a reason.
    **{name: {"max.message.bytes": str(FINDING_BYTES)} for name in (FINDINGS, OUTLIERS, LATE, DEAD)},
    # A finding as it stood, whatever its topic takes, and the sink's answer.
    FINDINGS_DEAD: {"max.message.bytes": str(16 * 2**20)},
    # Compaction may begin soon and tombstones may go after an hour: a restore reads everything that is left.
    STATE: {
        "cleanup.policy": "compact",
        "segment.ms": "600000",
        "delete.retention.ms": "3600000",
        "max.message.bytes": str(16 * 2**20),
    },
}
_TOPIC_EXISTS = 36
_MOST_REPLICAS = 3


async def ensure(settings: Topics, names: Sequence[str]) -> int:
    """Creates the topics that do not exist yet.

    Topics other than `inferences` are made with as many partitions as that one has.

    Args:
        settings: where Kafka is, the prefix of every name, and what topics that are created are like.
        names: the topics wanted; `inferences` is always among them.

    Returns:
        How many partitions `inferences` has.

    Raises:
        SettingError: if the settings of the connection do not make sense.
        UnavailableError: if Kafka cannot be reached, or refuses.
        StateError: if `state` exists with another number of partitions than `inferences`.
    """
    prefix = settings.topic_prefix
    async with _administering(settings) as admin:
        replication_factor = settings.replication_factor or min(_MOST_REPLICAS, await _brokers(admin))
        existing = set(await admin.list_topics())
        if prefix + INFERENCES not in existing:
            await _create(admin, [_new(prefix, INFERENCES, settings.partitions, replication_factor)])
        count = await _partitions(admin, prefix + INFERENCES)
        missing = [name for name in names if name != INFERENCES and prefix + name not in existing]
        if missing:
            await _create(admin, [_new(prefix, name, count, replication_factor) for name in missing])
        if STATE in names and (found := await _partitions(admin, prefix + STATE)) != count:
            raise StateError(
                f"topic {prefix}{STATE} has {found} partitions, but {prefix}{INFERENCES} has {count}: "
                f"delete {prefix}{STATE} to start with empty windows"
            )
        return count


async def partitions_of(settings: Common, topic: str) -> int:
    """Tells how many partitions a topic has; 0 where there is no such topic.

    Args:
        settings: where Kafka is.
        topic: prefix and all.

    Raises:
        SettingError: if the settings of the connection do not make sense.
        UnavailableError: if Kafka cannot be reached.
    """
    async with _administering(settings) as admin:
        if topic not in await admin.list_topics():
            return 0
        [description] = await admin.describe_topics([topic])
        return len(description["partitions"])


async def max_message_bytes(settings: Topics, topic: str) -> int:
    """Tells the most bytes that a topic takes in one batch of records.

    Raises:
        UnavailableError: if Kafka cannot be reached, or does not tell.
    """
    limit = (await _limits(settings, [topic])).get(topic)
    if limit is None:
        raise UnavailableError(
            f"Kafka at {settings.kafka} does not tell max.message.bytes of topic {topic}: "
            "our user may have no right to describe its configuration"
        )
    return limit


async def limits(settings: Topics, names: Sequence[str], least: int) -> dict[str, int | None]:
    """Returns the most bytes that each topic takes in one batch of records; None where Kafka does not tell.

    Args:
        settings: where Kafka is, and the prefix of every name.
        names: of topics, without prefix.
        least: what a topic must take.

    Raises:
        UnavailableError: if Kafka cannot be reached, or a topic takes less.
    """
    found = await _limits(settings, [settings.topic_prefix + name for name in names])
    for topic, limit in found.items():
        if limit < least:
            raise UnavailableError(
                f"topic {topic} takes {limit} bytes in a record, and {least} are needed at least: "
                "raise its max.message.bytes"
            )
    return {name: found.get(settings.topic_prefix + name) for name in names}


async def _limits(settings: Topics, names: Sequence[str]) -> dict[str, int]:
    async with _administering(settings) as admin:
        replies = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        resource[3]: int(value)
        for reply in replies
        for resource in reply.resources
        for name, value, *_ in resource[-1]
        if name == "max.message.bytes"
    }


@asynccontextmanager
async def _administering(settings: Common) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection(settings))
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise await why(settings, error) from error
    finally:
        await admin.close()


def _new(prefix: str, name: str, partitions: int, replication_factor: int) -> NewTopic:
    return NewTopic(prefix + name, partitions, replication_factor, topic_configs=dict(_CONFIGS.get(name, {})))


async def _create(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    reply = await admin.create_topics(topics)
    for name, code, *message in reply.topic_errors:
        if code not in (0, _TOPIC_EXISTS):
            reason = " ".join(filter(None, message)) or f"error {code}"
            raise UnavailableError(f"Kafka did not create topic {name}: {reason}")
        if code == 0:
            _log.info("topic created", topic=name)


async def _brokers(admin: AIOKafkaAdminClient) -> int:
    cluster = await admin.describe_cluster()
    return len(cluster["brokers"])


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> int:
    # A topic just created reaches every broker's metadata a moment later.
    for _ in range(100):
        [description] = await admin.describe_topics([topic])
        if description["error_code"] == 0 and description["partitions"]:
            return len(description["partitions"])
        await asyncio.sleep(0.05)
    raise UnavailableError(f"Kafka does not describe topic {topic}: error {description['error_code']}")
