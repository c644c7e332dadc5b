"""Thousands of damaged requests, and thousands of streams: no crash, no 500, no traceback, no memory."""

import asyncio
from collections import Counter
from contextlib import suppress
from itertools import islice

import pytest

from tests.integration.logger_faults.fuzz import Fuzzed, requests
from tests.integration.logger_faults.scale import Scale
from tests.integration.logger_faults.victim import MOST_STREAMS, Victim
from tests.integration.logger_faults.wire import connected
from tests.integration.reading import events_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CLIENTS = 32
SEED = 20261124


def test_damaged_requests_are_answered_or_cut_off(victim: Victim, scale: Scale) -> None:
    """Each one that is HTTP at all is answered; whatever was taken can be read; and the log is not flooded."""
    statuses: Counter[bytes] = Counter()
    unanswered = 0

    async def client(todo: list[Fuzzed]) -> None:
        nonlocal unanswered
        for fuzzed in todo:
            found = await _statuses(victim.port, fuzzed)
            statuses.update(found)
            unanswered += fuzzed.whole and not found

    async def everybody() -> None:
        made = requests(scale.requests, SEED)
        await asyncio.gather(*(client(list(islice(made, scale.requests // CLIENTS + 1))) for _ in range(CLIENTS)))

    lines = len(victim.logger.log().splitlines())
    with victim.abused("damaged requests", scale.requests):
        asyncio.run(everybody())

    assert unanswered == 0
    assert statuses.keys() <= {b"100", b"200", b"400", b"405", b"413", b"415", b"431"}
    assert min(statuses[b"200"], statuses[b"400"]) > scale.requests // 100
    assert len(victim.logger.log().splitlines()) - lines < scale.requests // 10
    assert events_of(victim.logger.kafka, victim.logger.topic)


async def _statuses(port: int, fuzzed: Fuzzed) -> list[bytes]:
    """Sends a request and nothing after it, and returns the statuses of all answers."""
    async with connected(port) as (reader, writer):
        with suppress(OSError):
            for piece in fuzzed.pieces:
                writer.write(piece)
                await writer.drain()
            if fuzzed.whole:
                answer = await reader.readuntil(b"\r\n")
                return [answer.split(b" ")[1]]
            writer.write_eof()
            return [part[:3] for part in (await reader.read()).split(b"HTTP/1.1 ")[1:]]
    return []


def test_ten_thousand_streams(victim: Victim, scale: Scale) -> None:
    """Each is taken; memory and metrics have room for the first few only, and the rest share a label."""
    with victim.abused("streams", scale.streams, services=scale.streams) as traffic:
        traffic.wait(more=scale.streams, timeout_seconds=120)
    streams = [sample for sample in victim.logger.metrics() if sample.startswith("events_total{")]
    assert len(streams) <= MOST_STREAMS + 1
    assert any('inferenceservice="_other"' in sample for sample in streams)
