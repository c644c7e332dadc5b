"""The tasks of partitions, against a consumer, a sink and a producer that do as they are told."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaTimeoutError, MessageSizeTooLargeError
from structlog.testing import capture_logs

from nilometer_detectors.delivery import _delivery
from nilometer_detectors.delivery._letters import Letters
from nilometer_detectors.delivery._partition import PartitionDelivery, Shared
from nilometer_detectors.delivery._sink import NO_ANSWER, Answer
from nilometer_detectors.delivery.counters import DeliveryCounters
from nilometer_logger.cloudevents import CloudEvent, to_kafka
from nilometer_logger.deadletters import DeadLetter, read_dead_letter
from nilometer_logger.settings import DeliverySettings

SETTINGS = DeliverySettings(sink="http://sink/", topic_prefix="x-", retry_seconds=0.2)
ONE, TWO = TopicPartition("findings", 0), TopicPartition("findings", 1)
TAKEN = Answer("200", "the sink answered 200")


def record(name: str, partition: TopicPartition = ONE, offset: int = 0, value: bytes = b"{}") -> Any:
    """Returns a finding as it stands in Kafka."""
    attributes = {"specversion": "1.0", "id": name, "source": "/x", "type": "io.nilometer.drift"}
    headers, _ = to_kafka(CloudEvent(attributes, b""))
    return SimpleNamespace(
        topic=partition.topic,
        partition=partition.partition,
        offset=offset,
        timestamp=0,
        key=b"stream",
        headers=tuple(headers),
        value=value,
    )


class Consumer:
    """A consumer with records, each of which is read once."""

    def __init__(self, **records: list[Any]) -> None:
        self.batches = {ONE: records.get("one", []), TWO: records.get("two", [])}
        self.committed: dict[TopicPartition, int] = {}
        self.failure: Exception | None = None
        self.empty = {ONE: asyncio.Event(), TWO: asyncio.Event()}

    async def getmany(self, partition: TopicPartition, **_: Any) -> dict[TopicPartition, list[Any]]:
        """Returns what there is of a partition."""
        found, self.batches[partition] = self.batches[partition], []
        if not found:
            self.empty[partition].set()
            await asyncio.Event().wait()
        return {partition: found}

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Remembers what was committed."""
        if self.failure:
            raise self.failure
        self.committed |= offsets


class FakeSink:
    """A sink that answers as a test says."""

    name = "http://sink/"

    def __init__(self, answer: Callable[[str, int], Answer]) -> None:
        self.answer = answer
        self.got: list[str] = []

    async def post(self, event: CloudEvent) -> Answer:
        """Answers by the event's id and how often that has come before."""
        await asyncio.sleep(0)
        answer = self.answer(event["id"], self.got.count(event["id"]))
        self.got.append(event["id"])
        return answer


class Producer:
    """A producer into a topic that takes so many bytes of a body."""

    def __init__(self, most_bytes: int = 2**20, failures: int = 0) -> None:
        self.most_bytes = most_bytes
        self.failures = failures
        self.kept: list[DeadLetter] = []
        self.keys: list[bytes | None] = []

    async def send_and_wait(self, topic: str, value: bytes, key: bytes | None, headers: Any) -> None:
        """Takes a record, unless it is told to fail."""
        assert topic == "x-findings-dead"
        if self.failures:
            self.failures -= 1
            raise KafkaTimeoutError
        if len(value) + sum(len(content) for _, content in headers) > self.most_bytes:
            raise MessageSizeTooLargeError
        self.kept.append(read_dead_letter(headers, value))
        self.keys.append(key)


class World:
    """All that a partition's task has to do with."""

    def __init__(self, answer: Callable[[str, int], Answer] = lambda *_: TAKEN, **records: list[Any]) -> None:
        self.consumer = Consumer(**records)
        self.sink = FakeSink(answer)
        self.producer = Producer()
        self.counters = DeliveryCounters()
        letters = Letters(SETTINGS, self.producer, self.sink.name)  # type: ignore[arg-type]
        self.shared = Shared(SETTINGS, {}, self.consumer, self.sink, letters, self.counters)  # type: ignore[arg-type]

    async def deliver(self) -> None:
        """Delivers what there is of the first partition."""
        task = asyncio.create_task(PartitionDelivery(ONE, self.shared).run())
        emptied = asyncio.create_task(self.consumer.empty[ONE].wait())
        await asyncio.wait((task, emptied), return_when=asyncio.FIRST_COMPLETED)
        emptied.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
        else:
            await task


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets no pause last."""
    pause = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda _: pause(0))


def test_findings_leave_in_order_and_are_committed() -> None:
    """Each only once it was taken; one that is not taken now is tried until it is, and holds up those behind it."""

    async def main() -> None:
        records = [record(name, offset=offset) for offset, name in enumerate("abc")]
        world = World(lambda name, tries: TAKEN if name != "b" or tries == 2 else Answer("503", ""), one=records)
        await world.deliver()
        assert world.sink.got == ["a", "b", "b", "b", "c"]
        assert world.consumer.committed == {ONE: 3}
        assert (world.counters.delivered, world.counters.retries) == ({"findings": 3}, {"503": 2})
        assert world.counters.waiting == {}
        assert world.producer.kept == []

    asyncio.run(main())


def test_a_refused_finding_is_kept_before_it_is_committed() -> None:
    """With its own headers and body, the status, the sink and its place; and the next one leaves."""

    async def main() -> None:
        records = [record("a", offset=7, value=b'{"a": 1}'), record("b", offset=8)]
        world = World(lambda name, _: Answer("403", "the sink answered 403") if name == "a" else TAKEN, one=records)
        keep = world.producer.send_and_wait

        async def watched(*arguments: Any, **named: Any) -> None:
            assert world.consumer.committed == {}
            await keep(*arguments, **named)

        world.producer.send_and_wait = watched  # type: ignore[method-assign]
        with capture_logs() as lines:
            await world.deliver()
        assert world.sink.got == ["a", "b"]
        assert world.consumer.committed == {ONE: 9}
        [letter] = world.producer.kept
        assert (letter.status, letter.sink, letter.position) == ("403", "http://sink/", "findings/0@7")
        assert (letter.reason, letter.is_cut, letter.value) == ("the sink answered 403", False, b'{"a": 1}')
        assert letter.headers == list(records[0].headers)
        assert world.producer.keys == [b"stream"]
        assert world.counters.refused == {"403": 1}
        [line] = [line for line in lines if line["event"] == "finding refused"]
        assert (line["log_level"], line["status"], line["kept"]) == ("error", "403", "in x-findings-dead")

    asyncio.run(main())


def test_an_unreadable_record_is_kept() -> None:
    """What is no finding stops nothing, and is not lost."""

    async def main() -> None:
        foreign = record("a")
        foreign.headers, foreign.value = (("color", b"red"),), None
        world = World(one=[foreign, record("b", offset=1)])
        await world.deliver()
        [letter] = world.producer.kept
        assert letter.status == "unreadable"
        assert "ce_specversion" in letter.reason
        assert letter.headers == [("color", b"red")]
        assert (world.sink.got, world.counters.refused) == (["b"], {"unreadable": 1})

    asyncio.run(main())


def test_a_letter_that_is_too_large_is_cut_until_it_is_taken() -> None:
    """The topic may take less than the finding's own does: the body is cut, and that is said."""

    async def main() -> None:
        world = World(lambda *_: Answer("413", ""), one=[record("a", value=b"x" * 10_000)])
        world.producer.most_bytes = 3000
        await world.deliver()
        [letter] = world.producer.kept
        assert letter.is_cut
        assert 0 < len(letter.value) < 3000
        assert letter.headers == list(record("a").headers)

    asyncio.run(main())


def test_a_letter_of_endless_headers_is_kept_without_them() -> None:
    """Even where nothing of the original fits, the reason and the place are kept."""

    async def main() -> None:
        one = record("a")
        one.headers = (*one.headers, ("color", b"r" * 10_000))
        world = World(lambda *_: Answer("431", "the sink answered 431"), one=[one])
        world.producer.most_bytes = 300
        await world.deliver()
        [letter] = world.producer.kept
        assert (letter.headers, letter.value, letter.status) == ([], b"", "431")

    asyncio.run(main())


def test_nothing_is_committed_until_the_letter_is_kept() -> None:
    """A topic that takes no letter now is tried again; the finding is never passed over."""

    async def main() -> None:
        world = World(lambda *_: Answer("403", ""), one=[record("a")])
        world.producer.failures = 5
        with capture_logs() as lines:
            await world.deliver()
        assert sum(line["event"] == "dead letter not taken" for line in lines) == 5
        assert len(world.producer.kept) == 1
        assert world.consumer.committed == {ONE: 1}

    asyncio.run(main())


@pytest.mark.parametrize("failure", [CommitFailedError(ONE), IllegalStateError("not assigned")])
def test_a_partition_that_was_taken_away_is_left(failure: Exception) -> None:
    """Whoever has it now sends the rest."""

    async def main() -> None:
        world = World(one=[record("a"), record("b", offset=1)])
        world.consumer.failure = failure
        await world.deliver()
        assert world.sink.got == ["a"]

    asyncio.run(main())


def member_of(world: World) -> _delivery.DeliveryGroup:
    """Returns a member of the group that nobody has assigned anything to."""
    return _delivery.DeliveryGroup(world.shared)


def test_one_partition_holds_up_no_other() -> None:
    """While a finding of one is tried for ever, another's leave, and come to an end."""

    async def main() -> None:
        two = [record(name, TWO, offset) for offset, name in enumerate("xyz")]
        never = Answer(NO_ANSWER, "")
        world = World(lambda name, _: never if name == "a" else TAKEN, one=[record("a"), record("b")], two=two)
        member = member_of(world)
        await member.on_partitions_assigned([ONE, TWO])
        await world.consumer.empty[TWO].wait()  # the second is read to its end
        assert world.consumer.committed == {TWO: 3}
        assert set(world.counters.waiting) == {ONE}
        await member.on_partitions_revoked([ONE, TWO])
        assert "b" not in world.sink.got

    asyncio.run(main())


def test_a_revoked_partition_is_neither_sent_nor_committed() -> None:
    """Its task has ended when the group goes on, in the middle of a try; another's goes on."""

    async def main() -> None:
        trying, release = asyncio.Event(), asyncio.Event()
        world = World(one=[record("a")], two=[])

        async def post(event: CloudEvent) -> Answer:
            world.sink.got.append(event["id"])
            trying.set()
            await release.wait()
            return TAKEN

        world.sink.post = post  # type: ignore[method-assign]
        member = member_of(world)
        await member.on_partitions_assigned([ONE, TWO])
        await trying.wait()
        await member.on_partitions_revoked([ONE])
        release.set()
        assert (world.consumer.committed, world.counters.undelivered) == ({}, {TWO: 0})

        world.consumer.batches[ONE] = [record("a")]
        await member.on_partitions_assigned([ONE])
        await world.consumer.empty[ONE].wait()
        await member.on_partitions_revoked([ONE, TWO])
        assert world.sink.got == ["a", "a"]

    asyncio.run(main())
