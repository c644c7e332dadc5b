"""`nilometer events`: what passes through a topic, printed for people or for machines.

For machines an event is one line in the CloudEvents JSON format: JSON data as they are, text as text, anything else as
`data_base64`; what a terminal could obey is escaped. For people it is one line as well: when, what, of whom, and as much of the body as fits. The topics are
read without a consumer group, so looking changes nothing.
"""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from nilometer_detectors.apps import dead_letters
from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, kind_of, read_kafka, to_json
from nilometer_logger.errors import EventError, SettingError
from nilometer_logger.kafka import connection, topic_admin, unavailable
from nilometer_logger.settings import Common, EventsSettings
from nilometer_logger.terminal import printable, printable_json

_log = structlog.get_logger("nilometer.events")
TOPICS = (topics.INFERENCES, topics.FINDINGS, topics.OUTLIERS, topics.DEAD, topics.FINDINGS_DEAD)
_LETTERS = (topics.DEAD, topics.FINDINGS_DEAD)
_POLL_MILLISECONDS = 300
_NARROWEST = 40
# What says most about an event, in the order in which a person wants to read it.
_FACTS = ("verdict", "monitor", "detector", "subject", "id")


def events_of(record: ConsumerRecord) -> Iterator[CloudEvent]:
    """Reads the events of a record.

    Raises:
        EventError: if there are none to be read.
    """
    if kind_of(record.headers) != "punctuation":
        yield from read_kafka(record.headers, record.value)


def to_json_line(event: CloudEvent) -> str:
    """Writes an event in the CloudEvents JSON format, on one line."""
    return printable_json(to_json(event).decode())


def to_line(event: CloudEvent, width: int) -> str:
    """Writes an event for people, on one line of at most `width` characters."""
    attributes = event.attributes
    stream = "/".join(
        attributes[name] for name in ("namespace", "inferenceservicename", "component") if attributes.get(name)
    )
    facts = [f"{name}={attributes[name]}" for name in _FACTS if attributes.get(name)]
    kind = ".".join(attributes["type"].split(".")[-2:])
    body = event.data[: 4 * width].decode("utf-8", "replace")
    line = " ".join([attributes.get("time", "-"), kind, stream or attributes["source"], *facts, body])
    line = printable(line)
    return line if len(line) <= width else line[: width - 1] + "…"


@asynccontextmanager
async def reader(settings: Common, topic: str, *, beginning: bool) -> AsyncIterator[AIOKafkaConsumer]:
    """Opens a topic for looking at it, at its beginning or at its end.

    Args:
        settings: where Kafka is.
        topic: prefix and all.
        beginning: whether to start with the oldest record.

    Raises:
        SettingError: if the topic does not exist.
        UnavailableError: if Kafka cannot be reached.
    """
    count = await topic_admin.partitions_of(settings, topic)
    if not count:
        raise SettingError(
            f"there is no topic {topic}: start `nilometer logger` or `nilometer worker`, or give --topic-prefix"
        )
    consumer = AIOKafkaConsumer(
        **connection(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        partitions = [TopicPartition(topic, number) for number in range(count)]
        consumer.assign(partitions)
        await (consumer.seek_to_beginning(*partitions) if beginning else consumer.seek_to_end(*partitions))
        yield consumer
    except BrokenPipeError:
        raise  # who reads what we print has enough
    except (KafkaError, OSError) as error:
        raise unavailable(settings.kafka, error) from error
    finally:
        await consumer.stop()


async def follow(settings: EventsSettings, topic: str, *, beginning: bool, stay: bool) -> None:
    """Prints the events of a topic to standard output.

    Args:
        settings: how.
        topic: one of `TOPICS`.
        beginning: whether to start with the oldest event instead of the next one.
        stay: whether to go on at the topic's end.

    Raises:
        SettingError: if the topic does not exist.
        UnavailableError: if Kafka cannot be reached.
    """
    width = max(shutil.get_terminal_size((160, 24)).columns, _NARROWEST)
    async with reader(settings, settings.topic_prefix + topic, beginning=beginning) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while stay or any([await consumer.position(partition) < end for partition, end in ends.items()]):
            batches = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS)
            for record in (record for records in batches.values() for record in records):
                if topic in _LETTERS:
                    as_json = settings.output == "json"
                    print(dead_letters.to_json_line(record) if as_json else dead_letters.to_line(record, width))
                else:
                    _print(record, settings.output, width)
            sys.stdout.flush()


def _print(record: ConsumerRecord, output: str, width: int) -> None:
    try:
        for event in events_of(record):
            print(to_json_line(event) if output == "json" else to_line(event, width))
    except EventError as error:
        _log.warning("record unreadable", topic=record.topic, offset=record.offset, reason=str(error))
