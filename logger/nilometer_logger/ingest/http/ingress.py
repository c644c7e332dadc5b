"""What a request becomes: the HTTP sink of KServe's logger and of Knative, CloudEvents by POST on any path.

KServe sends each event once and its five workers wait for the answer, so the answer is as fast as Kafka's
acknowledgement, and true: 200 means that everything in the request is in Kafka. It is always empty, because a Knative
broker takes a body that is no CloudEvent for a failed delivery. All answers stand in `answers`.

A request that came whole is handled by `post` without a task of its own (`connections` calls it); one that comes in
parts, and everything that is no POST, goes the long way over ASGI.

OPTIONS answers the handshake of CloudEvents webhooks (cloudevents/http-webhook.md 1.0, section 4.2).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import structlog

from nilometer_logger.cloudevents import CloudEvent, from_http, mode_of, read_http
from nilometer_logger.errors import NilometerError, SettingError, TooLargeError, UnavailableError
from nilometer_logger.ingest.authentication import Authentication
from nilometer_logger.ingest.http.answers import FAILED, OK, Answer, Headers, HttpRefusal
from nilometer_logger.ingest.http.refusals import Refusals
from nilometer_logger.ingest.journal import Journal
from nilometer_logger.metrics import CONTENT_TYPE, Metrics
from nilometer_logger.settings import LoggerSettings, names

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = structlog.get_logger("nilometer.ingress")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # a label of RFC 1123
_NOT_YET = "Kafka is not reachable yet"
_AWAY = "Kafka does not answer"
_ENDS = "the logger ends"
_WORDS = {401: "unauthenticated", 403: "forbidden", 503: "unavailable"}


class _Gone(Exception):
    """The client went away in the middle of its request."""


class Ingress:
    """The ASGI application.

    Args:
        settings: the bounds of a request, and whose events are taken.
        metrics: counts what is refused.
        authentication: checks tokens; None lets everybody in.

    Raises:
        SettingError: if the settings name a namespace that there cannot be.

    Attributes:
        journal: where events go; None until Kafka is there.
        reachable: whether Kafka answered when it was asked last.
        draining: set when the logger ends: it is not ready any more, and finishes what it has.
        reading_bytes: of the bodies that have come in part.
    """

    def __init__(self, settings: LoggerSettings, metrics: Metrics, authentication: Authentication | None) -> None:
        self._settings = settings
        self._namespaces = frozenset(names(settings.namespaces))
        if unknown := [name for name in self._namespaces if not _NAMESPACE.fullmatch(name)]:
            raise SettingError(f"--namespaces has {unknown[0]!r}, which no namespace is named: write NAME[,NAME…]")
        self._refusals = Refusals()
        self.metrics = metrics
        self.authentication = authentication
        self.journal: Journal | None = None
        self.reachable = True
        self.draining = False
        self.reading_bytes = 0

    @property
    def ready(self) -> bool:
        """Whether events can be taken now."""
        return self.journal is not None and self.reachable and not self.draining

    @property
    def held_bytes(self) -> int:
        """Bytes being read or waiting for Kafka."""
        return self.reading_bytes + (self.journal.held_bytes if self.journal else 0)

    def post(self, headers: Headers, body: bytes) -> asyncio.Future[None]:
        """Takes the events of a whole request.

        Args:
            headers: lower-case names and raw values.
            body: as it came.

        Returns:
            Ends once Kafka has acknowledged all of them, or with the error that `HttpRefusal.by` explains.

        Raises:
            NilometerError: if the request is refused at once.
            HttpRefusal: if its namespace is not taken.
        """
        if mode_of(headers) == "binary":
            self._check_size(len(body), self._settings.max_event_bytes)
            event = from_http(headers, body)
            if self._namespaces:
                self._check_namespaces((event,))
            return self._ready_journal().append(event)
        self._check_size(len(body), self._settings.max_body_bytes)
        events = read_http(headers, body)
        self._check_namespaces(events)
        return asyncio.ensure_future(self._ready_journal().append_all(events))

    def look(self, method: str, path: str, headers: Headers) -> Answer:
        """Answers what is no POST."""
        if method == "OPTIONS":
            return Answer(200, _handshake(headers))
        if method not in ("GET", "HEAD"):
            raise HttpRefusal(405, "method", f"{method} is not understood: POST a CloudEvent")
        if path == "/metrics":
            return Answer(200, [(b"content-type", CONTENT_TYPE.encode())], self.metrics.exposition())
        if path == "/healthz" or (path == "/readyz" and self.ready):
            return OK
        if path == "/readyz":
            away = _NOT_YET if self.journal is None else _AWAY
            return Answer.refusing(HttpRefusal(503, "unavailable", _ENDS if self.draining else away))
        raise HttpRefusal(405, "method", "POST a CloudEvent here; GET knows /healthz, /readyz and /metrics")

    def refuse(self, refused: HttpRefusal, client: str, path: str) -> Answer:
        """Counts and logs a refusal, and returns its answer."""
        self.metrics.refused[refused.reason] += 1
        self._refusals.log(refused.status, str(refused), client, path)
        return Answer.refusing(refused)

    def fail(self, error: BaseException) -> Answer:
        """Logs a bug of ours, and returns its answer."""
        # Its text may quote a body, as that of a UnicodeDecodeError does in full; the traceback says enough.
        _log.error("request failed", error=type(error).__name__, exc_info=error)
        return FAILED

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._handle(scope, receive)
        except _Gone:  # nobody is there to be answered
            return
        except asyncio.CancelledError:  # uvicorn's, when the time for an end is over
            answer = Answer.refusing(HttpRefusal(503, "unavailable", _ENDS))
        except HttpRefusal as refused:
            client = scope.get("client")
            answer = self.refuse(refused, client[0] if client else "?", scope["path"])
        except Exception as error:  # noqa: BLE001 - uvicorn would end the connection
            answer = self.fail(error)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.all_headers()})
        await send({"type": "http.response.body", "body": answer.body})

    async def _handle(self, scope: Scope, receive: Receive) -> Answer:
        headers: Headers = scope["headers"]
        if scope["method"] != "POST":
            return self.look(scope["method"], scope["path"], headers)
        if self.authentication is not None and (no := await self.authentication.check(headers)) is not None:
            raise HttpRefusal(no.status, _WORDS[no.status], no.reason, no.challenge)
        try:
            await self.post(headers, await self._read(headers, receive))
        except NilometerError as error:
            raise HttpRefusal.by(error) from None
        return OK

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        """Reads a body in its parts; all bodies being read share the room of what may be held."""
        settings = self._settings
        limit = settings.max_event_bytes if mode_of(headers) == "binary" else settings.max_body_bytes
        limit = min(limit, settings.max_held_bytes)  # larger ones would never find room: no retry helps
        self._check_size(_declared(headers), limit)
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                self.reading_bytes += len(part)
                self._check_size(size, limit)
                if (held := self.held_bytes) > settings.max_held_bytes:
                    raise UnavailableError(
                        f"{held} bytes are being read or wait for Kafka; {settings.max_held_bytes} is the most"
                    )
                if not message.get("more_body"):
                    return b"".join(parts)
        finally:
            self.reading_bytes -= size

    def _ready_journal(self) -> Journal:
        if self.journal is None:
            raise UnavailableError(_NOT_YET)
        return self.journal

    def _check_size(self, size: int, limit: int) -> None:
        if size > limit:
            raise TooLargeError(f"larger than {limit} bytes, the most that is taken")

    def _check_namespaces(self, events: Sequence[CloudEvent]) -> None:
        for event in events if self._namespaces else ():
            namespace = event.attributes.get("namespace", "")
            if namespace not in self._namespaces:
                raise HttpRefusal(
                    403, "forbidden", f"namespace {namespace!r} is not among those whose events are taken"
                )


def _declared(headers: Headers) -> int:
    """Tells the length that a request claims; 0 where it claims none. The server has checked that it is a number."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def _handshake(headers: Headers) -> Headers:
    """Makes the answer to a CloudEvents webhook's request for permission: yes, at any rate."""
    asked = dict(headers)
    allowed = [(b"allow", b"POST, OPTIONS")]
    if origin := asked.get(b"webhook-request-origin"):
        allowed.append((b"webhook-allowed-origin", origin))
        allowed.append((b"webhook-allowed-rate", asked.get(b"webhook-request-rate", b"*")))
    return allowed
