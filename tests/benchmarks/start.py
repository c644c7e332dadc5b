"""How long the logger takes to be there, and how much memory that takes: Python itself is part of both."""

import subprocess
import sys
from time import perf_counter

from nilometer_detectors.demo.stack.processes import free_port
from tests.benchmarks import machine, servers
from tests.benchmarks.servers import Bench
from tests.benchmarks.table import Figure, Section

_TIMES = 5
_QUICK_TIMES = 2


def start(bench: Bench) -> Section:
    """Starts the logger several times on a topic that is there; the best of each counts, since noise only adds."""
    times = _QUICK_TIMES if bench.quick else _TIMES
    python = min(_run("pass") for _ in range(times))
    imported = min(_run("import nilometer_logger.ingest.server") for _ in range(times)) - python
    _start(bench)  # makes the topic
    starts = [_start(bench) for _ in range(times)]
    listening, ready, cpu, peak_mb = (min(values) for values in zip(*starts, strict=True))
    return Section(
        "start, with Kafka and the topic there",
        lines=[
            f"imports take {1000 * imported:.0f} ms, beside Python's own {1000 * python:.0f} ms",
            f"/healthz answers 200 after {1000 * listening:.0f} ms, /readyz after {1000 * ready:.0f} ms and {1000 * cpu:.0f} ms of CPU",
        ],
        figures=[
            Figure("from the command to the first 200 of /readyz", ready, " s", 0.5, ".2f"),
            Figure("resident when ready", peak_mb, " MB", 60),
        ],
    )


def _start(bench: Bench) -> tuple[float, float, float, float]:
    port, began = free_port(), perf_counter()
    with servers.launched(bench, port, "start-") as process:
        servers.wait_for(process, port, "/healthz")
        listening = perf_counter() - began
        servers.wait_for(process, port, "/readyz")
        ready = perf_counter() - began
        return listening, ready, machine.cpu_seconds(process.pid), machine.peak_mb(process.pid)


def _run(code: str) -> float:
    with machine.on(machine.server_cores()):
        began = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return perf_counter() - began
