"""The delivery of one partition: its findings, one after the other, each until the sink has taken or refused it.

A partition's next finding waits until the one before is gone, so a sink that is away loses nothing and reorders
nothing. The records in hand are bounded; what Kafka's client reads ahead of a partition that waits is one answer.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from nilometer_detectors.delivery._letters import Letters
from nilometer_detectors.delivery._sink import UNREADABLE, Answer, Sink
from nilometer_detectors.delivery.counters import DeliveryCounters
from nilometer_logger.cloudevents import CloudEvent, from_kafka
from nilometer_logger.errors import EventError
from nilometer_logger.settings import DeliverySettings
from nilometer_logger.times import format_time

_log = structlog.get_logger("nilometer.delivery")
_FIRST_PAUSE_SECONDS = 0.2
_POLL_MILLISECONDS = 500
_MOST_RECORDS = 100
_MILLISECOND = 1_000_000


def outgoing(record: ConsumerRecord, extensions: Mapping[str, str]) -> CloudEvent:
    """Makes the event that is sent of a record: the finding, when Kafka got it, and the sink's own extensions.

    Raises:
        EventError: if the record is no CloudEvent.
    """
    event = from_kafka(record.headers, record.value)
    detected = format_time(record.timestamp * _MILLISECOND)
    return CloudEvent({**event.attributes, "detectedtime": detected, **extensions}, event.data)


@dataclass(frozen=True)
class Shared:
    """What the tasks of all partitions share.

    Attributes:
        settings: of the delivery.
        extensions: put on every finding.
        consumer: that the partitions are assigned to.
        sink: takes the findings.
        letters: keeps those that it refuses.
        counters: is told of what happens.
    """

    settings: DeliverySettings
    extensions: Mapping[str, str]
    consumer: AIOKafkaConsumer
    sink: Sink
    letters: Letters
    counters: DeliveryCounters


class PartitionDelivery:
    """Delivers the findings of a partition while it is ours.

    Args:
        partition: which.
        shared: with the other partitions.

    Attributes:
        in_hand: records that were read and are not delivered yet.
    """

    def __init__(self, partition: TopicPartition, shared: Shared) -> None:
        self.in_hand = 0
        self._partition = partition
        self._shared = shared

    async def run(self) -> None:
        """Delivers until it is cancelled, or the partition turns out to be another's.

        Raises:
            KafkaError: if Kafka refuses.
        """
        while True:
            batches = await self._shared.consumer.getmany(
                self._partition, timeout_ms=_POLL_MILLISECONDS, max_records=_MOST_RECORDS
            )
            records = batches.get(self._partition, [])
            for place, record in enumerate(records):
                self.in_hand = len(records) - place
                await self._deliver(record)
                try:
                    await self._shared.consumer.commit({self._partition: record.offset + 1})
                except (CommitFailedError, IllegalStateError):
                    return  # taken away meanwhile: whoever has it now sends this one again, with the same id
            self.in_hand = 0

    async def _deliver(self, record: ConsumerRecord) -> None:
        """Returns once the sink has taken the finding, or it is kept as refused."""
        try:
            event = outgoing(record, self._shared.extensions)
        except EventError as error:
            _log.error("finding unreadable", topic=record.topic, offset=record.offset, reason=str(error))
            answer = Answer(UNREADABLE, f"the record is no finding: {error}")
        else:
            facts = {"type": event["type"], "id": event["id"], "sink": self._shared.sink.name}
            answer = await self._send(event, facts)
            if answer.is_taken:
                self._shared.counters.took(record.topic)
                _log.info("delivered", **facts, verdict=event.attributes.get("verdict"))
                return
            _log.error("finding refused", **facts, status=answer.status, kept=f"in {self._shared.letters.topic}")
        await self._shared.letters.keep(record, answer.status, answer.reason)
        self._shared.counters.refused[answer.status] += 1

    async def _send(self, event: CloudEvent, facts: Mapping[str, str]) -> Answer:
        """Posts a finding until the sink has taken it, or says that it never will."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while True:
                answer = await self._shared.sink.post(event)
                if answer.is_taken or answer.is_final:
                    return answer
                self._shared.counters.retries[answer.status] += 1
                self._shared.counters.waiting.setdefault(self._partition, time.monotonic())
                most = self._shared.settings.retry_seconds
                pause_now = pause if answer.retry_after is None else min(answer.retry_after, most)
                _log.warning("sink not available", **facts, reason=answer.reason, retry_seconds=pause_now)
                await asyncio.sleep(pause_now)
                pause = min(2 * pause, most)
        finally:
            self._shared.counters.waiting.pop(self._partition, None)
