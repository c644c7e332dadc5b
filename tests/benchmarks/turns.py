"""Turns: what is compared runs one after another, several times over, so that noise of neighbours meets all alike.

Noise only ever adds, so of a contender's turns the best one stands in the table, with all its figures: the one that
took the least CPU an event, or the one with the least p50 where a scenario is about latency. Afterwards the contender's
topic is read back, with the events of all turns: every one that was acknowledged must be in it.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.benchmarks import machine
from tests.benchmarks.plan import Outcome, Plan
from tests.benchmarks.servers import Bench, Server
from tests.benchmarks.stored import Stored, read

Measure = Callable[[Outcome], float]

_TURNS = 5
_QUICK_TURNS = 2


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: what was measured.
        best: of all turns.
        peak_mb: the server's most memory; None where there is no server.
        stored: what lay in the topic afterwards; None where that was not looked for.
        acknowledged: how many events were acknowledged in all turns, warming up among them.
        missing: how many of those did not lie there.
    """

    name: str
    best: Outcome
    peak_mb: float | None = None
    stored: Stored | None = None
    acknowledged: int = 0
    missing: int = 0


@dataclass
class Contender:
    """Something that takes turns.

    Attributes:
        name: for the table.
        server: under load; None for the bare produce, which needs none.
        plan: the fields of its plan that are its own.
        topic: that the bare produce writes to.
        turns: what came of them, by the run's number.
    """

    name: str
    server: Server | None
    plan: dict[str, Any]
    topic: str = ""
    turns: dict[int, Outcome] = field(default_factory=dict)


def take_turns(bench: Bench, *contenders: Contender, by: Measure = Outcome.cpu_us) -> list[Row]:
    """Lets all contenders run in turns and returns their rows, with the turn that is least by a measure."""
    for _ in range(_QUICK_TURNS if bench.quick else _TURNS):
        for contender in contenders:
            run = next(bench.numbers)
            contender.turns[run] = _turn(bench, contender, run)
    return [_row(bench, contender, min(contender.turns.values(), key=by)) for contender in contenders]


def _turn(bench: Bench, contender: Contender, run: int) -> Outcome:
    server = contender.server
    fields = {"run": run, "port": 0, "pids": {"Kafka": bench.kafka_pid}, **contender.plan}
    if server is None:
        with machine.on(machine.server_cores()):
            return _run("tests.benchmarks.yardsticks", "produce", _json(fields), bench.kafka, contender.topic)
    fields["port"] = server.port
    fields["pids"]["server"] = server.process.pid
    return _run("tests.benchmarks.load", _json(fields))


def _json(fields: dict[str, Any]) -> str:
    return msgspec.json.encode(msgspec.convert(fields, Plan)).decode()


def _run(module: str, *arguments: str) -> Outcome:
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Outcome)


def _row(bench: Bench, contender: Contender, best: Outcome) -> Row:
    server = contender.server
    if server is None:
        return Row(contender.name, best)
    peak_mb = machine.peak_mb(server.process.pid)
    if not server.topic:
        return Row(contender.name, best, peak_mb)
    acknowledged: set[str] = set()
    for run, outcome in contender.turns.items():
        acknowledged |= outcome.acknowledged_ids(run)
    stored = read(bench.kafka, server.topic)
    return Row(contender.name, best, peak_mb, stored, len(acknowledged), stored.missing(acknowledged))
