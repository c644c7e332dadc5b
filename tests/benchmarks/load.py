"""The load: the requests of KServe's logger, from a process of its own, cheap enough not to be what is measured.

A connection sends its next request when its last one was answered (closed loop), or one of the idle connections sends
when the next event is due (open loop, with a rate). Requests are made beforehand but for the event's id, and of an
answer only the status and the length are read: some 10 µs of CPU an event. The process reads the servers' CPU time
itself, at the edges of the measured span, so that spans and counts belong together.

`python -m tests.benchmarks.load PLAN` prints an outcome.
"""

import asyncio
import gc
import os
import sys
from collections import Counter, deque
from functools import partial
from itertools import count
from time import perf_counter
from typing import cast

import msgspec
import uvloop

from tests.benchmarks import machine
from tests.benchmarks.plan import Outcome, Plan, percentile
from tests.benchmarks.wire import event_id, request

_GRACE_SECONDS = 15.0
_POLL_SECONDS = 0.01


class Load:
    """All connections of a run, and their counts."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._parts = [request(stream) for stream in range(plan.streams)]
        self._numbers = count()
        self._idle: deque[Connection] = deque()
        self._overdue: deque[float] = deque()
        self._lost = 0
        self._stopping = False
        self.latencies: list[float] = []
        self.refused: list[int] = []
        self.statuses: Counter[str] = Counter()

    def request(self, connection: int) -> tuple[int, bytes]:
        """Makes a connection's next request; its stream is always the same one."""
        number = next(self._numbers)
        before, after = self._parts[connection % len(self._parts)]
        return number, b"%b%b%b" % (before, event_id(self._plan.run, number).encode(), after)

    def connected(self, connection: "Connection") -> None:
        """Has one more client."""
        self._idle.append(connection)

    def answered(self, connection: "Connection", status: bytes, seconds: float) -> None:
        """Counts an answer and lets the client go on."""
        if status == b"200":
            self.latencies.append(seconds)
        else:
            self.statuses[status.decode("latin-1")] += 1
            self.refused.append(connection.number)
        if self._stopping or (self._plan.rate and not self._overdue):
            self._idle.append(connection)
        else:
            connection.send(self._overdue.popleft() if self._plan.rate else perf_counter())

    def lost(self, connection: "Connection") -> None:
        """Has one client less; what it had under way is not acknowledged."""
        if connection.waiting:
            self._lost += 1
            self.statuses["lost"] += 1
            self.refused.append(connection.number)

    async def run(self) -> Outcome:
        """Connects, warms up, measures, and waits for what is still under way."""
        loop, plan = asyncio.get_running_loop(), self._plan
        for index in range(plan.connections):
            await loop.create_connection(partial(Connection, self, index), "127.0.0.1", plan.port)
        pacer = asyncio.create_task(self._pace())
        await asyncio.sleep(plan.warm_seconds)
        before, first, began = self._used(), len(self.latencies), perf_counter()
        await asyncio.sleep(plan.seconds)
        after, last, ended = self._used(), len(self.latencies), perf_counter()
        self._stopping = True
        await pacer
        await self._settle()
        span = self.latencies[first:last]
        return Outcome(
            seconds=ended - began,
            acknowledged=len(span),
            p50_ms=1000 * percentile(span, 0.5),
            p99_ms=1000 * percentile(span, 0.99),
            cpu_seconds={process: after[process] - before[process] for process in after},
            sent=next(self._numbers),
            refused=self.refused,
            statuses=dict(self.statuses),
        )

    async def _pace(self) -> None:
        """Starts every client at once, or one of them whenever an event is due."""
        if not self._plan.rate:
            while self._idle:
                self._idle.popleft().send(perf_counter())
            return
        began = perf_counter()
        for number in count(1):
            await asyncio.sleep(max(0.0, began + number / self._plan.rate - perf_counter()))
            if self._stopping:
                return
            # From now on, not from when it was due: that the timer is late by a millisecond is not the server's doing.
            if self._idle:
                self._idle.popleft().send(perf_counter())
            else:
                self._overdue.append(perf_counter())

    async def _settle(self) -> None:
        deadline = perf_counter() + _GRACE_SECONDS
        while len(self._idle) + self._lost < self._plan.connections:
            if perf_counter() > deadline:
                raise TimeoutError(f"requests were unanswered after {_GRACE_SECONDS:g} s")
            await asyncio.sleep(_POLL_SECONDS)

    def _used(self) -> dict[str, float]:
        return machine.used({**self._plan.pids, "load": os.getpid()})


class Connection(asyncio.Protocol):
    """A client: one connection, with one request under way or none.

    Attributes:
        number: of the event that was sent last.
        waiting: for the answer to it.
    """

    def __init__(self, load: Load, index: int) -> None:
        self.number = -1
        self.waiting = False
        self._load = load
        self._index = index
        self._since = 0.0
        self._read = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins idle."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's are none by their class
        self._load.connected(self)

    def send(self, since: float) -> None:
        """Sends the next event; its latency counts from `since`."""
        self._since = since
        self.waiting = True
        self.number, data = self._load.request(self._index)
        cast("asyncio.WriteTransport", self._transport).write(data)

    def data_received(self, data: bytes) -> None:
        """Reads an answer, which usually comes in one piece and without a body."""
        now = perf_counter()
        self._read = self._read + data if self._read else data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head):
            self._read = b""
            self.waiting = False
            self._load.answered(self, head[9:12], now - self._since)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Ends; when the load is over, or because the server wants it."""
        self._load.lost(self)


def _length(head: bytes) -> int:
    if b"content-length: 0" in head:
        return 0  # told without a copy of the head
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)


def main() -> None:
    """Runs the plan of the command line."""
    gc.disable()
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(msgspec.json.encode(runner.run(Load(plan).run())))


if __name__ == "__main__":
    main()
