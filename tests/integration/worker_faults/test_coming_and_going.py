"""Workers join, die, return, leave in order and stand still, under load: every window is found once, with its rows."""

import signal

import pytest

from tests.integration.worker_faults.report import Record
from tests.integration.worker_faults.scale import LONG, Scale
from tests.integration.worker_faults.workers import Make

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.mark.faults
def test_another_joins_and_the_first_dies_and_returns(make: Make, record: Record) -> None:
    """The second takes over what the dead one had, and gives some of it back when it returns."""
    workers = make()
    with workers.traffic(LONG) as traffic:
        older = workers.start()
        workers.wait_for_progress(older, 0)
        newer = workers.start()
        for _ in range(LONG.rounds):
            workers.wait_for_members(2)
            older.kill()
            workers.wait_for_members(1)
            workers.wait_for_progress(newer, workers.progress())
            older, newer = newer, workers.start()
        workers.wait_for_members(2)
    workers.close_all(traffic.sent)

    row = workers.account("one of two killed", LONG.rounds, traffic.sent)
    record(row)
    assert row.kept, row


@pytest.mark.faults
def test_a_rolling_restart_of_three(make: Make, record: Record) -> None:
    """SIGTERM one after another: each ends by itself with exit code 0, and no window shows it."""
    workers = make()
    with workers.traffic(LONG) as traffic:
        running = [workers.start() for _ in range(3)]
        workers.wait_for_members(3)
        for old in running:
            workers.wait_for_progress(old, workers.progress())
            old.signal(signal.SIGTERM)
            assert old.wait() == 0
            workers.start()
            workers.wait_for_members(3)
    workers.close_all(traffic.sent)

    row = workers.account("rolling restart of three", 1, traffic.sent)
    record(row)
    assert row.kept, row


def test_one_that_stood_still_commits_nothing_and_goes_on(make: Make, scale: Scale, record: Record) -> None:
    """SIGSTOP beyond its session, while another takes over; after SIGCONT it is a member again, and does all the work."""
    workers = make()
    with workers.traffic(scale) as traffic:
        frozen = workers.start()
        workers.wait_for_progress(frozen, 0)
        for _ in range(scale.rounds):
            other = workers.start()
            workers.wait_for_members(2)
            workers.wait_for_progress(frozen, workers.progress())
            frozen.signal(signal.SIGSTOP)
            workers.wait_for_members(1)
            workers.wait_for_progress(other, workers.progress())
            frozen.signal(signal.SIGCONT)
            workers.wait_for_members(2)
            other.kill()
            workers.wait_for_members(1)
            workers.wait_for_progress(frozen, workers.progress())
    workers.close_all(traffic.sent)

    row = workers.account("one of two standing still", scale.rounds, traffic.sent)
    record(row)
    assert row.kept, row
