"""Loggers that tests start, each in a process of its own."""

from collections.abc import Callable
from pathlib import Path

from nilometer_detectors.demo.stack.processes import Process, free_port
from tests.integration.reading import events_of
from tests.integration.stack import nilometer


class Logger:
    """A logger in a process of its own."""

    def __init__(self, directory: Path, kafka: str, prefix: str, *arguments: object) -> None:
        self.kafka = kafka
        self.topic = f"{prefix}inferences"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: Process = nilometer(
            "logger", directory, "--kafka", kafka, "--topic-prefix", prefix, "--port", self.port, *arguments
        )

    def logged(self) -> dict[str, bytes]:
        """Returns the bodies of all events in Kafka, by their ids."""
        return {event["id"]: event.data for event in events_of(self.kafka, self.topic)}


Start = Callable[..., Logger]
