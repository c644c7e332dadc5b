"""The short way and the long way answer the same."""

import pytest

from tests.unit.ingest.http.connections.clients import Server, request, server
from tests.unit.ingest.http.connections.requests import ALL, KEPT
from tests.unit.ingest.http.ingress.asking import HEADERS, MODES, kept, sent
from tests.unit.ingest.journal.clock import run, until


async def both(one: Server, other: Server, bytes_: bytes) -> tuple[bytes, bytes]:
    """Sends a request in one piece to one server, and in two to the other; returns both answers."""
    return await one.client().send(bytes_), await other.client().send(bytes_[:-1], bytes_[-1:])


@pytest.mark.parametrize("name", ALL)
def test_both_ways_answer_the_same(name: str) -> None:
    """To the byte, and with the same events in Kafka and the same counts."""

    async def test() -> None:
        one, other = server(namespaces="demo"), server(namespaces="demo")
        short, long = await both(one, other, ALL[name])
        assert short == long
        assert short.startswith(b"HTTP/1.1 ")
        assert kept(one.kafka) == kept(other.kafka)
        assert one.ingress.metrics.refused == other.ingress.metrics.refused

    run(test())


@pytest.mark.parametrize("name", KEPT)
def test_each_kind_has_one_answer(name: str) -> None:
    """A request does not change what the next one is answered."""

    async def test() -> None:
        client = server(namespaces="demo").client()
        first = await client.send(KEPT[name])
        assert await client.send(KEPT[name]) == first * 2

    run(test())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "settings",
    [{"max_held_events": 1}, {"max_held_seconds": 0.1}, {"max_held_bytes": 500}],
    ids=lambda given: next(iter(given)),
)
def test_both_ways_are_503_for_the_same_reason(mode: str, settings: dict[str, float]) -> None:
    """Full of events, full of bytes, or no acknowledgement: 503, when to come back, and the connection lives."""

    async def test() -> None:
        serving = server(at_once=False, **settings)
        clients = [serving.client(), serving.client(), serving.client()]
        bytes_ = request(*sent(mode))
        await clients[0].send(bytes_)
        await clients[1].send(bytes_)
        await clients[2].send(bytes_[:-1], bytes_[-1:])
        await until(1.0)
        for client in clients[1:]:
            assert client.statuses == [503]
            assert b"\r\nretry-after: 1\r\n" in client.transport.written
            assert not client.transport.closed
        assert serving.ingress.reading_bytes == 0

    run(test())


def test_both_ways_are_503_before_kafka_is_there() -> None:
    """The port is open from the first moment."""

    async def test() -> None:
        short, long = await both(Server(None, {}), Server(None, {}), request(HEADERS))
        assert short == long
        assert short.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert short.endswith(b"\r\n\r\nKafka is not reachable yet\n")

    run(test())


@pytest.mark.parametrize("mode", MODES)
def test_both_ways_refuse_what_never_fits(mode: str) -> None:
    """413 for what is larger than all that may be held: a retry would not mend it."""

    async def test() -> None:
        clients = [server(max_held_bytes=100).client(), server(max_held_bytes=100).client()]
        bytes_ = request(*sent(mode, b"x" * 200))
        await clients[0].send(bytes_)
        await clients[1].send(bytes_[:-1], bytes_[-1:])
        assert [client.statuses for client in clients] == [[413], [413]]

    run(test())
