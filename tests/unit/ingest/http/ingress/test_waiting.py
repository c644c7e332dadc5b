"""200 only after Kafka's acknowledgement; 503 for whatever a retry can mend."""

import asyncio

import pytest

from nilometer_logger.errors import UnavailableError
from tests.unit.ingest.http.ingress.asking import HEADERS, MODES, asked, made, sent
from tests.unit.ingest.journal.clock import run, settle, until
from tests.unit.ingest.journal.kafka import Kafka


@pytest.mark.parametrize("mode", MODES)
def test_nobody_is_answered_before_kafka_has_it(mode: str) -> None:
    """The answer waits for the acknowledgement, and follows it at once."""

    async def test() -> None:
        kafka = Kafka()
        headers, body = sent(mode)
        asking = asyncio.create_task(asked(made(kafka), headers=headers, body=body))
        await until(5.0)
        assert not asking.done()
        [partition] = kafka.in_flight
        kafka.acknowledge(partition)
        await settle()
        assert asking.result().status == 200

    run(test())


@pytest.mark.parametrize("mode", MODES)
def test_what_kafka_does_not_take_is_never_acknowledged(mode: str) -> None:
    """503 with the reason and when to come back: Kafka was not reached, or is silent."""

    async def test() -> None:
        headers, body = sent(mode)
        for kafka, settings, reason in (
            (None, {}, "Kafka is not reachable yet"),
            (Kafka(), {"max_held_seconds": 0.1}, "Kafka did not acknowledge within 0.1 s"),
        ):
            ingress = made(kafka, **settings)
            answer = await asked(ingress, headers=headers, body=body)
            assert answer.status == 503
            assert reason in answer.body
            assert answer.headers["retry-after"] == "1"

    run(test())


@pytest.mark.parametrize("mode", MODES)
def test_too_much_that_waits_is_not_waited_behind(mode: str) -> None:
    """503 at once where as many events wait for Kafka as may."""

    async def test() -> None:
        kafka = Kafka()
        ingress = made(kafka, max_held_events=1)
        waiting = asyncio.create_task(asked(ingress))
        await settle()
        headers, body = sent(mode)
        answer = await asked(ingress, headers=headers, body=body)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        [partition] = kafka.in_flight
        kafka.acknowledge(partition)
        assert (await waiting).status == 200

    run(test())


@pytest.mark.parametrize("mode", MODES)
def test_what_kafka_refuses_is_explained(mode: str) -> None:
    """An error of the record is the answer of each request in it."""

    async def test() -> None:
        kafka = Kafka()
        headers, body = sent(mode)
        asking = asyncio.create_task(asked(made(kafka), headers=headers, body=body))
        await settle()
        [partition] = kafka.in_flight
        kafka.refuse(UnavailableError("not enough replicas"), partition)
        await settle()
        assert asking.done()
        assert asking.result().status == 503

    run(test())


def test_what_is_wrong_is_said_before_what_is_away() -> None:
    """A request that no retry can mend is refused as such, Kafka or not."""

    async def test() -> None:
        for headers, settings, status in (
            ({"ce-id": "1"}, {}, 400),
            (HEADERS, {"namespaces": "theirs"}, 403),
            (HEADERS, {"max_event_bytes": 1}, 413),
            ({"content-type": "application/cloudevents+xml"}, {}, 415),
        ):
            answer = await asked(made(None, **settings), headers=headers)
            assert answer.status == status
            assert "retry-after" not in answer.headers

    run(test())


def test_bodies_being_read_share_the_room() -> None:
    """What has come in part counts as held: one that passes the bound is 503, and its bytes are free again."""

    async def test() -> None:
        ingress = made(Kafka(at_once=True), max_held_bytes=1000)
        ingress.reading_bytes = 600  # of another request
        coming = asyncio.Queue()
        answered = []

        async def send(message: dict[str, object]) -> None:
            answered.append(message)

        scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "client": None}
        asking = asyncio.create_task(ingress(scope, coming.get, send))
        coming.put_nowait({"type": "http.request", "body": b"x" * 400, "more_body": True})
        await settle()
        assert (ingress.held_bytes, answered) == (1000, [])
        coming.put_nowait({"type": "http.request", "body": b"x", "more_body": True})
        await asking
        assert answered[0]["status"] == 503
        assert ingress.reading_bytes == 600

    run(test())


@pytest.mark.parametrize("reading", [True, False])
def test_who_waits_at_the_very_end_is_told_so(reading: bool) -> None:
    """The server cancels what is not answered when the time for an end is over: 503, and no byte stays counted."""

    async def test() -> None:
        ingress = made(Kafka())
        body = b"{}"
        parts = [body, *([b""] * 1000), body] if reading else body
        asking = asyncio.create_task(asked(ingress, body=parts))
        if reading:
            while not ingress.reading_bytes:  # noqa: ASYNC110 - nobody tells when the first part has come
                await asyncio.sleep(0)
        else:
            await settle()
            assert ingress.held_bytes > ingress.reading_bytes == 0
        asking.cancel()
        answer = await asking
        assert (answer.status, answer.body) == (503, "the logger ends\n")
        assert ingress.reading_bytes == 0

    run(test())
