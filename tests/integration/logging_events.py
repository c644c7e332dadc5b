"""Clients of the logger: they send events as KServe's agent does, and remember which were acknowledged."""

import asyncio
import json
from dataclasses import dataclass, field
from itertools import count

import aiohttp

from nilometer_logger.cloudevents.kserve import REQUEST

OK = 200


def headers_of(event_id: str, service: str = "iris") -> dict[str, str]:
    """Returns the headers of a request event, as KServe's agent writes them."""
    return {
        "Ce-Specversion": "1.0",
        "Ce-Id": event_id,
        "Ce-Source": "http://localhost:9081/",
        "Ce-Type": REQUEST,
        "Ce-Time": "2026-11-23T08:52:21.121906583Z",
        "Ce-Inferenceservicename": service,
        "Ce-Namespace": "demo",
        "Ce-Component": "predictor",
        "Ce-Endpoint": "",
        "Ce-Metadata": '{"X-Request-Id":["a b%20c"]}',
        "Content-Type": "application/json",
    }


def body_of(event_id: str) -> bytes:
    """Returns the body of the event of an id."""
    return json.dumps({"instances": [[5.1, 3.5, 1.4, 0.2]], "id": event_id}).encode()


@dataclass
class Answer:
    """What the logger answered; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def send(
    url: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    method: str = "POST",
    timeout_seconds: float = 60,
) -> Answer:
    """Sends one request and returns the answer."""

    async def once() -> Answer:
        timeout = aiohttp.ClientTimeout(timeout_seconds)
        skipped = ("Content-Type", "User-Agent")
        async with (
            aiohttp.ClientSession(timeout=timeout, skip_auto_headers=skipped) as session,
            session.request(method, url, headers=headers, data=body) as answer,
        ):
            lower = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, lower, await answer.read())

    return asyncio.run(once())


@dataclass
class Load:
    """Several clients at once, each sending the next event when its last one was answered.

    Attributes:
        url: of the logger.
        clients: how many.
        acknowledged: the ids of the events that were answered 200, in that order.
    """

    url: str
    clients: int
    acknowledged: list[str] = field(default_factory=list)

    def run(self, events: int) -> None:
        """Sends events until all are answered, or nobody answers any more."""
        asyncio.run(self._run(events))

    async def _run(self, events: int) -> None:
        numbers = count()

        async def client(session: aiohttp.ClientSession) -> None:
            while (number := next(numbers)) < events:
                event_id = f"event-{number}"
                try:
                    async with session.post(self.url, headers=headers_of(event_id), data=body_of(event_id)) as answer:
                        await answer.read()
                except aiohttp.ClientError:
                    return  # the logger has gone
                if answer.status == OK:
                    self.acknowledged.append(event_id)

        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
            for _ in range(self.clients):
                tasks.create_task(client(session))
