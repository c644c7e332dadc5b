"""Loggers that tests mistreat, and the account of what they promised."""

import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nilometer_detectors.demo.stack.processes import Process, free_port
from tests.integration.logger_faults import memory
from tests.integration.logger_faults.report import Row
from tests.integration.logger_faults.traffic import Traffic
from tests.integration.reading import events_of
from tests.integration.stack import nilometer

PREFIX = "nilometer_logger_"


class Logger:
    """A logger in a process of its own, which always comes back on the same port.

    Args:
        directory: for its log.
        kafka: bootstrap servers.
        prefix: of its topic.
        arguments: further flags.
    """

    def __init__(self, directory: Path, kafka: str, prefix: str, *arguments: object) -> None:
        self.kafka = kafka
        self.topic = f"{prefix}inferences"
        self.port = free_port()
        self.passed = directory / "points"
        self.peak = 0
        self._directory = directory
        self._command = [
            *("--kafka", kafka, "--topic-prefix", prefix, "--port", self.port),
            *("--max-held-bytes", memory.HELD_BYTES, "--max-held-events", memory.HELD_EVENTS, *arguments),
        ]
        self.process = nilometer("logger", directory, *self._command)

    def start(self) -> None:
        """Starts it, and waits until it takes events."""
        self.process = nilometer("logger", self._directory, *self._command).start()
        self.process.wait_for_line(r"\bready\b")

    def start_dying(self, point: str, time: int) -> None:
        """Starts it so that it dies when it passes a named point for the n-th time."""
        module = "tests.integration.logger_faults.dying"
        argv = [sys.executable, "-m", module, point, time, self.passed, "logger", *self._command]
        self.process = Process("dying logger", [str(part) for part in argv], log=self._directory / "logger.log").start()

    def kill(self) -> None:
        """Ends it at once."""
        self.measure()
        self.process.kill()

    def measure(self) -> int:
        """Returns the most memory that it has taken so far, in all its lives."""
        self.peak = max(self.peak, memory.peak(self.process.pid))
        return self.peak

    def points(self) -> Counter[str]:
        """Tells at which named points it died, and how often."""
        return Counter(self.passed.read_text().splitlines()) if self.passed.exists() else Counter()

    def log(self) -> str:
        """Returns all that it has ever written."""
        return self.process.log.read_text()

    def metrics(self) -> dict[str, float]:
        """Returns all samples of /metrics by their names and labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#")]
        return {name.removeprefix(PREFIX): float(value) for name, _, value in lines}

    def metric(self, sample: str) -> float:
        """Returns the value of a sample, 0 where it is not there."""
        return self.metrics().get(sample, 0.0)

    def account(self, fault: str, times: int, *traffic: Traffic, recovery: float | None = None) -> Row:
        """Compares Kafka with what was promised: every acknowledged event is to be there once, as it was sent."""
        found: dict[str, list[bytes]] = {}
        names = tuple(f"{each.name}-" for each in traffic)
        for event in events_of(self.kafka, self.topic):
            if event["id"].startswith(names):
                found.setdefault(event["id"], []).append(event.data)
        promised = {name: each.body(name) for each in traffic for name in each.acknowledged}
        return Row(
            fault,
            times,
            points=self.points(),
            acknowledged=len(promised),
            missing=sum(body not in found.get(name, []) for name, body in promised.items()),
            duplicates=sum(len(bodies) > 1 for bodies in found.values()),
            peak=self.measure(),
            bound=memory.bound(),
            recovery=recovery,
        )


Make = Callable[..., Logger]
