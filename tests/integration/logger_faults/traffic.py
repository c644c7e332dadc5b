"""Traffic that never gives up: whatever happens to the logger, its clients come again, and remember what it promised."""

import asyncio
import threading
import time
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Self

from tests.integration.logger_faults.wire import Answer, Torn, connected, read_answer, request_of
from tests.integration.logging_events import body_of
from tests.integration.stack import eventually

_AGAIN_SECONDS = 0.02  # before another try to connect, where nobody listens


class Traffic:
    """Several clients in a thread, each with a connection that it keeps; each sends every event once.

    Like KServe's logger, a client sends its next event when the last one was answered, or when the connection ended
    without an answer; then it connects again.

    Args:
        port: of the logger.
        clients: how many.
        name: what the ids of its events begin with.
        body_bytes: how large an event's body is at least.
        services: how many streams there are.

    Attributes:
        clients: how many.
        name: what the ids of its events begin with.
        acknowledged: the ids of the events that were answered 200.
        answers: how often each status was answered.
        refusals: the last answer of each other status.
        unanswered: requests whose connection ended without an answer.
        torn: answers that began and did not end.
    """

    def __init__(
        self, port: int, clients: int, *, name: str = "event", body_bytes: int = 0, services: int = 16
    ) -> None:
        self.acknowledged: list[str] = []
        self.answers: Counter[int] = Counter()
        self.refusals: dict[int, Answer] = {}
        self.unanswered = 0
        self.torn = 0
        self._acknowledged_at: list[float] = []
        self._port = port
        self.clients = clients
        self.name = name
        self._body_bytes = body_bytes
        self._services = services
        self._numbers: Iterator[int] = count()
        self._stopped = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="traffic", daemon=True)

    def body(self, event_id: str) -> bytes:
        """Returns the body of the event of an id."""
        return body_of(event_id).ljust(self._body_bytes)

    def wait(self, more: int = 1, *, timeout_seconds: float = 60) -> None:
        """Waits until so many more events were acknowledged."""
        wanted = len(self.acknowledged) + more
        eventually(
            lambda: self._checked() and len(self.acknowledged) >= wanted,
            f"{more} more acknowledgements",
            timeout_seconds=timeout_seconds,
        )

    def seconds_until_acknowledged(self, since: float) -> float:
        """Waits for the first acknowledgement after a moment, and tells how long it took."""

        def found() -> float | None:
            place = bisect(self._acknowledged_at, since)
            return self._acknowledged_at[place] - since if place < len(self._acknowledged_at) else None

        seconds: float = eventually(lambda: self._checked() and found(), "an acknowledgement")
        return seconds

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        self._thread.join(timeout=60)
        if error is None:
            assert not self._thread.is_alive(), "a request is neither answered nor ended"
            self._checked()

    def _checked(self) -> bool:
        if self._failure is not None:
            raise self._failure
        return True

    def _work(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001 - raised again where the test is
            self._failure = error

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.clients):
                tasks.create_task(self._client())

    async def _client(self) -> None:
        while not self._stopped:
            try:
                async with connected(self._port) as (reader, writer):
                    await self._talk(reader, writer)
            except OSError:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self._stopped:
            number = next(self._numbers)
            event_id = f"{self.name}-{number}"
            writer.write(request_of(event_id, self.body(event_id), f"service-{number % self._services}"))
            with suppress(ConnectionError):  # the answer may be there all the same
                await writer.drain()
            try:
                answer = await read_answer(reader)
            except Torn:
                self.torn += 1
                return
            if answer is None:
                self.unanswered += 1
                return
            self._take(event_id, answer)
            if answer.closes:
                return

    def _take(self, event_id: str, answer: Answer) -> None:
        self.answers[answer.status] += 1
        if answer.status == 200:
            self.acknowledged.append(event_id)
            self._acknowledged_at.append(time.monotonic())
        else:
            self.refusals[answer.status] = answer
