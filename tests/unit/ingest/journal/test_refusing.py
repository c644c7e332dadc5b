"""What Kafka refuses is told to those whose events it was, and to nobody else."""

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from structlog.testing import capture_logs

from nilometer_logger.errors import TooLargeError, UnavailableError
from tests.unit.ingest.journal.clock import run, settle
from tests.unit.ingest.journal.kafka import TRANSIENT, Kafka, event, failed, journal


def test_a_record_that_kafka_refuses_takes_only_its_own_events_with_it() -> None:
    """Its senders may try again; what waited behind it goes on, and so do other partitions."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        elsewhere = log.append(event("elsewhere", 1))
        refused = [log.append(event("a")), log.append(event("b"))]
        await settle()
        next_one = log.append(event("c"))
        with capture_logs() as lines:
            kafka.refuse(TRANSIENT)
            await settle()
        assert [failed(done) for done in refused] == [UnavailableError] * 2
        assert [(line["event"], line["events"]) for line in lines] == [("record refused", 2)]

        kafka.acknowledge()
        kafka.acknowledge(1)
        await next_one
        await elsewhere
        assert kafka.taken == [["c"], ["elsewhere"]]
        assert (log.held_events, log.held_bytes) == (0, 0)

    run(test())


def test_what_is_too_large_for_kafka_is_divided_until_one_is_to_blame() -> None:
    """One event is refused for good; its company of the same record arrives, in order, and nothing is sent twice."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        held = {name: log.append(event(name)) for name in "abcde"}
        await settle()
        while kafka.in_flight:
            if "d" in kafka.in_flight[0].ids:
                kafka.refuse(MessageSizeTooLargeError("too large"))
            else:
                kafka.acknowledge()
            await settle()
        assert kafka.records == [
            ["a", "b", "c", "d", "e"],
            ["a", "b"],
            ["c", "d", "e"],
            ["c"],
            ["d", "e"],
            ["d"],
            ["e"],
        ]
        assert kafka.taken[0] == ["a", "b", "c", "e"]
        assert {name for name, done in held.items() if failed(done)} == {"d"}
        assert failed(held["d"]) is TooLargeError
        assert (log.held_events, log.held_bytes) == (0, 0)

    run(test())


def test_division_keeps_the_order() -> None:
    """What came while a record was divided leaves after all of its parts."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        for name in "ab":
            log.append(event(name))
        await settle()
        log.append(event("c"))
        kafka.refuse(MessageSizeTooLargeError("too large"))
        for _ in range(3):
            await settle()
            kafka.acknowledge()
        await log.drain()
        assert kafka.records == [["a", "b"], ["a"], ["b"], ["c"]]

    run(test())


def test_a_bug_ends_no_partition() -> None:
    """An error that nobody thought of is told to those whose events it met, with a line in the log; the next goes on."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        met = log.append(event("met"))
        await settle()
        behind = log.append(event("behind"))
        with capture_logs() as lines:
            kafka.refuse(RuntimeError("a bug"))
            await settle()
        assert failed(met) is UnavailableError
        assert [line["log_level"] for line in lines] == ["error"]
        kafka.acknowledge()
        await behind
        assert (log.held_events, log.held_bytes) == (0, 0)

    run(test())


def test_a_log_line_holds_nothing_of_a_payload() -> None:
    """An operator sees how large and how many, whatever Kafka refuses."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka)
        with capture_logs() as lines:
            for error in (TRANSIENT, MessageSizeTooLargeError("too large"), RuntimeError("a bug")):
                done = log.append(event(body=b"very secret"))
                await settle()
                kafka.refuse(error)
                with pytest.raises((UnavailableError, TooLargeError)) as told:
                    await done
                assert "secret" not in str(told.value)
        assert len(lines) == 3
        assert "secret" not in str(lines)

    run(test())
