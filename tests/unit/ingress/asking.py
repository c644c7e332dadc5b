"""The ingress, asked directly: requests as plain dictionaries, and a journal in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from nilometer_logger.errors import UnavailableError
from nilometer_logger.events import CloudEvent
from nilometer_logger.ingress import Ingress
from nilometer_logger.kserve import Stream

HEADERS = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "http://localhost:9081/",
    "ce-type": "org.kubeflow.serving.inference.request",
    "ce-inferenceservicename": "iris",
    "ce-namespace": "demo",
    "ce-component": "predictor",
}
LARGEST = 5000


@dataclass
class Journal:
    """Keeps what is appended, or refuses it, or never answers."""

    refuses: str = ""
    hangs: bool = False
    kept: list[tuple[Stream, CloudEvent]] = field(default_factory=list)

    async def append(self, stream: Stream, event: CloudEvent) -> None:
        """Keeps an event, as Kafka would."""
        if self.refuses:
            raise UnavailableError(self.refuses)
        if self.hangs:
            await asyncio.Event().wait()
        self.kept.append((stream, event))


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: str


def ask(
    ingress: Ingress,
    method: str = "POST",
    path: str = "/",
    *,
    headers: dict[str, str] | None = None,
    body: bytes | Sequence[bytes | None] = b"{}",
    kind: str = "http",
) -> Answer | None:
    """Sends one request.

    Args:
        ingress: which answers.
        method: of the request.
        path: of the request.
        headers: of the request; a CloudEvent's by default.
        body: whole, or in parts, of which None stands for a client that goes away.
        kind: of connection.

    Returns:
        The answer; None where there was none.
    """
    parts = [body] if isinstance(body, bytes) else body
    sent = HEADERS if headers is None else headers
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("10.0.0.7", 4711),
    }
    coming = [
        {"type": "http.disconnect"}
        if part is None
        else {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]
    answered: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return coming.pop(0)

    async def send(message: dict[str, object]) -> None:
        answered.append(message)

    asyncio.run(ingress(scope, receive, send))
    if not answered:
        return None
    start, content = answered
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, content["body"].decode())


def ready(journal: Journal | None = None) -> Ingress:
    """Returns an ingress with a journal behind it."""
    ingress = Ingress(max_event_bytes=LARGEST, max_held_seconds=0.01)
    ingress.journal = journal or Journal()
    return ingress
