"""Waiting for Kafka: one line a try, for as long as a retry may help."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from structlog.testing import capture_logs

from nilometer_logger import kafka
from nilometer_logger.errors import StateError, UnavailableError


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets tries follow each other without a pause."""
    monkeypatch.setattr(kafka, "_FIRST_PAUSE_SECONDS", 0.0)


class Attempt:
    """Fails in turn with some errors, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    async def __call__(self) -> str:
        """Tries once."""
        if self._errors:
            raise self._errors.pop(0)
        return "connected"


def away() -> UnavailableError:
    """Returns what is raised while Kafka is away."""
    return UnavailableError("Kafka at here:9092 cannot be reached")


def test_it_tries_until_it_succeeds_and_says_so_each_time() -> None:
    """Each failure is one line with its reason."""
    with capture_logs() as lines:
        assert asyncio.run(kafka.retrying(Attempt(away(), away()), "Kafka")) == "connected"

    assert [(line["event"], line["reason"]) for line in lines] == [("waiting for Kafka", str(away()))] * 2


def test_what_no_retry_can_mend_ends_it() -> None:
    """Another error is raised at once."""
    with pytest.raises(StateError, match="does not fit"):
        asyncio.run(kafka.retrying(Attempt(StateError("does not fit"), away()), "Kafka"))


def test_it_stops_when_it_is_told_to() -> None:
    """A process that is asked to end does not try for ever."""

    async def told() -> None:
        stop = asyncio.Event()
        stop.set()
        await kafka.retrying(Attempt(away(), away()), "Kafka", stop)

    with pytest.raises(UnavailableError):
        asyncio.run(told())


@pytest.mark.parametrize("error", [KafkaConnectionError("no"), ConnectionRefusedError(), TimeoutError()])
def test_a_kafka_that_is_away_is_told_by_its_address(error: Exception) -> None:
    """Nobody needs to know how the client put it."""
    assert str(kafka.unavailable("here:9092", error)) == "Kafka at here:9092 cannot be reached"


def test_a_kafka_that_refuses_is_told_by_its_reason() -> None:
    """What the broker said is what an operator can look up."""
    told = str(kafka.unavailable("here:9092", TopicAuthorizationFailedError("topic secret")))

    assert told.startswith("Kafka at here:9092 failed: TopicAuthorizationFailedError")
    assert "topic secret" in told
