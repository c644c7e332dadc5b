"""Turns in a consumer group on a real Kafka: who takes over what, and when."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_logger.errors import UnavailableError
from nilometer_logger.kafka import consumer_group
from nilometer_logger.kafka.consumer_group import Batches, ConsumerGroup, Offsets, consuming
from nilometer_logger.settings import Common
from tests.integration.foreign import Foreign, make_topic, write

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Take = Callable[[Batches], Awaitable[None]]


class Asked(ConsumerGroup):
    """A member that tells when it is asked to hand over what it had."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked = asyncio.Event()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Is called at the first assignment as well, with nothing."""
        if revoked:
            self.asked.set()
        await super().on_partitions_revoked(revoked)


class Reader:
    """A member in a task of its own, and the values that it was given.

    Args:
        kafka: bootstrap servers.
        topic: whose group it is in.
        take: called in every turn, after the values were given.
        beside: another one, whose values count in `has_all`.
    """

    def __init__(self, kafka: str, topic: str, take: Take | None = None, beside: "Reader | None" = None) -> None:
        self.given: list[bytes] = []
        self._more = beside._more if beside else asyncio.Event()
        self._beside = beside
        self.member: Asked
        self.stop = asyncio.Event()
        self._settings = Common(kafka=kafka)
        self._topic = topic
        self._take = take

    async def run(self) -> None:
        """Reads until `stop` is set."""
        async with consuming(self._settings, f"{self._topic}-group") as consumer:
            self.member = Asked(consumer, [self._topic])
            await self.member.turns(self._handle, 10, self.stop)

    async def _handle(self, batches: Batches) -> Offsets:
        self.given += [record.value for records in batches.values() for record in records]
        self._more.set()
        if self._take is not None:
            await self._take(batches)
        return {partition: records[-1].offset + 1 for partition, records in batches.items()}

    async def has(self, count: int) -> None:
        """Waits until it was given so many values."""
        while len(self.given) < count:
            self._more.clear()
            await self._more.wait()

    async def has_all(self, count: int) -> None:
        """Waits until it and the one beside it were given so many values."""
        while len(self.given) + len(self._beside.given if self._beside else []) < count:
            self._more.clear()
            await self._more.wait()


@pytest.fixture
def topic(kafka: EmbeddedKafka, topic_prefix: str) -> str:
    """A topic of two partitions, with twenty values in each."""
    name = f"{topic_prefix}turns"
    make_topic(kafka.bootstrap, name, 2)
    write(kafka.bootstrap, name, [Foreign(number % 2, b"%d" % number, []) for number in range(40)])
    return name


def test_a_turn_is_finished_before_others_get_its_partitions(kafka: EmbeddedKafka, topic: str) -> None:
    """While a member is in the middle of a turn, a second one that joins waits; then it gets only what is new."""

    async def story() -> tuple[list[bytes], list[bytes]]:
        finish = asyncio.Event()

        async def take(_: Batches) -> None:
            await finish.wait()

        first = Reader(kafka.bootstrap, topic, take)
        second = Reader(kafka.bootstrap, topic, beside=first)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(first.run())
            await first.has(1)
            tasks.create_task(second.run())
            await first.member.asked.wait()
            assert not second.given
            finish.set()
            await second.has_all(40)
            first.stop.set()
            second.stop.set()
        return first.given, second.given

    first, second = asyncio.run(story())
    assert second
    assert sorted([*first, *second], key=int) == [b"%d" % number for number in range(40)]


def test_a_turn_that_takes_too_long_is_read_again(
    kafka: EmbeddedKafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others do not wait for ever: they get the partitions and what was in hand, and the slow one commits nothing."""
    monkeypatch.setattr(consumer_group, "_HAND_OVER_SECONDS", 0.1)

    async def story() -> tuple[list[bytes], list[bytes]]:
        finish = asyncio.Event()

        async def take(_: Batches) -> None:
            await finish.wait()

        slow, second = Reader(kafka.bootstrap, topic, take), Reader(kafka.bootstrap, topic)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(slow.run())
            await slow.has(10)
            tasks.create_task(second.run())
            await second.has(10)
            slow.stop.set()
            finish.set()
            await second.has(40)
            second.stop.set()
        return slow.given, second.given

    slow, second = asyncio.run(story())
    assert set(slow) <= set(second)
    assert sorted(second, key=int) == [b"%d" % number for number in range(40)]


def test_a_failure_in_a_turn_ends_the_membership_and_commits_nothing(kafka: EmbeddedKafka, topic: str) -> None:
    """What the failed turn had in hand comes again, to the last record."""

    async def story() -> list[bytes]:
        async def fail(_: Batches) -> None:
            raise CorruptRecordException("on purpose")

        with pytest.raises(UnavailableError, match="on purpose"):
            await Reader(kafka.bootstrap, topic, fail).run()
        reader = Reader(kafka.bootstrap, topic)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reader.run())
            await reader.has(40)
            reader.stop.set()
        return reader.given

    assert sorted(asyncio.run(story()), key=int) == [b"%d" % number for number in range(40)]


def test_it_stops_at_once_when_there_is_nothing_to_read(kafka: EmbeddedKafka, topic: str) -> None:
    """Nobody waits for a record that does not come."""

    async def story() -> list[bytes]:
        reader = Reader(kafka.bootstrap, topic)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reader.run())
            await reader.has(40)
            reader.stop.set()
        return reader.given

    assert len(asyncio.run(story())) == 40
