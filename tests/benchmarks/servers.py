"""The servers under test, each started on its core as a user starts it, and with a topic of its own."""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from time import monotonic, sleep

from nilometer_detectors.demo.stack.processes import Process, ProcessFailed, free_port
from nilometer_logger import topics
from tests.benchmarks import machine

_LOGGER = [sys.executable, "-m", "nilometer_detectors", "logger"]
_YARDSTICKS = [sys.executable, "-m", "tests.benchmarks.yardsticks"]
_READY_SECONDS = 30.0
_POLL_SECONDS = 0.002


@dataclass
class Bench:
    """What all measurements of a run share.

    Attributes:
        kafka: bootstrap servers.
        kafka_pid: the broker's process.
        directory: for logs.
        quick: whether few turns of each will do.
        arguments: for every `nilometer logger`.
        numbers: each is taken once, to tell runs and topics apart.
    """

    kafka: str
    kafka_pid: int
    directory: Path
    quick: bool = False
    arguments: Sequence[str] = ()
    numbers: Iterator[int] = field(default_factory=count)


@dataclass(frozen=True)
class Server:
    """A server under test that is ready.

    Attributes:
        process: its process.
        port: where it listens.
        topic: that holds what it acknowledged, in the logger's records; empty of a yardstick.
    """

    process: Process
    port: int
    topic: str = ""


@contextmanager
def logger(bench: Bench, *arguments: str) -> Iterator[Server]:
    """Runs `nilometer logger`."""
    port, prefix = free_port(), f"bench-{next(bench.numbers)}-"
    with launched(bench, port, prefix, *arguments) as process:
        wait_for(process, port, "/readyz")
        yield Server(process, port, prefix + topics.INFERENCES)


@contextmanager
def launched(bench: Bench, port: int, prefix: str, *arguments: str) -> Iterator[Process]:
    """Runs the process of `nilometer logger`, which may not be ready yet."""
    common = ("--kafka", bench.kafka, "--port", str(port), "--topic-prefix", prefix)
    argv = [*_LOGGER, *common, *bench.arguments, *arguments]
    with _on_its_core(Process("nilometer logger", argv, log=bench.directory / f"{prefix}logger.log")) as process:
        yield process


@contextmanager
def yardstick(bench: Bench, kind: str, topic: str = "") -> Iterator[Server]:
    """Runs one of the yardsticks that are servers; `durable` appends to a topic that is there."""
    port = free_port()
    argv = [*_YARDSTICKS, kind, str(port), bench.kafka, topic]
    with _on_its_core(Process(f"yardstick {kind}", argv, log=bench.directory / f"{kind}.log")) as process:
        process.wait_for_port(port)
        yield Server(process, port)


@contextmanager
def _on_its_core(process: Process) -> Iterator[Process]:
    with machine.on(machine.server_cores()):
        process.start()
    try:
        yield process
    finally:
        process.stop()


def wait_for(process: Process, port: int, path: str) -> None:
    """Waits until a server answers 200."""
    deadline = monotonic() + _READY_SECONDS
    while not _answers(port, path):
        process.check()
        if monotonic() > deadline:
            raise ProcessFailed(f"{process.name} never answered 200 on {path}:\n{process.output()}")
        sleep(_POLL_SECONDS)


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
            return True
    except (urllib.error.HTTPError, OSError):
        return False


@cache
def has_flag(flag: str) -> bool:
    """Tells whether `nilometer logger` has a flag."""
    return flag in subprocess.run([*_LOGGER, "--help"], check=True, capture_output=True, text=True).stdout
