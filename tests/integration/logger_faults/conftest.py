"""Loggers to mistreat; a short form of each fault for every run, and a long one behind the marker `faults`."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from tests.integration.logger_faults.loggers import Logger, Make
from tests.integration.logger_faults.report import TITLES, Record, Row
from tests.integration.logger_faults.scale import LONG, SHORT, Scale
from tests.integration.logger_faults.victim import VICTIM_FLAGS, Victim
from tests.integration.tables import table

_ROWS = pytest.StashKey[list[Row]]()


@pytest.fixture(params=[pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.faults)])
def scale(request: pytest.FixtureRequest) -> Scale:
    """How often a test does what it does."""
    found: Scale = request.param
    return found


@pytest.fixture
def make(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Make]:
    """Makes loggers on the session's Kafka unless another is given; they end with the test, and none had a traceback."""
    with ExitStack() as stack:
        made: list[Logger] = []

        def making(*arguments: object, address: str = "") -> Logger:
            logger = Logger(tmp_path, address or kafka.bootstrap, topic_prefix, *arguments)
            stack.callback(lambda: logger.process.kill())  # noqa: PLW0108 - the process of that moment
            made.append(logger)
            return logger

        yield making
    assert all("Traceback" not in logger.log() for logger in made)


@pytest.fixture(scope="session")
def mortal(kafka_available: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:  # noqa: ARG001
    """A Kafka that tests may stop and kill, as long as it runs again afterwards."""
    with EmbeddedKafka(tmp_path_factory.mktemp("mortal-kafka")) as broker:
        yield broker


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Takes a row for the table at the end of the run."""
    return request.config.stash.setdefault(_ROWS, []).append


@pytest.fixture(scope="session")
def _victim(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logger]:
    logger = Logger(tmp_path_factory.mktemp("victim"), kafka.bootstrap, "victim-", *VICTIM_FLAGS)
    logger.start()
    yield logger
    logger.process.stop()


@pytest.fixture
def victim(_victim: Logger, record: Record) -> Victim:
    """A logger that is abused beside normal traffic; it is the same one in all tests, and has to outlive them all."""
    return Victim(_victim, record)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table of faults."""
    if rows := config.stash.get(_ROWS, []):
        terminalreporter.section("faults of the logger")
        for line in table(TITLES, rows):
            terminalreporter.write_line(line)
