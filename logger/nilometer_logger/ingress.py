"""The HTTP sink of KServe's logger: a CloudEvent by POST on any path, answered once Kafka has it.

KServe sends each event once and its five workers wait for the answer, so the answer is as fast as Kafka's
acknowledgement, and true: 200 means that the event is in Kafka. It is always empty, because a Knative broker takes a
body that is no CloudEvent for a failed delivery.

| answer | when                                                        | a retry can mend it |
|--------|-------------------------------------------------------------|---------------------|
| 200    | Kafka acknowledged                                          |                     |
| 400    | the request is no CloudEvent; the body says what is missing | no                  |
| 405    | neither POST nor GET of /healthz or /readyz                 | no                  |
| 413    | larger than `max_event_bytes`                               | no                  |
| 415    | a structured or batched event: binary mode is understood    | no                  |
| 503    | Kafka is away, or too much waits for it; with Retry-After   | yes                 |
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from nilometer_logger.errors import EventError, UnavailableError
from nilometer_logger.events import CloudEvent, from_http
from nilometer_logger.journal import Journal, size_of
from nilometer_logger.kserve import stream_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = structlog.get_logger("nilometer.ingress")
_RETRY_AFTER_SECONDS = b"1"
_EMPTY: list[tuple[bytes, bytes]] = [(b"content-length", b"0")]
_STRUCTURED = b"application/cloudevents"


class _TooLarge(Exception):
    """The body is larger than an event may be."""


class _Gone(Exception):
    """The client went away in the middle of its request."""


class Ingress:
    """The ASGI application.

    Args:
        max_event_bytes: the largest body taken.
        max_held_seconds: how long an event waits for Kafka.
    """

    def __init__(self, *, max_event_bytes: int, max_held_seconds: float) -> None:
        self._max_event_bytes = max_event_bytes
        self._max_held_seconds = max_held_seconds
        self.journal: Journal | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        if scope["method"] == "POST":
            try:
                status, text = await self._take(scope, receive)
            except _Gone:
                return
        else:
            status, text = self._look(scope)
        await _answer(send, status, text)

    def _look(self, scope: Scope) -> tuple[int, str]:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, f"{scope['method']} is not understood: POST a CloudEvent"
        if scope["path"] == "/healthz":
            return 200, ""
        if scope["path"] == "/readyz":
            return (200, "") if self.journal is not None else (503, "Kafka is not reachable yet")
        return 405, "POST a CloudEvent here; GET knows /healthz and /readyz"

    async def _take(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        try:
            body = await self._read(receive)
            event = _parse(scope, body)
        except _TooLarge:
            return _refuse(scope, 413, f"larger than {self._max_event_bytes} bytes, the most an event may have")
        except EventError as error:
            return _refuse(scope, 415 if _is_structured(scope) else 400, str(error))
        if size_of(event) > self._max_event_bytes:
            return _refuse(scope, 413, f"larger than {self._max_event_bytes} bytes with its attributes")
        return await self._append(scope, event)

    async def _append(self, scope: Scope, event: CloudEvent) -> tuple[int, str]:
        if self.journal is None:
            return 503, "Kafka is not reachable yet"
        try:
            async with asyncio.timeout(self._max_held_seconds):
                await self.journal.append(stream_of(event.attributes), event)
        except TimeoutError:
            return _refuse(scope, 503, f"Kafka did not acknowledge within {self._max_held_seconds:g} s")
        except UnavailableError as error:
            return _refuse(scope, 503, str(error))
        return 200, ""

    async def _read(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            part = message.get("body", b"")
            size += len(part)
            if size > self._max_event_bytes:
                raise _TooLarge
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_structured(scope: Scope) -> bool:
    return any(name == b"content-type" and value.lower().startswith(_STRUCTURED) for name, value in scope["headers"])


def _parse(scope: Scope, body: bytes) -> CloudEvent:
    if _is_structured(scope):
        raise EventError("a structured or batched CloudEvent is not understood: send it in binary mode")
    return from_http(scope["headers"], body)


def _refuse(scope: Scope, status: int, reason: str) -> tuple[int, str]:
    client = scope.get("client")
    _log.warning("event refused", status=status, reason=reason, client=client[0] if client else "?", path=scope["path"])
    return status, reason


async def _answer(send: Send, status: int, text: str) -> None:
    body = f"{text}\n".encode() if text else b""
    headers = _EMPTY
    if body:
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    if status == 503:
        headers = [*headers, (b"retry-after", _RETRY_AFTER_SECONDS)]
    elif status == 405:
        headers = [*headers, (b"allow", b"POST")]
    elif status == 413:
        headers = [*headers, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
