"""A member of a consumer group that takes turns: records are read, then handled, and only then committed.

So what was not handled to its end is read again, by this process or by another: at least once. A rebalance waits for
the turn that is going on, and no turn begins before the next assignment. It waits for a bounded time, though: a member
that keeps the others waiting is thrown out. What such a turn had in hand is then read twice, and it commits nothing.

Two traps of aiokafka are gone round here. Once `getmany` has raised, its next call passes over the records that it had
in hand (`FetchResult.getall` drops them, and moves the position), so an error always ends the membership, and the next
one begins with what was committed. And `start` waits 40 s for a topic that does not exist, and then gives up on all;
here the others are read meanwhile, and the missing one is looked for again.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from nilometer_logger.errors import UnavailableError
from nilometer_logger.kafka import connection, why
from nilometer_logger.settings import Common

Batches = Mapping[TopicPartition, Sequence[ConsumerRecord]]
Offsets = Mapping[TopicPartition, int]
Handle = Callable[[Batches], Awaitable[Offsets]]

_log = structlog.get_logger("nilometer.membership")
_POLL_MILLISECONDS = 500
_DAY_MILLISECONDS = 86_400_000
# What is read ahead; a record that is larger than a partition's share comes all the same, alone.
_FETCH_BYTES = 4 * 2**20
_FETCH_PARTITION_BYTES = 512 * 2**10
# The others wait for 10 s at most, aiokafka's default for a session and for a rebalance.
_HAND_OVER_SECONDS = 5.0
_LEAVE_SECONDS = 3.0
_MOST_REQUEST_BYTES = 16 * 2**20  # more than any topic takes: the topic decides
_LOOK_SECONDS = 5.0


class ConsumerGroup(ConsumerRebalanceListener):
    """One member.

    Args:
        consumer: as `consuming` makes it.
        names: of the topics, prefix and all.
        rewind: whether to begin with the oldest record instead of the first that was not committed.
    """

    def __init__(self, consumer: AIOKafkaConsumer, names: Sequence[str], *, rewind: bool = False) -> None:
        self._consumer = consumer
        self._wanted = frozenset(names)
        self._found: frozenset[str] = frozenset()
        self._rewind = rewind
        self._look_again = 0.0
        self._idle = asyncio.Event()
        self._idle.set()
        self._era = 0

    async def turn(self, handle: Handle, most_records: int) -> None:
        """Takes one turn; returns after half a second if there is nothing to read.

        Args:
            handle: returns the offsets to commit once it is done with the records.
            most_records: that it is given.

        Raises:
            KafkaError: if reading failed; the membership must end then.
        """
        if time.monotonic() >= self._look_again:
            await self._look()
        batches = await self._consumer.getmany(timeout_ms=_POLL_MILLISECONDS, max_records=most_records)
        if not batches:
            return
        era = self._era
        self._idle.clear()
        try:
            offsets = await handle(batches)
            await self._commit(offsets, still_ours=era == self._era)
        finally:
            self._idle.set()

    async def turns(self, handle: Handle, most_records: int, stop: asyncio.Event) -> None:
        """Takes turns until `stop` is set; the turn that is going on then is finished."""
        turning = asyncio.create_task(self._turns(handle, most_records, stop))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((turning, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not turning.done():
                await self._idle.wait()
                turning.cancel()  # it waits for records, or for Kafka
                await asyncio.wait((turning,))
            if not turning.cancelled():
                turning.result()
        finally:
            turning.cancel()
            stopping.cancel()
            await asyncio.gather(turning, stopping, return_exceptions=True)

    async def _turns(self, handle: Handle, most_records: int, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.turn(handle, most_records)

    async def _look(self) -> None:
        """Subscribes to those topics that are there."""
        found = self._wanted & frozenset(await self._consumer.topics())
        missing = ", ".join(sorted(self._wanted - found))
        if not found:
            raise UnavailableError(f"there is no topic {missing} yet, or our user may not read it")
        self._look_again = time.monotonic() + _LOOK_SECONDS if missing else float("inf")
        if found == self._found:
            return
        if missing:
            _log.warning("topic missing", topics=missing, reason="not there yet, or our user may not read it")
        self._found = found
        self._consumer.subscribe(sorted(found), listener=self)

    async def _commit(self, offsets: Offsets, *, still_ours: bool) -> None:
        try:
            if still_ours:
                if offsets:
                    await self._consumer.commit(dict(offsets))
                return
            reason = "the turn took too long"
        except (CommitFailedError, IllegalStateError) as error:
            reason = type(error).__name__
        _log.warning("partitions taken away", reason=reason, remedy="none needed: what was in hand is read once more")

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Lets the turn that is going on end, before others get the partitions; aiokafka calls it."""
        try:
            async with asyncio.timeout(_HAND_OVER_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("partitions handed over in the middle", partitions=len(revoked))
        self._era += 1

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begins anew, where that was asked for; aiokafka calls it."""
        _log.info("partitions assigned", partitions=sorted(f"{name}/{number}" for name, number in assigned))
        if self._rewind:
            self._rewind = False
            await self._consumer.seek_to_beginning(*assigned)


@asynccontextmanager
async def consuming(settings: Common, group: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Connects a consumer of a group, for as long as the block lasts; it has no topics yet.

    Args:
        settings: where Kafka is.
        group: its name, prefix and all.

    Raises:
        UnavailableError: if Kafka cannot be reached, or fails while the block lasts.
    """
    consumer = AIOKafkaConsumer(
        **connection(settings),
        group_id=group,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        # Kafka may be away for hours while a turn waits for it; heartbeats tell that we live.
        max_poll_interval_ms=_DAY_MILLISECONDS,
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=_FETCH_PARTITION_BYTES,
    )
    try:
        await consumer.start()
        yield consumer
    except (KafkaError, OSError) as error:
        raise await why(settings, error) from error
    finally:
        with contextlib.suppress(TimeoutError, KafkaError):  # Kafka lets go of a silent member by itself, only later
            async with asyncio.timeout(_LEAVE_SECONDS):
                await consumer.stop()


@asynccontextmanager
async def producing_letters(settings: Common) -> AsyncIterator[AIOKafkaProducer]:
    """Connects a producer for single records, for as long as the block lasts.

    It is not idempotent on purpose: a record that Kafka refuses for good would make it refuse all that follow.

    Raises:
        UnavailableError: if Kafka cannot be reached, or fails while the block lasts.
    """
    producer = AIOKafkaProducer(**connection(settings), acks="all", max_request_size=_MOST_REQUEST_BYTES)
    try:
        await producer.start()
        yield producer
    except (KafkaError, OSError) as error:
        raise await why(settings, error) from error
    finally:
        with contextlib.suppress(TimeoutError, KafkaError):  # each record's sender has been told what became of it
            async with asyncio.timeout(_LEAVE_SECONDS):
                await producer.stop()
