"""`nilometer redrive`: dead letters go to `inferences` once more, when what was wrong has been mended.

A consumer group remembers what was handled, so that each goes through once, also where two redrives run at a time; a
redrive ends at the last letter that was there when it began, so that an event that fails again does not go round for
ever. It is a new dead letter then, with one more in its extension `nilometerredriven`. An event goes by its stream, as
it did the first time, and Kafka has acknowledged it before its letter counts as handled: a redrive that dies sends a
few once more.

Several monitors that cannot use the same event leave a letter each; it is sent once a redrive. What cannot be sent is
left, and counted by why: bytes that are no CloudEvent have no stream to go by, and a body that was cut is not what
came.
"""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, MessageSizeTooLargeError

from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, to_kafka
from nilometer_logger.cloudevents.kserve import stream_of
from nilometer_logger.deadletters import read_dead_letter
from nilometer_logger.errors import SettingError
from nilometer_logger.ingest.redriven_records import Skipped, Summary, digest_of, events_of
from nilometer_logger.kafka import topic_admin
from nilometer_logger.kafka.consumer_group import Batches, ConsumerGroup, Offsets, consuming, producing_letters
from nilometer_logger.settings import RedriveSettings

_MOST_RECORDS = 100
_MOST_REMEMBERED = 200_000
_POLL_MILLISECONDS = 500


class Redrive:
    """One redrive.

    Args:
        settings: where, and which letters.
        again: whether to begin with the oldest letter instead of the first that no redrive has handled.
        dry_run: whether to look only.

    Attributes:
        summary: what it has done so far.
    """

    def __init__(self, settings: RedriveSettings, *, again: bool, dry_run: bool) -> None:
        self._settings = settings
        self._again = again
        self._dry_run = dry_run
        self._inferences = settings.topic_prefix + topics.INFERENCES
        self._dead = settings.topic_prefix + topics.DEAD
        self._ends: dict[TopicPartition, int] = {}
        self._handled: dict[TopicPartition, int] = {}
        self._sent: dict[bytes, None] = {}
        self._producer: AIOKafkaProducer
        self.summary = Summary()

    async def run(self, stop: asyncio.Event) -> None:
        """Sends the dead letters that are there now; ends sooner if `stop` is set, with what it has in hand.

        Raises:
            SettingError: if there are no such topics.
            UnavailableError: if Kafka cannot be reached, or refuses.
        """
        settings = self._settings
        counts = [await topic_admin.partitions_of(settings, name) for name in (self._dead, self._inferences)]
        if not all(counts):
            raise SettingError(
                f"there is no topic {self._dead if not counts[0] else self._inferences}: give --topic-prefix, if the "
                "logger and the worker have one"
            )
        group = f"{settings.topic_prefix}nilometer-redrive"
        async with producing_letters(settings) as self._producer, consuming(settings, group) as consumer:
            partitions = [TopicPartition(self._dead, number) for number in range(counts[0])]
            self._ends = await consumer.end_offsets(partitions)
            self._handled = {one: await consumer.committed(one) or 0 for one in partitions}
            beginnings = await consumer.beginning_offsets(partitions)
            older = any(self._handled[one] > beginnings[one] for one in partitions)
            self.summary.began_later = older and not self._again
            if self._dry_run:
                await self._look(consumer, stop)
            else:
                await self._send_all(consumer, stop)

    async def _send_all(self, consumer: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        member = ConsumerGroup(consumer, [self._dead], rewind=self._again)
        while not stop.is_set() and (most := self._most()):
            await member.turn(self._take, most)
            if await self._is_done(consumer):
                return

    async def _look(self, consumer: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        """Reads without joining the group: whoever sends at the same time is not disturbed."""
        consumer.assign(list(self._ends))
        if self._again:
            await consumer.seek_to_beginning(*self._ends)
        while not stop.is_set() and (most := self._most()) and not await self._is_done(consumer):
            await self._take(await consumer.getmany(timeout_ms=_POLL_MILLISECONDS, max_records=most))

    def _most(self) -> int:
        limit = self._settings.limit
        return min(_MOST_RECORDS, limit - self.summary.sent.total()) if limit else _MOST_RECORDS

    async def _is_done(self, consumer: AIOKafkaConsumer) -> bool:
        try:
            return all([await consumer.position(one) >= self._ends.get(one, 0) for one in consumer.assignment()])
        except IllegalStateError:
            return False  # taken away meanwhile: the next turn waits for what we are given instead

    async def _take(self, batches: Batches) -> Offsets:
        offsets: dict[TopicPartition, int] = {}
        sending = []
        for partition, records in batches.items():
            for record in records:
                if record.offset < self._ends.get(partition, 0):
                    offsets[partition] = record.offset + 1
                    sending.append(self._handle(record))
        await asyncio.gather(*sending)
        # What an earlier redrive has handled stays handled, where this one begins before it.
        return {partition: offset for partition, offset in offsets.items() if offset > self._handled.get(partition, 0)}

    async def _handle(self, record: ConsumerRecord) -> None:
        letter = read_dead_letter(record.headers, record.value)
        self.summary.read += 1
        if self._settings.reason.casefold() not in letter.reason.casefold():
            self.summary.leave("another reason than the one asked for")
            return
        try:
            await self._send(events_of(letter, record.timestamp))
        except Skipped as left:
            self.summary.leave(str(left))
        else:
            self.summary.send(letter.reason)

    async def _send(self, events: Sequence[CloudEvent]) -> None:
        new = [event for event in events if digest_of(event) not in self._sent]
        if events and not new:
            raise Skipped("the same event as another letter's, which is sent")
        for event in new:
            self._remember(digest_of(event))
            headers, body = to_kafka(event)
            key = str(stream_of(event.attributes)).encode()
            try:
                if not self._dry_run:
                    await self._producer.send_and_wait(self._inferences, body, key=key, headers=headers)
            except MessageSizeTooLargeError:
                raise Skipped(f"larger than {self._inferences} takes") from None

    def _remember(self, digest: bytes) -> None:
        self._sent[digest] = None
        if len(self._sent) > _MOST_REMEMBERED:
            del self._sent[next(iter(self._sent))]
