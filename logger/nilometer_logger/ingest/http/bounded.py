"""A client's connection with every bound that a client could otherwise pass.

uvicorn waits for ever for the rest of a head or a body, takes a head of any size and any number of connections. Here

* where `max_connections` are open, one more takes the place of the one that has been silent for longest after its last
  answer, because KServe's logger opens a connection for most events and leaves it to us to close it. Where none has been
  silent for `_SILENT_SECONDS`, and so may be in use, the new one is closed at once;
* a request must be there, whole, `read_seconds` after its first byte, and the first one `read_seconds` after the
  connection; an answer must be taken in that time, too; between requests a connection may be silent for `idle_seconds`.
  One sweep over all connections looks for those that are late, so that a request in time costs no timer;
* a head larger than `max_header_bytes`, or with more than `_MOST_HEADERS` lines, is answered 431; so much after a body,
  where trailers may stand, ends the connection;
* a client that does not take its answers is not read from, and one that has more than `_MOST_PIPELINED` requests waiting
  is cut off: a piece of the size of a socket's buffer holds thousands;
* a request of another version than 1.0 and 1.1, of 1.1 without a Host, or with two, is answered 400 (RFC 9112, sections
  2.3 and 3.2): what stands before us may have read it as another one;
* a request that asks for another protocol is read as if it did not. Java's HTTP client asks for HTTP/2 with its first
  request, and httptools would pass over the body of that.

At the end a connection that is silent stays open for a moment (`_LAST_SECONDS`): a client learns of the end only from an
answer that says so, and a request that is on its way already would otherwise be lost.
"""

import asyncio
import contextlib
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from nilometer_logger.ingest.http.answers import Headers, HttpRefusal
from nilometer_logger.ingest.http.ingress import Ingress
from nilometer_logger.settings import LoggerSettings

_SWEEPS = 10  # a late client is cut off a tenth of its time later
_MOST_HEADERS = 256  # an object of Python takes more than a short line does
_MOST_PIPELINED = 64
_LAST_SECONDS = 0.5
_SILENT_SECONDS = 1.0
_VERSIONS = ("1.1", "1.0")


class _Unheard:
    """Where uvicorn sets an event for the task of a request; a short request has none."""

    @staticmethod
    def set() -> None:
        """Does nothing."""


class TasklessRequest:
    """A request without a task.

    Attributes:
        response_complete: whether it was answered.
        disconnected: whether the client has gone.
        keep_alive: whether the connection goes on after the answer.
    """

    __slots__ = ("disconnected", "keep_alive", "response_complete")
    message_event = _Unheard

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False


class Bounded(HttpToolsProtocol):
    """One client's connection; uvicorn's, within bounds."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        ingress: Ingress,
        settings: LoggerSettings,
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._ingress = ingress
        self._max_connections = settings.max_connections
        self._max_header_bytes = settings.max_header_bytes
        self._ending = False
        self._running: RequestResponseCycle | None = None
        self._head: Headers = []  # without what may follow a body in chunks
        self._held_back: list[bytes] | None = None  # the body of a request that uvicorn has not got yet
        self._in_message = False
        self._in_head = False
        self._began_before = False  # the head, in a piece before this one
        self._comes_again = False  # the request, without the upgrade that it asks for
        self._head_bytes = 0  # of head and trailers, in pieces that hold nothing else
        self._piece_bytes = 0
        self._piece_has_more = False
        self.reading_since: float | None = self.loop.time()
        self.writing_since: float | None = None
        self.idle_since: float | None = None

    @property
    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes the connection, or closes it."""
        super().connection_made(transport)
        if len(self.connections) > self._max_connections and not self._make_room():
            self.cut_off("connections")

    def _make_room(self) -> bool:
        latest = self.loop.time() - _SILENT_SECONDS
        silent = [
            (found.idle_since, id(found), found)
            for found in self.connections
            if isinstance(found, Bounded) and found.idle_since is not None and found.idle_since <= latest
        ]
        if not silent:
            return False
        _, _, longest = min(silent)
        longest.idle_since = None  # another one must not choose it as well, before it is closed
        longest.transport.close()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells the request that is being answered, which need not be the last one that came."""
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        """Parses what came."""
        self._piece_bytes = len(data)
        self._piece_has_more = False
        self._began_before = self._in_head
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._end_with(HttpRefusal(400, "invalid", "what came is no HTTP request"))
        if not self._in_message or self.transport.is_closing():
            return
        if self._held_back is not None:
            self._hand_over()
        if self.reading_since is None:
            self.reading_since = self.loop.time()
        if not self._piece_has_more:
            self._head_bytes += len(data)
        if self._head_bytes > self._max_header_bytes or len(self.headers) > _MOST_HEADERS:
            self._end_with(self._head_too_large())

    def _parse(self, data: bytes) -> None:
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # To httptools, what follows such a head is another protocol; to us, who decline, it is the body.
                rest = rest[upgrade.args[0] :]
                head = self._without_upgrade()
                self.parser = httptools.HttpRequestParser(self)
                with contextlib.suppress(AttributeError):  # httptools before 0.6.3; uvicorn does the same
                    self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self.parser.feed_data(head)

    def _without_upgrade(self) -> bytes:
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        """Begins a request."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_message = self._in_head = self._piece_has_more = True
        self._head_bytes = 0
        self.idle_since = None

    def on_headers_complete(self) -> None:
        """Checks the head."""
        if self.transport.is_closing():
            self._pass_over()
            return
        self._comes_again = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._comes_again:
            return
        # A head within a small piece need not be measured.
        most = self._max_header_bytes
        too_large = (self._began_before or self._piece_bytes > most) and _size(self.url, self.headers) > most
        if too_large or len(self.headers) > _MOST_HEADERS:
            self._end_with(self._head_too_large())
            return
        if (wrong := self._wrong_head()) is not None:
            self._end_with(HttpRefusal(400, "invalid", wrong))
            return
        self._head, self.headers = self.headers, []
        self._decide()
        self._in_head = False

    def _wrong_head(self) -> str | None:
        """Says what is wrong with a head that httptools takes."""
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            return f"HTTP/{version} is not understood: send HTTP/1.1"
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts == 1 or (hosts == 0 and version == "1.0"):
            return None
        return f"{hosts or 'no'} Host headers: a request has one"

    def on_body(self, body: bytes) -> None:
        """Takes a part of a body."""
        self._piece_has_more = True
        if self._held_back is None:
            super().on_body(body)
        else:
            self._held_back.append(body)

    def on_message_complete(self) -> None:
        """Ends a request."""
        if self._comes_again:
            return
        self._in_message = False
        self.reading_since = None
        if self._held_back is not None:
            self._take_whole()
            return
        super().on_message_complete()
        if not self._busy:  # refused before it was whole
            self.idle_since = self.loop.time()

    def on_response_complete(self) -> None:
        """Goes on with a pipelined request, or waits for the next one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self.writing_since = self.loop.time()
            return
        if self.flow.read_paused and self.reading_since is not None:
            self.reading_since = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._in_message:
            self.idle_since = self.loop.time()

    def pause_writing(self) -> None:
        """Waits for a client that does not take its answers."""
        super().pause_writing()
        self.writing_since = self.loop.time()

    def resume_writing(self) -> None:
        """Goes on with a client that does."""
        super().resume_writing()
        if not self.transport.is_closing():
            self.writing_since = None

    def shutdown(self) -> None:
        """Ends after the request that is being answered, or that may be on its way already."""
        self._ending = True
        if self._busy:
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(_LAST_SECONDS, self._end)

    def check(self, now: float, read_seconds: float, idle_seconds: float) -> None:
        """Ends the connection of a client that is late."""
        held_up = self._busy and self.flow.read_paused  # by us: the answer before is not there yet
        since = (None if held_up else self.reading_since) or self.writing_since
        if since is not None and now - since > read_seconds:
            self.cut_off("slow")
        elif self.idle_since is not None and now - self.idle_since > idle_seconds:
            self._close()

    def cut_off(self, reason: str) -> None:
        """Ends the connection of a client that cannot be told why."""
        self._ingress.metrics.refused[reason] += 1
        self._pass_over()
        self.transport.abort()

    def _end(self) -> None:
        if not self._in_message and not self._busy:
            self._close()

    def _close(self) -> None:
        self.writing_since = self.loop.time()  # of what was not taken yet
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _decide(self) -> None:
        """Hands a request over, or holds its body back; called when its head is there."""
        self._hand_over()

    def _take_whole(self) -> None:
        """Takes a request whose body was held back; called when it is whole."""
        self._hand_over()
        super().on_message_complete()

    def _hand_over(self) -> None:
        """Lets uvicorn have the request, and what there is of its body."""
        if self._busy and len(self.pipeline) >= _MOST_PIPELINED:
            self.cut_off("pipelined")
            return
        url, expect = self.url, self.expect_100_continue
        super().on_message_begin()  # makes what ASGI wants to know of a request
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(self._head)
        parts, self._held_back = self._held_back, None
        super().on_headers_complete()
        self._head, self.headers = [], []
        if self._ending:
            self.cycle.keep_alive = False
        for part in parts or ():
            super().on_body(part)

    def _head_too_large(self) -> HttpRefusal:
        bounds = f"{self._max_header_bytes} bytes or {_MOST_HEADERS} lines"
        return HttpRefusal(431, "head_too_large", f"the head, or what follows the body, is larger than {bounds}")

    def _end_with(self, refused: HttpRefusal) -> None:
        """Refuses what cannot be read on; with an answer, where it would not be taken for that of another request."""
        answer = self._ingress.refuse(refused, self.client[0] if self.client else "?", "?")
        if self._in_message and not self._in_head and self._held_back is None:
            expected = self._busy and not self.cycle.response_started and not self.pipeline
        else:
            expected = not self._busy
        self._pass_over()
        if expected and not self.transport.is_closing():
            self.transport.write(answer.wire(keep_alive=False))
            self._close()
        else:
            self.transport.abort()

    def _pass_over(self) -> None:
        """Takes no notice of what still comes."""
        self._held_back = None
        self._in_message = False
        if self._busy:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        closed = TasklessRequest(keep_alive=False)
        closed.response_complete = True
        self.cycle = closed  # type: ignore[assignment]


def _size(url: bytes, headers: Headers) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in headers)


async def sweep(state: ServerState, settings: LoggerSettings) -> None:
    """Cuts off clients that take too long, for as long as it runs."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(min(settings.read_seconds, settings.idle_seconds) / _SWEEPS)
        now = loop.time()
        for connection in [found for found in state.connections if isinstance(found, Bounded)]:
            connection.check(now, settings.read_seconds, settings.idle_seconds)
