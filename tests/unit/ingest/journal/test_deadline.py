"""Kafka away: an event is held for a bounded time, and then nobody is promised anything."""

import asyncio

import pytest

from nilometer_logger.errors import UnavailableError
from tests.unit.ingest.journal.clock import run, settle, until
from tests.unit.ingest.journal.kafka import Kafka, event, failed, journal


def test_an_event_is_given_up_when_it_has_waited_too_long() -> None:
    """Not before the deadline, and at most a twentieth later, whether it was in flight or waited behind."""

    async def test() -> None:
        log = journal(Kafka(), max_held_seconds=10.0)
        in_flight = log.append(event("flying"))
        await settle()
        waiting = log.append(event("waiting"))
        await until(9.9)
        assert not in_flight.done()
        assert not waiting.done()
        await until(10.5)
        for done in (in_flight, waiting):
            with pytest.raises(UnavailableError, match="Kafka did not acknowledge within 10 s"):
                await done

    run(test())


def test_what_was_given_up_is_never_sent() -> None:
    """The client was told that it is not in; sending it later would only make a second one of its retry."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka, max_held_seconds=10.0)
        in_flight = log.append(event("flying"))
        await settle()
        waiting = log.append(event("waiting"))
        await until(5.0)
        later = log.append(event("later"))
        await until(11.0)
        assert failed(in_flight) is failed(waiting) is UnavailableError
        kafka.acknowledge()
        await settle()
        kafka.acknowledge()
        await later
        assert kafka.taken[0] == ["flying", "later"]

    run(test())


def test_what_is_in_flight_is_held_until_kafka_answers() -> None:
    """Its memory is still used, so it still counts; the answer that comes late changes nothing."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka, max_held_seconds=10.0)
        done = log.append(event("flying"))
        await settle()
        log.append(event("waiting")).add_done_callback(asyncio.Future.exception)
        assert log.held_events == 2
        await until(11.0)
        assert failed(done) is UnavailableError
        assert log.held_events == 1
        await until(100.0)
        kafka.acknowledge()
        await settle()
        assert (log.held_events, log.held_bytes) == (0, 0)
        assert failed(done) is UnavailableError

    run(test())


def test_there_is_room_again_when_kafka_is_back() -> None:
    """A journal that was full takes events again, and none that was given up is among them."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka, max_held_events=2, max_held_seconds=1.0)
        lost = [log.append(event("a")), log.append(event("b"))]
        await until(2.0)
        with pytest.raises(UnavailableError):
            log.append(event("c"))
        kafka.acknowledge()
        await settle()
        done = log.append(event("d"))
        await settle()
        kafka.acknowledge()
        await done
        assert {failed(one) for one in lost} == {UnavailableError}

    run(test())


def test_nothing_runs_while_nothing_is_held() -> None:
    """An idle journal has no timer: it wakes nobody."""

    async def test() -> None:
        kafka = Kafka(at_once=True)
        log = journal(kafka, max_held_seconds=1.0)
        await log.append(event())
        await until(2.0)
        assert asyncio.get_running_loop()._scheduled == []
        await log.append(event())

    run(test())
