"""One answer for many events says the truth: all are in, or none was promised."""

import asyncio

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from nilometer_logger.errors import TooLargeError, UnavailableError
from tests.unit.ingest.journal.clock import run, settle, until
from tests.unit.ingest.journal.kafka import TRANSIENT, Kafka, event, journal, sized


def test_all_of_them_are_in() -> None:
    """The answer comes when the last of them is acknowledged, in whichever partition it lies."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        done = asyncio.ensure_future(log.append_all([event("a"), event("b", 1), event("c")]))
        await settle()
        assert [record.ids for record in kafka.in_flight.values()] == [["a", "c"], ["b"]]
        kafka.acknowledge(0)
        await settle()
        assert not done.done()
        kafka.acknowledge(1)
        await done

    run(test())


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"max_held_events": 3}, UnavailableError),
        ({"max_held_bytes": 1500}, UnavailableError),
        ({"max_event_bytes": 499}, TooLargeError),
        # What is more than may ever be held is never taken, however often it is sent.
        ({"max_held_events": 2}, TooLargeError),
        ({"max_held_bytes": 1400}, TooLargeError),
    ],
)
def test_none_is_held_where_not_all_can_be(settings: dict[str, float], error: type[Exception]) -> None:
    """A batch is admitted whole or not at all, and a refusal leaves nothing behind."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka, **settings)
        log.append(sized("before", 400))
        before = log.held_events, log.held_bytes
        with pytest.raises(error):
            await log.append_all([sized("a", 450), sized("b", 500), sized("c", 480)])
        assert (log.held_events, log.held_bytes) == before
        await settle()
        kafka.acknowledge()
        await log.drain()
        assert kafka.taken == [["before"], []]

    run(test())


@pytest.mark.parametrize(
    ("refusal", "error"), [(TRANSIENT, UnavailableError), (MessageSizeTooLargeError("too large"), TooLargeError)]
)
def test_one_that_fails_is_the_answer(refusal: Exception, error: type[Exception]) -> None:
    """Where one partition refuses its part, nobody is told that the batch is in, though the other part is."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        done = asyncio.ensure_future(log.append_all([event("a"), event("b", 1)]))
        await settle()
        kafka.refuse(refusal, 0)
        await settle()
        assert not done.done()
        kafka.acknowledge(1)
        with pytest.raises(error):
            await done
        assert kafka.taken == [[], ["b"]]
        assert (log.held_events, log.held_bytes) == (0, 0)

    run(test())


def test_what_no_retry_can_mend_is_told_before_what_it_can() -> None:
    """A batch with an event that Kafka never takes is refused for good, even where another part may be retried."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        done = asyncio.ensure_future(log.append_all([event("a"), event("b", 1)]))
        await settle()
        kafka.refuse(TRANSIENT, 0)
        kafka.refuse(MessageSizeTooLargeError("too large"), 1)
        with pytest.raises(TooLargeError):
            await done

    run(test())


def test_the_deadline_holds_for_a_batch() -> None:
    """Kafka away: 503 for all of it, in time."""

    async def test() -> None:
        log = journal(Kafka(), max_held_seconds=1.0)
        done = asyncio.ensure_future(log.append_all([event("a"), event("b", 1)]))
        await until(1.1)
        with pytest.raises(UnavailableError, match="within 1 s"):
            await done

    run(test())


def test_no_events_are_in_at_once() -> None:
    """An empty batch is a batch, and there is nothing to wait for."""

    async def test() -> None:
        kafka = Kafka()
        await journal(kafka).append_all([])
        assert kafka.sent == []

    run(test())
