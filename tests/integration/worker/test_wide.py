"""A wide model, such as one of CIFAR's pictures: 3,072 features, whose findings do not fit into Kafka's default record."""

import asyncio
import json
import random
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger.times import SECOND
from tests.integration.stack import eventually, nilometer
from tests.integration.worker.feeding import PARTITIONS, Sent, append, beginning, write_monitors
from tests.integration.worker.working import PATIENCE, Running, Workers
from tests.integration.worker_faults.admin import create_topic

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

FEATURES = 3072
SERVICE = "pictures"
SMALL = 131_072  # of the state, whose window takes three times as much
ROWS = 10


@pytest.fixture(scope="module")
def wide_baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline of as many features as a picture of 32 by 32 points has."""
    directory = tmp_path_factory.mktemp("wide")
    names = np.array([f"pixel_{number:05d}" for number in range(FEATURES)])
    np.savez(directory / "data.npz", X=np.random.default_rng(0).normal(0, 1, (60, FEATURES)).round(3), names=names)
    made = nilometer("baseline", directory, directory / "data.npz", "--out", directory / "baseline").start()
    assert made.wait(timeout_seconds=PATIENCE) == 0, made.output()
    assert "some 1.8 MiB; topics that nilometer creates take 8 MiB" in made.output()
    return directory / "baseline"


@pytest.fixture
def workers(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, wide_baseline: Path) -> Workers:
    """Workers that watch the pictures, with drift of each of their points."""
    drift = "[{name: ks, detector: ks, minRows: 5}]"
    monitors = write_monitors(tmp_path, wide_baseline, [SERVICE], size="2s", delay="3s", drift=drift)
    text = (monitors / f"{SERVICE}.yaml").read_text()
    (monitors / f"{SERVICE}.yaml").write_text(text.replace("min, max]", "min, max, histogram]"))
    return Workers(kafka.bootstrap, topic_prefix, monitors, tmp_path)


def pictures(start: int, window: int, *, shift: float = 0.0) -> Iterator[Sent]:
    """Makes requests of one window, of one picture each."""
    chance = random.Random(window)
    for number in range(ROWS):
        moment = start + window * 2 * SECOND + number * SECOND // 10
        body = json.dumps({"instances": [[round(chance.gauss(shift, 1), 3) for _ in range(FEATURES)]]}).encode()
        yield Sent(f"picture-{window}-{number}", SERVICE, moment, (0.0, 0.0), body)


def send(workers: Workers, start: int, window: int, *, shift: float = 0.0) -> None:
    """Sends the requests of one window."""
    append(workers.kafka, workers.prefix, list(pictures(start, window, shift=shift)))


def closed(workers: Workers, kind: str, count: int) -> list[dict[str, Any]]:
    """Waits for so many findings of a kind, and returns their bodies."""

    def found() -> list[dict[str, Any]]:
        events = [event for event in workers.events("findings") if event["type"] == f"io.nilometer.{kind}"]
        return [json.loads(event.data) for event in events] if len(events) >= count else []

    bodies: list[dict[str, Any]] = eventually(found, f"{count} findings of {kind}", timeout_seconds=PATIENCE)
    return bodies


def test_in_new_topics_findings_are_whole(workers: Workers, running: Running) -> None:
    """Statistics and drift of all columns, more than a megabyte; an outlying row blames a hundred of its features."""
    start = beginning()
    worker = running(workers.make())
    worker.wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
    for window in (0, 1):
        send(workers, start, window)
    send(workers, start, 2, shift=100.0)
    send(workers, start, 5)

    [first, *_] = closed(workers, "statistics", 3)
    assert len(first["features"]) == FEATURES
    assert first["rows"] == ROWS
    assert "shortened" not in first
    [_, _, drifted] = closed(workers, "drift", 3)
    assert drifted["drift"]
    assert len(drifted["features"]) == FEATURES
    outliers = [json.loads(event.data) for event in workers.events("outliers")]
    assert {len(one["features"]) for one in outliers} == {100}
    assert {one["featuresNotShown"] for one in outliers} == {FEATURES - 100}
    assert "finding shortened" not in worker.output()
    worker.wait_for_line(r"drift .*more_features=3052")


def test_in_topics_of_kafkas_default_size_findings_are_shortened(workers: Workers, running: Running) -> None:
    """What drifted most is whole and the rest is counted; the state of a window is in parts, also for the next worker."""
    start, port = beginning(), free_port()
    kafka, prefix = workers.kafka, workers.prefix
    for name in ("inferences", "findings", "outliers"):
        create_topic(kafka, prefix + name, PARTITIONS, {})
    state = {"cleanup.policy": "compact", "max.message.bytes": str(SMALL)}
    create_topic(kafka, prefix + "state", PARTITIONS, state)
    first = running(workers.make())
    first.wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
    send(workers, start, 0)
    send(workers, start, 3)  # closes the first, and is open still
    closed(workers, "statistics", 1)
    first.kill()

    second = running(workers.make("--metrics-port", port))
    second.wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
    send(workers, start, 6, shift=100.0)
    send(workers, start, 9)
    found = closed(workers, "statistics", 3)

    assert [body["rows"] for body in found] == [ROWS] * 3
    for body in found:
        assert body["shortened"]["features"]["columns"] == FEATURES
        assert body["shortened"]["features"]["shown"] == len(body["features"]) > FEATURES // 2
    assert all(len(event.data) < 2**20 for event in workers.events("findings"))
    assert second.output().count("finding shortened") == 1
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        metrics = answer.read().decode()
    assert f'findings_shortened_total{{detector="",monitor="demo/{SERVICE}"}} 2.0' in metrics


def test_a_limit_that_is_lowered_later_stops_nothing(workers: Workers, running: Running) -> None:
    """Kafka refuses what it took before: the worker reads the limits again, and goes on with shorter findings."""
    start = beginning()
    worker = running(workers.make())
    worker.wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
    send(workers, start, 0)
    send(workers, start, 3)
    closed(workers, "statistics", 1)
    asyncio.run(_lower(workers.kafka, [workers.prefix + name for name in ("findings", "outliers", "state")]))
    send(workers, start, 6)
    send(workers, start, 9)
    [whole, *shorter] = closed(workers, "statistics", 3)

    assert len(whole["features"]) == FEATURES
    assert [body["rows"] for body in shorter] == [ROWS] * 2
    assert all(0 < len(body["features"]) < FEATURES for body in shorter)
    worker.wait_for_line("record too large for Kafka")
    worker.check()


async def _lower(kafka: str, names: list[str]) -> None:
    """Makes topics take less than they took when the worker asked."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        configs = {"max.message.bytes": str(SMALL)}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=configs) for name in names]
        await admin.alter_configs(resources)
    finally:
        await admin.close()
