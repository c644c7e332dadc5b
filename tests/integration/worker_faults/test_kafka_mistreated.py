"""Kafka dies, stands still, compacts the state and forgets the group's offsets: every window is found once all the same."""

import os
import signal
import time
from itertools import pairwise

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from tests.integration.reading import records_of
from tests.integration.stack import eventually
from tests.integration.worker.feeding import PARTITIONS
from tests.integration.worker_faults import admin
from tests.integration.worker_faults.report import Record
from tests.integration.worker_faults.scale import LONG, SHORT
from tests.integration.worker_faults.workers import PATIENCE, Make

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

STILL_SECONDS = 45  # a request times out after 40
COMPACTED = {
    "cleanup.policy": "compact",
    "segment.ms": "200",
    "segment.bytes": "1048576",  # the least that Kafka takes
    "min.cleanable.dirty.ratio": "0.001",
    "delete.retention.ms": "200",
    "max.message.bytes": str(16 * 2**20),
}


@pytest.mark.faults
def test_kafka_dies_under_load(make: Make, mortal: EmbeddedKafka, record: Record) -> None:
    """SIGKILL of Kafka: the workers wait for it, and go on."""
    workers = make()
    with workers.traffic(LONG) as traffic:
        worker = workers.start()
        workers.wait_for_progress(worker, 0)
        for _ in range(LONG.rounds):
            mortal.kill()
            mortal.start()
            workers.wait_for_progress(worker, workers.progress())
    workers.close_all(traffic.sent)

    row = workers.account("Kafka killed", LONG.rounds, traffic.sent)
    record(row)
    assert row.kept, row


@pytest.mark.faults
def test_kafka_stands_still(make: Make, mortal: EmbeddedKafka, record: Record) -> None:
    """SIGSTOP of Kafka until produce requests and commits have timed out: their outcome is not guessed."""
    workers = make()
    with workers.traffic(LONG) as traffic:
        worker = workers.start()
        workers.wait_for_progress(worker, 0)
        traffic.wait(more=1000)  # so that there are snapshots before, and one is under way
        os.kill(mortal.pid, signal.SIGSTOP)
        try:
            time.sleep(STILL_SECONDS)  # how long the fault lasts
        finally:
            os.kill(mortal.pid, signal.SIGCONT)
        workers.wait_for_progress(worker, workers.progress())
    workers.close_all(traffic.sent)

    row = workers.account(f"Kafka still for {STILL_SECONDS} s", 1, traffic.sent)
    record(row)
    assert row.kept, row


@pytest.mark.faults
def test_a_compacted_state_is_the_same_state(make: Make, record: Record) -> None:
    """Kafka has thrown away what later snapshots replaced, tombstones too: a worker that restores it goes on."""
    workers = make()
    state = f"{workers.prefix}state"
    admin.create_topic(workers.kafka, state, PARTITIONS, COMPACTED)
    with workers.traffic(LONG) as traffic:
        for _ in range(LONG.rounds):
            worker = workers.start()
            known = _thrown_away(workers.kafka, state)
            eventually(
                lambda known=known: _thrown_away(workers.kafka, state) > known, "compaction", timeout_seconds=PATIENCE
            )
            worker.kill()
        workers.start()
    workers.close_all(traffic.sent)

    row = workers.account("state compacted, worker killed", LONG.rounds, traffic.sent)
    record(row)
    assert row.kept, row


def _thrown_away(kafka: str, topic: str) -> int:
    """Counts the records that a compacted topic does not have any more; between two of them lies at most one marker."""
    offsets: dict[int, list[int]] = {}
    for found in records_of(kafka, topic):
        offsets.setdefault(found.partition, [0]).append(found.offset)
    gaps = [after - before - 1 for each in offsets.values() for before, after in pairwise(each)]
    return sum(gap for gap in gaps if gap > 2)


def test_the_groups_offsets_are_lost(make: Make, record: Record) -> None:
    """The state knows which records it holds: they are read again, and nothing is counted twice."""
    workers = make()
    with workers.traffic(SHORT, events=1000) as traffic:
        worker = workers.start()
        workers.wait_for_progress(worker, 0)
        traffic.wait(more=300)
    workers.wait_until_done()
    worker.stop(grace_seconds=60)
    assert worker.wait() == 0
    admin.delete_group(workers.kafka, workers.group)
    assert admin.committed(workers.kafka, workers.group, f"{workers.prefix}inferences") == {}
    workers.start()
    workers.close_all(traffic.sent)

    row = workers.account("the group's offsets deleted", 1, traffic.sent)
    record(row)
    assert row.kept, row
