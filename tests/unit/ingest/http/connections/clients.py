"""A client's connection without a socket: bytes go in, and what is answered can be read."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from nilometer_logger.ingest.http.connections import Connection
from nilometer_logger.settings import LoggerSettings
from tests.unit.ingest.http.ingress.asking import HEADERS, LARGEST, made, sent
from tests.unit.ingest.journal.clock import settle
from tests.unit.ingest.journal.kafka import Kafka

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
OK_CLOSED = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Transport(asyncio.Transport):
    """What asyncio's does for a client at the other end, as far as a protocol can tell.

    Attributes:
        written: to the client.
        closed: whether either side has ended the connection.
        aborted: whether it was ended without a last word.
        reading: whether bytes are taken from the client.
    """

    def __init__(self, protocol: Connection) -> None:
        super().__init__({"peername": ("10.0.0.7", 4711)})
        self._protocol = protocol
        self.written = b""
        self.closed = self.aborted = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends; nothing may come after the end."""
        assert not self.closed
        self.written += bytes(data)

    def is_closing(self) -> bool:
        """Tells whether the end has come."""
        return self.closed

    def pause_reading(self) -> None:
        """Takes no more bytes."""
        self.reading = False

    def resume_reading(self) -> None:
        """Takes bytes again."""
        self.reading = True

    def close(self) -> None:
        """Ends, once everything was sent."""
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """Ends at once."""
        self.aborted = True
        self.close()


@dataclass
class Server:
    """Makes connections.

    Args:
        kafka: behind the ingress; None where there is none yet.
        settings: of the logger.
    """

    kafka: Kafka | None
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        self.ingress = made(self.kafka, **self.settings)
        self.state = ServerState()
        bounds = LoggerSettings(**{"max_event_bytes": LARGEST, **self.settings})
        config = Config(self.ingress, http=Connection, ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        self.make = partial(Connection, config, self.state, {}, self.ingress, bounds)
        self.bounds = bounds

    def client(self) -> "Client":
        """Opens a connection."""
        return Client(self)

    def sweep(self) -> None:
        """Does once what `sweep` does again and again."""
        now = asyncio.get_running_loop().time()
        for connection in list(self.state.connections):
            connection.check(now, self.bounds.read_seconds, self.bounds.idle_seconds)


class Client:
    """One connection."""

    def __init__(self, server: Server) -> None:
        self.protocol = server.make()
        self.transport = Transport(self.protocol)
        self.protocol.connection_made(self.transport)

    async def send(self, *pieces: bytes) -> bytes:
        """Sends pieces as far as they are taken, lets everything happen, and returns all that was ever answered."""
        for piece in pieces:
            await self.taking()
            if self.transport.closed:
                break
            self.protocol.data_received(piece)
        await settle()
        return self.transport.written

    async def taking(self) -> None:
        """Waits until bytes are taken from the client."""
        if not self.transport.reading:
            await settle()
            assert self.transport.reading or self.transport.closed

    async def leave(self) -> None:
        """Goes away."""
        self.transport.closed = True
        self.protocol.connection_lost(ConnectionResetError())
        await settle()

    @property
    def statuses(self) -> list[int]:
        """The statuses of all answers."""
        heads = self.transport.written.split(b"HTTP/1.1 ")[1:]
        return [int(head[:3]) for head in heads]


def server(*, at_once: bool = True, **settings: Any) -> Server:
    """Returns a server before a Kafka that acknowledges at once, or when the test says so."""
    return Server(Kafka(at_once=at_once), settings)


def request(
    headers: Mapping[str, str] = HEADERS,
    body: bytes = b"{}",
    line: str = "POST / HTTP/1.1",
    *,
    chunks: Iterable[bytes] | None = None,
) -> bytes:
    """Returns a request as it goes over the wire, with its body in chunks where they are given."""
    own = dict(headers)
    if chunks is None:
        own["content-length"] = str(len(body))
    else:
        own["transfer-encoding"] = "chunked"
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    head = [line, "host: logger", *(f"{name}: {value}" for name, value in own.items()), "", ""]
    return "\r\n".join(head).encode() + body


def post(mode: str = "binary", body: bytes = b"{}", **attributes: str) -> bytes:
    """Returns the request of one event in a content mode."""
    return request(*sent(mode, body, **attributes))
