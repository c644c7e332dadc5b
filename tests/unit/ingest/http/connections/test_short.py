"""The short way: a whole POST in one piece is answered without a task of its own, and truly."""

import pytest
from structlog.testing import capture_logs

from tests.unit.ingest.http.connections.clients import OK, OK_CLOSED, post, request, server
from tests.unit.ingest.http.ingress.asking import HEADERS, MODES, kept
from tests.unit.ingest.journal.clock import run, settle, until


@pytest.mark.parametrize("mode", MODES)
def test_a_whole_post_takes_the_short_way(mode: str) -> None:
    """No task of uvicorn's runs for it, and it is answered like any other."""

    async def test() -> None:
        serving = server()
        client = serving.client()
        client.protocol.data_received(post(mode, b"[1]"))
        assert not serving.state.tasks
        await settle()
        assert client.transport.written == OK
        assert [event.data for event in kept(serving.kafka)] == [b"[1]"]

    run(test())


@pytest.mark.parametrize("mode", MODES)
def test_the_answer_waits_for_kafka(mode: str) -> None:
    """Not a byte before the acknowledgement."""

    async def test() -> None:
        serving = server(at_once=False)
        client = serving.client()
        assert await client.send(post(mode)) == b""
        [partition] = serving.kafka.in_flight
        serving.kafka.acknowledge(partition)
        await settle()
        assert client.transport.written == OK

    run(test())


def test_the_connection_goes_on() -> None:
    """One connection takes request after request, in the short way each."""

    async def test() -> None:
        serving = server()
        client = serving.client()
        for number in range(20):
            assert await client.send(post(id=str(number))) == OK * (number + 1)
        assert [event["id"] for event in kept(serving.kafka)] == [str(number) for number in range(20)]
        assert serving.state.total_requests == 20

    run(test())


@pytest.mark.parametrize(("line", "connection"), [("POST / HTTP/1.0", ""), ("POST / HTTP/1.1", "close")])
def test_a_connection_that_is_not_kept_is_closed(line: str, connection: str) -> None:
    """After the answer, which says so."""

    async def test() -> None:
        client = server().client()
        headers = HEADERS | ({"connection": connection} if connection else {})
        assert await client.send(request(headers, line=line)) == OK_CLOSED
        assert client.transport.closed
        assert not client.transport.aborted

    run(test())


def test_nothing_is_answered_to_who_has_left() -> None:
    """The event is in Kafka, and the answer goes nowhere."""

    async def test() -> None:
        serving = server(at_once=False)
        client = serving.client()
        await client.send(post())
        await client.leave()
        [partition] = serving.kafka.in_flight
        serving.kafka.acknowledge(partition)
        await settle()
        assert client.transport.written == b""
        assert not serving.state.connections

    run(test())


def test_a_refusal_is_logged_as_over_asgi() -> None:
    """With the client and the path, and without what stands behind the path."""

    async def test() -> None:
        with capture_logs() as lines:
            await server().client().send(request({}, line="POST /events?token=secret HTTP/1.1"))
        assert [(line["status"], line["client"], line["path"]) for line in lines] == [(400, "10.0.0.7", "/events")]

    run(test())


def test_a_late_refusal_names_its_own_path() -> None:
    """And not that of the request that came meanwhile."""

    async def test() -> None:
        client = server(at_once=False, max_held_seconds=1.0).client()
        with capture_logs() as lines:
            await client.send(request(line="POST /first HTTP/1.1"))
            await client.send(request({}, b"", "GET /second HTTP/1.1"))
            await until(2.0)
        assert [(line["status"], line["path"]) for line in lines] == [(503, "/first"), (405, "/second")]

    run(test())
