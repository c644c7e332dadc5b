"""The process: a member of a consumer group, with a task for each partition that it is given.

Tasks share the connections and nothing else, so a finding that its sink never takes holds up its own partition alone.
When the group takes a partition away, its task ends before another member gets it, and commits nothing afterwards; what
it was sending is sent once more by the next owner. What goes wrong with Kafka ends all tasks, and the process begins
anew from the offsets that were committed.
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterable

import aiohttp
import structlog
from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError

from nilometer_detectors.delivery._letters import Letters
from nilometer_detectors.delivery._overrides import overrides
from nilometer_detectors.delivery._partition import PartitionDelivery, Shared
from nilometer_detectors.delivery._sink import Sink, checked
from nilometer_detectors.delivery.counters import DeliveryCounters
from nilometer_detectors.delivery.exposition import Exposition
from nilometer_logger import topics
from nilometer_logger.errors import UnavailableError
from nilometer_logger.kafka import retrying, topic_admin, why
from nilometer_logger.kafka.consumer_group import consuming, producing_letters
from nilometer_logger.probes import serving
from nilometer_logger.settings import DeliverySettings

_log = structlog.get_logger("nilometer.delivery")
_TOPICS = (topics.FINDINGS, topics.OUTLIERS)
_LOOK_SECONDS = 5.0


class Delivery:
    """Sends the findings of all partitions that this process is given.

    Args:
        settings: with a sink.

    Attributes:
        counters: what it counts.

    Raises:
        SettingError: if there is no sink, or a setting does not make sense.
    """

    def __init__(self, settings: DeliverySettings) -> None:
        self.counters = DeliveryCounters()
        self._url = checked(settings.sink)
        self._extensions = overrides(settings.ce_overrides)
        self._settings = settings

    async def run(self) -> None:
        """Delivers until it is cancelled.

        Raises:
            UnavailableError: if Kafka cannot be reached.
        """
        settings = self._settings
        try:
            await topic_admin.ensure(settings, (*_TOPICS, topics.FINDINGS_DEAD))
            group = f"{settings.topic_prefix}nilometer-delivery"
            async with (
                producing_letters(settings) as producer,
                consuming(settings, group) as consumer,
                # As many connections as partitions: one that waits must not keep another from its own.
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0),
                    timeout=aiohttp.ClientTimeout(total=settings.attempt_seconds),
                ) as session,
            ):
                sink = Sink(self._url, session, self.counters)
                letters = Letters(settings, producer, sink.name)
                shared = Shared(settings, self._extensions, consumer, sink, letters, self.counters)
                await DeliveryGroup(shared).run()
        except UnavailableError as error:
            self.counters.kafka = str(error)
            raise
        finally:
            self.counters.is_assigned = False


class DeliveryGroup(ConsumerRebalanceListener):
    """A member of the group: one task a partition.

    Args:
        shared: by the tasks; the consumer is connected, and has no topics yet.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._consumer = shared.consumer
        self._counters = shared.counters
        self._running: dict[TopicPartition, tuple[PartitionDelivery, asyncio.Task[None]]] = {}
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_ending = False

    async def run(self) -> None:
        """Delivers until it is cancelled.

        Raises:
            KafkaError: if Kafka refused one of the tasks.
        """
        settings = self._shared.settings
        looking = asyncio.create_task(self._look_now_and_then())
        looking.add_done_callback(self._ended)
        try:
            self._consumer.subscribe([settings.topic_prefix + name for name in _TOPICS], listener=self)
            _log.info("ready", sink=self._shared.sink.name, kafka=settings.kafka)
            await self._failed
        finally:
            self._is_ending = True
            looking.cancel()
            await asyncio.wait((looking,))
            await self._end(list(self._running))

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Ends the tasks of partitions before others get them; aiokafka calls it."""
        await self._end(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begins a task for each partition; aiokafka calls it."""
        for partition in () if self._is_ending else assigned:
            delivery = PartitionDelivery(partition, self._shared)
            task = asyncio.create_task(delivery.run())
            task.add_done_callback(self._ended)
            self._running[partition] = delivery, task
            self._counters.undelivered[partition] = 0
        self._counters.kafka = ""
        self._counters.is_assigned = True

    async def _end(self, partitions: Iterable[TopicPartition]) -> None:
        tasks = []
        for partition in partitions:
            self._counters.undelivered.pop(partition, None)
            if partition in self._running:
                _, task = self._running.pop(partition)
                task.cancel()
                tasks.append(task)
        await asyncio.gather(*tasks, return_exceptions=True)  # what one failed of is told by `_ended`

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def _look_now_and_then(self) -> None:
        """Looks how many records wait, which tells as well whether Kafka is there; its clients keep that to themselves."""
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._look()
            except (KafkaError, OSError) as error:  # a TimeoutError is one of them
                reason = str(await why(self._shared.settings, error))
                if reason != self._counters.kafka:
                    _log.error("waiting for Kafka", reason=reason)
                self._counters.kafka = reason
            else:
                if self._counters.kafka and self._counters.is_assigned:
                    _log.info("Kafka is back", kafka=self._shared.settings.kafka)
                    self._counters.kafka = ""
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        running = dict(self._running)
        if not running:
            await self._consumer.topics()
            return
        ends = await self._consumer.end_offsets(list(running))
        for partition, (delivery, _) in running.items():
            with contextlib.suppress(IllegalStateError):  # taken away meanwhile
                position = await self._consumer.position(partition)
                if partition in self._running:
                    self._counters.undelivered[partition] = delivery.in_hand + max(0, ends[partition] - position)


def run(settings: DeliverySettings) -> None:
    """Delivers until SIGTERM or SIGINT.

    Raises:
        SettingError: if there is no sink, or a setting does not make sense.
    """
    delivery = Delivery(settings)

    async def main() -> None:
        counters = delivery.counters
        task = asyncio.create_task(retrying(delivery.run, "Kafka"))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        async with serving(settings, Exposition(counters).text, counters.unready, _log):
            with contextlib.suppress(asyncio.CancelledError):  # by the signal
                await task
        _log.info("stopped")

    asyncio.run(main())
