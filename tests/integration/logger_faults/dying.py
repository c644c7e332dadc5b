"""`nilometer logger`, but it dies at a named point of an event's way; see `tests.integration.dying`."""

from typing import Any

from aiokafka.producer.sender import SendProduceReqHandler
from aiokafka.protocol.produce import ProduceRequest

from nilometer_logger.ingest.http.answers import OK, Answer
from nilometer_logger.ingest.http.connections import Connection
from nilometer_logger.ingest.journal import Journal
from tests.integration.dying import Pass, Points, before, in_flight, run


def _request_read(here: Pass) -> None:
    """The request is there, whole; nothing was done with it."""
    before(Journal, "_hold", lambda *_: here())


def _produce_in_flight(here: Pass) -> None:
    """The record was given to the socket; whether Kafka has it yet, nobody knows."""
    in_flight(here, lambda request: isinstance(request, ProduceRequest))


def _produce_stored(here: Pass) -> None:
    """Kafka has the record and has said so; its answer was not looked at."""
    before(SendProduceReqHandler, "handle_response", lambda *_: here())


def _acknowledged(here: Pass) -> None:
    """Kafka's answer was taken; nobody who waits for it was told."""

    def passed(_: Journal, __: Any, failure: Exception | None = None) -> None:
        if failure is None:
            here()

    before(Journal, "_release", passed)


def _answer_ready(here: Pass) -> None:
    """The client's answer was made; it was not written."""

    def passed(_: Connection, __: Any, answer: Answer) -> None:
        if answer is OK:
            here()

    before(Connection, "_answer", passed)


POINTS: Points = {
    "request read": _request_read,
    "produce in flight": _produce_in_flight,
    "produce stored, answer unseen": _produce_stored,
    "acknowledged, not released": _acknowledged,
    "acknowledged, not answered": _answer_ready,
}

if __name__ == "__main__":
    run(POINTS)
