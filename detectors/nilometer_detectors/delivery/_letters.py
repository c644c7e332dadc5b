"""Findings that nobody will deliver are kept in `findings-dead`, each with the answer, before their offset is committed.

The topic may take less than the one that the finding stood in: then the body is cut, and cut again, until it is taken.
"""

import asyncio

import structlog
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from nilometer_logger import topics
from nilometer_logger.deadletters import finding_letter
from nilometer_logger.settings import DeliverySettings

_log = structlog.get_logger("nilometer.delivery")
_FIRST_PAUSE_SECONDS = 0.5


class Letters:
    """Keeps what could not be delivered.

    Args:
        settings: of the delivery.
        producer: that is connected.
        sink: as it may be kept.

    Attributes:
        topic: where they are kept, prefix and all.
    """

    def __init__(self, settings: DeliverySettings, producer: AIOKafkaProducer, sink: str) -> None:
        self.topic = settings.topic_prefix + topics.FINDINGS_DEAD
        self._settings = settings
        self._producer = producer
        self._sink = sink

    async def keep(self, record: ConsumerRecord, status: str, reason: str) -> None:
        """Keeps a finding; returns once Kafka has it, however long that takes.

        Args:
            record: as it stands in its topic.
            status: what the sink answered.
            reason: a sentence for the person who looks at it.
        """
        position = f"{record.topic}/{record.partition}@{record.offset}"
        room = len(record.value or b"") + sum(len(name) + len(content or b"") for name, content in record.headers)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            letter = finding_letter(
                record.headers,
                record.value,
                status=status,
                reason=reason,
                sink=self._sink,
                position=position,
                most_bytes=room,
            )
            try:
                await self._producer.send_and_wait(self.topic, letter.value, key=record.key, headers=letter.headers)
                return
            except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
                failure: KafkaError = error
                if room:
                    room //= 2
                    continue
            except KafkaError as error:
                failure = error
            _log.error("dead letter not taken", position=position, reason=repr(failure), retry_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._settings.retry_seconds)
