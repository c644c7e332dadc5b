"""Kafka's producer as `BatchProducer` sees it, and one `BatchProducer` over as many of them as it asks for."""

import asyncio
from collections.abc import Sequence
from typing import Any

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream, stream_of
from nilometer_logger.ingest.batch_producer import BatchProducer
from tests.unit import logged

SIZE = 100


class Producer:
    """Stands where `AIOKafkaProducer` does: what is sent is in flight until the test ends it.

    Attributes:
        sent: what `send` was given, in order.
        in_flight: how each of them ends.
        stopped: whether `stop` was called, and whether it is over.
    """

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.in_flight: list[asyncio.Future[None]] = []
        self.stopped: list[str] = []

    async def send(self, topic: str, value: bytes, **more: Any) -> "asyncio.Future[None]":
        """Takes a record."""
        assert not self.stopped
        self.sent.append({"topic": topic, "value": value, **more})
        self.in_flight.append(asyncio.get_running_loop().create_future())
        return self.in_flight[-1]

    async def send_and_wait(self, topic: str, value: bytes, **more: Any) -> None:
        """Takes a record, and waits until it is acknowledged."""
        await (await self.send(topic, value, **more))

    async def stop(self) -> None:
        """Waits for what is in flight, as the real one does, and fails as it did."""
        self.stopped.append("began")
        outcomes = await asyncio.gather(*self.in_flight, return_exceptions=True)
        self.stopped.append("ended")
        for outcome in outcomes:
            if outcome is not None:
                raise outcome


class Producers:
    """Makes producers, and what writes over them.

    Args:
        one_event_a_record: the format of records.
    """

    def __init__(self, *, one_event_a_record: bool = False) -> None:
        self.made = [Producer()]
        self.may_open = asyncio.Event()
        self.may_open.set()
        self.producing = BatchProducer(
            self._open, self.made[0], "inferences", 4, max_record_bytes=SIZE, one_event_a_record=one_event_a_record
        )

    async def _open(self) -> Any:
        await self.may_open.wait()
        self.made.append(Producer())
        return self.made[-1]

    def send(self, partition: int, *ids: str) -> "asyncio.Task[int]":
        """Begins to send events."""
        return asyncio.ensure_future(self.producing.send(partition, events(*ids)))


def events(*ids: str) -> Sequence[tuple[Stream, CloudEvent]]:
    """Returns events with their streams."""
    made = [logged.event(None, id=name, body=name.encode()) for name in ids]
    return [(stream_of(event.attributes), event) for event in made]
