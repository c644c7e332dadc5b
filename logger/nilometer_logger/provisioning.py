"""How the topics come to be: what is missing is created, what exists is left as it is."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from nilometer_logger.errors import StateError, UnavailableError
from nilometer_logger.kafka import unavailable
from nilometer_logger.settings import Topics
from nilometer_logger.topics import DEAD, INFERENCES, STATE

_log = structlog.get_logger("nilometer.topics")

_CONFIGS: Mapping[str, dict[str, str]] = {
    # A dead letter is a record of Kafka's default size, or less, and its reason.
    DEAD: {"max.message.bytes": str(2 * 2**20)},
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
        UnavailableError: if Kafka cannot be reached, or refuses.
        StateError: if `state` exists with another number of partitions than `inferences`.
    """
    prefix = settings.topic_prefix
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    try:
        await admin.start()
        replication_factor = settings.replication_factor or min(_MOST_REPLICAS, await _brokers(admin))
        await _create(admin, [_new(prefix, INFERENCES, settings.partitions, replication_factor)])
        count = await _partitions(admin, prefix + INFERENCES)
        others = [_new(prefix, name, count, replication_factor) for name in names if name != INFERENCES]
        if others:
            await _create(admin, others)
        if STATE in names and (found := await _partitions(admin, prefix + STATE)) != count:
            raise StateError(
                f"topic {prefix}{STATE} has {found} partitions, but {prefix}{INFERENCES} has {count}: "
                f"delete {prefix}{STATE} to start with empty windows"
            )
        return count
    except (KafkaError, OSError) as error:
        raise unavailable(settings.kafka, error) from error
    finally:
        await admin.close()


async def partitions_of(kafka: str, topic: str) -> int:
    """Tells how many partitions a topic has; 0 where there is no such topic.

    Args:
        kafka: bootstrap servers.
        topic: prefix and all.

    Raises:
        UnavailableError: if Kafka cannot be reached.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    try:
        await admin.start()
        [description] = await admin.describe_topics([topic])
        return len(description["partitions"])
    except (KafkaError, OSError) as error:
        raise unavailable(kafka, error) from error
    finally:
        await admin.close()


def _new(prefix: str, name: str, partitions: int, replication_factor: int) -> NewTopic:
    return NewTopic(prefix + name, partitions, replication_factor, topic_configs=dict(_CONFIGS.get(name, {})))


async def _create(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    reply = await admin.create_topics(topics)
    for name, code, *message in reply.topic_errors:
        if code not in (0, _TOPIC_EXISTS):
            raise UnavailableError(f"Kafka did not create topic {name}: {message or code}")
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
