"""Through the logger: four pods of five connections each, as in `scenarios`, and a worker that reads what comes of them.

Both processes' CPU time an event is read over the same span, in which the logger acknowledges events and the worker
keeps up or does not: how far behind it is at the end is said too.
"""

import asyncio
import subprocess
import sys
import time

import msgspec

from tests.benchmarks import servers
from tests.benchmarks.plan import Outcome, Plan
from tests.benchmarks.servers import Bench
from tests.benchmarks.stored import read
from tests.benchmarks.windows_traffic import write_monitor
from tests.benchmarks.windows_worker import READY, marks, worker

_RATES = (0.0, 4000.0)  # as fast as they are answered, and what both keep up with
_FEATURES = 4  # of the load's bodies
_SECONDS, _QUICK_SECONDS = 6.0, 2.0


def pods(bench: Bench) -> list[str]:
    """Makes the section's lines: one a rate."""
    monitors = write_monitor(bench.directory / "pods" / "monitors", features=_FEATURES, more=()).parent
    lines = [f"{'':<34}{'events/s':>10}{'logger µs':>11}{'worker µs':>11}{'events a record':>17}{'worker behind':>15}"]
    for rate in _RATES:
        with servers.logger(bench, "--partitions", "1") as logger:
            prefix = logger.topic.removesuffix("inferences")
            with worker(bench, prefix, monitors) as process:
                process.wait_for_line(READY)
                pids = {"server": logger.process.pid, "worker": process.pid, "Kafka": bench.kafka_pid}
                seconds = _QUICK_SECONDS if bench.quick else _SECONDS
                plan = Plan(
                    port=logger.port, run=next(bench.numbers), connections=20, rate=rate, seconds=seconds, pids=pids
                )
                outcome, ended = _load(plan), time.monotonic()
                stored = read(bench.kafka, logger.topic)
                found = asyncio.run(marks(bench, prefix, process, stored.records - 1))
        behind = max(0.0, found[-1].wall - ended)
        name = f"{rate:,.0f} events a second" if rate else "as fast as they are answered"
        lines.append(
            f"{name:<34}{outcome.rate:>10,.0f}{outcome.cpu_us():>11.1f}{outcome.cpu_us('worker'):>11.1f}"
            f"{stored.events_a_record:>17.1f}{behind:>13.1f} s"
        )
    return lines


def _load(plan: Plan) -> Outcome:
    argv = [sys.executable, "-m", "tests.benchmarks.load", msgspec.json.encode(plan).decode()]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Outcome)
