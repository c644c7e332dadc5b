"""Workers to mistreat; a short form of each fault for every run, and a long one behind the marker `faults`."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from tests.integration.tables import table
from tests.integration.worker.feeding import make_baseline, write_monitors
from tests.integration.worker_faults.report import TITLES, Record, Row
from tests.integration.worker_faults.scale import LONG, SHORT, Scale
from tests.integration.worker_faults.workers import AMONG, Make, Mistreated

_ROWS = pytest.StashKey[list[Row]]()
_PROPERTIES = {
    # Killed workers are missed sooner than by default, so that there is time for more of them.
    "group.min.session.timeout.ms": "1000",
    "log.cleaner.backoff.ms": "200",
}


@pytest.fixture(params=[pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.faults)])
def scale(request: pytest.FixtureRequest) -> Scale:
    """How often a test does what it does."""
    found: Scale = request.param
    return found


@pytest.fixture(scope="session")
def mortal(kafka_available: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:  # noqa: ARG001
    """A Kafka that tests may stop and kill, as long as it runs again afterwards."""
    with EmbeddedKafka(tmp_path_factory.mktemp("mortal-kafka"), properties=_PROPERTIES) as broker:
        yield broker


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The baseline of all monitors."""
    return make_baseline(tmp_path_factory.mktemp("baseline"))


@pytest.fixture
def make(mortal: EmbeddedKafka, topic_prefix: str, tmp_path: Path, baseline: Path) -> Iterator[Make]:
    """Makes the workers of a test; they end with it, and none had a traceback."""
    with ExitStack() as stack:
        made: list[Mistreated] = []

        def making(
            watched: Sequence[str] = AMONG, *, prefix: str = "", size: str = "2s", delay: str = "3s", drift: str = "[]"
        ) -> Mistreated:
            directory = tmp_path / (prefix or "first")
            directory.mkdir()
            monitors = write_monitors(directory, baseline, watched, size=size, delay=delay, drift=drift)
            workers = Mistreated(mortal.bootstrap, prefix + topic_prefix, monitors, directory)
            stack.callback(lambda: [process.kill() for process in workers.processes])
            made.append(workers)
            return workers

        yield making
    assert all("Traceback" not in workers.logs() for workers in made)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Takes a row for the table at the end of the run."""
    return request.config.stash.setdefault(_ROWS, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table of faults."""
    if rows := config.stash.get(_ROWS, []):
        terminalreporter.section("faults of the worker")
        for line in table(TITLES, rows):
            terminalreporter.write_line(line)
