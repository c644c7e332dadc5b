"""SIGKILL of the logger, at random moments and at the moments that matter: 200 is never a lie."""

import random
import time
from collections import Counter

import pytest

from tests.integration.logger_faults.dying import POINTS
from tests.integration.logger_faults.loggers import Logger, Make
from tests.integration.logger_faults.report import Record
from tests.integration.logger_faults.scale import Scale
from tests.integration.logger_faults.traffic import Traffic

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

KILLED = -9


def test_kill_9_under_load_loses_nothing_acknowledged(make: Make, scale: Scale, record: Record) -> None:
    """However often it is killed under load, all that was acknowledged is in Kafka as it was sent, and nothing twice.

    Every third kill hits a named point of an event's way, each of them in turn; the process itself writes down which.
    """
    logger, dice = make(), random.Random(1)
    names = list(POINTS)
    planned = [names[kill // 3 % len(names)] if kill % 3 == 0 else None for kill in range(scale.kills)]
    moments: list[float] = []

    with Traffic(logger.port, clients=16) as traffic:
        for point in planned:
            if point is None:
                _kill_somewhere(logger, traffic, dice)
            else:
                _kill_at(point, logger, dice)
            moments.append(time.monotonic())
        logger.start()
        traffic.wait(more=100)

    recovery = max(traffic.seconds_until_acknowledged(moment) for moment in moments)
    row = logger.account("logger killed", scale.kills, traffic, recovery=recovery)
    record(row)
    assert row.kept
    assert row.points == Counter(point for point in planned if point is not None)
    assert traffic.answers.keys() <= {200, 503}


def _kill_somewhere(logger: Logger, traffic: Traffic, dice: random.Random) -> None:
    logger.start()
    traffic.wait(more=dice.randrange(1, 200))
    time.sleep(dice.random() / 20)  # so that the kill is not always just after an answer
    logger.kill()


def _kill_at(point: str, logger: Logger, dice: random.Random) -> None:
    logger.start_dying(point, dice.randrange(2, 200))
    assert logger.process.wait() == KILLED
