"""What may wait for Kafka is bounded in bytes and in number, and a record in bytes."""

import pytest

from nilometer_logger.errors import TooLargeError, UnavailableError
from tests.unit.ingest.journal.clock import run, settle
from tests.unit.ingest.journal.kafka import Kafka, event, journal, sized


def test_a_record_stays_under_its_limit() -> None:
    """Events that do not fit into a record together leave in several, as full as may be, in order."""

    async def test() -> None:
        kafka = Kafka(max_record_bytes=1000)
        log = journal(kafka)
        log.append(event("first"))
        await settle()
        for name, size in (("a", 400), ("b", 600), ("c", 600), ("d", 300), ("e", 101)):
            log.append(sized(name, size))
        for _ in range(4):
            kafka.acknowledge()
            await settle()
        assert kafka.records == [["first"], ["a", "b"], ["c", "d"], ["e"]]

    run(test())


def test_an_event_too_large_for_a_record_is_refused_at_once() -> None:
    """The limit itself is taken and one byte more is not; nothing of it is kept."""

    async def test() -> None:
        kafka = Kafka(max_record_bytes=1000)
        log = journal(kafka)
        with pytest.raises(TooLargeError, match="an event of 1001 bytes with its attributes: 1000 is the most"):
            log.append(sized("large", 1001))
        assert (log.held_events, log.held_bytes) == (0, 0)

        log.append(sized("just right", 1000))
        await settle()
        kafka.acknowledge()
        await log.drain()
        assert kafka.taken[0] == ["just right"]

    run(test())


def test_a_setting_may_allow_less_than_kafka() -> None:
    """The smaller of the two limits holds."""

    async def test() -> None:
        log = journal(Kafka(max_record_bytes=1000), max_event_bytes=500)
        with pytest.raises(TooLargeError, match="500 is the most"):
            log.append(sized("large", 501))

    run(test())


def test_bytes_are_bounded() -> None:
    """Waiting and in flight, in all partitions together, no more bytes are held than the setting says."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka, max_held_bytes=1000)
        log.append(sized("in flight", 400))
        await settle()
        log.append(sized("waiting", 300))
        log.append(sized("elsewhere", 300, partition=1))
        assert log.held_bytes == 1000
        with pytest.raises(UnavailableError, match="1000 bytes wait for Kafka; 1000 is the most"):
            log.append(event("one more"))

        kafka.acknowledge()
        await settle()
        assert log.held_bytes == 600
        log.append(sized("again", 400))

        for partition in (1, 0):
            kafka.acknowledge(partition)
            await settle()
        kafka.acknowledge()
        await log.drain()
        assert (log.held_events, log.held_bytes) == (0, 0)

    run(test())


def test_events_are_bounded() -> None:
    """Small events are held no more of than the setting says, because each costs more than its bytes."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka, max_held_events=3)
        for number in range(3):
            log.append(event(number))
        with pytest.raises(UnavailableError, match="3 events wait for Kafka; 3 is the most"):
            log.append(event("one more"))
        await settle()
        kafka.acknowledge()
        await settle()
        assert log.held_events == 0
        log.append(event("again"))
        await settle()
        kafka.acknowledge()
        await log.drain()

    run(test())


def test_who_went_away_makes_no_room() -> None:
    """What was given up by its sender is still held until Kafka has it, and counted; its neighbours are told."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        gone, stayed = log.append(event("gone")), log.append(event("stayed"))
        await settle()
        gone.cancel()
        await settle()
        assert log.held_events == 2
        kafka.acknowledge()
        await stayed
        assert (log.held_events, log.held_bytes) == (0, 0)

    run(test())
