"""Single requests, and a few, that ended a worker for good: each is digested with the memory that the manifest gives.

What becomes of them is the product's to decide: rows, dead letters with a reason, or a refusal. But the worker is not
killed and does not begin anew, it answers its kubelet meanwhile, the offset moves on to the end of the log, every event
is accounted for, and what comes afterwards is judged.
"""

import signal
import time
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from tests.integration.stack import eventually
from tests.integration.worker_soak import bodies
from tests.integration.worker_soak.accounting import account, look
from tests.integration.worker_soak.kinds import DEAD, MOST_INFLATED, REFUSED, ROWS, Drawn
from tests.integration.worker_soak.limits import stated_bound_bytes
from tests.integration.worker_soak.monitors import NARROW, WIDE, WIDTH
from tests.integration.worker_soak.probing import Kubelet
from tests.integration.worker_soak.report import Record
from tests.integration.worker_soak.sending import send_all
from tests.integration.worker_soak.traffic import Request, one_batch, requests
from tests.integration.worker_soak.workers import PATIENCE, Limited, Make

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_ANY = frozenset({ROWS, DEAD, REFUSED})
_NORMAL = Drawn("what comes before and after", bodies.v1([[10.0, 20.0]]), 1)

Digest = Callable[..., None]


@pytest.fixture
def digest(make: Make, record: Record) -> Digest:
    """Pours requests over a worker, and checks all that this file promises."""

    def digested(
        name: str, sent: Sequence[Request], watched: Sequence[str] = (NARROW,), *, at_once: bool = False
    ) -> None:
        worker = make(watched)
        with worker.start() as kubelet:
            normal = [_judged(worker, sent, [])]
            began = time.monotonic()
            if at_once:
                worker.process.signal(signal.SIGSTOP)  # so that it finds all of them in one look at the log
            send_all(worker.logger.url, sent)
            worker.process.signal(signal.SIGCONT)
            answered = kubelet.answered
            worker.wait_until_closed()
            eventually(
                partial(_has_answered, worker, kubelet, answered), "an answer to a probe", timeout_seconds=PATIENCE
            )
            normal.append(_judged(worker, sent, normal))
            rows = account([*sent, *normal], look(worker))
        worker.check()
        total = rows[-1]
        total.kind, total.peak_bytes, total.most_bytes = name, kubelet.peak_bytes, worker.limit.most_bytes
        total.seconds = time.monotonic() - began
        total.points = sum((row.points for row in rows[:-1]), total.points)
        record(total)
        assert not kubelet.would_kill, f"/healthz failed {kubelet.in_a_row} times one after the other"
        bound = stated_bound_bytes(worker.process.output())
        assert bound is not None
        assert kubelet.peak_bytes <= min(bound, worker.limit.most_bytes)

    return digested


def _has_answered(worker: Limited, kubelet: Kubelet, answered: int) -> bool:
    worker.check()
    return kubelet.answered > answered


def _judged(worker: Limited, others: Sequence[Request], before: Sequence[Request]) -> Request:
    """Sends one event of one row, and waits for the finding on its window."""
    known = worker.starts()
    [request] = requests([_NORMAL], first=sum(len(one.events) for one in (*others, *before)))
    send_all(worker.logger.url, [request])
    assert request.answers == [200]
    worker.wait_until_closed()
    new = [
        body["rows"] for (_, body), start in zip(worker.windows(), worker.starts(), strict=True) if start not in known
    ]
    assert new == [1]
    return request


def test_one_request_of_a_million_outlying_rows(digest: Digest) -> None:
    """20 KB of gzip, of which every row is an outlier."""
    count = 1_000_000
    event = Drawn("many outlying rows", bodies.many_rows(count), count, _ANY)
    digest("a million outlying rows", requests([event]))


def test_outlying_rows_of_several_requests(digest: Digest) -> None:
    """A million once more, in twelve requests that are read at once; each alone is nothing out of the ordinary."""
    count = 90_000
    event = Drawn("many outlying rows", bodies.many_rows(count), count, _ANY)
    digest("12 times 90,000 outlying rows at once", requests([event] * 12), at_once=True)


def test_a_long_id_on_many_rows(digest: Digest) -> None:
    """452 bytes of gzip and an id of 50 KB, which a client chose: findings on rows repeat the id."""
    event = Drawn("long id, many rows", bodies.many_rows(20_000), 20_000, _ANY, id_tail="i" * 50_000)
    digest("20,000 rows with an id of 50 kB", requests([event]))


def test_an_id_larger_than_a_record(digest: Digest) -> None:
    """One row whose id, written twice into a finding, makes it larger than a record of Kafka."""
    event = Drawn("huge id", bodies.v1([[9000, 9000]]), 1, _ANY, id_tail="i" * 520_000, mode="structured")
    digest("an id of 520 kB", requests([event]))


def _bombs(name: str, body: Callable[[], bytes]) -> list[Request]:
    return requests([Drawn(f"bomb: {name}", body(), 0, _ANY)] * 40)


def test_bombs_within_the_bound_at_once(digest: Digest) -> None:
    """Each inflates to less than the bound of a body, to one row of 8 million values; all of them are read at once."""
    sent = _bombs("values in one row", lambda: bodies.one_row(MOST_INFLATED // 2 - 100))
    digest("40 bombs at once: values in one row", sent, at_once=True)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param("objects", lambda: bodies.objects(MOST_INFLATED // 3 - 100), id="objects"),
        pytest.param("texts", lambda: bodies.one_row(MOST_INFLATED // 4 - 100, b'"a"'), id="texts"),
    ],
)
def test_bombs_of_other_kinds_at_once(digest: Digest, name: str, body: Callable[[], bytes]) -> None:
    """The same with what costs more for its bytes than numbers do."""
    digest(f"40 bombs at once: {name}", _bombs(name, body), at_once=True)


@pytest.mark.faults
def test_rows_by_the_million_at_once(digest: Digest) -> None:
    """Eight bodies of rows as they should be, each as large inside as a body may be; all of them are read at once."""
    count = MOST_INFLATED // len("[10,20],") - 100
    event = Drawn("bomb of rows", bodies.many_rows(count, b"[10,20]"), count, _ANY)
    digest("8 bombs at once: good rows", requests([event] * 8), at_once=True)


def test_a_window_of_a_wide_model(digest: Digest) -> None:
    """2,000 columns, the README's own statistics: the finding is larger than a record of Kafka by default."""
    event = Drawn("wide rows", bodies.wide_rows(5, WIDTH), 5, service=WIDE)
    digest("5 rows of 2,000 columns", requests([event]), [NARROW, WIDE])


@pytest.mark.faults
def test_ever_new_streams(digest: Digest) -> None:
    """40,000 endpoints under one monitor, each seen three times."""
    streams, rounds, together = 40_000, 3, 500
    sent: list[Request] = []
    for _ in range(rounds):
        events = [
            Drawn("ever new streams", _NORMAL.body, 1, _ANY, endpoint=f"e{number}", mode="batch")
            for number in range(streams)
        ]
        for first in range(0, streams, together):
            sent.append(one_batch(events[first : first + together], first=len(sent) * together))
    digest("40,000 streams", sent)
