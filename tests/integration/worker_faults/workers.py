"""Workers that tests mistreat, and the account of what they promised."""

import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nilometer_detectors.demo.stack.processes import Process
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import stream_of
from nilometer_logger.ingest.journal import partition_of
from nilometer_logger.times import parse_time
from tests.integration.stack import eventually, nilometer
from tests.integration.worker.feeding import PARTITIONS, SIZE, TOO_LARGE, Sent, beginning, last_words, services
from tests.integration.worker.working import STATISTICS, Workers
from tests.integration.worker_faults import admin
from tests.integration.worker_faults.report import Row
from tests.integration.worker_faults.scale import Scale
from tests.integration.worker_faults.traffic import Traffic, append_now, is_late

AMONG = services(5)
SESSION_SECONDS = 2
PATIENCE = 120.0
# Time enough that nothing that is sent is too far in the future.
_FLAGS = (
    *("--session-seconds", SESSION_SECONDS, "--snapshot-seconds", 0.2),
    *("--future-seconds", 100_000, "--metrics-port", -1),
)

Window = tuple[str, int]
Finding = tuple[Any, ...]
Facts = tuple[int, float, float, float]


class Mistreated(Workers):
    """Workers on one Kafka, under one prefix, with the same monitors; they may die at named points.

    Args:
        kafka: bootstrap servers.
        prefix: of all topics.
        monitors: the directory of monitors.
        directory: for logs, and for what the dying write down.

    Attributes:
        group: their consumer group.
        processes: all that were ever started.
    """

    def __init__(self, kafka: str, prefix: str, monitors: Path, directory: Path) -> None:
        super().__init__(kafka, prefix, monitors, directory)
        self.group = f"{prefix}nilometer-worker"
        self.processes: list[Process] = []
        self._passed = directory / "points"
        self._logs = directory / "logs"

    def start(self, *arguments: object) -> Process:
        """Starts a worker."""
        directory = self._logs / f"{len(self.processes)}"
        return self._started(nilometer("worker", directory, *self._command(*arguments)))

    def start_dying(self, point: str, time: int) -> Process:
        """Starts a worker so that it dies when it passes a named point for the n-th time."""
        log = self._logs / f"{len(self.processes)}" / "worker.log"
        argv = [sys.executable, "-m", "tests.integration.worker_faults.dying", point, time, self._passed, "worker"]
        return self._started(Process("dying worker", [str(part) for part in (*argv, *self._command())], log=log))

    def _command(self, *arguments: object) -> Sequence[object]:
        address = ("--kafka", self.kafka, "--topic-prefix", self.prefix)
        return (*address, "--monitors", self.monitors, *_FLAGS, *arguments)

    def _started(self, process: Process) -> Process:
        self.processes.append(process)
        return process.start()

    def points(self) -> Counter[str]:
        """Tells at which named points workers died, and how often."""
        return Counter(self._passed.read_text().splitlines()) if self._passed.exists() else Counter()

    def progress(self) -> int:
        """Returns how much workers have ever written: a number that grows."""
        return sum(sum(admin.ends(self.kafka, self.prefix + name).values()) for name in ("state", "outliers"))

    def wait_for_progress(self, worker: Process, since: int) -> None:
        """Waits until workers have written more than so much; one of them must not end meanwhile."""

        def going_on() -> bool:
            worker.check()
            return self.progress() > since

        eventually(going_on, "a worker at work", timeout_seconds=PATIENCE)

    def wait_until_done(self, *sent: Sent) -> None:
        """Waits until all that was sent is counted, and that is committed; only where these lie, if any are given."""
        topic = f"{self.prefix}inferences"
        numbers = {partition_of(stream_of(one.event.attributes), PARTITIONS) for one in sent} or range(PARTITIONS)

        def done() -> bool:
            at, ends = admin.committed(self.kafka, self.group, topic), admin.ends(self.kafka, topic)
            return all(at.get(number, 0) >= ends[number] for number in numbers)

        eventually(done, "the end of the log", timeout_seconds=PATIENCE)

    def traffic(self, scale: Scale, events: int = 0) -> Traffic:
        """Makes traffic to all services, and as many events as are asked for at least."""
        return Traffic(self.kafka, self.prefix, beginning(), AMONG, pace=scale.pace, least=events)

    def close_all(self, sent: Sequence[Sent]) -> None:
        """Appends what closes every window, and waits until it was read."""
        end = max(one.time for one in sent) + 60 * SIZE
        last = last_words(end, 0, sorted({one.service for one in sent}))
        append_now(self.kafka, self.prefix, last)
        self.wait_until_done(*last)

    def forget(self) -> None:
        """Stops all workers, and deletes all that they have written but the log itself."""
        for process in self.processes:
            process.stop(grace_seconds=60)
        admin.delete_group(self.kafka, self.group)
        admin.delete_topics(self.kafka, [self.prefix + name for name in ("state", "findings", "outliers")])

    def wait_for_members(self, count: int) -> None:
        """Waits until so many workers share the partitions."""

        def shared() -> bool:
            return admin.group_members(self.kafka, self.group) == count

        eventually(shared, f"{count} members", timeout_seconds=PATIENCE)

    def findings(self) -> list[Finding]:
        """Returns all that was found of windows, to the letter, sorted."""
        return sorted((event["id"], event.data, *sorted(event.attributes.items())) for event in self.events("findings"))

    def account(self, fault: str, times: int, sent: Sequence[Sent]) -> Row:
        """Compares what was found with what was sent."""
        counted = [one for one in sent if not is_late(int(one.id.removeprefix("request-")))]
        expected = expected_windows(counted)
        findings = [event for event in self.events("findings") if event["type"] == STATISTICS]
        bodies = [(event, json.loads(event.data)) for event in findings]
        starts = Counter((_window(event, body), event["monitor"]) for event, body in bodies)
        found = {_window(event, body): body for event, body in bodies}
        large = {one.id for one in sent if one.values[0] == TOO_LARGE}
        rows = sum(body["rows"] for body in found.values()) + sum(body["lateSinceLast"] for body in found.values())
        return Row(
            fault,
            times,
            points=self.points(),
            events=len(sent),
            windows=len(expected),
            wrong=sum(not _right(body, expected.get(window)) for window, body in found.items()),
            missing=len(expected.keys() - found.keys()),
            twice=sum(n - 1 for n in starts.values()) + len(findings) - len({event["id"] for event in findings}),
            uncounted=len(sent) - rows,
            outliers=len(large),
            silent=len(large ^ self.outliers()),
        )

    def logs(self) -> str:
        """Returns all that workers have ever written."""
        return "".join(process.log.read_text() for process in self.processes if process.log.exists())


def _window(event: CloudEvent, body: dict[str, Any]) -> Window:
    return event["inferenceservicename"], parse_time(body["window"]["start"])


def expected_windows(sent: Sequence[Sent]) -> dict[Window, dict[str, Facts]]:
    """Computes, from what was sent, what must be found: count, mean, min and max by window and column."""
    values: dict[Window, list[tuple[float, float]]] = defaultdict(list)
    for one in sent:
        values[one.service, one.time - one.time % SIZE].append(one.values)
    return {
        window: {name: _facts([row[place] for row in rows]) for place, name in enumerate("xy")}
        for window, rows in values.items()
    }


def _facts(values: Sequence[float]) -> Facts:
    return len(values), math.fsum(values) / len(values), min(values), max(values)


def _right(body: dict[str, Any], expected: dict[str, Facts] | None) -> bool:
    """Tells whether a window is right: means to rounding, because they are added up in another way; all else exactly."""
    if expected is None or body["window"]["closedBy"] != "watermark":
        return False
    for name, (count, mean, least, most) in expected.items():
        facts = body["features"][name]
        if (body["rows"], facts["count"], facts["min"], facts["max"]) != (count, count, least, most):
            return False
        if not math.isclose(facts["mean"], mean, rel_tol=1e-12):
            return False
    return True


Make = Callable[..., Mistreated]
