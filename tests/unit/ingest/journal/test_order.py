"""One record in flight a partition: what comes meanwhile leaves together, in order."""

import asyncio

from tests.unit.ingest.journal.clock import run, settle, until
from tests.unit.ingest.journal.kafka import Kafka, event, journal


def test_an_idle_journal_adds_no_wait() -> None:
    """An event that comes while nothing is in flight leaves at once, alone."""

    async def test() -> None:
        kafka = Kafka(at_once=True)
        log = journal(kafka)
        for number in range(5):
            await until(float(number))
            await log.append(event(number))
        assert [record.time for record in kafka.sent] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert kafka.records == [["0"], ["1"], ["2"], ["3"], ["4"]]

    run(test())


def test_what_arrives_in_flight_leaves_together() -> None:
    """The events that come while a record is on its way are the next record, in the order of their coming."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        held = [log.append(event(0))]
        await settle()
        held += [log.append(event(number)) for number in range(1, 8)]
        await settle()
        assert kafka.records == [["0"]]

        kafka.acknowledge()
        await settle()
        assert kafka.records == [["0"], ["1", "2", "3", "4", "5", "6", "7"]]
        assert [done.done() for done in held] == [True] + [False] * 7

        kafka.acknowledge()
        await asyncio.gather(*held)

    run(test())


def test_what_arrives_in_one_moment_leaves_together() -> None:
    """Events of the same turn of the loop share a record from the first."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        for number in range(3):
            log.append(event(number))
        await settle()
        assert kafka.records == [["0", "1", "2"]]
        kafka.acknowledge()
        await log.drain()

    run(test())


def test_a_partition_waits_for_no_other() -> None:
    """Each has its own record in flight; the acknowledgement of one does nothing for another."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        held = [log.append(event(f"{turn}{partition}", partition)) for turn in "ab" for partition in (0, 1)]
        await settle()
        assert [record.ids for record in kafka.in_flight.values()] == [["a0", "b0"], ["a1", "b1"]]

        kafka.acknowledge(1)
        await settle()
        assert [done.done() for done in held] == [False, True, False, True]
        held.append(log.append(event("c1", 1)))
        await settle()
        assert kafka.in_flight[1].ids == ["c1"]

        kafka.acknowledge(0)
        kafka.acknowledge(1)
        await asyncio.gather(*held)

    run(test())


def test_nothing_is_promised_before_kafka_has_it() -> None:
    """However long Kafka takes, within the deadline, nobody is told that an event is in."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka, max_held_seconds=10.0)
        done = log.append(event())
        await until(9.9)
        assert not done.done()
        kafka.acknowledge()
        await done

    run(test())


def test_draining_waits_for_everything() -> None:
    """What waits when the logger ends is sent and acknowledged before the end."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        held = [log.append(event(0)), log.append(event(1, 1))]
        await settle()
        held.append(log.append(event(2)))
        draining = asyncio.ensure_future(log.drain())
        for partition in (1, 0, 0):
            await settle()
            assert not draining.done()
            kafka.acknowledge(partition)
        await draining
        assert all(done.done() for done in held)
        assert kafka.taken == [["0", "2"], ["1"]]

    run(test())
