"""The ingress, asked directly over ASGI, before the real journal and a Kafka in memory."""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.ingest.http.ingress import Ingress
from nilometer_logger.metrics import Metrics
from nilometer_logger.settings import LoggerSettings
from tests.unit.ingest.journal.clock import run
from tests.unit.ingest.journal.kafka import Kafka, journal

HEADERS = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "http://localhost:9081/",
    "ce-type": "org.kubeflow.serving.inference.request",
    "ce-inferenceservicename": "iris",
    "ce-namespace": "demo",
    "ce-component": "predictor",
}
STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
MODES = ("binary", "structured", "batch")
LARGEST = 5000


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: str


def member(body: bytes = b"{}", **attributes: str) -> dict[str, str]:
    """Returns an event as a JSON object; empty attributes are left out."""
    own = {name.removeprefix("ce-"): value for name, value in HEADERS.items()} | attributes
    found = {name: value for name, value in own.items() if value}
    return {**found, "datacontenttype": "text/plain", "data_base64": base64.b64encode(body).decode()}


def sent(mode: str, body: bytes = b"{}", **attributes: str) -> tuple[dict[str, str], bytes]:
    """Returns the headers and the body of one event in a content mode."""
    if mode == "binary":
        own = HEADERS | {f"ce-{name}": value for name, value in attributes.items()}
        return {name: value for name, value in own.items() if value}, body
    one = member(body, **attributes)
    if mode == "structured":
        return STRUCTURED, json.dumps(one).encode()
    return BATCH, json.dumps([one]).encode()


def made(kafka: Kafka | None, **settings: float | str) -> Ingress:
    """Returns an ingress in the running loop; without a Kafka it has not reached one yet."""
    given = {"max_event_bytes": LARGEST, **settings}
    ingress = Ingress(LoggerSettings(**given), Metrics(10), None)
    if kafka is not None:
        ingress.journal = journal(kafka, **given)
    return ingress


async def asked(
    ingress: Ingress,
    method: str = "POST",
    path: str = "/",
    *,
    headers: Mapping[str, str] = HEADERS,
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
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
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
        await asyncio.sleep(0)
        return coming.pop(0)

    async def send(message: dict[str, object]) -> None:
        answered.append(message)

    await ingress(scope, receive, send)
    assert ingress.reading_bytes == 0
    if not answered:
        return None
    start, content = answered
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, content["body"].decode())


def ask(
    method: str = "POST",
    path: str = "/",
    *,
    kafka: Kafka | None = None,
    headers: Mapping[str, str] = HEADERS,
    body: bytes | Sequence[bytes | None] = b"{}",
    kind: str = "http",
    **settings: float | str,
) -> Answer | None:
    """Sends one request to an ingress of its own; its Kafka acknowledges at once unless there is another."""
    before = Kafka(at_once=True) if kafka is None else kafka

    async def test() -> Answer | None:
        return await asked(made(before, **settings), method, path, headers=headers, body=body, kind=kind)

    return run(test())


def kept(kafka: Kafka) -> list[CloudEvent]:
    """Returns the events that Kafka was given, in order."""
    return [event for record in kafka.sent for _, event in record.events]
