"""What windows cost in the real worker, which reads a real Kafka: the CPU time of its process.

Progress is read from the worker's snapshots in topic `state`, each of which holds the offset of the last record taken
in; its CPU time is read whenever one comes. Of two such marks the difference counts, so that the start is no part of it.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from nilometer_detectors.demo.stack.processes import Process
from nilometer_logger import topics
from tests.benchmarks import machine
from tests.benchmarks.servers import Bench
from tests.benchmarks.windows_peers import fill
from tests.benchmarks.windows_traffic import HEADERS, Traffic
from tests.integration.stack import nilometer

_PARTITION = msgspec.msgpack.encode(["partition"])
READY = r"\bready\b"
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Mark:
    """What was known when a snapshot came.

    Attributes:
        offset: of the last record that it includes.
        cpu: CPU seconds that the worker had used.
        wall: monotonic seconds.
    """

    offset: int
    cpu: float
    wall: float


def new_prefix(bench: Bench) -> str:
    """Returns a prefix for the topics of one more worker."""
    return f"bench-{next(bench.numbers)}-"


async def create(kafka: str, *names: str) -> None:
    """Creates topics of one partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1) for name in names])
    finally:
        await admin.close()


async def filled(bench: Bench, traffic: Traffic) -> str:
    """Fills a topic `inferences` of one partition, and returns its prefix."""
    prefix = new_prefix(bench)
    await create(bench.kafka, prefix + topics.INFERENCES)
    await fill(bench.kafka, prefix + topics.INFERENCES, traffic.values(), HEADERS)
    return prefix


@contextmanager
def worker(bench: Bench, prefix: str, monitors: Path, *arguments: str) -> Iterator[Process]:
    """Runs `nilometer worker` on a core of its own, from its start on."""
    common = ("--kafka", bench.kafka, "--topic-prefix", prefix, "--partitions", "1", "--metrics-port", "0")
    process = nilometer("worker", bench.directory, *common, "--monitors", monitors, *arguments)
    process.log = bench.directory / f"{prefix}worker.log"
    with machine.on(machine.server_cores()):
        process.start()
    try:
        yield process
    finally:
        process.stop()


@asynccontextmanager
async def reading(bench: Bench, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Reads the committed records of partition 0 of a topic, from the beginning."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bench.kafka, group_id=None, isolation_level="read_committed", fetch_max_wait_ms=20
    )
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        yield consumer
    finally:
        await consumer.stop()


async def marks(bench: Bench, prefix: str, process: Process, last: int) -> list[Mark]:
    """Reads snapshots until one includes the record with offset `last`."""
    found: list[Mark] = []
    deadline = time.monotonic() + _PATIENCE_SECONDS
    async with reading(bench, prefix + topics.STATE) as consumer:
        while not found or found[-1].offset < last:
            process.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the worker stands at {found[-1:]} and not at {last}:\n{process.output()[-2000:]}")
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    if record.key == _PARTITION:
                        offset = msgspec.msgpack.decode(record.value)[1]
                        found.append(Mark(offset, machine.cpu_seconds(process.pid), time.monotonic()))
    return found


async def from_a_full_topic(bench: Bench, monitors: Path, traffic: Traffic) -> tuple[float, float]:
    """Tells CPU µs an inference, and inferences a second, of a worker that finds a full topic.

    The first part, up to the first snapshot, is the start; where there is no other, the start is part of the figure.
    """
    prefix = await filled(bench, traffic)
    with worker(bench, prefix, monitors) as process:
        process.wait_for_line(READY)
        began = Mark(-1, machine.cpu_seconds(process.pid), time.monotonic())
        found = [began, *await marks(bench, prefix, process, traffic.records - 1)]
    first, last = found[0], next(mark for mark in found if mark.offset >= traffic.records - 1)
    if len(found) > 2 and found[1].offset < last.offset // 2:
        first = found[1]
    inferences = (last.offset - first.offset) * traffic.record / 2
    return 1e6 * (last.cpu - first.cpu) / inferences, inferences / (last.wall - first.wall)
