"""What every process does with Kafka in the same way: wait for it, and say in one line that it is away."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from aiokafka.errors import KafkaConnectionError

from nilometer_logger.errors import UnavailableError

_log = structlog.get_logger("nilometer.kafka")
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0

T = TypeVar("T")


def unavailable(kafka: str, error: Exception) -> UnavailableError:
    """Makes one clear line, with the address, of what a Kafka client raised."""
    if isinstance(error, KafkaConnectionError | OSError):
        return UnavailableError(f"Kafka at {kafka} cannot be reached")
    return UnavailableError(f"Kafka at {kafka} failed: {type(error).__name__} {error}".rstrip())


async def retrying(attempt: Callable[[], Awaitable[T]], what: str, stop: asyncio.Event | None = None) -> T:
    """Tries until it succeeds, with one log line a failure and growing pauses between.

    Args:
        attempt: raises UnavailableError where a retry may help; any other error ends the tries.
        what: what is waited for, for the log.
        stop: ends the pauses and the tries once it is set.

    Raises:
        UnavailableError: of the last try, if `stop` was set.
    """
    stop = stop or asyncio.Event()
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except UnavailableError as error:
            if stop.is_set():
                raise
            _log.error(f"waiting for {what}", reason=str(error), retry_seconds=pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
