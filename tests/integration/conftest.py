"""The real parts that every integration test shares: one Apache Kafka a session, and topics of one's own in it."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.kafka_jars import kafka_jars
from nilometer_logger.errors import ExtraMissing, UnavailableError
from tests.integration.loggers import Logger, Start

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks everything in this folder as an integration test."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("integration")


@pytest.fixture(scope="session")
def kafka_available() -> None:
    """Skips the tests that need Kafka where its jars cannot be had, and says why; under CI=true they fail instead."""
    try:
        kafka_jars()
    except (ExtraMissing, UnavailableError) as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def kafka(kafka_available: None) -> Iterator[EmbeddedKafka]:  # noqa: ARG001 - pytest's way to say: after it
    """A real Apache Kafka for the whole session: `kafka.bootstrap` is its address. No topic is made by itself.

    Tests that stop or kill a broker start one of their own (3 s); this one belongs to all.
    """
    with tempfile.TemporaryDirectory(prefix="nilometer-test-kafka-") as folder, EmbeddedKafka(Path(folder)) as broker:
        yield broker


@pytest.fixture
def topic_prefix() -> str:
    """What a test puts before the names of its topics and groups, so that tests never see each other's."""
    return f"t{uuid.uuid4().hex[:8]}-"


@pytest.fixture
def start(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Start]:
    """Starts loggers, and stops them after the test; they are ready unless their Kafka is another."""
    with ExitStack() as stack:

        def started(*arguments: object, address: str = "") -> Logger:
            logger = Logger(tmp_path, address or kafka.bootstrap, topic_prefix, *arguments)
            stack.enter_context(logger.process)
            logger.process.wait_for_line("listening" if address else r"\bready\b")
            return logger

        yield started
