"""A partition that this worker owns: its state, the producer of its transactions, and what must be acknowledged.

The order in `open` is the order of exactness: the transactional producer first, because starting it fences the former
owner and aborts its open transaction; then the state, read with `read_committed` until the *position* reaches the end,
since the last offsets are control records that no poll ever returns.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Self

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from nilometer_logger import topics
from nilometer_logger.errors import StateError, UnavailableError
from nilometer_logger.events import CloudEvent, to_kafka
from nilometer_logger.kafka import connection
from nilometer_logger.monitoring import Monitor
from nilometer_logger.partition import Partition
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.snapshots import Change, Snapshot
from nilometer_logger.times import SECOND

_log = structlog.get_logger("nilometer.partition")
_POLL_MILLISECONDS = 200
# The state of a window may be larger than Kafka's default of 1 MiB for a message; the topic is created with this limit.
MAX_STATE_BYTES = 16 * 2**20


async def publish(producer: AIOKafkaProducer, topic: str, event: CloudEvent) -> "asyncio.Future[object]":
    """Hands a finding to a producer, in Kafka binary content mode, keyed by its stream.

    Returns:
        A future that is done once Kafka has acknowledged.
    """
    headers, body = to_kafka(event)
    key = event.attributes.get("partitionkey", "").encode()
    future: asyncio.Future[object] = await producer.send(topic, body, key=key, headers=headers)
    return future


class Owned:
    """One owned partition.

    Args:
        settings: of the worker.
        group: the consumer group, which also names the transactions.
        number: of the partition.
        monitors: all that run.

    Attributes:
        state: its windows.
        unacknowledged: findings on rows that are on their way to Kafka.
    """

    def __init__(self, settings: WorkerSettings, group: str, number: int, monitors: Sequence[Monitor]) -> None:
        self.number = number
        self.state = Partition(monitors, int(settings.future_seconds * SECOND))
        self.unacknowledged: list[asyncio.Future[object]] = []
        self._connection = connection(settings)
        self._prefix = settings.topic_prefix
        self._group = group
        self._lock = asyncio.Lock()
        self._last_snapshot = time.monotonic()
        self._next: int | None = None
        self._producer = AIOKafkaProducer(
            **self._connection,
            transactional_id=f"{group}-{number}",
            max_request_size=MAX_STATE_BYTES,
        )

    async def open(self) -> Self:
        """Fences the former owner and restores the state.

        Raises:
            StateError: if the state does not fit the log.
        """
        began = time.monotonic()
        try:
            await self._producer.start()
            self.state.restore(await self._read_state())
            self._next = await self._first_unread()
        except BaseException:
            await self.close()
            raise
        seconds = round(time.monotonic() - began, 3)
        _log.info("partition restored", partition=self.number, offset=self.state.offset, seconds=seconds)
        return self

    async def _read_state(self) -> list[Change]:
        partition = TopicPartition(self._prefix + topics.STATE, self.number)
        changes: list[Change] = []
        reader = AIOKafkaConsumer(
            **self._connection,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await reader.start()
        try:
            reader.assign([partition])
            end = (await reader.end_offsets([partition]))[partition]
            reader.seek(partition, (await reader.beginning_offsets([partition]))[partition])
            while await reader.position(partition) < end:
                for records in (await reader.getmany(partition, timeout_ms=_POLL_MILLISECONDS)).values():
                    changes.extend((record.key, record.value) for record in records)
        finally:
            await reader.stop()
        return changes

    async def _first_unread(self) -> int | None:
        """Finds the record that must come first; None where an empty state may begin anywhere."""
        if self.state.offset < 0:
            return None
        partition = TopicPartition(self._prefix + topics.INFERENCES, self.number)
        reader = AIOKafkaConsumer(**self._connection)
        await reader.start()
        try:
            beginning: int = (await reader.beginning_offsets([partition]))[partition]
            end: int = (await reader.end_offsets([partition]))[partition]
        finally:
            await reader.stop()
        following = self.state.offset + 1
        if following > end:
            raise StateError(
                f"the state of partition {self.number} is at offset {self.state.offset}, but topic "
                f"{partition.topic} ends at {end}: it was created anew; delete topic "
                f"{self._prefix}{topics.STATE} to start with empty windows"
            )
        if beginning > following:
            missing = beginning - following
            _log.error("records expired unread", partition=self.number, records=missing, reason="the topic's retention")
        return max(following, beginning)

    def expects(self, offset: int) -> bool:
        """Tells whether a record is the next one; records that the state includes already are passed over.

        Raises:
            UnavailableError: if records before it were never seen: going on would lose them, starting again does not.
        """
        if offset <= self.state.offset:
            return False
        if self._next is not None and offset > self._next:
            missing = offset - self._next
            raise UnavailableError(
                f"partition {self.number}: {missing} records before offset {offset} were not handed over"
            )
        self._next = offset + 1
        return True

    def is_due(self, now: float, patience_seconds: float) -> bool:
        """Tells whether a snapshot should be taken: at once for findings, in time for anything else."""
        if self._lock.locked() or not self.state.has_changed:
            return False
        return self.state.has_findings or now - self._last_snapshot >= patience_seconds

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
            taken, outliers = self.state.take(), self.unacknowledged
            self.unacknowledged = []
            await asyncio.gather(*outliers)
            async with self._producer.transaction():
                await self._write(taken)
            self._last_snapshot = time.monotonic()
        return taken.findings

    async def _write(self, taken: Snapshot) -> None:
        producer, prefix = self._producer, self._prefix
        sent = [
            await producer.send(prefix + topics.STATE, value, key=key, partition=self.number)
            for key, value in taken.changes
        ]
        sent += [await publish(producer, prefix + topics.FINDINGS, event) for event in taken.findings]
        sent += [
            await producer.send(prefix + message.topic, message.value, key=message.key, headers=message.headers)
            for message in taken.dead
        ]
        await asyncio.gather(*sent)
        offsets = {TopicPartition(prefix + topics.INFERENCES, self.number): taken.offset + 1}
        await producer.send_offsets_to_transaction(offsets, self._group)

    async def close(self) -> None:
        """Lets go of the partition, without another word to Kafka about its state."""
        try:
            await self._producer.stop()
        except KafkaError as error:
            _log.debug("producer stopped", partition=self.number, error=repr(error))
