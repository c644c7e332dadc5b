"""A subscriber of findings, as a Knative Trigger would have one: takes CloudEvents by POST and answers 200, empty."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from nilometer_detectors.demo.stack.loopback import serving
from nilometer_logger.cloudevents import CloudEvent, from_http
from nilometer_logger.errors import EventError


@asynccontextmanager
async def subscriber(take: Callable[[CloudEvent], None], port: int) -> AsyncIterator[str]:
    """Listens on a port of the loopback interface while the context is open.

    Args:
        take: is given each event, before it is acknowledged.
        port: of 127.0.0.1.

    Yields:
        The URL to send events to.
    """

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            take(from_http(((name.lower(), value) for name, value in request.raw_headers), body))
        except EventError as error:
            return web.Response(status=400, text=str(error))
        return web.Response()  # a body that is no CloudEvent would count as a failed delivery

    async with serving(receive, port) as url:
        yield url
