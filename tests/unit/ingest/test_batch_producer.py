"""Records leave over a producer that is replaced, once, when Kafka has refused something for good."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, OutOfOrderSequenceNumber
from structlog.testing import capture_logs

from nilometer_logger.cloudevents import BATCH_CONTENT_TYPE, decode_batch, from_kafka
from tests.unit.ingest.journal.clock import run, settle
from tests.unit.ingest.journal.producers import Producers, events

TOO_LARGE = MessageSizeTooLargeError("too large")


def quietly(test: Coroutine[Any, Any, None]) -> list[Any]:
    """Runs a test, and returns what it logged."""
    with capture_logs() as lines:
        run(test)
    return lines


def test_a_batch_is_one_record() -> None:
    """Events that leave together are one record, told by its headers; its bytes are told when Kafka has it."""

    async def test() -> None:
        producers = Producers()
        done = producers.send(2, "a", "b")
        await settle()
        assert not done.done()
        [record] = producers.made[0].sent
        assert (record["topic"], record["partition"]) == ("inferences", 2)
        assert record["headers"] == [("content-type", BATCH_CONTENT_TYPE.encode()), ("nilometer-record", b"batch")]
        assert [event["id"] for event in decode_batch(record["value"])] == ["a", "b"]
        producers.made[0].in_flight[0].set_result(None)
        assert await done == len(record["value"])

    run(test())


def test_an_event_a_record_is_kafkas_protocol_binding() -> None:
    """Each event is a record in binary mode, keyed by its stream, and all of them leave before one is waited for."""

    async def test() -> None:
        producers = Producers(one_event_a_record=True)
        done = producers.send(2, "a", "bb")
        await settle()
        sent = producers.made[0].sent
        assert [(record["partition"], record["key"], record["value"]) for record in sent] == [
            (2, b"demo/iris/predictor/", b"a"),
            (2, b"demo/iris/predictor/", b"bb"),
        ]
        assert dict(sent[0]["headers"])["ce_id"] == b"a"
        assert [from_kafka(record["headers"], record["value"]) for record in sent] == [
            event for _, event in events("a", "bb")
        ]
        producers.made[0].in_flight[0].set_result(None)
        await settle()
        assert not done.done()
        producers.made[0].in_flight[1].set_result(None)
        assert await done == 3

    run(test())


@pytest.mark.parametrize("error", [TOO_LARGE, OutOfOrderSequenceNumber()])
@pytest.mark.parametrize("one_event_a_record", [False, True])
def test_a_refusal_replaces_the_producer(error: KafkaError, one_event_a_record: bool) -> None:
    """Its numbers are out of sequence, so the next record leaves over another one; the refusal itself is told."""

    async def test() -> None:
        producers = Producers(one_event_a_record=one_event_a_record)
        refused = producers.send(0, "a")
        await settle()
        producers.made[0].in_flight[0].set_exception(error)
        with pytest.raises(type(error)):
            await refused
        taken = producers.send(0, "b")
        await settle()
        [spent, fresh] = producers.made
        assert (len(spent.sent), spent.stopped, len(fresh.sent)) == (1, ["began", "ended"], 1)
        fresh.in_flight[0].set_result(None)
        await taken

    assert [line["event"] for line in quietly(test())] == ["producer replaced"]


def test_several_refusals_at_once_replace_it_once() -> None:
    """Partitions that fail together, or while another producer is being opened, share the one that takes its place."""

    async def test() -> None:
        producers = Producers()
        producers.may_open.clear()
        refused = [producers.send(partition, "a") for partition in range(3)]
        await settle()
        for in_flight in producers.made[0].in_flight[:2]:
            in_flight.set_exception(TOO_LARGE)
        await settle()
        producers.made[0].in_flight[2].set_exception(TOO_LARGE)
        await settle()
        assert not any(done.done() for done in refused)
        producers.may_open.set()
        await settle()
        assert {type(done.exception()) for done in refused} == {MessageSizeTooLargeError}
        assert len(producers.made) == 2
        assert producers.made[1].stopped == []

    assert len(quietly(test())) == 1


def test_a_late_refusal_of_a_spent_producer_replaces_no_other() -> None:
    """What fails over the old one when the new one is there already says nothing of the new one."""

    async def test() -> None:
        producers = Producers()
        first, second = producers.send(0, "a"), producers.send(1, "b")
        await settle()
        producers.made[0].in_flight[0].set_exception(TOO_LARGE)
        await settle()
        producers.made[0].in_flight[1].set_exception(TOO_LARGE)
        await settle()
        assert {type(done.exception()) for done in (first, second)} == {MessageSizeTooLargeError}
        assert len(producers.made) == 2

    assert len(quietly(test())) == 1


def test_what_others_have_in_flight_arrives() -> None:
    """A producer that is replaced is stopped, but only after the records of other partitions had their answer."""

    async def test() -> None:
        producers = Producers()
        refused, other = producers.send(0, "a"), producers.send(1, "b")
        await settle()
        producers.made[0].in_flight[0].set_exception(TOO_LARGE)
        await settle()
        assert refused.done()
        assert (other.done(), producers.made[0].stopped) == (False, ["began"])
        producers.made[0].in_flight[1].set_result(None)
        await settle()
        assert await other > 0
        assert producers.made[0].stopped == ["began", "ended"]
        assert isinstance(refused.exception(), MessageSizeTooLargeError)

    quietly(test())


def test_a_bug_replaces_nothing() -> None:
    """Only what Kafka refused is about its producer."""

    async def test() -> None:
        producers = Producers()
        failed = producers.send(0, "a")
        await settle()
        producers.made[0].in_flight[0].set_exception(RuntimeError("a bug"))
        with pytest.raises(RuntimeError):
            await failed
        assert len(producers.made) == 1

    run(test())


def test_closing_waits_for_everything_in_flight() -> None:
    """Over the producer of the moment, and over those that were replaced."""

    async def test() -> None:
        producers = Producers()
        refused, old = producers.send(0, "a"), producers.send(1, "b")
        await settle()
        producers.made[0].in_flight[0].set_exception(TOO_LARGE)
        await settle()
        new = producers.send(0, "c")
        await settle()
        closing = asyncio.ensure_future(producers.producing.close())
        for in_flight in (producers.made[1].in_flight[0], producers.made[0].in_flight[1]):
            await settle()
            assert not closing.done()
            in_flight.set_result(None)
        await closing
        assert [producer.stopped for producer in producers.made] == [["began", "ended"]] * 2
        assert (await old, await new) > (0, 0)
        assert isinstance(refused.exception(), MessageSizeTooLargeError)

    quietly(test())
