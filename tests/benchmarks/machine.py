"""The machine: who runs on which core, and what a process has used.

Wall rates on shared cores say as much about the neighbours as about us; CPU time per event does not. So a process is
judged by /proc/PID/stat, all its threads together; the server under test has a core to itself where the system allows
that, and what the neighbours took meanwhile is printed beside. A child inherits its parent's cores, so `on` is put
around its start: no thread of the child exists before that.
"""

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# Before any pinning. Empty where the system pins nothing.
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_UTIME = 11  # of the fields after a process's name, which may hold spaces
_IDLE = (3, 4)  # idle and iowait, of the fields after "cpu"
_COUNTED = 8  # up to steal; guests' time is in the others already


def server_cores() -> set[int]:
    """Returns the core of the server under test; empty where there is no second one for everything else."""
    return set(_CORES[:1]) if len(_CORES) > 1 else set()


def other_cores() -> set[int]:
    """Returns the cores of everything else: the load and Kafka."""
    return set(_CORES[1:])


@contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """Puts this process, and what it starts meanwhile, on some cores; no cores mean that it stays where it is."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """Tells the CPU time that a process has used so far, user and system, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_UTIME + 1])) / _TICKS_PER_SECOND


def used(pids: Mapping[str, int]) -> dict[str, float]:
    """Tells the CPU time of processes by their names, and that of everybody as "machine"."""
    return {**{name: cpu_seconds(pid) for name, pid in pids.items()}, "machine": _busy_seconds()}


def _busy_seconds() -> float:
    """Tells the CPU time of everybody on all cores, other virtual machines among them."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:][:_COUNTED]]
    return (sum(ticks) - sum(ticks[index] for index in _IDLE)) / _TICKS_PER_SECOND


def peak_mb(pid: int) -> float:
    """Tells the most memory that a process has had resident, in MB of a million bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid} has no VmHWM")


def description() -> str:
    """Says in one line on what the figures were measured."""
    names = [line.partition(":")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    model = names[0].strip() if names else platform.machine()
    where = "nothing is pinned to a core"
    if server_cores():
        where = f"the server alone on core {_CORES[0]}, load and Kafka on {', '.join(map(str, _CORES[1:]))}"
    return f"{len(_CORES) or os.cpu_count()} cores of {model}, Python {platform.python_version()}; {where}"
