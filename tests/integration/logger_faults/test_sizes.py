"""Requests of every excess: bodies, heads, trailers, chunks, pipelines; refused before they take memory."""

import asyncio
import signal
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from itertools import repeat

import pytest

from tests.integration.logger_faults.memory import MIB
from tests.integration.logger_faults.victim import Victim
from tests.integration.logger_faults.wire import Answer, ask, connected, head_of, read_answer, request_of
from tests.integration.logging_events import headers_of
from tests.integration.reading import events_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BODY_MIB = 100
FLOOD_MIB = 64
CLIENTS = 20
BODIES = 600
HEADS = [
    b"POST /" + b"x" * MIB + b" HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nName: " + b"x" * MIB + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + b"x" * MIB + b": value\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + b"ce-name: value\r\n" * (MIB // 16) + b"\r\n",
    b"POST / HTTP/1.1\r\n" + b"n: v\r\n" * 1000 + b"\r\n",  # small, and many objects for all that
]
_CHUNKED = head_of({**headers_of("flood"), "Transfer-Encoding": "chunked"})
FLOODS = [  # what begins them, and what is then repeated
    (_CHUNKED + b"2\r\n{}\r\n0\r\n", b"Name: value\r\n" * 1000),  # trailers
    (_CHUNKED + b"2\r\n{}\r\n0\r\nName: ", b"x" * 65536),  # one trailer
    (_CHUNKED + b"2;", b"x" * 65536),  # the extension of a chunk
    (_CHUNKED, b"1\r\nx\r\n" * 10_000),
    (b"", b"\r\n" * 30_000),
    (b"", b"GET / HTTP/1.1\r\nHost: logger\r\n\r\n" * 3000),
    (
        b"",
        b"POST / HTTP/1.1\r\nHost: logger\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n" * 1000,
    ),
]


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_a_body_of_100_mb_is_answered_413(victim: Victim, chunked: bool) -> None:
    """What comes of it is passed over, none of it kept; and the connection takes the next event."""

    async def refused() -> list[Answer | None]:
        async with connected(victim.port) as (reader, writer):
            length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(BODY_MIB * MIB)}
            writer.write(head_of({**headers_of("huge"), **length}))
            piece = b"x" * MIB
            for _ in range(BODY_MIB):
                writer.write(b"100000\r\n" + piece + b"\r\n" if chunked else piece)
                await writer.drain()
            writer.write(b"0\r\n\r\n" if chunked else b"")
            answers = [await read_answer(reader)]
            writer.write(request_of("after it", b"{}"))
            return [*answers, await read_answer(reader)]

    with victim.abused(f"body of 100 MiB, {'chunked' if chunked else 'in one'}", 1):
        answers = asyncio.run(refused())
    assert [answer and answer.status for answer in answers] == [413, 200]


def test_a_head_of_1_mib_is_answered_431(victim: Victim) -> None:
    """Or its connection ends before it is sent, where the end overtakes the answer; it is never taken."""
    with victim.abused("heads of 1 MiB", len(HEADS) * CLIENTS):
        answers = [asyncio.run(ask(victim.port, head)) for head in HEADS * CLIENTS]
    assert {answer.status for answer in answers if answer is not None} <= {431}
    assert victim.metric('refused_total{reason="head_too_large"}') > 0


def test_the_reason_of_a_refusal_is_short_in_the_log(victim: Victim) -> None:
    """However long what the client chose is; the log would be the client's otherwise."""
    head = head_of({**headers_of("1"), "Ce-Specversion": "1" * 30_000, "Content-Length": "0"})
    head = head.replace(b"POST /", b"POST /" + b"x" * 30_000)
    with victim.abused("refusals of 60 kB", CLIENTS):
        answers = [asyncio.run(ask(victim.port, head)) for _ in range(CLIENTS)]
    assert [answer and answer.status for answer in answers] == [400] * CLIENTS


def test_a_flood_takes_no_memory(victim: Victim) -> None:
    """Twenty clients at once send what no bound of a body counts: it is passed over, or they are cut off."""

    async def flood(first: bytes, piece: bytes) -> None:
        async with connected(victim.port) as (_, writer):
            with suppress(ConnectionError):
                await _send(writer, [first, *repeat(piece, FLOOD_MIB * MIB // CLIENTS // len(piece))])

    async def floods(kind: tuple[bytes, bytes]) -> None:
        await asyncio.gather(*(flood(*kind) for _ in range(CLIENTS)))

    with victim.abused("floods", len(FLOODS) * CLIENTS) as traffic:
        for kind in FLOODS:
            asyncio.run(floods(kind))
    assert set(traffic.answers) == {200}


async def _send(writer: asyncio.StreamWriter, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()


def test_bodies_begun_at_once_are_refused_beyond_the_bound(victim: Victim) -> None:
    """However many clients begin a large body at the same moment: 503 for those that find no room."""
    begun = head_of({**headers_of("begun"), "Content-Length": "800000"}) + b"x" * 250_000

    async def begin() -> list[Answer | None]:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(victim.port)) for _ in range(BODIES)]
            victim.logger.process.signal(signal.SIGSTOP)
            for _, writer in clients:
                writer.write(begun)
            victim.logger.process.signal(signal.SIGCONT)
            return await asyncio.gather(*(read_answer(reader) for reader, _ in clients))

    with victim.abused("bodies begun at once", BODIES):
        answers = asyncio.run(begin())
    assert {answer.status for answer in answers if answer is not None} == {503}


def test_a_pipeline_is_answered_in_order(victim: Victim) -> None:
    """Requests sent without waiting for answers get theirs, though what comes at once is larger than a head may be."""
    requests = [request_of(str(number), b"x" * (2000 + number)) for number in range(50)]
    requests[::7] = [b"GET /nowhere HTTP/1.1\r\nHost: logger\r\n\r\n"] * len(requests[::7])
    sent = b"".join(requests)

    async def pipeline() -> list[int]:
        async with connected(victim.port) as (reader, writer):
            victim.logger.process.signal(signal.SIGSTOP)  # so that it finds all of this at once, but for half a request
            try:
                writer.write(sent[:-2500])
                await writer.drain()
            finally:
                victim.logger.process.signal(signal.SIGCONT)
            await asyncio.to_thread(victim.metric, "connections")
            writer.write(sent[-2500:])
            answers = [await read_answer(reader) for _ in requests]
            return [answer.status for answer in answers if answer is not None]

    assert asyncio.run(pipeline()) == [405 if number % 7 == 0 else 200 for number in range(50)]


def test_an_upgrade_is_declined_and_the_body_kept(victim: Victim) -> None:
    """Java's HTTP client offers HTTP/2 with its first request; what it sends is an event like any other, body and all."""
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABk"}

    def answered(event_id: str, *pieces: bytes) -> Answer | None:
        length = str(sum(map(len, pieces)))
        head = head_of({**headers_of(event_id), **offer, "Content-Length": length})
        return asyncio.run(ask(victim.port, head + pieces[0], *pieces[1:]))

    answers = [answered("upgrade whole", b"a body"), answered("upgrade parted", b"", b"a body")]

    assert [answer and answer.status for answer in answers] == [200, 200]
    events = events_of(victim.logger.kafka, victim.logger.topic)
    bodies = {event["id"]: event.data for event in events if event["id"].startswith("upgrade")}
    assert bodies == {"upgrade whole": b"a body", "upgrade parted": b"a body"}
