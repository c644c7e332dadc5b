"""`nilometer logger`: the ingress behind uvicorn, the connection to Kafka behind the ingress, and the intake beside it.

The port is open from the first moment, and answers 503 until Kafka is there: a model server that starts before Kafka
gets a true answer instead of a refused connection. Kafka is tried again for as long as it takes. On SIGTERM uvicorn
stops accepting and finishes what it accepted, and the intake what it has in hand; then the producer is closed.
"""

import asyncio
import contextlib
import functools
import gc
import signal
import socket
from collections.abc import Coroutine
from ssl import SSLContext
from types import FrameType
from typing import Any

import structlog
import uvicorn
import uvloop

from nilometer_logger import topics
from nilometer_logger.errors import SettingError, UnavailableError
from nilometer_logger.ingest.authentication import Authentication
from nilometer_logger.ingest.batch_producer import BatchProducer, open_batch_producer
from nilometer_logger.ingest.http.bounded import sweep
from nilometer_logger.ingest.http.certificates import ServingCertificate
from nilometer_logger.ingest.http.connections import Connection
from nilometer_logger.ingest.http.ingress import Ingress
from nilometer_logger.ingest.journal import Journal
from nilometer_logger.ingest.topic_source import TopicSource, sources
from nilometer_logger.kafka import connection
from nilometer_logger.metrics import Metrics
from nilometer_logger.settings import LoggerSettings

_log = structlog.get_logger("nilometer.logger")
_BACKLOG = 2048
_LOOK_SECONDS = 2.0
_CLOSE_SECONDS = 1.0  # what is in flight then, nobody waits for
_GARBAGE_THRESHOLD = 10_000  # 700 by default, which is a dozen requests


class _Loop(uvloop.Loop):
    """The event loop, with a bound for TLS handshakes; uvicorn passes none, and a minute is the default.

    Args:
        seconds: how long a handshake may take.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def create_server(self, *arguments: Any, ssl: SSLContext | None = None, **named: Any) -> Any:
        """Listens."""
        if ssl is not None:
            named |= {"ssl_handshake_timeout": self._seconds, "ssl_shutdown_timeout": self._seconds}
        return await super().create_server(*arguments, ssl=ssl, **named)


class _Server(uvicorn.Server):
    """Tells the ingress at the signal, and not only when uvicorn gets to it, that the logger ends."""

    def __init__(self, config: uvicorn.Config, ingress: Ingress, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ingress = ingress
        self._ending = ending
        self._loop = asyncio.get_running_loop()
        self.signalled = 0.0  # when the end began; never, where the logger ends by itself

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the end."""
        self._ingress.draining = True
        self.signalled = self._loop.time()
        self._loop.call_soon_threadsafe(self._ending.set)
        super().handle_exit(sig, frame)


class LoggerServer:
    """One logger.

    Args:
        settings: what it was started with.

    Raises:
        SettingError: if they make no sense.
    """

    def __init__(self, settings: LoggerSettings) -> None:
        self._settings = settings
        self._sources = sources(settings)
        self._certificate = ServingCertificate.of(settings)
        self._metrics = Metrics(settings.metric_streams)
        self._ingress = Ingress(settings, self._metrics, Authentication.of(settings))
        connection(settings)  # which complains at once, and not only when Kafka is first asked
        self._producing: BatchProducer | None = None
        self._helping: list[asyncio.Task[None]] = []
        self._ending = asyncio.Event()
        self._server = _Server(self._uvicorn(), self._ingress, self._ending)
        self._gauges()

    def _uvicorn(self) -> uvicorn.Config:
        config = uvicorn.Config(
            self._ingress,
            http=functools.partial(Connection, ingress=self._ingress, settings=self._settings),  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # X-Forwarded-For is whatever a client writes there
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=self._settings.grace_seconds,  # type: ignore[arg-type]
        )
        config.load()
        config.ssl = self._certificate.context if self._certificate else None  # uvicorn's own is never read again
        return config

    def _gauges(self) -> None:
        ingress, connections = self._ingress, self._server.server_state.connections
        self._metrics.gauges.update(
            held_events=("Events waiting for Kafka", lambda: ingress.journal.held_events if ingress.journal else 0),
            held_bytes=("Bytes being read or waiting for Kafka", lambda: ingress.held_bytes),
            connections=("Open connections", lambda: len(connections)),
            ready=("1 while events can be taken", lambda: ingress.ready),
        )

    async def serve(self, listener: socket.socket) -> None:
        """Serves until SIGTERM or SIGINT, and ends in order.

        Raises:
            NilometerError: if something failed for a reason that no retry could mend.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn raises the signal once more when it has ended; what follows here is still to be done then.
            asyncio.get_running_loop().add_signal_handler(number, lambda: None)
        self._help(sweep(self._server.server_state, self._settings))
        if self._certificate is not None:
            self._help(self._certificate.watch())
        working = asyncio.create_task(self._work())
        working.add_done_callback(self._give_up)
        scheme = "https" if self._certificate else "http"
        _log.info("listening", url=f"{scheme}://{self._settings.host}:{listener.getsockname()[1]}")
        await self._server.serve(sockets=[listener])
        await self._end(working)
        for task in self._helping:
            task.cancel()
        for outcome in await asyncio.gather(*self._helping, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        _log.info("stopped")

    def _help(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something beside the server; a logger without it would not keep its promises, and so ends with it."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._give_up)
        self._helping.append(task)

    def _give_up(self, working: "asyncio.Task[None]") -> None:
        if not working.cancelled() and working.exception() is not None:
            self._server.should_exit = True

    async def _work(self) -> None:
        """Connects, and then reads the other topics, if there are any, to the end."""
        self._producing = await open_batch_producer(self._settings)
        self._ingress.journal = Journal(self._producing, self._settings, self._metrics)
        _log.info("ready", kafka=self._settings.kafka, topic=self._settings.topic_prefix + topics.INFERENCES)
        self._help(self._watch(self._producing))
        if self._sources:
            await TopicSource(self._settings, self._producing, self._metrics).run(self._ending)

    async def _watch(self, producing: BatchProducer) -> None:
        """Asks now and then whether Kafka is there, so that /readyz knows while no event comes."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await producing.probe()
            except UnavailableError as error:
                if self._ingress.reachable:
                    _log.error("waiting for Kafka", reason=str(error))
                self._ingress.reachable = False
            else:
                if not self._ingress.reachable:
                    _log.info("Kafka is back", kafka=self._settings.kafka)
                self._ingress.reachable = True

    async def _end(self, working: "asyncio.Task[None]") -> None:
        """Ends what is between us and Kafka, when nobody waits for an answer any more."""
        self._ending.set()
        journal, producing = self._ingress.journal, self._producing
        if journal is None or producing is None:
            working.cancel()
        with contextlib.suppress(asyncio.CancelledError):  # of the work, by us, where it has not begun
            used = asyncio.get_running_loop().time() - self._server.signalled
            await _within(max(0.0, self._settings.grace_seconds - used), working)
        if journal is not None and producing is not None:
            with contextlib.suppress(TimeoutError):  # what is still held then has been answered with 503
                async with asyncio.timeout(self._settings.max_held_seconds):
                    await journal.drain()
            with contextlib.suppress(TimeoutError):  # nothing waits in a producer any more; the process ends anyway
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await producing.close()


async def _within(seconds: float, task: "asyncio.Task[None]") -> None:
    """Waits for a task, and cancels it when its time is over."""
    try:
        await asyncio.wait_for(task, seconds)
    except TimeoutError:
        _log.warning("ended in the middle", waited_seconds=seconds)


def _listen(settings: LoggerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]  # the rest names the address once more
        raise SettingError(
            f"cannot listen on {settings.host}:{settings.port}: {reason}; try another --host or --port"
        ) from None


def run(settings: LoggerSettings) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        SettingError: if the address cannot be listened on, or a setting makes no sense.
    """
    listener = _listen(settings)
    # What is there now stays for good: looking through it again and again would cost a tenth of all time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    with listener, asyncio.Runner(loop_factory=lambda: _Loop(settings.read_seconds)) as runner:
        runner.run(_serve(settings, listener))


async def _serve(settings: LoggerSettings, listener: socket.socket) -> None:
    await LoggerServer(settings).serve(listener)
