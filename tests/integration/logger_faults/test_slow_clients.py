"""Clients that take their time, or never come to an end: nobody else notices, and the logger gets rid of them."""

import asyncio
import resource
from contextlib import AsyncExitStack
from itertools import repeat
from pathlib import Path

import pytest

from tests.integration.logger_faults.scale import Scale
from tests.integration.logger_faults.victim import MOST_CONNECTIONS, Victim
from tests.integration.logger_faults.wire import Answer, ask, connected, head_of, read_answer, request_of
from tests.integration.logging_events import headers_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_REQUEST = request_of("slow", b"x" * 1000)
_CHUNKED = head_of({**headers_of("slow"), "Transfer-Encoding": "chunked"})
# What a slow client sends at once, and what it then sends again and again, a byte in a while.
SLOW = [
    (b"", b""),
    (_REQUEST[:100], b""),
    (_REQUEST[:100], b"x"),
    (_REQUEST[:-500], b""),
    (_REQUEST[:-500], b"x"),
    (_CHUNKED + b"3e8\r\nxxx", b""),
    (_CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\nTrailer: ", b"x"),
]
DRIP_SECONDS = 0.5
ASKED = b"GET /healthz HTTP/1.1\r\nHost: logger\r\n\r\n"


def test_slow_clients_are_cut_off(victim: Victim, scale: Scale) -> None:
    """500 silent ones, heads, bodies and chunks half sent, also by a byte now and then: all of them, and without a word."""
    before = victim.metric('refused_total{reason="slow"}')

    async def all_of_them() -> list[bytes]:
        kinds = [SLOW[number % len(SLOW)] for number in range(scale.loris)]
        return await asyncio.gather(*(_until_cut_off(victim.port, *kind) for kind in kinds))

    with victim.abused("slow clients", scale.loris):
        answers = asyncio.run(all_of_them())

    assert answers == [b""] * scale.loris
    assert victim.metric('refused_total{reason="slow"}') == before + scale.loris


async def _until_cut_off(port: int, first: bytes, drip: bytes) -> bytes:
    """Sends, waits until the logger ends the connection, and returns what came of it."""
    async with connected(port) as (reader, writer):
        writer.write(first)
        while True:
            try:
                return await asyncio.wait_for(reader.read(), DRIP_SECONDS)
            except TimeoutError:
                writer.write(drip)
            except ConnectionError:
                return b""


@pytest.mark.parametrize(
    "request_",
    [b"GET /metrics HTTP/1.1\r\nHost: logger\r\n\r\n", b"POST / HTTP/1.1\r\nHost: logger\r\nContent-Length: 0\r\n\r\n"],
)
def test_who_takes_no_answers_is_cut_off(victim: Victim, request_: bytes) -> None:
    """A client that only asks is not read from any more, so that its answers pile up nowhere; then it is cut off."""

    async def only_asking() -> None:
        async with connected(victim.port) as (reader, writer):
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            for _ in repeat(None):
                writer.write(request_)
                await writer.drain()

    with victim.abused(f"answers not taken, {request_[:4].decode().strip()}", 1), pytest.raises(ConnectionError):
        asyncio.run(only_asking())


def test_an_idle_connection_is_closed(victim: Victim) -> None:
    """Whatever came before the silence, and however the request before was answered."""

    async def idle(*pieces: bytes) -> bytes:
        async with connected(victim.port) as (reader, writer):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.to_thread(victim.metric, "connections")  # the logger has had its turn meanwhile
            assert await read_answer(reader)
            return await reader.read()

    async def all_of_them() -> list[bytes]:
        refused = head_of({**headers_of("1"), "Content-Length": "1000000"})
        return await asyncio.gather(idle(ASKED), idle(ASKED, b"\r\n"), idle(refused, b"x" * 1_000_000))

    assert asyncio.run(all_of_them()) == [b""] * 3


def test_one_connection_too_many_is_closed(victim: Victim) -> None:
    """Those that are open are served, those beyond --max-connections closed at once; afterwards there is room again."""

    async def flood() -> list[Answer | None]:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(victim.port)) for _ in range(MOST_CONNECTIONS)]
            for _, writer in clients:
                writer.write(ASKED)
            return [await read_answer(reader) for reader, _ in clients]

    before = victim.metric('refused_total{reason="connections"}')
    with victim.abused("connections beyond the bound", MOST_CONNECTIONS) as traffic:
        answers = asyncio.run(flood())
    served = len([answer for answer in answers if answer is not None])
    assert 0 < served <= MOST_CONNECTIONS - traffic.clients
    assert victim.metric('refused_total{reason="connections"}') > before
    assert asyncio.run(ask(victim.port, ASKED)) is not None


def test_more_connections_than_file_descriptors(victim: Victim) -> None:
    """Those that are open are served while no more can be opened; and the log is not flooded."""
    pid, lines = victim.logger.process.pid, len(victim.logger.log().splitlines())
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)

    async def flood(clients: int) -> None:
        async with AsyncExitStack() as stack:
            for _ in range(clients):
                await stack.enter_async_context(connected(victim.port))

    with victim.abused("connections beyond the descriptors", MOST_CONNECTIONS) as traffic:
        few = len(list(Path(f"/proc/{pid}/fd").iterdir())) + 10
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, usual[1]))
        try:
            asyncio.run(flood(MOST_CONNECTIONS))
            traffic.wait(more=100)
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
    assert len(victim.logger.log().splitlines()) - lines < 100
