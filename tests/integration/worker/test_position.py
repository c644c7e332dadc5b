"""Where a worker goes on: where its state ends, whatever others have done to the group's offsets or to the log."""

import asyncio
import re

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from nilometer_logger.cloudevents import BATCH_CONTENT_TYPE
from tests.integration.reading import records_of
from tests.integration.stack import eventually
from tests.integration.worker.feeding import Sent, append, beginning, expected_windows, last_words, services
from tests.integration.worker.working import PATIENCE, Make, Running, Workers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def last_record(workers: Workers) -> ConsumerRecord:
    """Returns the last record of events; all lie in the partition of the one stream."""
    records = records_of(workers.kafka, f"{workers.prefix}inferences")
    return [each for each in records if dict(each.headers)["content-type"] == BATCH_CONTENT_TYPE.encode()][-1]


def commit(workers: Workers, partition: int, offset: int) -> None:
    """Commits an offset for the workers' group, none of which runs."""

    async def run() -> None:
        tp = TopicPartition(f"{workers.prefix}inferences", partition)
        group = f"{workers.prefix}nilometer-worker"
        async with AIOKafkaConsumer(
            bootstrap_servers=workers.kafka, group_id=group, enable_auto_commit=False
        ) as consumer:
            consumer.assign([tp])
            await consumer.commit({tp: offset})

    asyncio.run(run())


def expire(workers: Workers, partition: int, before: int) -> None:
    """Deletes the records before an offset, as retention does."""

    async def run() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=workers.kafka)
        await admin.start()
        await admin.delete_records({TopicPartition(f"{workers.prefix}inferences", partition): RecordsToDelete(before)})
        await admin.close()

    asyncio.run(run())


@pytest.mark.parametrize("moved", [-9, 9])
def test_where_the_group_committed_does_not_matter(make: Make, running: Running, moved: int) -> None:
    """Offsets of the group that were set back or forth neither repeat a row nor lose one."""
    [service], start = services(1), beginning()
    workers = make([service])
    before = [Sent(f"before-{number}", service, start + number, (float(number), 20.0)) for number in range(20)]
    after = [Sent(f"after-{number}", service, start + number, (float(number), 21.0)) for number in range(20)]
    outlier = Sent("outlier", service, start + 30, (1000.0, 20.0))

    first = running(workers.make())
    append(workers.kafka, workers.prefix, [*before, outlier], together=1)
    eventually(workers.outliers, "the outlier, which is read last", timeout_seconds=PATIENCE)
    first.stop(grace_seconds=60)
    last = last_record(workers)
    append(workers.kafka, workers.prefix, [*after, *last_words(start, 20, [service])], together=1)
    commit(workers, last.partition, last.offset + 1 + moved)

    second = running(workers.make())
    eventually(workers.windows, "the window", timeout_seconds=PATIENCE)
    second.stop(grace_seconds=60)

    assert workers.columns() == expected_windows([*before, outlier, *after])
    assert "Traceback" not in first.output() + second.output()
    assert "expired" not in second.output()


def test_records_that_expired_are_told_and_the_worker_goes_on(make: Make, running: Running) -> None:
    """A line and the window say how many records nobody has read; the window has the rows that are left."""
    [service], start = services(1), beginning()
    workers = make([service])
    before = Sent("before", service, start, (1000.0, 20.0))
    lost = [Sent(f"lost-{number}", service, start, (11.0, 20.0)) for number in range(7)]
    after = Sent("after", service, start, (12.0, 20.0))

    first = running(workers.make())
    append(workers.kafka, workers.prefix, [before])
    eventually(workers.outliers, "the outlier", timeout_seconds=PATIENCE)
    first.stop(grace_seconds=60)
    read = last_record(workers)
    append(workers.kafka, workers.prefix, lost, together=1)
    last = last_record(workers)
    append(workers.kafka, workers.prefix, [after, *last_words(start, 20, [service])])
    expire(workers, last.partition, last.offset + 1)

    second = running(workers.make())
    eventually(workers.windows, "the window", timeout_seconds=PATIENCE)
    second.stop(grace_seconds=60)

    assert workers.columns() == expected_windows([before, after])
    [(_, window), *_] = workers.windows()
    [told] = re.findall(r"records expired unread +partition=(\d+) +records=(\d+)", second.output())
    # What the worker itself had written to the log after the first event may have been read, or not.
    assert len(lost) <= int(told[1]) <= last.offset - read.offset
    assert (window["partial"], window["lostRecords"]) == (True, int(told[1]))
    assert "Traceback" not in second.output()
