"""Kafka stands still, dies and comes back, under load: the answer is 503 meanwhile, and the same logger goes on."""

import os
import signal
import time

import pytest

from nilometer_detectors.demo.kafka import EmbeddedKafka
from tests.integration.logger_faults.loggers import Logger, Make
from tests.integration.logger_faults.report import Record
from tests.integration.logger_faults.scale import Scale
from tests.integration.logger_faults.traffic import Traffic
from tests.integration.stack import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

BALLAST_BYTES = 200_000  # a hundred of them are more than may be held


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
            finally:
                os.kill(mortal.pid, signal.SIGCONT)
            still.append(traffic.seconds_until_acknowledged(time.monotonic()))

            traffic.wait(more=100)
            mortal.kill()
            _wait_for_refusals(traffic)
            mortal.start()
            dead.append(traffic.seconds_until_acknowledged(time.monotonic()))
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
