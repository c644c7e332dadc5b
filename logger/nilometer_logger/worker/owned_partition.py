"""A partition that this worker owns: its state, the producer of its transactions, and what must be acknowledged.

The order in `open` is the order of exactness: the transactional producer first, because starting it fences the former
owner and aborts its open transaction; then the state, in which nothing can change any more.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Iterator, Sequence
from itertools import chain
from typing import Self

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, to_kafka
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.engine.limits import partition_limits
from nilometer_logger.engine.multipart import Parts
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.engine.snapshots import Snapshot
from nilometer_logger.errors import StateError, UnavailableError
from nilometer_logger.kafka import connection
from nilometer_logger.kafka.changelog import read_changelog
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.worker.counters import PartitionFigures, WorkerCounters
from nilometer_logger.worker.fetcher import OffsetOutOfRange
from nilometer_logger.worker.pending_punctuation import PendingPunctuation
from nilometer_logger.worker.record_limits import RecordLimits, record_bytes

_log = structlog.get_logger("nilometer.partition")
# Findings on rows leave in flocks, one for each bite that was read; so many may be on their way.
_MOST_LEAVING = 8
# So much state is written on average, unless findings wait to be written with it.
_STATE_BYTES_PER_SECOND = 4 * 2**20
# How long a transaction under way is waited for by those who take the partition away.
_LAST_WORDS_SECONDS = 2.0
# Kafka answers a fetch within 1.5 s even where there is nothing new.
_RECENT_SECONDS = 4.0

Topic = tuple[str, int]


def key_of(event: CloudEvent) -> bytes:
    """Returns what a finding is keyed by: its stream."""
    return event.attributes.get("partitionkey", "").encode()


async def sent_within(
    record_limits: RecordLimits, topic: str, size: int, sending: "Awaitable[asyncio.Future[object]]"
) -> "asyncio.Future[object]":
    """Waits until a producer has taken a record, and lets it be noted where Kafka refuses it as too large.

    Where the next record is refused, nobody comes to hear of this one.

    Args:
        record_limits: takes note.
        topic: without prefix.
        size: of the record.
        sending: what the producer's `send` returns.

    Returns:
        A future that is done once Kafka has acknowledged.
    """

    def hear(future: "asyncio.Future[object]") -> None:
        if not future.cancelled() and isinstance(future.exception(), MessageSizeTooLargeError):
            record_limits.refused(topic, size)

    try:
        future = await sending
    except MessageSizeTooLargeError:
        record_limits.refused(topic, size)
        raise
    future.add_done_callback(hear)
    return future


class OwnedPartition:
    """One owned partition.

    Args:
        settings: of the worker.
        group: the consumer group, which also names the transactions.
        number: of the partition.
        monitors: all that are loaded.
        counters: what is counted.
        record_limits: makes what is written fit into its topics.

    Attributes:
        state: its windows.
        following: the offset that must be read next.
        end: where the log ended when Kafka answered last; None before it has.
        answered: when that was, in seconds of the clock on the wall.
        pending_punctuation: what was told of it.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        group: str,
        number: int,
        monitors: Sequence[Monitor],
        counters: WorkerCounters,
        *,
        record_limits: RecordLimits | None = None,
    ) -> None:
        self.number = number
        self.state = PartitionState(monitors, partition_limits(settings), counters.tally)
        self.following = 0
        self.end: int | None = None
        self.answered = 0.0
        self.pending_punctuation = PendingPunctuation()
        self._counters = counters
        self._record_limits = record_limits or RecordLimits()
        self._parts = Parts()
        self._is_unnoted = False  # whether the state did not say of which topic it was
        self._leaving: list[asyncio.Future[None]] = []
        self._connection = connection(settings)
        self._prefix = settings.topic_prefix
        self._group = group
        self._lock = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None
        self._is_closed = asyncio.get_running_loop().create_future()
        self._last_snapshot = time.monotonic()
        self._snapshot_bytes = 0
        self._producer = AIOKafkaProducer(
            **self._connection,
            transactional_id=f"{group}-{number}",
            max_request_size=self._record_limits.largest,
        )

    async def open(self, topic: Topic | None) -> Self:
        """Fences the former owner and restores the state.

        Args:
            topic: id and number of partitions of `inferences`; None where Kafka does not tell.

        Raises:
            StateError: if the state does not fit the log.
        """
        began = time.monotonic()
        try:
            await self._producer.start()
            state = TopicPartition(self._prefix + topics.STATE, self.number)
            self.state.restore(self._parts.join(await read_changelog(self._connection, state)).items())
            self.check(topic)
        except BaseException:
            await self.close()
            raise
        self.following = self.state.offset + 1
        seconds = time.monotonic() - began
        self._counters.restored += 1
        self._counters.restore_seconds.observe(seconds)
        _log.info("partition restored", partition=self.number, offset=self.state.offset, seconds=round(seconds, 3))
        return self

    def check(self, topic: Topic | None) -> None:
        """Makes sure that the state belongs to the topic that is there now, and takes note of it.

        Raises:
            StateError: if it belongs to another.
        """
        if topic is None:
            return
        name, before = self._prefix + topics.INFERENCES, self.state.topic
        self._is_unnoted |= self.state.offset >= 0 and before is None
        if self.state.offset >= 0 and before is not None:
            if before[0] != topic[0]:
                raise StateError(
                    f"the state of partition {self.number} belongs to another topic {name} than the one that is there: "
                    f"it was created anew; {self._remedy}"
                )
            if before[1] != topic[1]:
                raise StateError(
                    f"topic {name} has {topic[1]} partitions, and had {before[1]} when the state of partition "
                    f"{self.number} was written: streams lie elsewhere now; {self._remedy}"
                )
        self.state.topic = topic

    @property
    def _remedy(self) -> str:
        return f"delete topic {self._prefix}{topics.STATE} to start with empty windows"

    def go_on_from(self, out_of_range: OffsetOutOfRange, topic: Topic | None) -> None:
        """Goes on where the log still has records: at its beginning, or at its end where Kafka has lost that.

        Windows that may have lost rows are partial; a snapshot says so before anything else is read of the log's new
        end, where offsets are given again.

        Args:
            out_of_range: what the log holds instead of the offset that must come next.
            topic: id and number of partitions of `inferences` as it is now; None where Kafka does not tell.

        Raises:
            StateError: if it is another log than the state belongs to, or may be one.
        """
        self.check(topic)
        is_cut = out_of_range.end < self.following
        if is_cut and self.state.offset >= 0 and (topic is None or self._is_unnoted):
            raise StateError(
                f"the state of partition {self.number} is at offset {self.state.offset}, but topic "
                f"{self._prefix}{topics.INFERENCES} ends at {out_of_range.end}: it was created anew; {self._remedy}"
            )
        following = out_of_range.end if is_cut else out_of_range.beginning
        lost = abs(following - self.following)
        if self.state.offset >= 0 and lost:
            if is_cut:
                reason = "Kafka lost the end of the log, perhaps by an unclean leader election; there may be more"
                _log.error("records lost", partition=self.number, records=lost, reason=reason)
            else:
                reason = "the topic's retention, or records were deleted"
                _log.error("records expired unread", partition=self.number, records=lost, reason=reason)
            self._counters.lost[self.number] += lost
            self.state.note_gap(lost, following - 1)
        self.following = following

    def steps(self, records: Sequence[Record]) -> Iterator[list[CloudEvent]]:
        """Takes in the next records, in steps; those that the state includes already are passed over.

        Yields:
            Findings on rows, which are to leave at once. No snapshot is taken before the last of them.
        """
        fresh = [record for record in records if record.offset > self.state.offset]
        return self.state.steps(fresh) if fresh else iter(())

    def is_at_end(self, now: float) -> bool:
        """Tells whether the log was read to its end just now.

        Args:
            now: in seconds of the clock on the wall.
        """
        return self.following == self.end and now - self.answered <= _RECENT_SECONDS

    def load(self) -> PartitionFigures:
        """Tells how much the partition has in memory."""
        return PartitionFigures(self.state.streams, self.state.dormant, self.state.state_bytes)

    async def leave(self, findings: Awaitable[None]) -> None:
        """Lets findings on rows leave; a snapshot waits for them. Waits itself while many are on their way.

        Args:
            findings: done once Kafka has acknowledged them all.
        """
        self._leaving.append(asyncio.ensure_future(findings))
        while sum(not each.done() for each in self._leaving) > _MOST_LEAVING:
            await asyncio.wait([each for each in self._leaving if not each.done()], return_when=asyncio.FIRST_COMPLETED)

    def is_due(self, now: float, patience_seconds: float) -> bool:
        """Tells whether a snapshot should be taken: at once for findings and for a gap, in time for anything else.

        The windows of wide models may take many megabytes, and are written whole: the larger the last snapshot was, the
        later comes the next, so that Kafka is not filled with state.
        """
        if self._lock.locked() or not self.state.has_changed:
            return False
        patience_seconds = max(patience_seconds, self._snapshot_bytes / _STATE_BYTES_PER_SECOND)
        return self.state.has_findings or self.state.has_gap or now - self._last_snapshot >= patience_seconds

    async def snapshot(self) -> list[CloudEvent]:
        """Writes all that has happened since the last snapshot, as one transaction; waits for one that is under way.

        Returns:
            The findings that are now in Kafka for good.

        Raises:
            ProducerFenced: if another worker owns the partition now; nothing was written.
            KafkaError: if it failed, or its outcome is unknown.
        """
        async with self._lock:
            if not self.state.has_changed:
                return []
            began = time.monotonic()
            taken, leaving = self._record_limits.snapshot(self.state.take(), self._parts), self._leaving
            self._leaving = []
            self._writing = asyncio.create_task(self._write(taken, leaving))
            await asyncio.wait((self._writing, self._is_closed), return_when=asyncio.FIRST_COMPLETED)
            if not self._writing.done() or self._writing.cancelled():
                raise UnavailableError(f"partition {self.number} was let go while a snapshot was written")
            self._writing.result()
            self._last_snapshot = time.monotonic()
            self._counters.snapshots += 1
            self._snapshot_bytes = sum(len(key) + len(value or b"") for key, value in taken.changes)
            self._counters.snapshot_bytes += self._snapshot_bytes
            self._counters.snapshot_seconds.observe(self._last_snapshot - began)
        return taken.findings

    async def _write(self, taken: Snapshot, leaving: Sequence["asyncio.Future[None]"]) -> None:
        await asyncio.gather(*leaving)
        try:
            async with self._producer.transaction():
                await self._fill(taken)
        except KafkaError:
            _hear_all(self._producer)
            raise

    async def _fill(self, taken: Snapshot) -> None:
        sent = [await self._send(topics.STATE, value, key, [], self.number) for key, value in taken.changes]
        for event in taken.findings:
            headers, body = to_kafka(event)
            sent.append(await self._send(topics.FINDINGS, body, key_of(event), headers))
        sent += [await self._send(one.topic, one.value, one.key, one.headers) for one in taken.dead]
        await asyncio.gather(*sent)
        offsets = {TopicPartition(self._prefix + topics.INFERENCES, self.number): taken.offset + 1}
        await self._producer.send_offsets_to_transaction(offsets, self._group)

    async def _send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: list[tuple[str, bytes]],
        partition: int | None = None,
    ) -> "asyncio.Future[object]":
        """Hands a record to the producer of transactions."""
        sending = self._producer.send(self._prefix + topic, value, key=key, partition=partition, headers=headers)
        return await sent_within(self._record_limits, topic, record_bytes(key, value, headers), sending)

    async def close(self) -> None:
        """Lets go of the partition, without another word to Kafka about its state.

        A transaction under way may end, if it does so soon; nobody needs to know how, since the next owner asks Kafka.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS), self._lock:
                pass
        if not self._is_closed.done():
            self._is_closed.set_result(None)
        rest: list[asyncio.Future[None]] = [*self._leaving, *([self._writing] if self._writing else [])]
        for each in rest:
            each.cancel()
        try:
            await self._producer.stop()
        except KafkaError as error:
            _log.debug("producer stopped", partition=self.number, error=repr(error))
        for each in rest:
            each.cancel()  # once more: what was cancelled in a transaction tries to abort it, and nobody answers now
        await asyncio.gather(*rest, return_exceptions=True)


def _hear_all(producer: AIOKafkaProducer) -> None:
    """Hears of a fatal error wherever aiokafka tells it, since nobody comes to wait for what it tells.

    It tells each batch's sender and whoever would wait for the end of the transaction, besides those who sent.
    """
    accumulator = producer._message_accumulator  # noqa: SLF001
    for batch in chain(*accumulator._batches.values(), accumulator._pending_batches):  # noqa: SLF001
        _hear(batch._drain_waiter)  # noqa: SLF001
    _hear(producer._txn_manager.wait_for_transaction_end())  # noqa: SLF001


def _hear(future: "asyncio.Future[object] | None") -> None:
    """Hears of an error that is told elsewhere as well, so that asyncio does not report it as unheard."""
    if future is not None and future.done() and not future.cancelled():
        future.exception()
