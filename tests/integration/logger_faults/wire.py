"""HTTP/1.1 as a client writes and reads it, byte by byte, so that a test sees what became of each request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.integration.logging_events import headers_of


class Torn(Exception):
    """An answer began and did not end."""


@dataclass(frozen=True)
class Answer:
    """What the logger answered; names of headers in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return self.headers.get("connection") == "close"


def head_of(headers: dict[str, str], method: str = "POST") -> bytes:
    """Writes the head of a request."""
    lines = [f"{method} / HTTP/1.1", "Host: logger", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def request_of(event_id: str, body: bytes, service: str = "iris") -> bytes:
    """Writes a whole request with an event, as KServe's logger would."""
    return head_of({**headers_of(event_id, service), "Content-Length": str(len(body))}) + body


async def read_answer(reader: asyncio.StreamReader) -> Answer | None:
    """Reads one answer; None if the connection ended before its first byte.

    Raises:
        Torn: if it ended later, or what came is no answer.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Torn(repr(error.partial[:200])) from None
        return None
    except ConnectionError:
        return None
    status, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    try:
        body = await reader.readexactly(int(headers["content-length"]))
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise Torn(status) from error
    return Answer(int(status.split(" ")[1]), headers, body)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connects to the logger; the connection ends with the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def ask(port: int, *pieces: bytes) -> Answer | None:
    """Sends pieces over a connection of their own and returns the first answer; None if it ended without one."""
    async with connected(port) as (reader, writer):
        with suppress(ConnectionError):  # an answer may have come first
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        return await read_answer(reader)
