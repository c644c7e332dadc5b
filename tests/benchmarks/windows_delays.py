"""How long findings take: inferences of now, one a record, through the real worker.

An outlier's way is from the append of its request to its finding, as a reader of topic `outliers` sees it. What closing
adds is from the append of the event that moves the watermark past a window's end to the finding, as a reader of
committed records of topic `findings` sees it: a snapshot's transaction is part of that. The size of windows and the
`watermarkDelay` come on top, whatever we do.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from nilometer_logger import topics
from nilometer_logger.cloudevents import from_kafka
from nilometer_logger.times import SECOND, parse_time
from tests.benchmarks.plan import percentile
from tests.benchmarks.servers import Bench
from tests.benchmarks.windows_traffic import HEADERS, Traffic, write_monitor
from tests.benchmarks.windows_worker import READY, create, new_prefix, reading, worker

_DELAY = SECOND // 2
_WINDOWS = "{size: 1s, watermarkDelay: 500ms}"
_EVERY_ROW = ("outliers:", "- {name: range, detector: zscore, threshold: 0.0001}")
_RATE = 40.0
_GRACE_SECONDS = 2.0


@dataclass
class Delays:
    """How long findings took, in milliseconds.

    Attributes:
        outliers: of rows.
        closing: of windows.
    """

    outliers: list[float] = field(default_factory=list)
    closing: list[float] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Makes the lines of the table."""
        return [
            f"{name:<52}p50 {percentile(found, 0.5):6.1f} ms   p75 {percentile(found, 0.75):6.1f} ms   "
            f"p99 {percentile(found, 0.99):6.1f} ms   of {len(found)}"
            for name, found in (
                ("an outlier: from its append to its finding", self.outliers),
                ("closing a window: from the event that does it", self.closing),
            )
        ]


@dataclass(frozen=True)
class _Sent:
    time: int  # of the request's event
    last: int  # of the response's event
    at: float


async def delays(bench: Bench, directory: Path, inferences: int) -> Delays:
    """Sends inferences, each of them an outlier, at a steady rate, and waits for what comes of them."""
    monitors = write_monitor(directory / "delays" / "monitors", windows=_WINDOWS, more=_EVERY_ROW).parent
    prefix = new_prefix(bench)
    inputs, findings, outliers = (prefix + name for name in (topics.INFERENCES, topics.FINDINGS, topics.OUTLIERS))
    await create(bench.kafka, inputs, findings, outliers)
    seen: dict[str, list[tuple[int, float]]] = {findings: [], outliers: []}
    with worker(bench, prefix, monitors) as process:
        process.wait_for_line(READY)
        async with reading(bench, findings) as first, reading(bench, outliers) as second:
            readers = [
                asyncio.create_task(_read(first, seen[findings])),
                asyncio.create_task(_read(second, seen[outliers])),
            ]
            sent = await _send(bench.kafka, inputs, inferences)
            await asyncio.sleep(_GRACE_SECONDS)
            for reader in readers:
                reader.cancel()
    return _matched(sent, seen[outliers], seen[findings])


async def _send(kafka: str, topic: str, inferences: int) -> list[_Sent]:
    sent: list[_Sent] = []
    producer = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True)
    await producer.start()
    try:
        began = time.monotonic()
        for number in range(inferences):
            [(at, value)] = list(Traffic(1, record=2, start=time.time_ns()).values())
            sent.append(_Sent(at, at + SECOND // 50, time.monotonic()))
            await producer.send_and_wait(topic, value, partition=0, headers=HEADERS)
            await asyncio.sleep(max(0.0, began + (number + 1) / _RATE - time.monotonic()))
    finally:
        await producer.stop()
    return sent


async def _read(consumer: AIOKafkaConsumer, seen: list[tuple[int, float]]) -> None:
    async for record in consumer:
        at = time.monotonic()
        seen.append((parse_time(from_kafka(record.headers, record.value)["time"]), at))


def _matched(
    sent: Sequence[_Sent], outliers: Sequence[tuple[int, float]], findings: Sequence[tuple[int, float]]
) -> Delays:
    """Matches findings with what caused them, by the times that they carry."""
    found = Delays()
    by_time = {each.time: each.at for each in sent}
    found.outliers = [1000 * (at - by_time[of]) for of, at in outliers if of in by_time]
    for end, at in findings:
        cause = next((each.at for each in sent if each.last >= end + _DELAY), None)
        if cause is not None:
            found.closing.append(1000 * (at - cause))
    return found
