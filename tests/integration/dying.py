"""A command of `nilometer` that dies at a named point of its way: what the wrapper scripts of the fault tests share.

Methods of the product, or of its Kafka client, are wrapped before the command runs, so that nothing in the product knows
of tests. A script is started as ``python -m MODULE POINT TIME FILE …``, where what follows is the command line of
`nilometer`. When the point is passed for the TIME-th time, its name is written into FILE and the process sends itself
SIGKILL.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from aiokafka.conn import AIOKafkaConnection

from nilometer_detectors.cli import main

Pass = Callable[[], None]
Points = Mapping[str, Callable[[Pass], None]]


def before(owner: type, name: str, passed: Callable[..., None]) -> None:
    """Calls `passed`, with the same arguments, before each call of a method."""
    method = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        passed(*arguments, **named)
        return method(*arguments, **named)

    setattr(owner, name, wrapped)


def after(owner: type, name: str, passed: Callable[[Any], None]) -> None:
    """Calls `passed`, with what it returned, after each call of a method."""
    method = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        returned = method(*arguments, **named)
        passed(returned)
        return returned

    setattr(owner, name, wrapped)


def in_flight(here: Pass, wanted: Callable[[Any], bool]) -> None:
    """Passes each request of Kafka's client that is wanted, once it was given to the socket and nobody knows more."""

    def passed(_: AIOKafkaConnection, request: Any, *__: Any, **___: Any) -> None:
        if wanted(request):
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: loop.call_soon(here))  # one turn of the loop later it was written

    before(AIOKafkaConnection, "send", passed)


def run(points: Points) -> None:
    """Runs the command of the command line until it comes to its point."""
    _, point, time, file, *command = sys.argv
    passes = count(1)

    def here() -> None:
        if next(passes) == int(time):
            with Path(file).open("a") as written:
                written.write(f"{point}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    points[point](here)
    sys.argv = ["nilometer", *command]
    main()
