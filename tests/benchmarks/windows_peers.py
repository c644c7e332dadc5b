"""What the worker is measured beside, each in a process of its own that tells its CPU time.

- `consumer`: a bare aiokafka consumer that reads the same topic and decodes the same rows, without windows.
- `faust`: an app with Faust's own tumbling table, which counts events, one a record, by the time of the record.

`python -m tests.benchmarks.windows_peers consumer|faust KAFKA TOPIC COUNT` prints CPU seconds and what was counted; the
count of the first is of records, that of the second of events.
"""

import asyncio
import contextlib
import gc
import json
import os
import sys
import tempfile
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from nilometer_logger.cloudevents.kserve import stream_text
from nilometer_logger.decoding.inferences import Record, halves_of, read_inferences
from nilometer_logger.times import SECOND

_FUTURE = 300 * SECOND
_FETCH_BYTES = 16 * 2**20
_WARM = 200  # events that Faust takes before it is measured
_WINDOW_SECONDS = 15.0


async def _consume(kafka: str, topic: str, count: int) -> tuple[float, int]:
    """Reads records and decodes all their events."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=_FETCH_BYTES,
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        read = decoded = 0
        began = time.process_time()
        while read < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                read += len(records)
                decoded += sum(_decode(record) for record in records)
        return time.process_time() - began, decoded
    finally:
        await consumer.stop()


def _decode(found: Any) -> int:
    record = Record(found.topic, found.partition, found.offset, found.timestamp * 1_000_000, found.headers, found.value)
    halves, _ = halves_of(record, stream_text)
    return len(read_inferences(halves, record, _FUTURE).inferences)


def _count_with_faust(kafka: str, topic: str, count: int) -> None:
    """Counts events in Faust's own windowed table, and prints as soon as the last one has been counted."""
    import faust  # noqa: PLC0415 - slow, and the consumer does without

    app: Any = faust.App(
        f"{topic}-app",
        broker=f"kafka://{kafka}",
        web_enabled=False,
        topic_partitions=1,
        worker_redirect_stdouts=False,
        datadir=tempfile.mkdtemp(),
    )
    events: Any = app.topic(topic, value_serializer="json")
    table: Any = app.Table("counts", default=int, partitions=1).tumbling(_WINDOW_SECONDS, expires=3600.0)
    seen, began = 0, 0.0

    async def counting(stream: Any) -> None:
        nonlocal seen, began
        async for event in stream:
            table[event["stream"]] += 1
            seen += 1
            if seen == _WARM:
                began = time.process_time()
            if seen == count:
                _say(time.process_time() - began, count - _WARM)
                os._exit(0)  # a worker of Faust leaves its group slowly, and nobody waits for it here

    app.agent(events)(counting)
    sys.argv = [sys.argv[0], "worker", "-l", "error", "--without-web"]
    with contextlib.suppress(SystemExit):
        app.main()


async def fill(kafka: str, topic: str, values: Any, headers: Any = None) -> None:
    """Puts records into partition 0 of a topic.

    Args:
        kafka: bootstrap servers.
        topic: that is there.
        values: time in nanoseconds and value of each record.
        headers: of every record.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, enable_idempotence=True, max_request_size=2**20, max_batch_size=2**18
    )
    await producer.start()
    try:
        waiting: list[Any] = []
        for at, value in values:
            waiting.append(
                await producer.send(topic, value, partition=0, headers=headers, timestamp_ms=at // 1_000_000)
            )
            if len(waiting) >= 256:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


def _say(seconds: float, count: int) -> None:
    # Past whatever Faust has put in the place of sys.stdout.
    os.write(1, b"\n%b\n" % json.dumps({"cpu_seconds": seconds, "count": count}).encode())


def main() -> None:
    """Runs what the command line names."""
    kind, kafka, topic, count = sys.argv[1:]
    if kind == "consumer":
        gc.disable()
        _say(*asyncio.run(_consume(kafka, topic, int(count))))
    else:
        _count_with_faust(kafka, topic, int(count))


if __name__ == "__main__":
    main()
