"""What goes wrong: a bug of ours, what is no HTTP, and a client that leaves in the middle."""

import pytest
from structlog.testing import capture_logs

from nilometer_logger.ingest.journal import Journal
from tests.unit.ingest.http.connections.clients import OK, post, request, server
from tests.unit.ingest.http.ingress.asking import HEADERS, MODES
from tests.unit.ingest.journal.clock import run, settle

FAILED = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
BOTH = HEADERS | {"transfer-encoding": "chunked", "content-length": "5"}


@pytest.mark.parametrize("pieces", [1, 2], ids=["short", "long"])
@pytest.mark.parametrize("mode", MODES)
def test_a_bug_is_answered_500_and_the_connection_lives(
    mode: str, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, with nothing of the body; the next request is taken."""

    def fail(*_: object) -> None:
        b"my-secret\xff".decode()

    async def test() -> None:
        serving = server()
        client = serving.client()
        bytes_ = post(mode)
        with monkeypatch.context() as broken, capture_logs() as lines:
            broken.setattr(Journal, "_admit", fail)
            cut = len(bytes_) if pieces == 1 else -1
            assert await client.send(bytes_[:cut], bytes_[cut:]) == FAILED
        assert [(line["event"], line["log_level"], line["error"]) for line in lines] == [
            ("request failed", "error", "UnicodeDecodeError")
        ]
        assert "secret" not in str({name: value for name, value in lines[0].items() if name != "exc_info"})
        assert await client.send(post()) == FAILED + OK
        assert serving.ingress.held_bytes == 0

    run(test())


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/9.9\r\nhost: logger\r\n\r\n",
        b"POST / HTTP/2.0\r\nhost: logger\r\n\r\n",
        b"POST / HTTP/0.9\r\nhost: logger\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: logger\r\nHOST: logger\r\n\r\n",
        b"POST / HTTP/1.0\r\nhost: logger\r\nhost: another\r\n\r\n",
        request({"host": "another"}),
        request({"host": "another", "connection": "upgrade", "upgrade": "h2c"}),
        request(HEADERS, line="POST / HTTP/2.0"),
        b"POST nowhere HTTP/1.1\r\nhost: logger\r\ncontent-length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: logger\r\nna me: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: logger\r\ncontent-length: 1x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: logger\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: logger\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        request(BOTH, chunks=[b"{}"]),
        b"POST / HTTP/1.1\r\nhost: logger\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: logger\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: logger\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_what_is_no_http_is_refused(bytes_: bytes, step: int) -> None:
    """400 once, or the end; nothing behind it is taken for a request, for who wrote it is not known."""

    async def test() -> None:
        serving = server()
        client = serving.client()
        smuggled = bytes_ + post()
        await client.send(*(smuggled[at : at + step] for at in range(0, len(smuggled), step)))
        assert client.statuses == [400]
        assert client.transport.closed
        assert not serving.kafka.sent
        assert serving.ingress.metrics.refused == {"invalid": 1}

    run(test())


@pytest.mark.parametrize("bad", [b"zz\r\n", b"2\r\n{}x", b"-1\r\n", b"ffffffffffffffffff\r\n"])
def test_bad_chunks_are_refused(bad: bytes) -> None:
    """Nothing of a body that ends in nonsense is in Kafka, and its bytes are free again."""

    async def test() -> None:
        serving = server()
        client = serving.client()
        head = request(chunks=[b"{}"])[: -len(b"0\r\n\r\n")]
        await client.send(head)
        assert serving.ingress.reading_bytes == 2
        await client.send(bad)
        assert client.statuses == [400]
        assert client.transport.closed
        assert not serving.kafka.sent
        assert serving.ingress.reading_bytes == 0

    run(test())


@pytest.mark.parametrize("cut", [1, 40, -2, -1])
@pytest.mark.parametrize("behind", [b"", post()], ids=["alone", "behind another"])
def test_who_leaves_in_the_middle_leaves_nothing(cut: int, behind: bytes) -> None:
    """Half a request is no event; its bytes are free again, and nobody is answered."""

    async def test() -> None:
        serving = server()
        client = serving.client()
        written = await client.send(behind, post(body=b"x" * 100)[:cut])
        await client.leave()
        assert client.transport.written == written
        assert sum(len(record.events) for record in serving.kafka.sent) == bool(behind)
        assert serving.ingress.held_bytes == 0
        assert not serving.state.connections
        assert not serving.state.tasks

    run(test())


def test_who_leaves_while_requests_wait_leaves_nothing() -> None:
    """Of pipelined requests only the one in hand is finished; the others were promised nothing."""

    async def test() -> None:
        serving = server(at_once=False)
        client = serving.client()
        await client.send(post() * 5)
        await client.leave()
        [partition] = serving.kafka.in_flight
        serving.kafka.acknowledge(partition)
        await settle()
        assert client.transport.written == b""
        assert len(serving.kafka.sent) == 1
        assert not serving.state.tasks

    run(test())
