"""The scenarios: which servers meet which load, and what docs/explain/cost.md states of it.

| name         | load                                                            | beside                               |
|--------------|-----------------------------------------------------------------|--------------------------------------|
| `saturation` | 64 connections, as fast as they are answered                    | bare uvicorn app, plain durable app  |
| `agent`      | 5 connections: the five workers of one KServe agent             | bare produce, plain durable app      |
| `pods`       | 20 connections: four agents, of one service and of four         | without adaptive batching            |
|              | and, of one service, at 4,000 events a second                   |                                      |
| `quiet`      | 50 events a second                                              | without adaptive batching            |
"""

from collections.abc import Sequence
from contextlib import ExitStack
from operator import attrgetter
from typing import Any

from tests.benchmarks import servers
from tests.benchmarks.plan import Outcome
from tests.benchmarks.servers import Bench
from tests.benchmarks.table import Figure, Section
from tests.benchmarks.turns import Contender, Measure, Row, take_turns

_P50 = attrgetter("p50_ms")
_LINGER = "--max-linger-seconds"
_STEADY, _QUIET = 4000.0, 50.0  # events a second: what one core can do several times over, and next to nothing
_BARE_US, _DURABLE_US, _MOST_US = 42, 62, 45  # on the machine whose figures the targets are
# Measured in 2026 on two cores of another machine, where a bare uvicorn app took 24-42 µs; one row of 4 floats an event.
_PEERS = (
    "elsewhere: Seldon alibi-detect-server 1.18, 64 connections: 1,815 events/s, 546 µs; not durable",
    "elsewhere: TrustyAI, 64 connections: 128 pairs/s, 7,740 µs a pair (9,533 at 5 connections); durable",
)


def saturation(bench: Bench) -> Section:
    """As much as one core takes."""
    plan = {"connections": 64}
    with (
        servers.logger(bench) as logger,
        servers.yardstick(bench, "bare") as bare,
        servers.yardstick(bench, "durable", logger.topic) as durable,
    ):
        rows = take_turns(
            bench,
            Contender("a bare uvicorn app, answers at once", bare, plan),
            Contender("a plain durable app, a record an event", durable, plan),
            Contender("nilometer logger", logger, plan),
        )
    bare_us, durable_us, us = (row.best.cpu_us() for row in rows)
    figures = [
        Figure("CPU of an acknowledged event of 1 KB", us, " µs", _MOST_US),
        _ratio(f"  to the bare uvicorn app's ({_MOST_US} to {_BARE_US})", us / bare_us, _MOST_US / _BARE_US),
        _ratio(f"  to the plain durable app's ({_MOST_US} to {_DURABLE_US})", us / durable_us, _MOST_US / _DURABLE_US),
        Figure("p99 at saturation of one core", rows[2].best.p99_ms, " ms", 10),
        _nothing_lost(rows),
    ]
    return Section("64 connections, one core full", rows, _PEERS, figures)


def agent(bench: Bench) -> Section:
    """One KServe agent: five workers, each of which waits for its answer."""
    plan = {"connections": 5}
    with servers.logger(bench) as logger, servers.yardstick(bench, "durable", logger.topic) as durable:
        rows = take_turns(
            bench,
            Contender("a bare produce, five tasks, no HTTP", None, plan, topic=logger.topic),
            Contender("a plain durable app, a record an event", durable, plan),
            Contender("nilometer logger", logger, plan),
            by=_P50,
        )
    ratio = rows[2].best.p50_ms / rows[0].best.p50_ms
    figures = [_ratio("p50 to the bare produce's", ratio, 2), _nothing_lost(rows)]
    return Section("5 connections, one KServe agent", rows, (), figures)


def pods(bench: Bench) -> Section:
    """Four pods of five connections each: of one service, whose events share a partition, and of four services."""
    rows: list[Row] = []
    figures: list[Figure] = []
    for name, plan in (
        ("four pods of one service", {"streams": 1}),
        ("four pods of four services", {"streams": 4}),
        (f"four pods of one service, {_STEADY:,.0f}/s", {"streams": 1, "rate": _STEADY}),
    ):
        found = _with_and_without(bench, name, {"connections": 20, **plan})
        rows += found
        if len(found) > 1:
            ratio = found[0].best.cpu_us() / found[1].best.cpu_us()
            figures.append(_ratio(f"adaptive batching, {name}: CPU to that without", ratio, 1))
    return Section("20 connections, four KServe agents", rows, (), [*figures, _nothing_lost(rows)])


def quiet(bench: Bench) -> Section:
    """So few events that none is worth waiting for."""
    rows = _with_and_without(bench, f"{_QUIET:.0f} events/s", {"connections": 5, "rate": _QUIET}, by=_P50)
    figures = [_nothing_lost(rows)]
    if len(rows) > 1:
        more = rows[0].best.p50_ms - rows[1].best.p50_ms
        figures.append(Figure("adaptive batching: p50 more than without", more, " ms", 0.3, ".2f"))
    return Section("5 connections, hardly busy", rows, (), figures)


def _with_and_without(bench: Bench, name: str, plan: dict[str, Any], by: Measure = Outcome.cpu_us) -> list[Row]:
    """Compares the logger with one that never waits for company, where it has a setting for that."""
    with ExitStack() as stack:
        contenders = [Contender(name, stack.enter_context(servers.logger(bench)), plan)]
        if servers.has_flag(_LINGER):
            never = stack.enter_context(servers.logger(bench, _LINGER, "0"))
            contenders.append(Contender("  the same, without adaptive batching", never, plan))
        return take_turns(bench, *contenders, by=by)


def _ratio(name: str, value: float, most: float) -> Figure:
    return Figure(name, value, "x", most, ".2f")


def _nothing_lost(rows: Sequence[Row]) -> Figure:
    return Figure("acknowledged events that are not in Kafka", sum(row.missing for row in rows), "", 0, ".0f")
