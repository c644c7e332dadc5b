"""The worker's core: Faust drives the partitions, and a snapshot of a partition is one Kafka transaction.

Faust keeps the app, the consumer group and its assignments. The windows are ours (`Partition`), because Faust's own
windowed tables close on the clock of the wall; so are the transactions, because Faust's `exactly_once` has none that
spans a table, an output and an offset. What makes the result exact:

* The transactional id belongs to the partition. A new owner starts its producer first, which fences the former owner
  and aborts its open transaction, and only then restores the state.
* A snapshot takes offset, changes and findings together before its first await, and commits the offset that it took.
* What is read follows from the state, and not from what the group has committed (`fetcher`); the group's offsets travel
  in the transaction, for those who look at its lag.
* Findings on rows leave at once by an idempotent producer. A snapshot waits for their acknowledgement before it
  passes over their rows, so they may repeat after a crash, with the same id, and are never lost.
* A partition that is fenced, or taken away, is dropped at once. Anything else that goes wrong in a transaction leaves
  its outcome unknown, and then the worker starts again from what Kafka has.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import faust
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, ProducerFenced

from nilometer_logger import topics
from nilometer_logger.cloudevents import PUNCTUATION_HEADERS, CloudEvent, to_kafka
from nilometer_logger.engine import punctuation
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.errors import StateError, UnavailableError
from nilometer_logger.kafka import connection, unavailable, why
from nilometer_logger.kafka.topic_ids import topic_of
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.worker.counters import WorkerCounters
from nilometer_logger.worker.faust_app import make_app
from nilometer_logger.worker.fetcher import Fetched, OffsetOutOfRange, chunks
from nilometer_logger.worker.owned_partition import OwnedPartition, key_of, sent_within
from nilometer_logger.worker.record_limits import RecordLimits, record_bytes

_log = structlog.get_logger("nilometer.broker")
_TICK_SECONDS = 0.25
_WATCH_SECONDS = 5.0
# A partition that is opened has a client of its own to read the state with.
_OPENED_AT_ONCE = 4
_MOST_WAITING_BYTES = 8 * 2**20

Observer = Callable[[CloudEvent], None]


class StreamProcessor:
    """Routes the records of `inferences` to the windows and detectors of monitors.

    Args:
        settings: of the worker.
        monitors: all that are loaded.
        observer: called with every finding once it is in Kafka, to log it.
        counters: what is counted; nobody's where none are given.
        record_limits: makes what is written fit into its topics.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        monitors: Sequence[Monitor],
        observer: Observer,
        counters: WorkerCounters | None = None,
        record_limits: RecordLimits | None = None,
    ) -> None:
        self._settings = settings
        self._connection = connection(settings)
        self._monitors = monitors
        self._observer = observer
        self._counters = counters or WorkerCounters()
        self._record_limits = record_limits or RecordLimits(counters=self._counters)
        self._group = f"{settings.topic_prefix}nilometer-worker"
        self._topic = settings.topic_prefix + topics.INFERENCES
        self._opening: dict[int, asyncio.Task[OwnedPartition]] = {}
        self._fenced: set[int] = set()
        self._some_at_once = asyncio.Semaphore(_OPENED_AT_ONCE)
        self._leaving = False
        self._findings_wait = asyncio.Event()
        self._producer: AIOKafkaProducer
        self._client: AIOKafkaClient
        self._app = self._make_app()

    def _make_app(self) -> faust.App:
        app = make_app(self._settings, self._group, self._topic, self)
        app.on_partitions_assigned.connect(self._assigned)
        app.on_partitions_revoked.connect(self._revoked)
        app.task(self._tick)
        app.task(self._watch_kafka)
        return app

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set; then takes a last snapshot and leaves the group.

        Raises:
            UnavailableError: if Kafka failed in a way that leaves a transaction's outcome unknown; run it again.
            StateError: if the state does not fit the log.
        """
        try:
            await self._run(stop)
        except (KafkaError, OSError) as error:
            raise unavailable(self._settings.kafka, error) from error
        finally:
            self._counters.kafka = self._counters.kafka or "Kafka is not connected"

    async def _run(self, stop: asyncio.Event) -> None:
        async with contextlib.AsyncExitStack() as stack:
            self._producer = AIOKafkaProducer(
                **self._connection, enable_idempotence=True, acks="all", max_request_size=self._record_limits.largest
            )
            stack.push_async_callback(self._producer.stop)
            await self._producer.start()
            self._client = AIOKafkaClient(**self._connection)
            stack.push_async_callback(self._client.close)
            await self._client.bootstrap()
            self._counters.kafka = ""
            stack.push_async_callback(self._leave)
            await self._app.start()
            stopped = asyncio.create_task(stop.wait())
            crashed = asyncio.create_task(self._app.wait_until_stopped())
            await asyncio.wait((stopped, crashed), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if crashed.done():  # the app itself does not raise what it crashed of
                raise self._app.crash_reason or UnavailableError("Faust stopped by itself")
            crashed.cancel()
            self._leaving = True
            await asyncio.gather(*(self._snapshot(owned) for owned in self._owned()))

    async def _leave(self) -> None:
        self._leaving = True
        for number in list(self._opening):
            await self._let_go(number)
        self._counters.assigned = None
        await self._app.stop()

    def configure(self, monitors: Sequence[Monitor]) -> None:
        """Takes what is loaded from now on; each partition runs it once its log says so."""
        self._monitors = monitors
        for owned in self._owned():
            owned.state.configure(monitors)

    async def _assigned(self, _app: faust.App, assigned: set[Any], **_: Any) -> None:
        numbers = sorted(tp.partition for tp in assigned if tp.topic == self._topic)
        self._counters.assigned = frozenset(numbers)
        try:
            owned = await asyncio.gather(*(self._own(number) for number in numbers))
        except Exception as error:  # noqa: BLE001 - Faust would log it and go on without the partition
            self.fail(error)
            return
        if None not in owned:
            monitors = [monitor.name for monitor in self._monitors]
            _log.info("ready", partitions=numbers, topic=self._topic, monitors=monitors)

    async def _revoked(self, _app: faust.App, revoked: set[Any], **_: Any) -> None:
        # No snapshot here: this is called after an eviction as well, and the next owner may be at work already.
        for number in [tp.partition for tp in revoked if tp.topic == self._topic]:
            self._fenced.discard(number)
            await self._let_go(number)

    async def _own(self, number: int) -> OwnedPartition | None:
        """Returns an assigned partition, once its state is restored; None where it has been taken away."""
        if self._leaving or number in self._fenced:
            return None
        if number not in self._opening:
            self._opening[number] = asyncio.create_task(self._open(number))
        opening = self._opening[number]
        await asyncio.wait((opening,))
        return None if self._opening.get(number) is not opening else opening.result()

    async def _open(self, number: int) -> OwnedPartition:
        async with self._some_at_once:
            topic = await topic_of(self._client, self._topic)
            owned = await OwnedPartition(
                self._settings, self._group, number, self._monitors, self._counters, record_limits=self._record_limits
            ).open(topic)
        owned.state.configure(self._monitors)  # which may have changed meanwhile
        self._counters.opened(number, owned.state.counters)
        self._counters.loads[number] = owned.load
        return owned

    async def _let_go(self, number: int) -> None:
        opening = self._opening.pop(number, None)
        if opening is None:
            return
        self._counters.let_go(number)
        opening.cancel()
        await asyncio.wait((opening,))
        if not opening.cancelled() and opening.exception() is None:
            await opening.result().close()

    def _held(self, number: int) -> OwnedPartition | None:
        opening = self._opening.get(number)
        if opening is None or not opening.done() or opening.cancelled() or opening.exception():
            return None
        return opening.result()

    def _owned(self) -> list[OwnedPartition]:
        return [owned for number in list(self._opening) if (owned := self._held(number))]

    def wanted(self) -> Mapping[int, int]:
        """Tells which partitions are to be read, and the offset that must come next of each."""
        return {} if self._leaving else {owned.number: owned.following for owned in self._owned()}

    async def take(self, fetched: Fetched) -> None:
        """Takes in records, a bounded number at a time, so that heartbeats and snapshots have their turns."""
        owned = self._held(fetched.number)
        if owned is None or owned.following != fetched.wanted:  # taken away, and maybe given back, meanwhile
            return
        owned.end, owned.answered = fetched.end, fetched.answered
        for chunk in chunks(fetched.records, owned.state.records_at_once):
            if self._leaving or self._held(fetched.number) is not owned:
                return
            for outliers in owned.steps(chunk):
                if outliers:
                    await owned.leave(self._publish(outliers))
                await asyncio.sleep(0)
                if self._leaving or self._held(fetched.number) is not owned:
                    return
            owned.following = chunk[-1].offset + 1
            if owned.state.has_findings:
                self._findings_wait.set()
            if owned.state.waiting_bytes > _MOST_WAITING_BYTES:  # a snapshot takes it away before more is added
                await self._snapshot(owned)
        owned.following = fetched.following
        if owned.end is not None and self._held(fetched.number) is owned:
            self._counters.lag[owned.number] = max(owned.end - owned.following, 0)

    async def _publish(self, outliers: Sequence[CloudEvent]) -> None:
        fitted = [self._record_limits.finding(topics.OUTLIERS, event) for event in outliers]
        await asyncio.gather(*[await self._send_outlier(event) for event in fitted])
        for event in fitted:
            self._observer(event)

    async def _send_outlier(self, event: CloudEvent) -> "asyncio.Future[object]":
        headers, body = to_kafka(event)
        key, topic = key_of(event), topics.OUTLIERS
        sending = self._producer.send(self._settings.topic_prefix + topic, body, key=key, headers=headers)
        return await sent_within(self._record_limits, topic, record_bytes(key, body, headers), sending)

    async def go_on_from(self, out_of_range: OffsetOutOfRange) -> None:
        """Decides where to go on when the offset that must come next is not there.

        Raises:
            StateError: if the log is another one.
        """
        try:
            async with asyncio.timeout(_WATCH_SECONDS):
                topic = await topic_of(self._client, self._topic)
        except (KafkaError, OSError, UnavailableError):
            return  # who watches Kafka says why, and the next look finds the same
        owned = self._held(out_of_range.number)
        if owned and owned.following == out_of_range.wanted:
            owned.go_on_from(out_of_range, topic)
            await self._snapshot(owned)

    async def _tick(self) -> None:
        try:
            while not self._app.should_stop:
                with contextlib.suppress(TimeoutError):  # then it is time for a look, findings or not
                    async with asyncio.timeout(_TICK_SECONDS):
                        await self._findings_wait.wait()
                self._findings_wait.clear()
                await self._snapshot_all(self._settings.snapshot_seconds)
                await self._tell()
        except Exception as error:  # noqa: BLE001 - a task that ends in silence would stop every snapshot
            self.fail(error)

    async def _snapshot_all(self, patience_seconds: float) -> None:
        now = time.monotonic()
        due = [owned for owned in self._owned() if owned.is_due(now, patience_seconds)]
        await asyncio.gather(*(self._snapshot(owned) for owned in due))

    async def _snapshot(self, owned: OwnedPartition) -> None:
        try:
            for event in await owned.snapshot():
                self._observer(event)
        except (KafkaError, UnavailableError) as error:
            if self._held(owned.number) is not owned:  # its next owner, maybe we ourselves, goes on from what Kafka has
                _log.debug("snapshot dropped", partition=owned.number, error=repr(error))
                return
            if not isinstance(error, ProducerFenced):
                raise
            _log.warning("partition lost", partition=owned.number, reason="another worker owns it")
            self._counters.fenced += 1
            self._fenced.add(owned.number)
            await self._let_go(owned.number)

    async def _tell(self) -> None:
        """Writes into the log what a clock or a file says."""
        for owned in self._owned():
            wanted = owned.state.punctuations(time.time_ns())
            is_at_end = owned.is_at_end(time.time())
            for due in owned.pending_punctuation.due(wanted, time.monotonic(), is_at_end=is_at_end):
                await self._producer.send_and_wait(
                    self._topic,
                    punctuation.encode(due),
                    partition=owned.number,
                    headers=PUNCTUATION_HEADERS,
                )

    async def _watch_kafka(self) -> None:
        """Says when Kafka is away and back, which its clients keep to themselves; and looks whose topic is there."""
        try:
            while not self._app.should_stop:
                await self._look_at_kafka()
                await asyncio.sleep(_WATCH_SECONDS)
        except StateError as error:
            self.fail(error)

    async def _look_at_kafka(self) -> None:
        try:
            async with asyncio.timeout(_WATCH_SECONDS):
                topic = await topic_of(self._client, self._topic)
        except (KafkaError, OSError) as error:
            self._say_away(str(await why(self._settings, error)))
        except UnavailableError as error:
            self._say_away(str(error))
        else:
            if self._counters.kafka:
                _log.info("Kafka is back", kafka=self._settings.kafka)
            self._counters.kafka = ""
            for owned in self._owned():
                owned.check(topic)

    def _say_away(self, reason: str) -> None:
        if reason != self._counters.kafka:
            _log.error("waiting for Kafka", reason=reason)
        self._counters.kafka = reason

    def fail(self, error: BaseException) -> None:
        """Ends the run."""
        if isinstance(error, KafkaError):
            error = unavailable(self._settings.kafka, error)
        self._app._crash(error)  # noqa: SLF001 - `crash` does the same and prints a traceback of its own
