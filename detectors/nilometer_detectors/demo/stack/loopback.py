"""A small HTTP server on the loopback interface, for the parts of the demo that live in its own process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.Response]]

_LARGEST_BODY = 16 * 2**20


@asynccontextmanager
async def serving(handler: Handler, port: int) -> AsyncIterator[str]:
    """Gives every request, whatever its method and path, to one handler while the context is open.

    Args:
        handler: answers one request.
        port: of 127.0.0.1.

    Yields:
        The server's URL, without a slash at its end.
    """
    application = web.Application(client_max_size=_LARGEST_BODY)
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
