"""The server of `/metrics`, `/healthz` and `/readyz`, for the processes that serve nothing else.

It lives as long as the process, and not as long as a connection to Kafka: a process that waits for Kafka is alive and
not ready. Nothing depends on it, so a process that cannot listen says so once and works all the same.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from aiohttp import web

from nilometer_logger.metrics import CONTENT_TYPE


class Endpoint(Protocol):
    """Where to listen, as the settings say."""

    @property
    def metrics_host(self) -> str:
        """The address."""

    @property
    def metrics_port(self) -> int:
        """The port; 0 means any, -1 none."""


@contextlib.asynccontextmanager
async def serving(
    settings: Endpoint, exposition: Callable[[], bytes], unready: Callable[[], str], log: Any
) -> AsyncIterator[str]:
    """Answers while the context is open, and ends with it without waiting for anybody.

    Args:
        settings: where to listen, if anywhere.
        exposition: gives the metrics in Prometheus's format.
        unready: tells why the process is not ready; empty where it is.
        log: takes the line that says where the metrics are.

    Yields:
        The URL; empty where nothing listens.
    """
    if settings.metrics_port < 0:
        yield ""
        return
    application = _application(exposition, unready)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0)
    await runner.setup()
    try:
        yield await _listen(settings, runner, log)
    finally:
        await runner.cleanup()


def _application(exposition: Callable[[], bytes], unready: Callable[[], str]) -> web.Application:
    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_: web.Request) -> web.Response:
        reason = unready()
        return web.Response(text=f"{reason or 'ready'}\n", status=503 if reason else 200)

    application = web.Application()
    application.add_routes(
        [web.get("/metrics", metrics), web.get("/healthz", alive), web.get("/readyz", ready)],
    )
    return application


async def _listen(settings: Endpoint, runner: web.AppRunner, log: Any) -> str:
    host, port = settings.metrics_host, settings.metrics_port
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, UnicodeError) as error:  # a name with an empty part is no text that DNS can be asked for
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else str(error)  # asyncio's own text names the address once more
        remedy = "give another --metrics-host or --metrics-port; -1 is none"
        log.warning("no metrics and no probes", host=host, port=port, reason=reason, remedy=remedy)
        return ""
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{runner.addresses[0][1]}"
    log.info("metrics", url=f"{url}/metrics")
    return url
