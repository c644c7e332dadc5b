"""The account of a soak: what became of every event that was sent, as Kafka and both /metrics tell it.

Of the events that were sent, each is exactly one of these:

* **refused** by the logger: not answered 200, and not in `inferences`;
* **dead**: in `inferences-dead`, with a reason;
* **ignored**: of a stream that no monitor watches, or no half of an inference that it reads;
* **duplicate**: one that had come before, and counted as such;
* **taken**: all of its rows are in windows, or late.

Refused and dead ones, and who is in `late`, are told apart by their numbers. What was taken leaves no trace of its own,
so it is added up: the rows of all events that are none of the others are what the worker has counted as rows, and these
are the rows of all windows and the late ones.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nilometer_logger.deadletters import read_dead_letter
from tests.integration.logging_events import send
from tests.integration.worker.working import STATISTICS
from tests.integration.worker_soak.kinds import DEAD, IGNORED, REFUSED, ROWS, Drawn
from tests.integration.worker_soak.report import Row
from tests.integration.worker_soak.traffic import Request, number_of
from tests.integration.worker_soak.workers import Limited, totals_of

_DIGITS = re.compile(r"\d[\d,.]*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LONGEST_REASON = 90


@dataclass(frozen=True)
class Found:
    """What Kafka and /metrics tell, once all windows are closed.

    Attributes:
        logged: how often each event is in `inferences`, by its number.
        dead: the reasons of its dead letters, by its number.
        late: how many messages it has in `late`, by its number.
        outliers: how many findings on its rows there are, by its number.
        window_rows: the rows of all windows.
        findings: how many there are of windows.
        worker, logger: totals of their metrics.
    """

    logged: Counter[int]
    dead: dict[int, list[str]]
    late: Counter[int]
    outliers: Counter[int]
    window_rows: int
    findings: int
    worker: dict[str, float]
    logger: dict[str, float]


def look(worker: Limited) -> Found:
    """Reads all topics and both /metrics."""
    windows = worker.events("findings")
    return Found(
        Counter(number_of(event["id"]) for event in worker.events("inferences")),
        _dead(worker),
        Counter(number_of(dict(record.headers)["ce_id"].decode()) for record in worker.records("late")),
        Counter(
            number_of(event["causationid"]) for event in worker.events("outliers") if "causationid" in event.attributes
        ),
        sum(json.loads(event.data)["rows"] for event in windows if event["type"] == STATISTICS),
        len(windows),
        worker.totals(),
        totals_of(send(f"{worker.logger.url}/metrics", method="GET").body.decode(), "nilometer_logger_"),
    )


def _dead(worker: Limited) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for record in worker.records("inferences-dead"):
        letter = read_dead_letter(record.headers, record.value)
        assert letter.reason, f"a dead letter without a reason, of {letter.position}"
        found.setdefault(number_of(dict(letter.headers)["ce_id"].decode()), []).append(letter.reason)
    return found


def account(sent: Sequence[Request], found: Found) -> list[Row]:
    """Checks that every event is accounted for, and returns a row of each kind, and one of all."""
    rows: dict[str, Row] = {}
    wrong: list[str] = []
    for request in sent:
        for place, (number, event) in enumerate(request.events):
            row = _row_of(number, event, request, found, wrong)
            row.bytes = 0 if place else len(request.body) * len(request.answers)
            kind = rows.setdefault(event.kind, Row(event.kind))
            kind.add(row)
            kind.points += row.points
    everything = Row("all")
    for each in sorted(rows.values(), key=lambda row: row.kind):
        everything.add(each)
    dead = sum(row.dead for row in rows.values())
    everything.findings += found.findings
    wrong += _sums(everything, dead, sent, found)
    assert not wrong, "\n".join(wrong[:20])
    return [*sorted(rows.values(), key=lambda row: row.kind), everything]


def _row_of(number: int, event: Drawn, request: Request, found: Found, wrong: list[str]) -> Row:
    """Tells what became of one event; whatever is not as it must be is put down."""
    taken = request.answers.count(200)
    reasons = found.dead.get(number, [])
    fate = _fate(event, taken, reasons)
    if found.logged[number] != taken:
        wrong.append(
            f"{_name(number, event)} was answered {request.answers}, and is logged {found.logged[number]} times"
        )
    if fate not in event.fates:
        wrong.append(f"{_name(number, event)} is {fate}, not {' or '.join(event.fates)}: {reasons or request.answers}")
    if len(reasons) not in (0, taken):
        wrong.append(f"{_name(number, event)} was taken {taken} times, and has {len(reasons)} dead letters")
    if fate != ROWS and found.outliers[number] + found.late[number]:
        wrong.append(f"{_name(number, event)} is {fate}, and has findings or is late")
    return Row(
        event.kind,
        events=len(request.answers),
        rows=event.rows if fate == ROWS else 0,
        refused=len(request.answers) - taken,
        ignored=taken if fate == IGNORED else 0,
        duplicates=taken - 1 if fate == ROWS else 0,
        late=int(found.late[number] > 0),
        findings=found.outliers[number],
        points=Counter(_short(reason) for reason in reasons),
    )


def _fate(event: Drawn, taken: int, reasons: Sequence[str]) -> str:
    if not taken:
        return REFUSED
    if reasons:
        return DEAD
    return IGNORED if IGNORED in event.fates else ROWS


def _sums(everything: Row, dead: int, sent: Sequence[Request], found: Found) -> list[str]:
    worker, logger = found.worker, found.logger
    late = worker.get("late_rows_total", 0)
    requests_refused = sum(len(request.answers) - request.answers.count(200) for request in sent)
    must = {
        "rows of events that are neither refused, dead, ignored nor duplicates are the worker's rows": (
            everything.rows,
            worker.get("rows_total", 0),
        ),
        "rows of windows and late rows are the worker's rows": (found.window_rows + late, worker.get("rows_total", 0)),
        "duplicates": (everything.duplicates, worker.get("duplicates_total", 0)),
        "events that Kafka acknowledged": (everything.events - everything.refused, logger["events_total"]),
        "requests that were refused": (requests_refused, logger.get("refused_total", 0)),
        "dead letters are of what was sent": (dead, sum(map(len, found.dead.values()))),
        "what is logged was sent": (found.logged.total(), everything.events - everything.refused),
        "rows are late where topic `late` has their events": (late > 0, found.late.total() > 0),
    }
    return [f"{what}: {here:g} is not {there:g}" for what, (here, there) in must.items() if here != there]


def _name(number: int, event: Drawn) -> str:
    return f"event {number} ({event.kind})"


def _short(reason: str) -> str:
    return _DIGITS.sub("N", _QUOTED.sub("…", reason))[:_LONGEST_REASON]
