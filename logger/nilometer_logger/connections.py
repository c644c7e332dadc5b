"""Connections: uvicorn's, with every bound that a client could otherwise pass, and a short way for whole requests.

uvicorn waits for ever for the rest of a head or a body, takes a head of any size and any number of connections. Here

* one connection more than `max_connections` is closed at once;
* a request must be there, whole, `read_seconds` after its first byte, and the first one `read_seconds` after the
  connection; between requests a connection may be silent for `idle_seconds`. One sweep over all connections looks for
  those that are late, so that a request in time costs no timer;
* a head larger than `max_header_bytes` is answered 431.

Most requests come whole, in one piece. Such a POST is handed to the ingress as soon as it is parsed, and answered when
Kafka has acknowledged, without the task, the events and the messages of ASGI: half of what a request costs. Whatever
comes in parts, pipelined, or expecting `100 Continue`, takes uvicorn's way. `_Short` stands where uvicorn keeps the
request that it is answering, so that its pipelining and its shutdown see no difference.
"""

import asyncio
from typing import Any

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from nilometer_logger.answers import OK, Answer, Headers, Refused
from nilometer_logger.errors import NilometerError, UnavailableError
from nilometer_logger.ingress import Ingress
from nilometer_logger.settings import LoggerSettings

_log = structlog.get_logger("nilometer.connections")
_FAILED = Answer(500, [])  # a bug of ours
_OK_WIRE = OK.wire(keep_alive=True)
_SWEEPS = 10  # a late client is cut off a tenth of its time later


class _Unheard:
    """Where uvicorn sets an event for the task of a request; a short request has none."""

    @staticmethod
    def set() -> None:
        """Does nothing."""


class _Short:
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


class Connection(HttpToolsProtocol):
    """One client's connection."""

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
        self._short_ways = ingress.authentication is None
        self._held_back: list[bytes] | None = None  # the body of a request whose way is not decided yet
        self._in_message = False
        self._in_head = False
        self._head_bytes = 0
        self._piece_bytes = 0
        self.reading_since: float | None = self.loop.time()
        self.idle_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes the connection, or closes it."""
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            self._ingress.metrics.refused["connections"] += 1
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parses what came."""
        self.idle_since = None
        self._piece_bytes = len(data)
        super().data_received(data)
        if not self._in_message:
            return
        if self._held_back is not None:
            self._take_the_long_way()
        if self.reading_since is None:
            self.reading_since = self.loop.time()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self._max_header_bytes:
                self._refuse_head()

    def on_message_begin(self) -> None:
        """Begins a request."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_message = self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Decides, as far as it can be decided yet, which way the request goes."""
        self._in_head = False
        # A piece may hold much more than the head; only then is it worth measuring.
        most = self._max_header_bytes
        if self._head_bytes + self._piece_bytes > most and _size(self.headers) > most:
            self._refuse_head()
            return
        busy = self.cycle is not None and not self.cycle.response_complete
        if self._short_ways and not busy and not self.expect_100_continue and self.parser.get_method() == b"POST":
            self._held_back = []
        else:
            self._take_the_long_way()

    def on_body(self, body: bytes) -> None:
        """Takes a part of a body."""
        if self._held_back is None:
            super().on_body(body)
        else:
            self._held_back.append(body)

    def on_message_complete(self) -> None:
        """Ends a request, and hands it over if it goes the short way."""
        self._in_message = False
        self.reading_since = None
        if self._held_back is None:
            super().on_message_complete()
            return
        body = b"".join(self._held_back)
        self._held_back = None
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        short = _Short(keep_alive=keep_alive)
        self.cycle = short  # type: ignore[assignment]
        try:
            self._ingress.post(self.headers, body).add_done_callback(lambda done: self._acknowledged(short, done))
        except NilometerError as error:
            self._refuse(short, Refused.by(error))
        except Refused as refused:
            self._refuse(short, refused)
        except Exception as error:  # noqa: BLE001 - raised into the parser it would be taken for a client's mistake
            _log.error("request failed", error=repr(error), exc_info=error)
            self._answer(short, _FAILED)

    def _acknowledged(self, short: _Short, done: asyncio.Future[None]) -> None:
        error = UnavailableError("the logger ends") if done.cancelled() else done.exception()
        if error is None:
            self._answer(short, OK)
        elif isinstance(error, NilometerError):
            self._refuse(short, Refused.by(error))
        else:
            _log.error("request failed", error=repr(error), exc_info=error)
            self._answer(short, _FAILED)

    def _refuse(self, short: _Short, refused: Refused) -> None:
        path = self.url.decode("latin-1")
        self._answer(short, self._ingress.refuse(refused, self.client[0] if self.client else "?", path))

    def _answer(self, short: _Short, answer: Answer) -> None:
        short.response_complete = True
        if not self.transport.is_closing():
            keep_alive = short.keep_alive
            self.transport.write(_OK_WIRE if keep_alive and answer is OK else answer.wire(keep_alive=keep_alive))
            if not keep_alive:
                self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """Goes on with a pipelined request, or waits for the next one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.idle_since = self.loop.time()

    def _take_the_long_way(self) -> None:
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()  # makes what ASGI wants to know of a request
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)
        parts, self._held_back = self._held_back, None
        super().on_headers_complete()
        for part in parts or ():
            super().on_body(part)

    def _refuse_head(self) -> None:
        self._held_back = None
        self._in_message = False
        closed = _Short(keep_alive=False)
        closed.response_complete = True  # what still comes of it is passed over
        self.cycle = closed  # type: ignore[assignment]
        text = f"the head is larger than {self._max_header_bytes} bytes, the most that is taken"
        refused = Refused(431, "head_too_large", text)
        answer = self._ingress.refuse(refused, self.client[0] if self.client else "?", "?")
        self.transport.write(answer.wire(keep_alive=False))
        self.transport.close()


def _size(headers: Headers) -> int:
    return sum(len(name) + len(value) for name, value in headers)


async def sweep(state: ServerState, ingress: Ingress, settings: LoggerSettings) -> None:
    """Cuts off clients that take too long, for as long as it runs."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(min(settings.read_seconds, settings.idle_seconds) / _SWEEPS)
        now = loop.time()
        for connection in [found for found in state.connections if isinstance(found, Connection)]:
            if connection.reading_since is not None and now - connection.reading_since > settings.read_seconds:
                ingress.metrics.refused["slow"] += 1
                connection.transport.abort()
            elif connection.idle_since is not None and now - connection.idle_since > settings.idle_seconds:
                connection.transport.close()
