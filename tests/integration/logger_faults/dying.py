"""`nilometer logger`, but it dies at a named point: `python -m tests.integration.logger_faults.dying POINT TIME FILE …`.

What follows is the command line of `nilometer`. The methods that make up the way of an event are wrapped before that
runs, so that nothing in the logger itself knows of tests. When the point is passed for the TIME-th time, its name is
written into FILE and the process sends itself SIGKILL.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from aiokafka.conn import AIOKafkaConnection
from aiokafka.producer.sender import SendProduceReqHandler
from aiokafka.protocol.produce import ProduceRequest

from nilometer_detectors.cli import main
from nilometer_logger.http.answers import OK, Answer
from nilometer_logger.http.connections import Connection
from nilometer_logger.journal import Journal

Pass = Callable[[], None]


def _before(owner: type, name: str, passed: Callable[..., None]) -> None:
    """Calls `passed`, with the same arguments, before each call of a method."""
    method = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        passed(*arguments, **named)
        return method(*arguments, **named)

    setattr(owner, name, wrapped)


def _request_read(here: Pass) -> None:
    """The request is there, whole; nothing was done with it."""
    _before(Journal, "_hold", lambda *_: here())


def _produce_in_flight(here: Pass) -> None:
    """The record was given to the socket; whether Kafka has it yet, nobody knows."""

    def passed(_: AIOKafkaConnection, request: Any, *__: Any, **___: Any) -> None:
        if isinstance(request, ProduceRequest):
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: loop.call_soon(here))  # one turn of the loop later it was written

    _before(AIOKafkaConnection, "send", passed)


def _produce_stored(here: Pass) -> None:
    """Kafka has the record and has said so; its answer was not looked at."""
    _before(SendProduceReqHandler, "handle_response", lambda *_: here())


def _acknowledged(here: Pass) -> None:
    """Kafka's answer was taken; nobody who waits for it was told."""

    def passed(_: Journal, __: Any, failure: Exception | None = None) -> None:
        if failure is None:
            here()

    _before(Journal, "_release", passed)


def _answer_ready(here: Pass) -> None:
    """The client's answer was made; it was not written."""

    def passed(_: Connection, __: Any, answer: Answer) -> None:
        if answer is OK:
            here()

    _before(Connection, "_answer", passed)


POINTS: dict[str, Callable[[Pass], None]] = {
    "request read": _request_read,
    "produce in flight": _produce_in_flight,
    "produce stored, answer unseen": _produce_stored,
    "acknowledged, not released": _acknowledged,
    "acknowledged, not answered": _answer_ready,
}


def _dying(point: str, time: int, file: Path) -> Pass:
    passes = count(1)

    def here() -> None:
        if next(passes) == time:
            with file.open("a") as written:
                written.write(f"{point}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    return here


if __name__ == "__main__":
    _, _point, _time, _file, *_command = sys.argv
    POINTS[_point](_dying(_point, int(_time), Path(_file)))
    sys.argv = ["nilometer", *_command]
    main()
