"""Events that stand in other topics, such as a KafkaSink's or a Knative Kafka Broker's, go to `inferences`, by stream.

There they lie in whatever partition their own key or none chose: the request and the response of an inference may lie
apart. Here they are read and appended like those that come by HTTP. Several loggers share the partitions. The events of
a partition are appended in its order, and its offset is committed only when Kafka has acknowledged all of them:
whatever dies in between, an event comes once more rather than not at all, and is the same event then (`external_records`).

The HTTP ingress lives in the same process, and KServe's workers wait for it. So the intake has room of its own in the
journal, waits when that is full, and lets others run in between. It has no deadline: a Kafka that is away is waited for.

A record that is no CloudEvent, or an event that is too large, is a dead letter, and Kafka has that too before anything
is committed.
"""

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import structlog
from aiokafka import AIOKafkaProducer

from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.deadletters import HEADROOM_BYTES, MOST_BYTES, dead_letter
from nilometer_logger.errors import SettingError, TooLargeError, UnavailableError
from nilometer_logger.ingest.batch_producer import BatchProducer
from nilometer_logger.ingest.external_records import Unusable, open_record
from nilometer_logger.ingest.journal import Journal
from nilometer_logger.kafka import retrying, topic_admin
from nilometer_logger.kafka.consumer_group import Batches, ConsumerGroup, Offsets, consuming, producing_letters
from nilometer_logger.metrics import Metrics
from nilometer_logger.settings import LoggerSettings, names

_log = structlog.get_logger("nilometer.intake")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
_OURS = (topics.INFERENCES, topics.DEAD, topics.STATE, topics.FINDINGS, topics.OUTLIERS)
# The most in hand at once: what a turn reads, and what of it waits for Kafka. Short turns cost nothing worth telling, and
# the ingress answers beside them as if it were alone; with five times as many records it takes four times as long.
_MOST_RECORDS = 100
_HELD_EVENTS = 2000
_HELD_BYTES = 4 * 2**20
_BREATH_BYTES = 16 * 2**10
_FOR_EVER_SECONDS = 10.0 * 365 * 86_400
_TELL_SECONDS = 10.0

Appended = tuple[CloudEvent, str, asyncio.Future[None]]


def sources(settings: LoggerSettings) -> tuple[str, ...]:
    """Returns the topics to read; none where nobody named any.

    Raises:
        SettingError: if one of them cannot be read, or must not be.
    """
    found = tuple(dict.fromkeys(names(settings.from_topic)))
    for name in found:
        if not _NAME.fullmatch(name):
            raise SettingError(f"--from-topic names {name!r}, but a topic's name has letters, digits and . _ - only")
        if name in [settings.topic_prefix + own for own in _OURS]:
            raise SettingError(f"--from-topic names {name}, which Nilometer writes itself: name a topic of others")
    return found


class TopicSource:
    """Reads other topics, until it is told to stop.

    Args:
        settings: of the logger.
        producing: writes to `inferences`.
        metrics: counts the records by what became of them: taken, skipped (of other namespaces,
            or another Nilometer's punctuation) or dead.

    Attributes:
        journal: its own.
    """

    def __init__(self, settings: LoggerSettings, producing: BatchProducer, metrics: Metrics) -> None:
        self._settings = settings
        self._sources = sources(settings)
        self._namespaces = frozenset(names(settings.namespaces))
        self._metrics = metrics
        bounds = replace(
            settings,
            max_held_events=_HELD_EVENTS,
            max_held_bytes=max(_HELD_BYTES, settings.max_event_bytes),
            max_held_seconds=_FOR_EVER_SECONDS,
            max_linger_seconds=0.0,
        )
        self.journal = Journal(producing, bounds, metrics)
        self._letters: AIOKafkaProducer
        self._most_letter_bytes = MOST_BYTES
        self._untold = 0
        self._tell_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Reads until `stop` is set; then finishes what it has in hand, commits it and leaves the group.

        A Kafka or a topic that is away is waited for. Whoever cancels it loses nothing: what was not committed comes
        again.
        """
        with contextlib.suppress(UnavailableError):  # it was told to stop while it waited
            await retrying(lambda: self._read(stop), "events in other topics", stop)

    async def _read(self, stop: asyncio.Event) -> None:
        settings = self._settings
        await topic_admin.ensure(settings, (topics.DEAD,))
        dead = settings.topic_prefix + topics.DEAD
        limit = await topic_admin.max_message_bytes(settings, dead)
        self._most_letter_bytes = min(MOST_BYTES, limit - HEADROOM_BYTES)
        group = f"{settings.topic_prefix}nilometer-logger"
        async with producing_letters(settings) as self._letters, consuming(settings, group) as consumer:
            _log.info("reading", topics=",".join(self._sources), group=group)
            await ConsumerGroup(consumer, self._sources).turns(self._take, _MOST_RECORDS, stop)

    async def _take(self, batches: Batches) -> Offsets:
        """Appends the events of some records, and returns when Kafka has them all."""
        appended: list[Appended] = []
        unusable: list[Unusable] = []
        outcomes: Counter[str] = Counter()
        size = 0
        for record in (record for records in batches.values() for record in records):
            opened = open_record(record, self._namespaces)
            for event, position in opened.events:
                try:
                    appended.append((event, position, await self._append(event)))
                except TooLargeError as error:
                    opened.unusable.append(Unusable.too_large(error, event, position))
            unusable += opened.unusable
            outcomes["dead" if opened.unusable else "taken" if opened.events else "skipped"] += 1
            size += len(record.value or b"")
            if size > _BREATH_BYTES:
                size = 0
                await asyncio.sleep(0)  # the ingress has its turn
        unusable += await _acknowledged(appended)
        await self._set_aside(unusable)
        self._metrics.intake.update(outcomes)
        return {partition: records[-1].offset + 1 for partition, records in batches.items()}

    async def _append(self, event: CloudEvent) -> asyncio.Future[None]:
        while True:
            try:
                return self.journal.append(event)
            except UnavailableError:  # the room is full, of what we put there ourselves
                await self.journal.drain()

    async def _set_aside(self, unusable: Sequence[Unusable]) -> None:
        if not unusable:
            return
        name = self._settings.topic_prefix + topics.DEAD
        sent: list[asyncio.Future[object]] = []
        for one in unusable:
            letter = dead_letter(one.reason, one.position, one.headers, one.value, self._most_letter_bytes)
            sent.append(await self._letters.send(name, letter.value, headers=letter.headers))
        await asyncio.gather(*sent)
        self._untold += len(unusable)
        if time.monotonic() >= self._tell_at:
            first = unusable[0]
            _log.warning("events set aside", count=self._untold, position=first.position, reason=first.reason)
            self._untold, self._tell_at = 0, time.monotonic() + _TELL_SECONDS


async def _acknowledged(appended: Sequence[Appended]) -> list[Unusable]:
    """Waits until Kafka has all events; returns those that it finds too large.

    Raises:
        UnavailableError: if it has refused one, so that all must be read again.
    """
    results = await asyncio.gather(*(future for _, _, future in appended), return_exceptions=True)
    unusable: list[Unusable] = []
    for (event, position, _), result in zip(appended, results, strict=True):
        if isinstance(result, TooLargeError):
            unusable.append(Unusable.too_large(result, event, position))
        elif isinstance(result, BaseException):
            raise result
    return unusable
