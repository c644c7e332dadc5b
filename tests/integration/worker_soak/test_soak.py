"""Random hostile and random wide traffic over HTTP, under the manifest's limit of memory: nothing stops the worker."""

import os
import time

import pytest

from tests.integration.worker_soak.accounting import account, look
from tests.integration.worker_soak.limits import stated_bound_bytes
from tests.integration.worker_soak.monitors import NARROW, TEXTUAL, WIDE
from tests.integration.worker_soak.report import Record
from tests.integration.worker_soak.scale import Scale
from tests.integration.worker_soak.sending import send_all
from tests.integration.worker_soak.traffic import drawn, requests
from tests.integration.worker_soak.workers import Make

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

# Another seed is other traffic: NILOMETER_SOAK_SEED=… makes a run that failed fail again.
SEED = int(os.environ.get("NILOMETER_SOAK_SEED", "20261201"))


def test_every_event_is_accounted_for(make: Make, record: Record, scale: Scale) -> None:
    """No kill, the offset moves on to the end, and refused, dead, ignored, duplicates, rows and late are all events."""
    print(f"the seed is {SEED}: NILOMETER_SOAK_SEED={SEED} repeats it")  # noqa: T201 - pytest shows it where the test fails
    worker = make([NARROW, TEXTUAL, WIDE])
    began, sent = time.monotonic(), []
    with worker.start() as kubelet:
        for block in range(scale.blocks):
            several = requests(drawn(scale.each, SEED + 1000 * block), first=sum(len(one.events) for one in sent))
            send_all(worker.logger.url, several)
            sent += several
            worker.wait_until_done()
        worker.wait_until_closed()
        rows = account(sent, look(worker))
    worker.check()

    total = rows[-1]
    total.kind = f"all, seed {SEED}, {worker.limit.how}"
    total.peak_bytes, total.most_bytes = kubelet.peak_bytes, worker.limit.most_bytes
    total.seconds = time.monotonic() - began
    for row in rows:
        record(row)
    assert not kubelet.would_kill, f"/healthz failed {kubelet.in_a_row} times one after the other"
    bound = stated_bound_bytes(worker.process.output())
    assert bound is not None
    assert kubelet.peak_bytes <= min(bound, worker.limit.most_bytes)
