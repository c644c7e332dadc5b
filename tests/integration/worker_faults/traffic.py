"""Events that never end, always the same ones, and a thread that appends them at a pace, whatever happens to Kafka."""

import asyncio
import random
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer

from nilometer_logger import topics
from nilometer_logger.cloudevents import BATCH_HEADERS, CloudEvent, encode_batch
from nilometer_logger.cloudevents.kserve import stream_of
from nilometer_logger.ingest.journal import partition_of
from nilometer_logger.kafka import topic_admin
from nilometer_logger.settings import Topics
from nilometer_logger.times import SECOND
from tests.integration.stack import eventually
from tests.integration.worker.feeding import PARTITIONS, TOO_LARGE, Sent

STEP = SECOND // 50  # of event time, from one event to the next
_DISORDER = 130  # events that change places, by less event time than the watermark is delayed
_LATE_EVERY = 251
_LATE = 60 * SECOND
_OUTLIER_EVERY = 97
_TOGETHER = 20
# A producer that gives up does not know what was taken: this one waits for Kafka as long as any test lasts.
_PATIENCE_MILLISECONDS = 600_000


def endless(start: int, among: Sequence[str]) -> Iterator[Sent]:
    """Makes requests, out of order by less than the delay; some are outliers, and some hopelessly late."""
    chance, number = random.Random(3), 0
    while True:
        chunk = []
        for _ in range(_DISORDER):
            moment = start + number * STEP - (_LATE if is_late(number) else 0)
            x = TOO_LARGE if number % _OUTLIER_EVERY == 50 else chance.gauss(10, 1)
            chunk.append(Sent(f"request-{number}", among[number % len(among)], moment, (x, chance.gauss(20, 2))))
            number += 1
        chance.shuffle(chunk)
        yield from chunk


def is_late(number: int) -> bool:
    """Tells whether the event of a number comes after its window has closed."""
    return number % _LATE_EVERY == _LATE_EVERY - 1


async def append(
    producer: AIOKafkaProducer, prefix: str, events: Sequence[CloudEvent], *, stamp: int | None = None
) -> None:
    """Appends events to `inferences`, those of a partition as one record; returns once Kafka has them all.

    Args:
        producer: of anything.
        prefix: of the topic.
        events: to append.
        stamp: the record's timestamp in nanoseconds; now, if None.
    """
    records: dict[int, list[CloudEvent]] = {}
    for event in events:
        records.setdefault(partition_of(stream_of(event.attributes), PARTITIONS), []).append(event)
    sent = [
        await producer.send(
            prefix + topics.INFERENCES,
            encode_batch(batch),
            partition=number,
            headers=BATCH_HEADERS,
            timestamp_ms=None if stamp is None else stamp // 1_000_000,
        )
        for number, batch in records.items()
    ]
    await asyncio.gather(*sent)


def append_now(
    kafka: str, prefix: str, sent: Sequence[Sent], *, together: int = _TOGETHER, stamp: int | None = None
) -> None:
    """Makes the topic if it is not there, and appends requests, some to a record; see `append`."""

    async def appending() -> None:
        await topic_admin.ensure(Topics(kafka=kafka, topic_prefix=prefix, partitions=PARTITIONS), ())
        async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True) as producer:
            for first in range(0, len(sent), together):
                events = [one.event for one in sent[first : first + together]]
                await append(producer, prefix, events, stamp=stamp)

    asyncio.run(appending())


class Traffic:
    """Appends endless requests from a thread, until it is left.

    Args:
        kafka: bootstrap servers.
        prefix: of the topic.
        start: the event time of the first.
        among: the services.
        pace: events a second.
        least: how many are sent in any case; the last ones as fast as Kafka takes them.

    Attributes:
        sent: what Kafka has acknowledged, in the order of each partition's log.
    """

    def __init__(self, kafka: str, prefix: str, start: int, among: Sequence[str], *, pace: float, least: int) -> None:
        self.sent: list[Sent] = []
        self._requests = endless(start, among)
        self._address = kafka, prefix
        self._pace = pace
        self._least = least
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="traffic", daemon=True)

    def wait(self, more: int) -> None:
        """Waits until so many more events are in Kafka."""
        wanted = len(self.sent) + more
        eventually(lambda: self._checked() and len(self.sent) >= wanted, f"{more} more events", timeout_seconds=120)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        if error is not None:
            self._least = 0
        self._thread.join(timeout=120)
        if error is None:
            assert not self._thread.is_alive(), "Kafka takes no more events"
            self._checked()

    def _checked(self) -> bool:
        if self._failure is not None:
            raise self._failure
        return True

    def _work(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001 - raised again where the test is
            self._failure = error

    async def _run(self) -> None:
        kafka, prefix = self._address
        await topic_admin.ensure(Topics(kafka=kafka, topic_prefix=prefix, partitions=PARTITIONS), ())
        async with AIOKafkaProducer(
            bootstrap_servers=kafka, enable_idempotence=True, request_timeout_ms=_PATIENCE_MILLISECONDS
        ) as producer:
            while not self._stopped.is_set() or len(self.sent) < self._least:
                batch = list(islice(self._requests, _TOGETHER))
                await append(producer, prefix, [one.event for one in batch])
                self.sent += batch
                if not self._stopped.is_set():
                    await asyncio.sleep(_TOGETHER / self._pace)
