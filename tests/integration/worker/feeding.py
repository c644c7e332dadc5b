"""Inferences for a worker: made up, appended to `inferences` as the logger does, and what must be found of them."""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import REQUEST
from nilometer_logger.ingest.batch_producer import open_batch_producer
from nilometer_logger.ingest.journal import Journal
from nilometer_logger.kafka import topic_admin
from nilometer_logger.metrics import Metrics
from nilometer_logger.settings import LoggerSettings, Topics
from nilometer_logger.times import SECOND, format_time
from tests.integration.stack import nilometer

PARTITIONS = 4
TOO_LARGE = 1000.0
SIZE = 2 * SECOND  # of the windows
# Far enough ahead of the clock that no stream is quiet while a test goes on, and within the bound of the future.
_AHEAD = 150 * SECOND


@dataclass(frozen=True)
class Sent:
    """A request of one row."""

    id: str
    service: str
    time: int
    values: tuple[float, float]
    body: bytes | None = None

    @property
    def event(self) -> CloudEvent:
        """The event that KServe logs of it."""
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "source": "http://localhost:9081/",
            "type": REQUEST,
            "time": format_time(self.time),
            "namespace": "demo",
            "inferenceservicename": self.service,
            "component": "predictor",
        }
        body = json.dumps({"instances": [self.values]}).encode() if self.body is None else self.body
        return CloudEvent(attributes, body)


def services(count: int) -> list[str]:
    """Returns the names of some services, whose streams lie in several partitions."""
    return [f"service-{number}" for number in range(count)]


def make_baseline(directory: Path) -> Path:
    """Makes a baseline of two columns, x around 10 and y around 20, with `nilometer baseline`."""
    chance = random.Random(1)
    lines = [f"{chance.gauss(10, 1)},{chance.gauss(20, 2)}" for _ in range(500)]
    (directory / "data.csv").write_text("\n".join(["x,y", *lines]))
    made = nilometer("baseline", directory, directory / "data.csv", "--out", directory / "baseline").start()
    assert made.wait() == 0, made.output()
    return directory / "baseline"


def write_monitors(
    directory: Path, baseline: Path, watched: Sequence[str], *, size: str, delay: str, drift: str = "[]"
) -> Path:
    """Writes a monitor for each service, and returns their directory."""
    monitors = directory / "monitors"
    monitors.mkdir()
    for service in watched:
        (monitors / f"{service}.yaml").write_text(f"""\
apiVersion: nilometer.io/v1alpha1
kind: ModelMonitor
metadata: {{name: {service}, namespace: demo}}
spec:
  stream: {{inferenceService: {service}, component: predictor}}
  baseline: {{path: {baseline}}}
  windows: {{size: {size}, watermarkDelay: {delay}}}
  statistics: [count, mean, stddev, min, max]
  outliers:
  - {{name: range, detector: zscore, threshold: 20}}
  drift: {drift}
""")
    return monitors


def make_traffic(start: int, seconds: int, count: int, among: Sequence[str]) -> list[Sent]:
    """Makes requests, evenly over some seconds, out of order by up to two; one in a hundred is an outlier."""
    chance = random.Random(2)
    made = []
    for number in range(count):
        moment = start + number * seconds * SECOND // count
        x = TOO_LARGE if number % 100 == 50 else chance.gauss(10, 1)
        disorder = chance.randrange(2 * SECOND)
        sent = Sent(f"request-{number}", among[number % len(among)], moment, (x, chance.gauss(20, 2)))
        made.append((moment + disorder, sent))
    return [sent for _, sent in sorted(made, key=lambda pair: pair[0])]


def append(kafka: str, prefix: str, sent: Sequence[Sent], *, together: int = 5) -> None:
    """Appends requests to `inferences`, a few to a record, as the logger does; makes the topic if it is not there."""
    asyncio.run(_append(kafka, prefix, [one.event for one in sent], together))


def append_foreign(
    kafka: str, prefix: str, values: Sequence[bytes], headers: Sequence[tuple[str, bytes | None]]
) -> None:
    """Writes another producer's records into every partition of `inferences`; makes the topic if it is not there."""

    async def write() -> None:
        count = await topic_admin.ensure(
            Topics(kafka=kafka, topic_prefix=prefix, partitions=PARTITIONS), (topics.INFERENCES,)
        )
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            for partition in range(count):
                for value in values:
                    topic = prefix + topics.INFERENCES
                    await producer.send_and_wait(topic, value, partition=partition, headers=list(headers))

    asyncio.run(write())


def recreate_inferences(kafka: str, prefix: str) -> None:
    """Deletes the topic `inferences` and makes it again, empty."""
    topic = prefix + topics.INFERENCES

    async def recreate() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        try:
            await admin.delete_topics([topic])
            while topic in await admin.list_topics():
                pass  # deleted a moment later; each look is a request
            await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
            while topic not in await admin.list_topics():
                pass  # a broker shows it a moment after the controller has made it
        finally:
            await admin.close()

    asyncio.run(recreate())


async def _append(kafka: str, prefix: str, events: Sequence[CloudEvent], together: int) -> None:
    settings = LoggerSettings(kafka=kafka, topic_prefix=prefix, partitions=PARTITIONS)
    producing = await open_batch_producer(settings)
    try:
        journal = Journal(producing, settings, Metrics(0))
        for first in range(0, len(events), together):
            await journal.append_all(events[first : first + together])
    finally:
        await producing.close()


@dataclass(frozen=True)
class Column:
    """What is known of one column of one window."""

    count: int
    mean: float
    least: float
    most: float


def beginning() -> int:
    """Returns a time ahead of now, at the start of a window."""
    return (time.time_ns() + _AHEAD) // SIZE * SIZE


def last_words(start: int, seconds: int, among: Sequence[str]) -> list[Sent]:
    """Returns a request to each service, so much later than all others that it closes every window of theirs."""
    return [Sent(f"last-{service}", service, start + seconds * SECOND, (10.0, 20.0)) for service in among]


def expected_windows(sent: Sequence[Sent], size: int = SIZE) -> dict[tuple[str, int], dict[str, Column]]:
    """Computes, from what was sent, what must be found: by service and start of the window, by column."""
    values: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for one in sent:
        values[one.service, one.time - one.time % size].append(one.values)
    return {
        window: {name: _column([row[place] for row in rows]) for place, name in enumerate("xy")}
        for window, rows in values.items()
    }


def _column(values: list[float]) -> Column:
    return Column(len(values), sum(values) / len(values), min(values), max(values))
