"""A worker under its pod's limit of memory; a short form for every run, and a long one behind the marker `faults`."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from tests.integration.loggers import Start
from tests.integration.tables import table
from tests.integration.worker_soak.limits import Limit, limited, manifest_limit_bytes
from tests.integration.worker_soak.monitors import NARROW, make_baseline, write_monitor
from tests.integration.worker_soak.report import TITLES, Record, Row
from tests.integration.worker_soak.scale import LONG, SHORT, Scale
from tests.integration.worker_soak.workers import Limited, Make

_ROWS = pytest.StashKey[list[Row]]()


@pytest.fixture(params=[pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.faults)])
def scale(request: pytest.FixtureRequest) -> Scale:
    """How much is sent."""
    found: Scale = request.param
    return found


@pytest.fixture(scope="session")
def baseline_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes the baseline of a model, the first time that it is asked for."""
    return cache(lambda service: make_baseline(tmp_path_factory.mktemp("baseline"), service))


@pytest.fixture
def memory_limit() -> Iterator[Limit]:
    """The manifest's limit; where this machine allows none the test is skipped, and under CI=true it fails."""
    with ExitStack() as stack:
        try:
            limit = stack.enter_context(limited(manifest_limit_bytes()))
        except OSError as error:
            if os.environ.get("CI") == "true":
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield limit


@pytest.fixture
def make(  # noqa: PLR0917 - pytest gives them by name
    kafka: EmbeddedKafka,
    topic_prefix: str,
    start: Start,
    baseline_of: Callable[[str], Path],
    memory_limit: Limit,
    tmp_path: Path,
) -> Iterator[Make]:
    """Makes the worker of a test, and a logger that is ready; the worker ends with the test."""
    with ExitStack() as stack:

        def made(watched: Sequence[str] = (NARROW,)) -> Limited:
            monitors = tmp_path / "monitors"
            monitors.mkdir()
            for service in watched:
                write_monitor(monitors, service, baseline_of(service))
            limit, logger = memory_limit, start()
            worker = Limited(kafka.bootstrap, topic_prefix, monitors, tmp_path, limit=limit, logger=logger)
            stack.callback(worker.process.kill)
            return worker

        yield made


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Takes a row for the table at the end of the run."""
    return request.config.stash.setdefault(_ROWS, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table of soaks."""
    if rows := config.stash.get(_ROWS, []):
        terminalreporter.section("what was poured over the worker")
        for line in table(TITLES, rows):
            terminalreporter.write_line(line)
