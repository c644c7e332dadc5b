"""`nilometer delivery`: findings leave Kafka for a sink, as binary CloudEvents by POST, at least once.

The topics are read in their order, and a partition's next finding waits until the one before was taken: a sink that is
away loses nothing and reorders nothing. Which answer means what is Knative's delivery contract (specs/eventing,
data-plane.md, "Retries"): 2xx is taken; 404, 408, 409, 429, 5xx and a connection that fails are tried again, with
growing pauses or as `Retry-After` asks; any other answer is final, so the finding is logged as refused and the next one
goes on (it stays in its topic). Offsets are committed only for what was taken or refused.
"""

import asyncio
import contextlib
import json
import signal
from collections.abc import Mapping

import aiohttp
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from nilometer_logger import provisioning, topics
from nilometer_logger.errors import EventError, SettingError
from nilometer_logger.events import CloudEvent, from_kafka, to_http
from nilometer_logger.kafka import connection, retrying, unavailable
from nilometer_logger.settings import DeliverySettings
from nilometer_logger.times import format_time

_log = structlog.get_logger("nilometer.delivery")
_FIRST_PAUSE_SECONDS = 0.2
_TOPICS = (topics.FINDINGS, topics.OUTLIERS)
_RETRIED = frozenset({404, 408, 409, 429})
_POLL_MILLISECONDS = 500
_MILLISECOND = 1_000_000
_DAY_MILLISECONDS = 86_400_000


def overrides(text: str) -> dict[str, str]:
    """Reads the extensions that Knative's SinkBinding asks for in `K_CE_OVERRIDES`.

    Raises:
        SettingError: if the text is not ``{"extensions": {"name": "value"}}``.
    """
    if not text.strip():
        return {}
    try:
        extensions = json.loads(text).get("extensions") or {}
        return {str(name): str(value) for name, value in extensions.items()}
    except (ValueError, AttributeError):
        raise SettingError(
            f'K_CE_OVERRIDES is {text!r}, but must look like {{"extensions": {{"name": "value"}}}}'
        ) from None


def outgoing(record: ConsumerRecord, extensions: Mapping[str, str]) -> CloudEvent:
    """Makes the event that is sent of a record: the finding, when Kafka got it, and the sink's own extensions.

    Raises:
        EventError: if the record is no CloudEvent.
    """
    event = from_kafka(record.headers, record.value)
    detected = format_time(record.timestamp * _MILLISECOND)
    return CloudEvent({**event.attributes, "detectedtime": detected, **extensions}, event.data)


class Delivery:
    """Sends the findings of all partitions that this process is given.

    Args:
        settings: with a sink.
    """

    def __init__(self, settings: DeliverySettings) -> None:
        if not settings.sink.startswith(("http://", "https://")):
            raise SettingError(
                f"the sink is {settings.sink!r}, but must be an http(s) URL: give --sink, or bind one with a SinkBinding (K_SINK)"
            )
        self._settings = settings
        self._extensions = overrides(settings.ce_overrides)
        self._consumer: AIOKafkaConsumer
        self._session: aiohttp.ClientSession

    async def run(self) -> None:
        """Delivers until it is cancelled.

        Raises:
            UnavailableError: if Kafka cannot be reached.
        """
        settings = self._settings
        await provisioning.ensure(settings, _TOPICS)
        self._consumer = AIOKafkaConsumer(
            *(settings.topic_prefix + name for name in _TOPICS),
            **connection(settings),
            group_id=f"{settings.topic_prefix}nilometer-delivery",
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            # A sink that is away for hours is no reason to leave the group: heartbeats tell that we live.
            max_poll_interval_ms=_DAY_MILLISECONDS,
        )
        try:
            await self._consumer.start()
            timeout = aiohttp.ClientTimeout(total=settings.attempt_seconds)
            async with aiohttp.ClientSession(timeout=timeout) as self._session:
                _log.info("ready", sink=settings.sink, kafka=settings.kafka)
                while True:
                    batches = await self._consumer.getmany(timeout_ms=_POLL_MILLISECONDS)
                    await asyncio.gather(*(self._deliver(*batch) for batch in batches.items()))
        except (KafkaError, OSError) as error:
            raise unavailable(settings.kafka, error) from error
        finally:
            await self._consumer.stop()

    async def _deliver(self, partition: TopicPartition, records: list[ConsumerRecord]) -> None:
        for record in records:
            if partition not in self._consumer.assignment():
                return  # whoever has it now sends the rest
            try:
                event = outgoing(record, self._extensions)
            except EventError as error:
                _log.error("finding unreadable", topic=record.topic, offset=record.offset, reason=str(error))
            else:
                await self._send(event)
            try:
                await self._consumer.commit({partition: record.offset + 1})
            except CommitFailedError:
                return  # taken away meanwhile: whoever has it now sends this one again, with the same id

    async def _send(self, event: CloudEvent) -> None:
        pause = _FIRST_PAUSE_SECONDS
        headers, body = to_http(event)
        facts = {"type": event["type"], "id": event["id"], "sink": self._settings.sink}
        while True:
            try:
                # A redirect would lose the event's headers: it is an answer like any other.
                async with self._session.post(
                    self._settings.sink, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    status, wait = answer.status, answer.headers.get("retry-after", "")
            except (aiohttp.ClientError, TimeoutError) as error:
                reason, wait = repr(error), ""
            else:
                if 200 <= status < 300:
                    _log.info("delivered", **facts, verdict=event.attributes.get("verdict"))
                    return
                if status not in _RETRIED and status < 500:
                    _log.error("finding refused", **facts, status=status)
                    return
                reason = f"status {status}"
            pause_now = min(float(wait), self._settings.retry_seconds) if wait.isdecimal() else pause
            _log.warning("sink not available", **facts, reason=reason, retry_seconds=pause_now)
            await asyncio.sleep(pause_now)
            pause = min(2 * pause, self._settings.retry_seconds)


def run(settings: DeliverySettings) -> None:
    """Delivers until SIGTERM or SIGINT.

    Raises:
        SettingError: if there is no sink, or a setting does not make sense.
    """
    delivery = Delivery(settings)

    async def main() -> None:
        task = asyncio.create_task(retrying(delivery.run, "Kafka"))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):  # by the signal
            await task
        _log.info("stopped")

    asyncio.run(main())
