"""A worker under a limit of memory, and the logger that feeds it."""

import re
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from aiokafka import ConsumerRecord

from nilometer_detectors.demo.stack.processes import Process, free_port
from tests.integration.loggers import Logger
from tests.integration.reading import records_of
from tests.integration.stack import eventually
from tests.integration.worker.feeding import PARTITIONS
from tests.integration.worker.working import Workers
from tests.integration.worker_faults import admin
from tests.integration.worker_soak.limits import Limit
from tests.integration.worker_soak.probing import Kubelet

PATIENCE = 240.0
PREFIX = "nilometer_worker_"
_SAMPLE = re.compile(r"^([a-z_]+(?:\{.*\})?) (\S+)$", re.MULTILINE)
_LIKE_THE_MANIFEST = ("--session-seconds", 10)


class KilledError(AssertionError):
    """The worker did not live."""


class Limited(Workers):
    """One worker under a limit, all of whose settings are the manifest's; and a logger.

    Args:
        kafka: bootstrap servers.
        prefix: of all topics.
        monitors: the directory of monitors.
        directory: for logs.
        limit: of the worker's memory.
        logger: that is ready.
    """

    def __init__(
        self, kafka: str, prefix: str, monitors: Path, directory: Path, *, limit: Limit, logger: Logger
    ) -> None:
        super().__init__(kafka, prefix, monitors, directory)
        self.limit = limit
        self.logger = logger
        self.port = free_port()
        argv = [
            *(sys.executable, "-m", "nilometer_detectors", "worker"),
            *("--kafka", kafka, "--topic-prefix", prefix, "--monitors", monitors, "--metrics-port", self.port),
            *_LIKE_THE_MANIFEST,
        ]
        log = directory / "limited-worker.log"
        self.process = Process("worker", limit.wrapped([str(part) for part in argv]), log=log)

    def start(self) -> Kubelet:
        """Starts the worker, waits until it is ready, and returns who looks after it."""
        self.process.start().wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
        return Kubelet(self.process.pid, self.port)

    def check(self) -> None:
        """Checks that the worker runs, as it was started.

        Raises:
            KilledError: if not; it says why.
        """
        if self.limit.kills():
            raise KilledError(f"the worker was killed: it passed {self.limit.most_bytes} bytes ({self.limit.how})")
        if not self.process.running:
            raise KilledError(f"the worker ended with code {self.process.wait()}: {self.process.output()[-800:]}")
        if broken := re.search(r"^.*(waiting for Kafka|MemoryError|Traceback).*$", self.process.output(), re.MULTILINE):
            raise KilledError(f"the worker began anew: {broken[0][:300]}")

    def totals(self) -> dict[str, float]:
        """Returns what the worker has counted, all streams together, by name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            return totals_of(answer.read().decode(), PREFIX)

    def records(self, topic: str) -> list[ConsumerRecord]:
        """Reads the records of one of the topics."""
        return records_of(self.kafka, self.prefix + topic)

    def wait_until_done(self) -> None:
        """Waits until all that is in the log was taken in, and that is committed; the worker has to live meanwhile."""
        topic = f"{self.prefix}inferences"
        group = f"{self.prefix}nilometer-worker"

        def done() -> bool:
            self.check()
            at, ends = admin.committed(self.kafka, group, topic), admin.ends(self.kafka, topic)
            return all(at.get(number, 0) >= ends[number] for number in range(PARTITIONS))

        eventually(done, f"the end of the log in {PATIENCE:g} s: the offset does not move on", timeout_seconds=PATIENCE)

    def wait_until_closed(self) -> None:
        """Waits until no window is open, and what they showed is committed."""

        def closed() -> bool:
            self.check()
            return self.totals()["open_windows"] == 0

        self.wait_until_done()
        eventually(closed, f"all windows closed in {PATIENCE:g} s", timeout_seconds=PATIENCE)
        self.wait_until_done()


def totals_of(exposition: str, prefix: str) -> dict[str, float]:
    """Adds up the samples of metrics over all their labels."""
    found: dict[str, float] = {}
    for sample, value in _SAMPLE.findall(exposition):
        name = sample.partition("{")[0]
        if name.startswith(prefix):
            short = name.removeprefix(prefix)
            found[short] = found.get(short, 0.0) + float(value)
    return found


Make = Callable[..., Limited]
