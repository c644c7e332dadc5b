"""Clients that send requests to the logger, several at once, and note the answers."""

import asyncio
import io
from collections.abc import Sequence

import aiohttp

from tests.integration.worker_soak.traffic import Request

UNANSWERED = 0
_CLIENTS = 8
_TIMEOUT_SECONDS = 120


def send_all(url: str, sent: Sequence[Request]) -> None:
    """Sends requests in about their order, each as often as its events say, and puts down what was answered.

    Each has a connection of its own: one that the logger ends because of what came over it takes no other with it. What
    is too large may be cut off before the answer is read.
    """
    asyncio.run(_send_all(url, sent))


async def _send_all(url: str, sent: Sequence[Request]) -> None:
    todo = iter(sent)

    async def client(session: aiohttp.ClientSession) -> None:
        for request in todo:
            for _ in range(request.events[0][1].times):
                request.answers.append(await _post(session, url, request))

    timeout = aiohttp.ClientTimeout(_TIMEOUT_SECONDS)
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session, asyncio.TaskGroup() as tasks:
        for _ in range(_CLIENTS):
            tasks.create_task(client(session))


async def _post(session: aiohttp.ClientSession, url: str, request: Request) -> int:
    length = {"content-length": str(len(request.body))}
    try:
        async with session.post(url, headers=request.headers | length, data=io.BytesIO(request.body)) as answer:
            await answer.read()
            return answer.status
    except aiohttp.ClientError:
        return UNANSWERED
