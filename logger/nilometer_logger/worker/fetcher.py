"""Reading the log in bulk: what Faust's consumer has fetched goes to the partitions by the hundreds.

Faust keeps the app, the consumer group, the assignments and the heartbeats, in a thread of its own. Its way from there
to an agent handles every record by itself, which costs more than all that is done with a small one; so a service of
ours stands in for its fetcher, and takes the lists of records as they are.

The position is ours as well. A look at the log names, for each partition, the offset that must come first, and where
the consumer stands elsewhere (at what the group committed, at the log's beginning after an offset that is gone) it is
moved there before anything is taken. Positions are compared and records are taken without an await in between, so what
is handed over begins where it was asked for, whatever the group does meanwhile. A gap in the offsets behind that point
is Kafka's own: markers of transactions, which no consumer is given.

Nothing is asked for before the last of it has been taken in, and the client fetches only so far ahead, so a backlog
waits in Kafka and not in memory. Where records come fast (`fetch_rate`), Kafka gathers them for a moment.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import faust
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError
from faust.exceptions import ConsumerNotStarted
from mode import Service

from nilometer_logger.decoding.inferences import Record
from nilometer_logger.worker.fetch_rate import FetchRate

# What is taken in at a time, before anything else may run: some tens of milliseconds.
MOST_RECORDS = 500
MOST_BYTES = 2 * 2**20
# How long a look waits for the first record; a partition that is opened meanwhile is read after that.
_PATIENCE_SECONDS = 0.2
# Kafka answers a fetch as soon as it has so many bytes, and after so many milliseconds with what it has.
_AT_ONCE = (1, 500)
_GATHERED = (256 * 2**10, 20)


@dataclass(frozen=True)
class Fetched:
    """What a look at the log found of a partition.

    Attributes:
        number: of the partition.
        wanted: the offset that was asked for. Who wants another by now must not take the records.
        records: from there on; maybe none.
        following: the offset that comes after them.
        end: where the log ended when Kafka answered last; None before it has.
        answered: when that was, in seconds of the clock on the wall.
    """

    number: int
    wanted: int
    records: Sequence[ConsumerRecord]
    following: int
    end: int | None
    answered: float


@dataclass(frozen=True)
class OffsetOutOfRange:
    """A partition whose log does not hold the offset that was asked for, but only these, the end not included."""

    number: int
    wanted: int
    beginning: int
    end: int


class Reads(Protocol):
    """Whose partitions are read."""

    def wanted(self) -> Mapping[int, int]:
        """Tells which partitions are to be read, and the offset that must come next of each."""

    async def take(self, fetched: Fetched) -> None:
        """Takes in what was found."""

    async def go_on_from(self, out_of_range: OffsetOutOfRange) -> None:
        """Decides where to go on when the offset that must come next is not there."""

    def fail(self, error: BaseException) -> None:
        """Ends the run."""


class Fetcher(Service):
    """Stands in for Faust's fetcher, which starts and stops it.

    Args:
        app: whose consumer is read.
        reads: who takes the records.
        topic: which.
        arguments: what Faust gives to a service.
    """

    def __init__(self, app: faust.App, *, reads: Reads, topic: str, **arguments: Any) -> None:
        self.app = app
        self._reads = reads
        self._topic = topic
        self._rate = FetchRate()
        super().__init__(**arguments)

    async def on_start(self) -> None:
        """Begins to read."""
        self.add_future(self._read())

    async def _read(self) -> None:
        try:
            while not self.should_stop:
                await self._poll()
        except (ConsumerStoppedError, ConsumerNotStarted) as error:
            if not (self.should_stop or self.app.should_stop):
                self._reads.fail(error)
        except Exception as error:  # noqa: BLE001 - Faust would log it and read no more
            self._reads.fail(error)

    async def _poll(self) -> None:
        wanted = {TopicPartition(self._topic, number): offset for number, offset in self._reads.wanted().items()}
        if not wanted:
            await asyncio.sleep(_PATIENCE_SECONDS)
            return
        thread = self.app.consumer._thread  # noqa: SLF001 - Faust has no other way to lists of records
        consumer = thread._ensure_consumer()  # noqa: SLF001
        findings = await thread.call_thread(poll, consumer, wanted, gathered=self._rate.many)
        self._rate.saw(sum(len(found.records) for found in findings if isinstance(found, Fetched)))
        for found in findings:
            if isinstance(found, OffsetOutOfRange):
                await self._reads.go_on_from(found)
            else:
                await self._reads.take(found)


async def poll(
    consumer: AIOKafkaConsumer, wanted: Mapping[TopicPartition, int], *, gathered: bool = False
) -> Sequence[Fetched | OffsetOutOfRange]:
    """Takes what a consumer has fetched, and waits a moment for something if there is nothing; runs in its thread.

    Args:
        consumer: of a group.
        wanted: the offset that must come first, by partition; partitions that are not assigned are left out.
        gathered: whether Kafka may hold the next records back for a moment, to hand over several.

    Raises:
        KafkaError: if Kafka refuses.
    """
    assignment = _assignment(consumer)
    states = {tp: state for tp in wanted if assignment and (state := assignment.state_value(tp))}
    if not states:
        await asyncio.sleep(_PATIENCE_SECONDS)
        return []
    if off_position := [tp for tp, state in states.items() if _is_off_position(state, wanted[tp])]:
        placed = [await _place(consumer, tp, wanted[tp]) for tp in off_position]
        return [out_of_range for out_of_range in placed if out_of_range]
    ready = [tp for tp, state in states.items() if state.has_valid_position]
    _asks_for(consumer, _GATHERED if gathered else _AT_ONCE)  # from the next fetch on, which follows on taking these
    records = await consumer.getmany(*ready, timeout_ms=0, max_records=MOST_RECORDS) if ready else {}
    found = [_fetched(tp, wanted[tp], records.get(tp, ()), states[tp]) for tp in ready]
    if not records:
        await _something_new(consumer)
    return found


def _asks_for(consumer: AIOKafkaConsumer, bounds: tuple[int, int]) -> None:
    fetcher = consumer._fetcher  # noqa: SLF001 - a consumer's bounds are for life, and ours follow the traffic
    fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms = bounds  # noqa: SLF001


def _fetched(partition: TopicPartition, wanted: int, records: Sequence[ConsumerRecord], state: Any) -> Fetched:
    return Fetched(partition.partition, wanted, records, state.position, state.highwater, (state.timestamp or 0) / 1000)


def _assignment(consumer: AIOKafkaConsumer) -> Any:
    """Returns where the consumer stands; None while the group is being assigned anew, when there is nothing to take."""
    subscriptions = consumer._subscription  # noqa: SLF001 - `position` of the client waits, and we must not
    if subscriptions.subscription is None or subscriptions.reassignment_in_progress:
        return None
    assignment = subscriptions.subscription.assignment
    return assignment if assignment is not None and assignment.active else None


def _is_off_position(state: Any, offset: int) -> bool:
    # One that is being reset was at an offset that the log does not have; where it lands tells what is there instead.
    return not state.awaiting_reset if not state.has_valid_position else state.position != offset


async def _place(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> OffsetOutOfRange | None:
    beginning = (await consumer.beginning_offsets([partition]))[partition]
    end = (await consumer.end_offsets([partition]))[partition]
    if not beginning <= offset <= end:
        return OffsetOutOfRange(partition.partition, offset, beginning, end)
    try:
        consumer.seek(partition, offset)
    except IllegalStateError:  # taken away meanwhile
        return None
    return None


async def _something_new(consumer: AIOKafkaConsumer) -> None:
    waiter = consumer._fetcher._create_fetch_waiter()  # noqa: SLF001 - `getmany` would hand over what it waited for
    done, _ = await asyncio.wait([waiter], timeout=_PATIENCE_SECONDS)
    if done:
        waiter.result()
    else:
        waiter.cancel()


def chunks(records: Sequence[ConsumerRecord], most: int = MOST_RECORDS) -> Iterator[list[Record]]:
    """Cuts records into lists of bounded size, each of at least one.

    Args:
        records: as they were fetched.
        most: how many there may be in a list.
    """
    chunk: list[Record] = []
    size = 0
    for each in records:
        length = len(each.value or b"")
        if chunk and (size + length > MOST_BYTES or len(chunk) >= most):
            yield chunk
            chunk, size = [], 0
        chunk.append(Record.read(each))
        size += length
    if chunk:
        yield chunk
