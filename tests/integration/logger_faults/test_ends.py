"""SIGTERM under load: whoever was let in gets a whole answer, and the logger ends by itself with exit code 0."""

import asyncio
import os
import signal

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from tests.integration.logger_faults.loggers import Logger, Make
from tests.integration.logger_faults.report import Record
from tests.integration.logger_faults.scale import Scale
from tests.integration.logger_faults.traffic import Traffic
from tests.integration.logger_faults.wire import Answer, ask, connected, read_answer, request_of
from tests.integration.stack import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_sigterm_under_load_answers_everybody(make: Make, scale: Scale, record: Record) -> None:
    """Every request that was sent over an open connection is answered, the last one with `Connection: close`."""
    logger = make()
    with Traffic(logger.port, clients=32) as traffic:
        for _ in range(scale.terms):
            logger.start()
            traffic.wait(more=500)
            logger.measure()
            logger.process.signal(signal.SIGTERM)
            assert logger.process.wait() == 0
        logger.start()
        traffic.wait(more=1)

    row = logger.account("SIGTERM", scale.terms, traffic)
    record(row)
    assert row.kept
    assert (traffic.unanswered, traffic.torn) == (0, 0)
    assert traffic.answers.keys() <= {200, 503}


def test_a_client_that_never_finishes_holds_up_no_end(make: Make) -> None:
    """Half a request is waited for as long as any client may take, and no longer."""
    logger = make("--read-seconds", 1)
    logger.start()

    async def half() -> Answer | None:
        async with connected(logger.port) as (reader, writer):
            writer.write(request_of("half", b"x" * 1000)[:-1])
            await asyncio.to_thread(eventually, lambda: logger.metric("held_bytes") > 0, "a body being read")
            logger.process.signal(signal.SIGTERM)
            return await read_answer(reader)

    assert asyncio.run(half()) is None
    assert logger.process.wait() == 0


@pytest.mark.parametrize(("held", "grace"), [(1, 20), (3, 1)], ids=["held too long", "out of grace"])
def test_it_ends_while_kafka_stands_still(make: Make, mortal: EmbeddedKafka, held: float, grace: float) -> None:
    """Those who wait for Kafka are answered 503, whether they sent their request in one piece or in two."""
    logger = make("--max-held-seconds", held, "--grace-seconds", grace, address=mortal.bootstrap)
    logger.start()
    assert asyncio.run(ask(logger.port, request_of("before", b"{}"))) == Answer(200, {"content-length": "0"})
    os.kill(mortal.pid, signal.SIGSTOP)
    try:
        answers = asyncio.run(_wait_and_end(logger))
        assert logger.process.wait() == 0
    finally:
        os.kill(mortal.pid, signal.SIGCONT)
    assert [answer and (answer.status, answer.headers["retry-after"]) for answer in answers] == [(503, "1")] * 2


async def _wait_and_end(logger: Logger) -> list[Answer | None]:
    """Sends an event in one piece and one in two, and SIGTERM once both wait for Kafka."""
    whole, parted = request_of("whole", b"{}"), request_of("parted", b"{}")
    waiting = [asyncio.create_task(ask(logger.port, whole))]
    async with connected(logger.port) as (reader, writer):
        writer.write(parted[:-1])
        await asyncio.to_thread(eventually, lambda: logger.metric("held_bytes") > 0, "a body being read")
        writer.write(parted[-1:])
        waiting.append(asyncio.create_task(read_answer(reader)))
        await asyncio.to_thread(eventually, lambda: logger.metric("held_events") == 2, "both waiting")
        logger.process.signal(signal.SIGTERM)
        return await asyncio.gather(*waiting)
