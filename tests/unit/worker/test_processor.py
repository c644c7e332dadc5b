"""What the broker does with records of partitions that come and go; Kafka is never asked."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaTimeoutError, ProducerFenced

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.errors import UnavailableError
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.worker.counters import WorkerCounters
from nilometer_logger.worker.fetcher import Fetched, OffsetOutOfRange
from nilometer_logger.worker.owned_partition import OwnedPartition
from nilometer_logger.worker.processor import StreamProcessor
from tests.unit.engine.counting import Counting
from tests.unit.logged import batch, event


def owning(act: Callable[[StreamProcessor, OwnedPartition], Awaitable[None]]) -> None:
    """Hands over a broker that owns partition 3, at the beginning of its log."""

    async def own() -> None:
        counters = WorkerCounters()
        processor = StreamProcessor(WorkerSettings(), [Counting()], lambda _: None, counters)
        owned = OwnedPartition(WorkerSettings(), "group", 3, [Counting()], counters)
        processor._opening[3] = asyncio.create_task(opened(owned))
        await asyncio.wait((processor._opening[3],))
        try:
            await act(processor, owned)
        finally:
            await owned.close()

    asyncio.run(own())


async def opened(owned: OwnedPartition) -> OwnedPartition:
    """Does what opening does, without Kafka."""
    return owned


def fetched(wanted: int, count: int, end: int = 100) -> Fetched:
    """Returns records as they are read, from an offset on."""
    records = [batch(offset, event(5, 1.0, id=f"{offset}")) for offset in range(wanted, wanted + count)]
    raw = [
        ConsumerRecord(each.topic, 3, each.offset, 0, 0, None, each.value, None, -1, -1, tuple(each.headers))
        for each in records
    ]
    return Fetched(3, wanted, raw, wanted + count, end, 0.0)


def test_records_are_taken_where_they_are_wanted() -> None:
    """The next ones are asked for behind them, and what is left is known."""

    async def act(processor: StreamProcessor, owned: OwnedPartition) -> None:
        await processor.take(fetched(0, 20))

        assert owned.state.offset == 19
        assert processor.wanted() == {3: 20}
        assert processor._counters.lag == {3: 80}

    owning(act)


async def topic_of(*_: object) -> tuple[str, int]:
    """Tells whose log it is, as Kafka would."""
    return "ab", 4


def test_records_that_a_former_owner_asked_for_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition that was taken away and given back goes on from its snapshot; nothing between may be missed."""

    async def act(processor: StreamProcessor, owned: OwnedPartition) -> None:
        await processor.take(fetched(0, 5))
        await processor.take(fetched(9, 5))
        monkeypatch.setattr("nilometer_logger.worker.processor.topic_of", topic_of)
        processor._client = None  # type: ignore[assignment]
        await processor.go_on_from(OffsetOutOfRange(3, wanted=9, beginning=50, end=60))

        assert owned.state.offset == 4
        assert processor.wanted() == {3: 5}

    owning(act)


def test_nothing_is_read_any_more_once_it_leaves() -> None:
    """What comes after the last snapshot is the next owner's."""

    async def act(processor: StreamProcessor, owned: OwnedPartition) -> None:
        processor._leaving = True
        await processor.take(fetched(0, 5))

        assert owned.state.offset == -1
        assert not processor.wanted()

    owning(act)


def test_new_monitors_reach_every_partition() -> None:
    """Each tells its log that they run from there on."""

    async def act(processor: StreamProcessor, owned: OwnedPartition) -> None:
        processor.configure([Counting(digest="d2")])

        [configure] = owned.state.punctuations(0)
        assert configure.monitors == {"demo/counting": "d2"}

    owning(act)


def test_a_fenced_partition_is_dropped_at_once() -> None:
    """It is another's: it is neither read nor written any more, and nothing else ends."""

    async def act(processor: StreamProcessor, owned: OwnedPartition) -> None:
        owned.snapshot = failing(ProducerFenced())  # type: ignore[method-assign]
        await processor._snapshot(owned)

        assert not processor.wanted()
        assert await processor._own(3) is None
        assert processor._counters.fenced == 1

    owning(act)


def test_a_snapshot_of_a_partition_that_is_gone_ends_nothing() -> None:
    """However it ends: the partition's next owner, who may be the same worker, is not touched."""

    async def act(processor: StreamProcessor, owned: OwnedPartition) -> None:
        former = OwnedPartition(WorkerSettings(), "group", 3, [Counting()], WorkerCounters())
        for error in (ProducerFenced(), KafkaTimeoutError(), UnavailableError("let go")):
            former.snapshot = failing(error)  # type: ignore[method-assign]
            await processor._snapshot(former)
        await former.close()

        assert processor._held(3) is owned

    owning(act)


def failing(error: Exception) -> Callable[[], Awaitable[list[CloudEvent]]]:
    """Returns a snapshot that fails."""

    async def snapshot() -> list[CloudEvent]:
        raise error

    return snapshot
