"""SIGKILL of the worker, at random moments and at the moments that matter: each row counts once."""

import json
import random
import time
from collections import Counter

import pytest

from tests.integration.worker_faults.dying import POINTS
from tests.integration.worker_faults.report import Record
from tests.integration.worker_faults.scale import SHORT, Scale
from tests.integration.worker_faults.workers import PATIENCE, Make, Mistreated

DRIFT = "io.nilometer.drift"

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

KILLED = -9
# Sums without slack never come back to where they were, and seven windows back count: what was forgotten would show.
_REMEMBERING = """
  - {name: sums, detector: cusum, slack: 0, threshold: 1000000, minRows: 1}
  - {name: lasting, detector: ks, pValue: 0.3, minRows: 5, persistence: {atLeast: 2, of: 8}}"""
_MOST_RESTORED = 4  # partitions, in each life
_MOST_PASSES = 20


def test_kill_9_under_load_loses_no_row_and_counts_none_twice(make: Make, scale: Scale, record: Record) -> None:
    """However often it is killed under load, each window is found once with its rows, and each outlier is reported.

    Some of the kills hit a named point of a row's way, each of them in turn; the process itself writes down which.
    """
    workers, dice, names = make(), random.Random(1), list(POINTS)
    planned = [
        names[kill // scale.named % len(names)] if kill % scale.named == 0 else None for kill in range(scale.kills)
    ]
    with workers.traffic(scale, scale.events) as traffic:
        traffic.wait(more=100)
        for point in planned:
            if point is None:
                _kill_somewhere(workers, dice)
            else:
                _kill_at(point, workers, dice)
        workers.start()
    workers.close_all(traffic.sent)

    row = workers.account("worker killed", scale.kills, traffic.sent)
    record(row)
    assert row.kept, row
    assert row.points == Counter(point for point in planned if point is not None)


def test_kill_9_makes_no_detector_forget(make: Make) -> None:
    """Killed under load, online detectors and persistence say what they say over the same log undisturbed, to the letter."""
    workers, dice = make(drift=_REMEMBERING), random.Random(2)
    with workers.traffic(SHORT, events=4000) as traffic:
        traffic.wait(more=100)
        for point in ("records sent, not committed", "commit in flight", "restoring"):
            _kill_at(point, workers, dice)
            _kill_somewhere(workers, dice)
        workers.start()
    workers.close_all(traffic.sent)
    found = workers.findings()

    workers.forget()
    workers.start()
    workers.wait_until_done()

    assert workers.findings() == found
    told = [json.loads(event.data) for event in workers.events("findings") if event["type"] == DRIFT]
    assert {each["detector"]["name"] for each in told if each["drift"] is not None} == {"sums", "lasting"}
    assert any(each.get("applied", {}).get("persistence", {}).get("drifting", 0) > 1 for each in told)


def _kill_somewhere(workers: Mistreated, dice: random.Random) -> None:
    known = workers.progress()
    worker = workers.start()
    workers.wait_for_progress(worker, known)
    time.sleep(dice.random() / 2)  # so that the kill is not always just after something was written
    worker.kill()


def _kill_at(point: str, workers: Mistreated, dice: random.Random) -> None:
    most = _MOST_RESTORED if point == "restoring" else _MOST_PASSES
    worker = workers.start_dying(point, dice.randrange(1, most))
    assert worker.wait(timeout_seconds=PATIENCE) == KILLED
