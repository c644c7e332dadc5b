"""The end of a logger, and of a connection: what is in hand is finished, and the client is told."""

import pytest

from tests.unit.ingest.http.connections.clients import OK, OK_CLOSED, post, server
from tests.unit.ingest.journal.clock import run, settle, until

WHOLE = post()


@pytest.mark.parametrize("pieces", [[WHOLE], [WHOLE[:-1], WHOLE[-1:]]], ids=["short", "long"])
def test_the_request_in_hand_is_finished(pieces: list[bytes]) -> None:
    """It is answered once Kafka has it, with the word that it was the last one; then the connection is closed."""

    async def test() -> None:
        serving = server(at_once=False)
        client = serving.client()
        await client.send(*pieces)
        client.protocol.shutdown()
        await until(5.0)
        assert not client.transport.closed
        [partition] = serving.kafka.in_flight
        serving.kafka.acknowledge(partition)
        await settle()
        assert client.transport.written == OK_CLOSED
        assert client.transport.closed
        assert not client.transport.aborted
        assert not serving.state.connections

    run(test())


def test_a_silent_connection_is_closed_after_a_moment() -> None:
    """What is on its way already is not lost: it is answered, and only then it is the end."""

    async def test() -> None:
        serving = server()
        silent, speaking, new = serving.client(), serving.client(), serving.client()
        for client in (silent, speaking):
            await client.send(WHOLE)
            client.protocol.shutdown()
        new.protocol.shutdown()
        await until(0.4)
        assert not silent.transport.closed
        assert await speaking.send(WHOLE) == OK + OK_CLOSED
        await until(0.6)
        assert silent.transport.closed
        assert silent.transport.written == OK
        assert new.transport.closed

    run(test())


@pytest.mark.parametrize("start", [1, 50, len(WHOLE) - 1])
def test_a_request_that_has_begun_is_waited_for(start: int) -> None:
    """Half a request is finished in the time that any request has, and answered as the last one."""

    async def test() -> None:
        serving = server(read_seconds=10.0)
        await until(1.0)
        client, never = serving.client(), serving.client()
        for one in (client, never):
            await one.send(WHOLE[:start])
            one.protocol.shutdown()
        await until(8.0)
        assert await client.send(WHOLE[start:]) == OK_CLOSED
        assert client.transport.closed
        await until(11.5)
        serving.sweep()
        assert never.transport.aborted
        await settle()
        assert not serving.state.connections

    run(test())


def test_pipelined_requests_are_answered_first() -> None:
    """All that were there at the signal are answered, and the last answer says that it is the last."""

    async def test() -> None:
        serving = server(at_once=False)
        client = serving.client()
        await client.send(WHOLE * 3)
        client.protocol.shutdown()
        for _ in range(3):
            [partition] = serving.kafka.in_flight
            serving.kafka.acknowledge(partition)
            await settle()
        assert client.transport.written == OK * 2 + OK_CLOSED
        assert client.transport.closed

    run(test())


def test_one_connection_too_many_is_closed() -> None:
    """At once and without a word; those that are open are served, and afterwards there is room again."""

    async def test() -> None:
        serving = server(max_connections=2)
        first, second, third = serving.client(), serving.client(), serving.client()
        assert third.transport.aborted
        await settle()
        assert third.transport.written == b""
        assert serving.ingress.metrics.refused == {"connections": 1}
        for client in (first, second):
            assert await client.send(WHOLE) == OK
        await first.leave()
        assert await serving.client().send(WHOLE) == OK

    run(test())


def test_a_pipeline_has_an_end() -> None:
    """64 requests may wait behind the one in hand; one more and the client is cut off."""

    async def test() -> None:
        serving = server(at_once=False)
        patient, greedy = serving.client(), serving.client()
        await patient.send(WHOLE * 65)
        assert not patient.transport.closed
        await greedy.send(WHOLE * 66)
        assert greedy.transport.aborted
        assert serving.ingress.metrics.refused == {"pipelined": 1}
        while serving.kafka.in_flight:
            [partition] = serving.kafka.in_flight
            serving.kafka.acknowledge(partition)
            await settle()
        assert patient.transport.written == OK * 65
        assert serving.ingress.held_bytes == 0

    run(test())
