"""431: a head too large is refused however it comes, and before it takes memory."""

import pytest

from tests.unit.ingest.http.connections.clients import OK, post, request, server
from tests.unit.ingest.http.ingress.asking import HEADERS
from tests.unit.ingest.journal.clock import run

MOST = 2048
LINE = HEADERS | {"ce-note": "x" * 200}
ENDLESS = b"POST / HTTP/1.1\r\nce-note: " + b"x" * 100_000


def head(size: int) -> bytes:
    """Returns a request whose headers hold at least so many bytes."""
    return request(HEADERS | {"ce-note": "x" * size})


@pytest.mark.parametrize("step", [1, 100, 1000, 3000, 100_000])
def test_a_head_too_large_is_refused(step: int) -> None:
    """Whole or in drips: 431, once, and the connection ends."""

    async def test() -> None:
        serving = server(max_header_bytes=MOST)
        client = serving.client()
        bytes_ = head(MOST)
        await client.send(*(bytes_[at : at + step] for at in range(0, len(bytes_), step)))
        assert client.statuses == [431]
        assert client.transport.closed
        assert b"\r\nconnection: close\r\n" in client.transport.written
        assert dict(serving.ingress.metrics.refused) == {"head_too_large": 1}
        assert not serving.kafka.sent

    run(test())


@pytest.mark.parametrize("cut", [10, 30, MOST, 3 * MOST, 4 * MOST - 1, -3, -1])
def test_a_large_head_in_two_pieces_is_refused(cut: int) -> None:
    """Wherever it is cut: the larger piece is counted, whichever it is."""

    async def test() -> None:
        client = server(max_header_bytes=MOST).client()
        bytes_ = head(5 * MOST)
        end = bytes_.index(b"\r\n\r\n") + 4
        cut_at = cut if cut > 0 else end + cut
        await client.send(bytes_[:cut_at], bytes_[cut_at:])
        assert client.statuses == [431]
        assert client.transport.closed

    run(test())


def test_a_head_without_end_is_refused() -> None:
    """It is not waited for."""

    async def test() -> None:
        client = server(max_header_bytes=MOST).client()
        await client.send(*(ENDLESS[at : at + 500] for at in range(0, len(ENDLESS), 500)))
        assert client.statuses == [431]

    run(test())


@pytest.mark.parametrize("step", [50, 100_000])
def test_too_many_lines_are_refused(step: int) -> None:
    """An object of Python takes more than a short line does: 256 lines are taken, and no more."""

    async def test() -> None:
        for lines, status in ((256 - len(HEADERS) - 2, 200), (257, 431)):
            client = server().client()
            bytes_ = request({f"x-{number}": "" for number in range(lines)} | HEADERS)
            await client.send(*(bytes_[at : at + step] for at in range(0, len(bytes_), step)))
            assert client.statuses == [status]

    run(test())


def test_what_comes_with_a_head_does_not_count() -> None:
    """Small heads are taken in a piece that is larger than a head may be: with bodies, or behind one another."""

    async def test() -> None:
        client = server(max_header_bytes=1024).client()
        assert await client.send(post(body=b"x" * 4000)) == OK
        assert await client.send(post(id="2") * 20) == OK * 21

    run(test())


def test_trailers_without_end_are_refused() -> None:
    """What may follow a body in chunks counts as a head does."""

    async def test() -> None:
        serving = server(max_header_bytes=MOST)
        client = serving.client()
        whole = request(chunks=[b"{}"])
        await client.send(whole[:-2], *[b"x-a-trailer: %s\r\n" % (b"x" * 80)] * 100)
        assert client.transport.closed
        assert client.statuses in ([], [431])
        assert serving.ingress.reading_bytes == 0
        assert not serving.kafka.sent

    run(test())


@pytest.mark.parametrize("pieces", [1, 2])
def test_trailers_are_no_headers(pieces: int) -> None:
    """What follows a body changes nothing about the event (RFC 9110, section 6.5.1)."""

    async def test() -> None:
        serving = server(namespaces="demo")
        client = serving.client()
        bytes_ = request(chunks=[b"{}"])[:-2] + b"ce-id: another\r\nce-note: more\r\n\r\n"
        await client.send(*([bytes_] if pieces == 1 else [bytes_[:-40], bytes_[-40:]]))
        assert client.statuses == [200]
        [(_, event)] = serving.kafka.sent[0].events
        assert event["id"] == "1"
        assert "note" not in event.attributes

    run(test())
