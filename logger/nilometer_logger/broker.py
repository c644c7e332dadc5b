"""The worker's core: Faust drives the partitions, and a snapshot of a partition is one Kafka transaction.

Faust keeps the app, the consumer group and its assignments. The windows are ours (`Partition`), because Faust's own
windowed tables close on the clock of the wall; so are the transactions, because Faust's `exactly_once` has none that
spans a table, an output and an offset. What makes the result exact:

* The transactional id belongs to the partition. A new owner starts its producer first, which fences the former owner
  and aborts its open transaction, and only then restores the state.
* A snapshot takes offset, changes and findings together before its first await, and commits the offset that it took.
* The group's offsets travel in the transaction: the agent acknowledges nothing to Faust.
* Findings on rows leave at once by an idempotent producer. A snapshot waits for their acknowledgement before it
  passes over their rows, so they may repeat after a crash, with the same id, and are never lost.
* A partition that is fenced, or taken away, is dropped at once. Anything else that goes wrong in a transaction leaves
  its outcome unknown, and then the worker starts again from what Kafka has.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import faust
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from nilometer_logger import punctuation, topics
from nilometer_logger.errors import UnavailableError
from nilometer_logger.events import CloudEvent
from nilometer_logger.inferences import Record
from nilometer_logger.kafka import connection, unavailable, why
from nilometer_logger.monitoring import Monitor
from nilometer_logger.ownership import Owned, publish
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.times import SECOND

_log = structlog.get_logger("nilometer.broker")
_TICK_SECONDS = 0.25
# A stream that was told to be quiet is not told again before this has passed: the record is still on its way.
_QUIET_AGAIN_SECONDS = 5.0
_WATCH_SECONDS = 5.0

Observer = Callable[[CloudEvent], None]


class _App(faust.App):
    """An app that keeps nothing on disk, so that a container's root file system can be read-only."""

    def _create_directories(self) -> None:
        """Makes no directories: they would be for tables on disk, and there are none."""


class Broker:
    """Routes the records of `inferences` to the windows and detectors of monitors.

    Args:
        settings: of the worker.
        monitors: all that run.
        observer: called with every finding once it is in Kafka, to log it.
    """

    def __init__(self, settings: WorkerSettings, monitors: Sequence[Monitor], observer: Observer) -> None:
        self._settings = settings
        self._connection = connection(settings)
        self._monitors = monitors
        self._observer = observer
        self._group = f"{settings.topic_prefix}nilometer-worker"
        self._topic = settings.topic_prefix + topics.INFERENCES
        self._opening: dict[int, asyncio.Task[Owned]] = {}
        self._fenced: set[int] = set()
        self._leaving = False
        self._findings_wait = asyncio.Event()
        self._quiet_told: dict[str, float] = {}
        self._outliers: AIOKafkaProducer
        self._log_end: AIOKafkaConsumer
        self._app = self._make_app()

    def _make_app(self) -> faust.App:
        settings = self._settings
        servers = ";".join(f"kafka://{server.strip()}" for server in settings.kafka.split(","))
        app = _App(
            self._group,
            broker=servers,
            broker_credentials=_credentials(self._connection),
            value_serializer="raw",
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            stream_wait_empty=False,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=settings.session_seconds,
            broker_heartbeat_interval=settings.session_seconds / 5,
            # A record may be a megabyte: a short queue is memory enough.
            stream_buffer_maxsize=64,
        )
        inferences = app.topic(self._topic, value_type=bytes, value_serializer="raw")
        app.agent(inferences)(self._route)
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

    async def _run(self, stop: asyncio.Event) -> None:
        async with contextlib.AsyncExitStack() as stack:
            self._outliers = AIOKafkaProducer(**self._connection, enable_idempotence=True, acks="all")
            self._log_end = AIOKafkaConsumer(**self._connection)
            for client in (self._outliers, self._log_end):
                stack.push_async_callback(client.stop)
                await client.start()
            stack.push_async_callback(self._leave)
            await self._app.start()
            stopped = asyncio.create_task(stop.wait())
            crashed = asyncio.create_task(self._app.wait_until_stopped())
            await asyncio.wait((stopped, crashed), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if crashed.done():  # the app itself does not raise what it crashed of
                raise self._app.crash_reason or UnavailableError("Faust stopped by itself")
            crashed.cancel()
            await asyncio.gather(*(self._snapshot(owned) for owned in self._owned()))

    async def _leave(self) -> None:
        self._leaving = True  # the agent may still hold a record, and must not open its partition again
        for number in list(self._opening):
            await self._let_go(number)
        await self._app.stop()

    async def _assigned(self, _app: faust.App, assigned: set[Any], **_: Any) -> None:
        numbers = sorted(tp.partition for tp in assigned if tp.topic == self._topic)
        try:
            owned = [await self._own(number) for number in numbers]
        except Exception as error:  # noqa: BLE001 - Faust would log it and go on without the partition
            await self._fail(error)
            return
        if None not in owned:
            monitors = [monitor.name for monitor in self._monitors]
            _log.info("ready", partitions=numbers, topic=self._topic, monitors=monitors)

    async def _revoked(self, _app: faust.App, revoked: set[Any], **_: Any) -> None:
        # No snapshot here: this is called after an eviction as well, and the next owner may be at work already.
        for number in [tp.partition for tp in revoked if tp.topic == self._topic]:
            self._fenced.discard(number)
            await self._let_go(number)

    async def _own(self, number: int) -> Owned | None:
        """Returns an assigned partition, once its state is restored; None where it has been taken away.

        Faust may hand over the first records before it says that their partition was assigned, so whichever comes
        first opens it.
        """
        if self._leaving or number in self._fenced:
            return None
        if number not in self._opening:
            owned = Owned(self._settings, self._group, number, self._monitors)
            self._opening[number] = asyncio.create_task(owned.open())
        opening = self._opening[number]
        if not opening.done():
            await asyncio.wait((opening,))
        return None if self._opening.get(number) is not opening else opening.result()

    async def _let_go(self, number: int) -> None:
        opening = self._opening.pop(number, None)
        if opening is None:
            return
        opening.cancel()
        await asyncio.wait((opening,))
        if not opening.cancelled() and opening.exception() is None:
            await opening.result().close()

    def _owned(self) -> list[Owned]:
        done = [opening for opening in self._opening.values() if opening.done() and not opening.cancelled()]
        return [opening.result() for opening in done if opening.exception() is None]

    async def _route(self, stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            try:
                if owned := await self._own(message.partition):
                    await self._apply(owned, _record(message))
            except Exception as error:  # noqa: BLE001 - an agent that lets one through loses the record and goes on
                await self._fail(error)
                return

    async def _apply(self, owned: Owned, record: Record) -> None:
        if not owned.expects(record.offset):
            return
        for event in owned.state.apply(record):
            acknowledged = await publish(self._outliers, self._settings.topic_prefix + topics.OUTLIERS, event)
            owned.unacknowledged.append(acknowledged)
            acknowledged.add_done_callback(partial(self._observe, event))
        if owned.state.has_findings:
            self._findings_wait.set()

    def _observe(self, event: CloudEvent, acknowledged: "asyncio.Future[object]") -> None:
        if not acknowledged.cancelled() and acknowledged.exception() is None:
            self._observer(event)

    async def _tick(self) -> None:
        try:
            while not self._app.should_stop:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_SECONDS):
                        await self._findings_wait.wait()
                self._findings_wait.clear()
                await self._snapshot_all(self._settings.snapshot_seconds)
                await self._tell_quiet()
        except Exception as error:  # noqa: BLE001 - a task that ends in silence would stop every snapshot
            await self._fail(error)

    async def _snapshot_all(self, patience_seconds: float) -> None:
        now = time.monotonic()
        due = [owned for owned in self._owned() if owned.is_due(now, patience_seconds)]
        await asyncio.gather(*(self._snapshot(owned) for owned in due))

    async def _snapshot(self, owned: Owned) -> None:
        try:
            for event in await owned.snapshot():
                self._observer(event)
        except ProducerFenced:
            _log.warning("partition lost", partition=owned.number, reason="another worker owns it")
            self._fenced.add(owned.number)
            await self._let_go(owned.number)

    async def _tell_quiet(self) -> None:
        for owned in self._owned():
            now = time.time_ns()
            told = time.monotonic() - _QUIET_AGAIN_SECONDS
            silent = {
                stream: clock
                for stream, clock in owned.state.quiet_streams(now).items()
                if self._quiet_told.get(stream, told) <= told
            }
            # Only a partition that has just been read to its end is quiet; a backlog or an outage closes nothing early.
            if not silent or await self._end(owned.number) != owned.state.offset + 1:
                continue
            await self._outliers.send_and_wait(
                self._topic,
                punctuation.encode(punctuation.Quiet(silent)),
                partition=owned.number,
                headers=[("content-type", punctuation.CONTENT_TYPE.encode())],
            )
            self._quiet_told = {**self._quiet_told, **dict.fromkeys(silent, time.monotonic())}

    async def _watch_kafka(self) -> None:
        """Says when Kafka is away and back: its clients try by themselves, and say nothing that a person can use."""
        away = ""
        while not self._app.should_stop:
            try:
                async with asyncio.timeout(_WATCH_SECONDS):
                    await self._log_end.topics()
            except (KafkaError, OSError) as error:
                reason = str(await why(self._settings, error))
                if reason != away:
                    _log.error("waiting for Kafka", reason=reason)
                away = reason
            else:
                if away:
                    _log.info("Kafka is back", kafka=self._settings.kafka)
                away = ""
            await asyncio.sleep(_WATCH_SECONDS)

    async def _end(self, number: int) -> int:
        partition = TopicPartition(self._topic, number)
        ends = await self._log_end.end_offsets([partition])
        end: int = ends[partition]
        return end

    async def _fail(self, error: BaseException) -> None:
        if isinstance(error, KafkaError):
            error = unavailable(self._settings.kafka, error)
        self._app._crash(error)  # noqa: SLF001 - `crash` does the same and prints a traceback of its own


def _credentials(given: dict[str, Any]) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """Makes what Faust gives to its own clients of what ours are given."""
    tls = given.get("ssl_context")
    if "sasl_mechanism" in given:
        user, password = given["sasl_plain_username"], given["sasl_plain_password"]
        return faust.SASLCredentials(
            mechanism=given["sasl_mechanism"], username=user, password=password, ssl_context=tls
        )
    return None if tls is None else faust.SSLCredentials(tls)


def _record(message: Any) -> Record:
    headers = message.headers.items() if isinstance(message.headers, dict) else message.headers or ()
    timestamp = round(message.timestamp * 1000) * (SECOND // 1000)
    return Record(message.topic, message.partition, message.offset, timestamp, list(headers), message.value)
