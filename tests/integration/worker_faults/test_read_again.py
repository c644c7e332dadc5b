"""The log decides: whoever reads it, however late and however often, finds the same."""

import time
from itertools import islice

import pytest

from nilometer_logger.times import SECOND
from tests.integration.stack import eventually
from tests.integration.worker.feeding import Sent, beginning
from tests.integration.worker_faults.report import Record
from tests.integration.worker_faults.scale import SHORT
from tests.integration.worker_faults.traffic import append_now, endless
from tests.integration.worker_faults.workers import AMONG, PATIENCE, Make

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

HOUR = 3600 * SECOND


def test_the_same_log_gives_the_same_findings(make: Make) -> None:
    """Read live, with a kill and silences; then again at full speed by one worker and by three: the same, to the letter."""
    workers = make()
    worker = workers.start()
    now = time.time_ns()
    append_now(workers.kafka, workers.prefix, [Sent(f"now-{name}", name, now, (10.0, 20.0)) for name in AMONG])
    eventually(lambda: len(workers.findings()) == len(AMONG), "quiet streams", timeout_seconds=PATIENCE)
    with workers.traffic(SHORT, events=3000) as traffic:
        workers.wait_for_progress(worker, workers.progress())
        worker.kill()
        workers.start()
    workers.close_all(traffic.sent)
    first, outliers = workers.findings(), workers.outliers()

    for many in (1, 3):
        workers.forget()
        for _ in range(many):
            workers.start()
        workers.wait_until_done()
        assert workers.findings() == first
        assert workers.outliers() == outliers


def test_a_backlog_closes_nothing_early(make: Make) -> None:
    """A worker that returns to records of an hour ago, and finds what one found that was there all along."""
    start, soon = time.time_ns() - HOUR, time.time_ns() + HOUR // 2
    events = list(islice(endless(start, AMONG), 4000))
    backlog, recent, last = events[:3000], events[3000:3200], events[3200:]
    there, away = make(prefix="there-", delay="60s"), make(prefix="away-", delay="60s")

    there.start()
    # No stream is silent at the end of the log: its last records are stamped ahead of the clock.
    for part in (backlog, recent, last):
        append_now(there.kafka, there.prefix, part, together=5, stamp=soon)
    there.close_all(events)

    append_now(away.kafka, away.prefix, backlog, together=5, stamp=time.time_ns() - HOUR)
    append_now(away.kafka, away.prefix, recent, together=5, stamp=soon)
    assert away.start_dying("offsets sent, not committed", 3).wait(timeout_seconds=PATIENCE) < 0
    known = away.progress()
    away.wait_for_progress(away.start(), known)
    append_now(away.kafka, away.prefix, last, together=5, stamp=soon)
    away.close_all(events)

    assert away.findings() == there.findings()


def test_what_comes_again_changes_no_window(make: Make, record: Record) -> None:
    """Events that were appended before, whether their window is open or closed by now, are told as duplicates."""
    workers = make()
    worker = workers.start()
    sent = list(islice(endless(beginning(), AMONG), 2000))
    again = [sent[first : first + 100] for first in range(0, 2000, 400)]
    for part in (sent[:400], again[0], sent[400:1300], *again[1:3], sent[1300:], *again):
        append_now(workers.kafka, workers.prefix, part)
    workers.close_all(sent)
    worker.check()

    row = workers.account("events appended again", sum(map(len, again)), sent)
    record(row)
    assert row.kept, row
    told = sum(body["duplicatesSinceLast"] for _, body in workers.windows())
    assert told == sum(map(len, (*again, *again[:3])))
