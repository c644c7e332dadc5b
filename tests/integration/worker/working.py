"""Workers in processes of their own, and what they found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nilometer_detectors.demo.stack.processes import Process
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.times import parse_time
from tests.integration.reading import events_of
from tests.integration.stack import nilometer
from tests.integration.worker.feeding import Column

STATISTICS = "io.nilometer.statistics"
PATIENCE = 120.0


class Workers:
    """Workers on one Kafka, under one prefix, with the same monitors.

    Args:
        kafka: bootstrap servers.
        prefix: of all topics.
        monitors: the directory of monitors.
        directory: for logs.
    """

    def __init__(self, kafka: str, prefix: str, monitors: Path, directory: Path) -> None:
        self.kafka = kafka
        self.prefix = prefix
        self.monitors = monitors
        self._directory = directory
        self._made = 0

    def make(self, *arguments: object) -> Process:
        """Makes a worker that is not started yet."""
        self._made += 1
        return nilometer(
            "worker",
            self._directory / f"worker-{self._made}",
            *("--kafka", self.kafka, "--topic-prefix", self.prefix, "--monitors", self.monitors),
            *("--session-seconds", 6),
            *arguments,
        )

    def events(self, topic: str) -> list[CloudEvent]:
        """Reads the events of one of the topics."""
        return events_of(self.kafka, self.prefix + topic)

    def windows(self) -> list[tuple[str, dict[str, Any]]]:
        """Returns the service and the body of every finding of statistics."""
        return [
            (event["inferenceservicename"], json.loads(event.data))
            for event in self.events("findings")
            if event["type"] == STATISTICS
        ]

    def starts(self) -> list[tuple[str, int]]:
        """Returns the service and the start of every window found, as often as it was."""
        return [(service, parse_time(body["window"]["start"])) for service, body in self.windows()]

    def columns(self) -> dict[tuple[str, int], dict[str, Column]]:
        """Returns what was found of each window, by service and start, by column."""
        return {
            (service, parse_time(body["window"]["start"])): {
                name: Column(facts["count"], facts["mean"], facts["min"], facts["max"])
                for name, facts in body["features"].items()
            }
            for service, body in self.windows()
        }

    def outliers(self) -> set[str]:
        """Returns the ids of the requests that were reported as outliers."""
        return {event["causationid"] for event in self.events("outliers")}


Make = Callable[..., Workers]
Running = Callable[[Process], Process]
