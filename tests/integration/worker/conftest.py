"""Workers for the tests of this folder: their monitors, and processes that end with the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import Process
from tests.integration.worker.feeding import make_baseline, write_monitors
from tests.integration.worker.working import Make, Running, Workers


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The baseline of all monitors."""
    return make_baseline(tmp_path_factory.mktemp("baseline"))


@pytest.fixture
def make(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, baseline: Path) -> Make:
    """Makes the workers of a test, on the session's Kafka unless another address is given."""

    def made(watched: list[str], address: str = "", size: str = "2s", delay: str = "3s") -> Workers:
        monitors = write_monitors(tmp_path, baseline, watched, size=size, delay=delay)
        return Workers(address or kafka.bootstrap, topic_prefix, monitors, tmp_path)

    return made


@pytest.fixture
def running() -> Iterator[Running]:
    """Starts processes, and stops them after the test."""
    with ExitStack() as stack:
        start: Callable[[Process], Process] = stack.enter_context
        yield start
