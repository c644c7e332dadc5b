"""A span of the topic `inferences`, one partition after the other, in lists of records of bounded size.

It is read without a consumer group, so a replay changes nothing and is in nobody's way. The lists are cut by what they
hold and not by what a fetch happened to bring, so that the same span gives the same findings in the same order.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from nilometer_detectors.apps.events import reader
from nilometer_detectors.replay._span import Bound
from nilometer_logger import topics
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.errors import SettingError, UnavailableError
from nilometer_logger.settings import Common
from nilometer_logger.times import SECOND

_MOST_RECORDS, _MOST_BYTES = 500, 2 * 2**20
_POLL_MILLISECONDS = 500
_MILLISECOND = SECOND // 1000


@dataclass(frozen=True)
class Part:
    """What is read of a partition.

    Attributes:
        number: of the partition.
        first: the first offset.
        end: the one after the last.
        missing: how many of the offsets that were asked for the log does not hold any more.
    """

    number: int
    first: int
    end: int
    missing: int = 0


class Span:
    """A part of the log.

    Args:
        settings: where Kafka is.
        beginning: where it begins.
        end: where it ends; by default at the end that the log has then.

    Attributes:
        parts: one a partition; known while `records` is read.
    """

    def __init__(self, settings: Common, beginning: Bound, end: Bound) -> None:
        self.parts: list[Part] = []
        self._settings = settings
        self._bounds = beginning, end
        self._topic = settings.topic_prefix + topics.INFERENCES

    async def records(self) -> AsyncIterator[list[Record]]:
        """Reads the records.

        Raises:
            SettingError: if there is no such topic or partition, or the span ends before it begins.
            UnavailableError: if Kafka cannot be reached, or records of the span expire before they are read.
        """
        async with reader(self._settings, self._topic, beginning=True) as consumer:
            self.parts = await self._parts(consumer, sorted(consumer.assignment()))
            for part in self.parts:
                async for records in self._read(consumer, part):
                    yield records

    async def _parts(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> list[Part]:
        beginnings = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        first = await self._offsets(consumer, "--from", self._bounds[0], beginnings)
        end = await self._offsets(consumer, "--to", self._bounds[1], ends)
        parts = []
        for partition in partitions:
            begin = max(first.get(partition, ends[partition]), beginnings[partition])
            stop = min(end.get(partition, ends[partition]), ends[partition])
            if partition in first and partition in end and end[partition] < first[partition]:
                raise SettingError(
                    f"--to lies before --from in partition {partition.partition} "
                    f"(offset {end[partition]} before {first[partition]}): exchange them"
                )
            missing = begin - first.get(partition, begin)
            parts.append(Part(partition.partition, begin, max(begin, stop), missing))
        return parts

    async def _offsets(
        self, consumer: AIOKafkaConsumer, flag: str, bound: Bound, default: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Finds the offset of a bound in every partition; one in which nothing arrived so late is not there."""
        if bound.offsets is not None:
            unknown = [number for number in bound.offsets if number >= len(default)]
            if unknown:
                raise SettingError(
                    f"{flag} names partition {unknown[0]}, and topic {self._topic} has {len(default)}, from 0"
                )
            return {each: bound.offsets.get(each.partition, offset) for each, offset in default.items()}
        if bound.time is None:
            return dict(default)
        milliseconds = max(0, -(-bound.time // _MILLISECOND))
        found = await consumer.offsets_for_times(dict.fromkeys(default, milliseconds))
        return {partition: told.offset for partition, told in found.items() if told is not None}

    async def _read(self, consumer: AIOKafkaConsumer, part: Part) -> AsyncIterator[list[Record]]:
        partition = TopicPartition(self._topic, part.number)
        consumer.assign([partition])
        consumer.seek(partition, part.first)
        records: list[Record] = []
        size, following = 0, part.first
        # The position passes over what no consumer is given, such as the markers of transactions.
        while await consumer.position(partition) < part.end:
            fetched = await consumer.getmany(partition, timeout_ms=_POLL_MILLISECONDS, max_records=_MOST_RECORDS)
            found = fetched.get(partition, ())
            if found:
                await self._check(consumer, partition, following, found[0].offset)
                following = found[-1].offset + 1
            for each in found:
                if each.offset >= part.end:
                    break
                records.append(Record.read(each))
                size += len(each.value or b"")
                if len(records) >= _MOST_RECORDS or size >= _MOST_BYTES:
                    yield records
                    records, size = [], 0
        await self._check(consumer, partition, following, part.end)
        if records:
            yield records

    async def _check(self, consumer: AIOKafkaConsumer, partition: TopicPartition, following: int, found: int) -> None:
        """Makes sure that between two offsets nothing was passed over but what no consumer is given."""
        if found <= following:
            return
        beginning = (await consumer.beginning_offsets([partition]))[partition]
        if beginning > following:
            raise UnavailableError(
                f"records {following} to {beginning - 1} of {self._topic}/{partition.partition} expired before they were "
                "read, and no window may miss them in silence: run it again, from what is left"
            )
