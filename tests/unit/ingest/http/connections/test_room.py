"""Where all connections are taken, a new one takes the place of one that nobody uses."""

from tests.unit.ingest.http.connections.clients import OK, Client, post, server
from tests.unit.ingest.journal.clock import run, settle

WHOLE = post()


def was_silent(client: Client, seconds: float) -> None:
    """Lets a client have been silent for a while."""
    assert client.protocol.idle_since is not None
    client.protocol.idle_since -= seconds


def test_a_new_connection_takes_the_place_of_the_longest_silent() -> None:
    """KServe's logger leaves a connection behind for most events; none of them may keep the next event out."""

    async def test() -> None:
        serving = server(max_connections=2)
        older, newer = serving.client(), serving.client()
        await older.send(WHOLE)
        await newer.send(WHOLE)
        was_silent(older, 3)
        was_silent(newer, 2)

        third = serving.client()
        await settle()

        assert (older.transport.closed, newer.transport.closed) == (True, False)
        assert await third.send(WHOLE) == OK
        assert not serving.ingress.metrics.refused

    run(test())


def test_each_new_connection_takes_another_place() -> None:
    """Two that come at the same moment do not both count on the same silent one."""

    async def test() -> None:
        serving = server(max_connections=2)
        old = [serving.client(), serving.client()]
        for client in old:
            await client.send(WHOLE)
            was_silent(client, 2)

        new = [serving.client(), serving.client()]
        await settle()

        assert all(client.transport.closed for client in old)
        assert [await client.send(WHOLE) for client in new] == [OK, OK]

    run(test())


def test_a_connection_in_use_keeps_its_place() -> None:
    """A client that sent a moment ago may be sending again."""

    async def test() -> None:
        serving = server(max_connections=1)
        client = serving.client()
        await client.send(WHOLE)

        other = serving.client()

        assert other.transport.aborted
        assert await client.send(WHOLE) == OK * 2

    run(test())


def test_a_connection_with_a_request_keeps_its_place() -> None:
    """Who waits for Kafka, or is sending, is not silent."""

    async def test() -> None:
        serving = server(max_connections=2, at_once=False)
        waiting, sending = serving.client(), serving.client()
        await waiting.send(WHOLE)
        await sending.send(WHOLE[:20])

        third = serving.client()

        assert third.transport.aborted
        assert not waiting.transport.closed
        assert not sending.transport.closed

    run(test())
