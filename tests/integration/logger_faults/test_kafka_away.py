"""Kafka stands still, dies and comes back, under load: the answer is 503 meanwhile, and the same logger goes on."""

import asyncio
import json
import os
import signal
import time

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from tests.integration.logger_faults.loggers import Logger, Make
from tests.integration.logger_faults.report import Record
from tests.integration.logger_faults.scale import Scale
from tests.integration.logger_faults.traffic import Traffic
from tests.integration.logger_faults.wire import Answer, ask, head_of, request_of
from tests.integration.stack import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

BALLAST_BYTES = 200_000  # a hundred of them are more than may be held
PAUSE_SECONDS = 0.002  # between requests that fill the logger


def _structured(name: str, *events: dict[str, str]) -> bytes:
    body = json.dumps(events if name.endswith("batch") else events[0]).encode()
    headers = {"Content-Type": f"application/{name}+json", "Content-Length": str(len(body))}
    return head_of(headers) + body


_TINY = {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
WAITING = {
    "large events": request_of("large", b"x" * 800_000),
    "tiny events": _structured("cloudevents-batch", *([_TINY] * 4000)),
    "attributes": _structured("cloudevents-batch", *([_TINY | {f"a{n}": f"{n}" for n in range(250)}] * 500)),
}


def test_nothing_acknowledged_is_lost_while_kafka_is_away(
    make: Make, scale: Scale, record: Record, mortal: EmbeddedKafka
) -> None:
    """Kafka stopped by SIGSTOP, and killed: 503 with Retry-After, memory bounded, and 200 again without help."""
    still: list[float] = []
    dead: list[float] = []
    logger = make("--max-held-seconds", 1, address=mortal.bootstrap)
    logger.start()
    with Traffic(logger.port, clients=16) as traffic:
        for outage in range(scale.outages):
            traffic.wait(more=100)
            os.kill(mortal.pid, signal.SIGSTOP)
            try:
                ballast = _weigh_down(logger, outage)
                if outage < scale.timeouts:
                    logger.process.wait_for_line("RequestTimedOutError", timeout_seconds=120)
            finally:
                moment = time.monotonic()
                os.kill(mortal.pid, signal.SIGCONT)
            still.append(traffic.seconds_until_acknowledged(moment))

            traffic.wait(more=100)
            mortal.kill()
            _wait_for_refusals(traffic)
            moment = time.monotonic()
            mortal.start()
            dead.append(traffic.seconds_until_acknowledged(moment))
        traffic.wait(more=100)

    eventually(lambda: logger.metric("held_events") == logger.metric("held_bytes") == 0, "nothing held")
    for fault, seconds in (("Kafka standing still", still), ("Kafka killed", dead)):
        row = logger.account(fault, scale.outages, traffic, recovery=max(seconds))
        record(row)
        assert row.kept
    assert traffic.answers.keys() == {200, 503}
    assert traffic.refusals[503].headers["retry-after"] == ballast.refusals[503].headers["retry-after"] == "1"
    assert (traffic.unanswered, traffic.torn) == (0, 0)


def _wait_for_refusals(traffic: Traffic) -> None:
    """Waits until every client has been refused, and more than once."""
    wanted = traffic.answers[503] + 100
    eventually(lambda: traffic.answers[503] >= wanted, "a hundred refusals")


def _weigh_down(logger: Logger, outage: int) -> Traffic:
    """Sends more than may be held to a logger whose Kafka is away."""
    with Traffic(logger.port, clients=150, name=f"ballast-{outage}", body_bytes=BALLAST_BYTES) as ballast:
        _wait_for_refusals(ballast)
        eventually(lambda: b"is the most" in ballast.refusals[503].body, "a refusal because too much is held")
    return ballast


@pytest.mark.parametrize("shape", WAITING)
def test_what_waits_takes_no_more_memory_than_is_stated(
    make: Make, record: Record, mortal: EmbeddedKafka, shape: str
) -> None:
    """Whatever the events look like that wait for Kafka: large, tiny, or nothing but attributes; then it is 503."""
    logger = make("--max-held-seconds", 20, address=mortal.bootstrap)
    logger.start()
    os.kill(mortal.pid, signal.SIGSTOP)
    try:
        reason = asyncio.run(_fill(logger, WAITING[shape]))
    finally:
        os.kill(mortal.pid, signal.SIGCONT)
    eventually(lambda: logger.metric("held_events") == logger.metric("held_bytes") == 0, "nothing held")

    assert reason.endswith(b"is the most\n")
    row = logger.account(f"waiting for Kafka: {shape}", 1)
    record(row)
    assert row.kept


async def _fill(logger: Logger, request: bytes) -> bytes:
    """Sends a request over new connections until one is refused, and returns why."""
    waiting: set[asyncio.Task[Answer | None]] = set()
    done: set[asyncio.Task[Answer | None]] = set()
    while not done:
        waiting.add(asyncio.create_task(ask(logger.port, request)))
        done, _ = await asyncio.wait(waiting, timeout=PAUSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    answers = [task.result() for task in done]
    assert {answer and answer.status for answer in answers} == {503}
    return answers[0].body if answers[0] else b""
