"""Nilometer's own three processes and a model server, started as a user starts them."""

import asyncio
import json
import random
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from nilometer_detectors.demo.iris import FEATURES, flowers, write_training_set
from nilometer_detectors.demo.stack.processes import Process, free_port
from nilometer_logger.cloudevents import CloudEvent, decode_batch, from_kafka, kind_of

_POLL_SECONDS = 0.1
_PER_SECOND = 100
_CM_PER_INCH = 2.54


def nilometer(name: str, directory: Path, *arguments: object, env: Mapping[str, str] | None = None) -> Process:
    """Makes the process of a `nilometer` command; its log is in the directory."""
    argv = [sys.executable, "-m", "nilometer_detectors", name, *(str(argument) for argument in arguments)]
    return Process(f"nilometer {name}", argv, log=directory / f"{name}.log", env=env)


def model_server(directory: Path, port: int) -> Process:
    """Makes the process of KServe's model server with the iris model."""
    argv = [sys.executable, "-m", "nilometer_detectors.demo.model_server", "--port", str(port)]
    return Process("model server", argv, log=directory / "model-server.log")


def make_baseline(directory: Path) -> Path:
    """Makes a baseline of the iris flowers with `nilometer baseline`, and returns its directory."""
    data, out = directory / "iris.csv", directory / "baseline"
    write_training_set(data)
    arguments = (data, "--out", out, "--prediction", "class", "--categorical", "class")
    process = nilometer("baseline", directory, *arguments).start()
    assert process.wait() == 0, process.output()
    return out


def write_monitor(directory: Path, baseline: Path, *, size: str, drift: Sequence[str]) -> Path:
    """Writes the monitor demo/iris into a directory of monitors, and returns that."""
    monitors = directory / "monitors"
    monitors.mkdir()
    lines = "\n".join(f"  - {entry}" for entry in drift)
    (monitors / "iris.yaml").write_text(f"""\
apiVersion: nilometer.io/v1alpha1
kind: ModelMonitor
metadata: {{name: iris, namespace: demo}}
spec:
  stream: {{inferenceService: iris, component: predictor}}
  baseline: {{path: {baseline}}}
  windows: {{size: {size}, watermarkDelay: 1s}}
  statistics: [count, mean, stddev, min, max, histogram]
  outliers:
  - {{name: range, detector: zscore, threshold: 20}}
  drift:
{lines}
""")
    return monitors


class Stack:
    """Logger, worker and delivery on one Kafka, under one prefix.

    Args:
        kafka: bootstrap servers.
        prefix: of all topics.
        directory: for logs.
        monitors: the worker's directory of monitors.
        sink: where delivery sends to.
    """

    def __init__(self, kafka: str, prefix: str, directory: Path, monitors: Path, sink: str) -> None:
        self.port = free_port()
        common = ("--kafka", kafka, "--topic-prefix", prefix)
        self.logger = nilometer("logger", directory, *common, "--port", self.port)
        self.worker = nilometer("worker", directory, *common, "--monitors", monitors)
        self.delivery = nilometer("delivery", directory, *common, "--sink", sink)
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """Where the logger takes events."""
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for process in (self.logger, self.worker, self.delivery):
                stack.enter_context(process)
            for process in (self.logger, self.worker, self.delivery):
                process.wait_for_line(r"\bready\b")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def measurements(count: int) -> tuple[list[Sequence[float]], list[Sequence[float]]]:
    """Returns flowers drawn at random, always the same ones, in centimetres and in inches."""
    normal: list[Sequence[float]] = [flower.measurements for flower in random.Random(1).choices(flowers(), k=count)]
    return normal, [[value / _CM_PER_INCH for value in row] for row in normal]


def predict(url: str, rows: Iterable[Sequence[float]], protocol: str, name: str) -> dict[str, Sequence[float]]:
    """Asks a model for one prediction a row, by the path of a protocol, at most `_PER_SECOND` of them a second.

    Returns:
        The rows by the ids of their requests, which KServe's logger takes from the client.
    """
    sent = {}
    began = time.monotonic()
    for number, row in enumerate(rows):
        if protocol == "v1":
            path, body = "v1/models/iris:predict", {"instances": [list(row)]}
        else:
            tensor = {"name": "input-0", "shape": [1, len(row)], "datatype": "FP64", "data": list(row)}
            path, body = "v2/models/iris/infer", {"inputs": [tensor]}
        sent[f"{name}-{number}"] = row
        headers = {"content-type": "application/json", "ce-id": f"{name}-{number}"}
        request = urllib.request.Request(f"{url}/{path}", json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200
        # A client that asks as fast as it can is over before a window is: this is the pace of the load, no waiting.
        time.sleep(max(0.0, began + (number + 1) / _PER_SECOND - time.monotonic()))
    return sent


def read_topic(kafka: str, topic: str) -> list[CloudEvent]:
    """Reads every event of a topic, from its beginning to its present end, as any consumer of committed data would."""
    return asyncio.run(_read_topic(kafka, topic))


async def _read_topic(kafka: str, topic: str) -> list[CloudEvent]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, isolation_level="read_committed", group_id=None)
    events: list[CloudEvent] = []
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    events.extend(_events(record.headers, record.value))
    finally:
        await consumer.stop()
    return events


def _events(headers: Sequence[tuple[str, bytes]], value: bytes) -> list[CloudEvent]:
    kind = kind_of(headers)
    if kind == "punctuation":
        return []
    return decode_batch(value) if kind == "batch" else [from_kafka(headers, value)]


def eventually(condition: Callable[[], Any], wanted: str, *, timeout_seconds: float = 60) -> Any:
    """Waits until a condition holds, and returns what it returned."""
    deadline = time.monotonic() + timeout_seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never saw {wanted}"
        time.sleep(_POLL_SECONDS)
    return found


__all__ = [
    "FEATURES",
    "Stack",
    "eventually",
    "make_baseline",
    "measurements",
    "model_server",
    "nilometer",
    "predict",
    "read_topic",
    "write_monitor",
]
