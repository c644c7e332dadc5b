"""Loggers that tests mistreat, and the account of what they promised."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nilometer_detectors.demo.processes import Process, free_port
from tests.integration.logger_faults import memory
from tests.integration.logger_faults.traffic import Traffic
from tests.integration.reading import events_of
from tests.integration.stack import nilometer

HELD_BYTES = 16 * memory.MIB


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
            *("--max-held-bytes", HELD_BYTES, *arguments),
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

    def account(self, traffic: Traffic) -> tuple[int, int]:
        """Compares Kafka with what was promised.

        Returns:
            How many acknowledged events are not there as they were sent, and how many events are there twice.
        """
        found: dict[str, list[bytes]] = {}
        for event in events_of(self.kafka, self.topic):
            found.setdefault(event["id"], []).append(event.data)
        missing = [name for name in traffic.acknowledged if traffic.body(name) not in found.get(name, [])]
        return len(missing), sum(len(bodies) > 1 for bodies in found.values())


Make = Callable[..., Logger]
