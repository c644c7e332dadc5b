"""The target of a request: any path will do, and what is no target is 400, however the request was cut."""

import pytest

from tests.unit.ingest.http.connections.clients import request, server
from tests.unit.ingest.journal.clock import run

ROOM = 300_000


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("//two/slashes", 200),
        ("/percent%20and?query#fragment", 200),
        ("http://logger.example/path", 200),
        ("*", 200),
        ("/" + "a" * 65_534, 200),
        ("/" + "a" * 65_535, 400),
        ("http://logger.example", 400),
        ("http://logger.example:99999/", 400),
        ("no-path", 400),
    ],
    ids=lambda given: str(given)[:30],
)
def test_a_target_has_one_answer(target: str, status: int, pieces: int) -> None:
    """The same for a request that came whole and for one that did not."""

    async def test() -> None:
        client = server(max_header_bytes=ROOM).client()
        whole = request(line=f"POST {target} HTTP/1.1")
        await client.send(*([whole] if pieces == 1 else [whole[:-1], whole[-1:]]))
        assert client.statuses == [status]

    run(test())


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_tunnel_is_refused(pieces: int) -> None:
    """CONNECT is for proxies, and the connection ends."""

    async def test() -> None:
        client = server().client()
        whole = b"CONNECT logger.example:443 HTTP/1.1\r\nhost: logger.example\r\n\r\n"
        await client.send(*([whole] if pieces == 1 else [whole[:-1], whole[-1:]]))
        assert client.statuses == [400]
        assert client.transport.closed

    run(test())
