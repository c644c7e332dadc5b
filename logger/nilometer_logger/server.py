"""`nilometer logger`: the ingress behind uvicorn, and the connection to Kafka behind the ingress.

The port is open from the first moment, and answers 503 until Kafka is there: a model server that starts before Kafka
gets a true answer instead of a refused connection. Kafka is tried again for as long as it takes. On SIGTERM uvicorn
stops accepting and finishes what it accepted; then the producer is closed.
"""

import asyncio
import contextlib
import signal
import socket

import structlog
import uvicorn
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from nilometer_logger import provisioning, topics
from nilometer_logger.errors import SettingError
from nilometer_logger.ingress import Ingress
from nilometer_logger.journal import Journal
from nilometer_logger.kafka import retrying, unavailable
from nilometer_logger.settings import LoggerSettings

_log = structlog.get_logger("nilometer.logger")
# Room for the record's own header beside the events, below Kafka's default message.max.bytes of 1 MiB for a batch.
_RECORD_HEADROOM_BYTES = 4096
_KAFKA_BATCH_BYTES = 1_048_576
_GRACE_SECONDS = 20
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048


async def _connect(settings: LoggerSettings) -> tuple[AIOKafkaProducer, Journal]:
    prefix = settings.topic_prefix
    partitions = await provisioning.ensure(settings, (topics.INFERENCES,))
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=_KAFKA_BATCH_BYTES,
        max_request_size=_KAFKA_BATCH_BYTES,
    )
    try:
        await producer.start()
    except (KafkaError, OSError) as error:
        await producer.stop()
        raise unavailable(settings.kafka, error) from error
    journal = Journal(
        producer,
        prefix + topics.INFERENCES,
        partitions,
        max_record_bytes=settings.max_event_bytes + _RECORD_HEADROOM_BYTES,
        max_held_bytes=settings.max_held_bytes,
    )
    return producer, journal


async def _serve(settings: LoggerSettings, listener: socket.socket) -> None:
    ingress = Ingress(max_event_bytes=settings.max_event_bytes, max_held_seconds=settings.max_held_seconds)
    server = uvicorn.Server(
        uvicorn.Config(
            ingress,
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal once more when it has ended; what follows here is still to be done then.
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)

    async def connect() -> AIOKafkaProducer:
        producer, ingress.journal = await retrying(lambda: _connect(settings), "Kafka")
        _log.info("ready", kafka=settings.kafka, topic=settings.topic_prefix + topics.INFERENCES)
        return producer

    def give_up(connecting: "asyncio.Task[AIOKafkaProducer]") -> None:
        if not connecting.cancelled() and connecting.exception() is not None:
            server.should_exit = True

    connecting = asyncio.create_task(connect())
    connecting.add_done_callback(give_up)
    _log.info("listening", url=f"http://{settings.host}:{listener.getsockname()[1]}")
    await server.serve(sockets=[listener])
    await _disconnect(settings, ingress.journal, connecting)
    _log.info("stopped")


async def _disconnect(
    settings: LoggerSettings, journal: Journal | None, connecting: "asyncio.Task[AIOKafkaProducer]"
) -> None:
    """Closes the connection to Kafka when nobody waits for an answer any more.

    Raises:
        NilometerError: if it never came to a connection, for a reason that no retry could mend.
    """
    if journal is None:
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await connecting
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settings.max_held_seconds):
            await journal.drain()
    await (await connecting).stop()


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
        SettingError: if the address cannot be listened on.
    """
    listener = _listen(settings)
    with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener))
