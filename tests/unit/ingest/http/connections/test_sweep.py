"""The sweep cuts off who is late, and nobody else."""

import asyncio
import contextlib

import pytest

from nilometer_logger.ingest.http.bounded import sweep
from tests.unit.ingest.http.connections.clients import OK, Client, Server, post, request, server
from tests.unit.ingest.journal.clock import run, settle, until

WHOLE = post()


@contextlib.asynccontextmanager
async def swept(serving: Server) -> None:
    """Sweeps while the test goes on."""
    await until(1.0)
    sweeping = asyncio.create_task(sweep(serving.state, serving.bounds))
    yield
    sweeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sweeping


def cut_off(client: Client) -> bool:
    """Tells whether a client was cut off without a word."""
    return client.transport.aborted and not client.transport.written


@pytest.mark.parametrize("start", [b"", b"P", WHOLE[:50], WHOLE[:-1]], ids=["nothing", "a byte", "head", "body"])
def test_a_slow_client_is_cut_off(start: bytes) -> None:
    """A request has to be whole ten seconds after the connection, or its first byte, and at most a tenth later."""

    async def test() -> None:
        serving = server(read_seconds=10.0)
        async with swept(serving):
            client = serving.client()
            if start:
                await client.send(start)
            await until(10.9)
            assert not client.transport.closed
            await until(12.1)
            assert cut_off(client)
            assert serving.ingress.metrics.refused == {"slow": 1}
            assert serving.ingress.reading_bytes == 0
            assert not serving.state.connections

    run(test())


def test_a_byte_now_and_then_does_not_help() -> None:
    """The time of a request is counted from its first byte, not from its last."""

    async def test() -> None:
        serving = server(read_seconds=10.0)
        async with swept(serving):
            client = serving.client()
            for second in range(12):
                await client.send(WHOLE[second : second + 1])
                await until(second + 2.0)
            assert cut_off(client)

    run(test())


def test_an_idle_connection_is_closed_in_order() -> None:
    """Counted from the last answer, and nobody is told off."""

    async def test() -> None:
        serving = server(read_seconds=1.0, idle_seconds=20.0)
        async with swept(serving):
            client = serving.client()
            await client.send(WHOLE)
            await until(15.0)
            assert await client.send(WHOLE[:-1], WHOLE[-1:]) == OK * 2
            await until(34.9)
            assert not client.transport.closed
            await until(35.3)
            assert client.transport.closed
            assert not client.transport.aborted
            assert not serving.ingress.metrics.refused

    run(test())


@pytest.mark.parametrize("pieces", [[WHOLE], [WHOLE[:-1], WHOLE[-1:]]], ids=["short", "long"])
def test_who_waits_for_kafka_is_not_late(pieces: list[bytes]) -> None:
    """However long Kafka takes: the answer is ours to give."""

    async def test() -> None:
        serving = server(at_once=False, read_seconds=1.0, idle_seconds=1.0, max_held_seconds=100.0)
        async with swept(serving):
            client = serving.client()
            await client.send(*pieces)
            await until(60.0)
            [partition] = serving.kafka.in_flight
            serving.kafka.acknowledge(partition)
            await settle()
            assert client.transport.written == OK

    run(test())


def test_who_began_while_another_was_answered_has_the_time_of_a_request() -> None:
    """A connection is not idle while a request comes in, though the one before was answered in between."""

    async def test() -> None:
        serving = server(at_once=False, read_seconds=10.0, idle_seconds=1.0)
        async with swept(serving):
            client = serving.client()
            await client.send(WHOLE + WHOLE[:20])
            [partition] = serving.kafka.in_flight
            serving.kafka.acknowledge(partition)
            await until(6.0)
            assert not client.transport.closed
            await client.send(WHOLE[20:])
            serving.kafka.acknowledge(partition)
            await settle()
            assert client.transport.written == OK * 2

    run(test())


def test_who_is_not_read_from_is_not_late() -> None:
    """A second request waits behind the first one, and its rest is not taken meanwhile; that is no fault of its."""

    async def test() -> None:
        serving = server(at_once=False, read_seconds=2.0, max_held_seconds=100.0)
        async with swept(serving):
            client = serving.client()
            await client.send(WHOLE + WHOLE[:-1])
            assert not client.transport.reading
            await until(20.0)
            [partition] = serving.kafka.in_flight
            serving.kafka.acknowledge(partition)
            await until(21.0)
            await client.send(WHOLE[-1:])
            serving.kafka.acknowledge(partition)
            await settle()
            assert client.transport.written == OK * 2

    run(test())


def test_who_takes_no_answers_is_cut_off() -> None:
    """Answers that are not taken in the time of a request end the connection."""

    async def test() -> None:
        serving = server(read_seconds=10.0)
        async with swept(serving):
            client, taking = serving.client(), serving.client()
            for one in (client, taking):
                await one.send(request({}, b"", "GET /healthz HTTP/1.1"))
                one.protocol.pause_writing()
            await until(5.0)
            taking.protocol.resume_writing()
            await until(12.1)
            assert client.transport.aborted
            assert not taking.transport.closed

    run(test())
