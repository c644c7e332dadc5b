"""What a worker's memory is at most, as a formula of its settings.

    worker    = start + decoding + waiting + partitions x partition
    start     = what the process has once its monitors are loaded, baselines and all, and 64 MiB for kernels that are
                compiled when they are first called, sockets and the allocator
    decoding  = 250 x (values of a document) + 2 x 16 MiB: the objects of the largest body that is allowed, beside its
                bytes; an object of names that all differ costs most, 240 bytes a value
    waiting   = 32 MiB: findings and dead letters that wait for a snapshot or are on their way
    partition = 4 MiB of records fetched + `--max-window-bytes`, as monitors say what their windows take, and four windows
                of each monitor, which it may have in any case
                + 120 x (identities that are remembered) + 530 x (halves that wait) + 5,500 x (streams) x (monitors)
                + (bytes of dormant streams)

The factors were measured with tracemalloc at the worst inputs that were found; `tests/unit/worker/test_memory_bound.py` holds
them to that.

A worker alone has all partitions of the topic. Its pod must be given as much, or the kernel ends it, and ends it again
where it reads the same record again; so the bound is compared with the limit of the process's control group at the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from nilometer_logger.decoding.payload import INFLATED_BOUND, Limits
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.engine.windows import always_bytes
from nilometer_logger.settings import WorkerSettings

_log = structlog.get_logger("nilometer.worker")
_MEBIBYTE = 2**20
_START_BYTES = 64 * _MEBIBYTE
_WAITING_BYTES = 32 * _MEBIBYTE
_FETCHED_BYTES = 4 * _MEBIBYTE
VALUE_BYTES = 250
IDENTITY_BYTES = 120
HALF_BYTES = 530
STREAM_BYTES = 5_500

# Of control groups, version 2 and version 1; a process in a container sees its own there.
_LIMIT_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_NO_LIMIT = 2**60


@dataclass(frozen=True)
class MemoryBound:
    """What a worker's memory is at most, in bytes.

    Attributes:
        terms: the parts of the sum, by name.
    """

    terms: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The sum."""
        return sum(self.terms.values())


def worker_memory_bound(
    settings: WorkerSettings, partitions: int, monitors: Sequence[Monitor], start_bytes: int
) -> MemoryBound:
    """Adds up what a worker's memory is at most.

    Args:
        settings: of the worker.
        partitions: that it may be given: all of the topic.
        monitors: that are loaded.
        start_bytes: the resident memory of the process once its monitors are loaded.
    """
    limits = Limits(rows=settings.max_event_rows, cells=settings.max_event_cells)
    return MemoryBound(
        {
            "start": start_bytes + _START_BYTES,
            "decoding": VALUE_BYTES * limits.most_values + 2 * INFLATED_BOUND,
            "waiting": _WAITING_BYTES,
            "windows": partitions * (settings.max_window_bytes + sum(map(always_bytes, monitors))),
            "records": partitions * _FETCHED_BYTES,
            "identities": partitions * IDENTITY_BYTES * settings.max_duplicates,
            "halves": partitions * HALF_BYTES * settings.max_pending_in_partition,
            "streams": partitions * len(monitors) * STREAM_BYTES * settings.max_streams,
            "dormant": partitions * settings.max_dormant_bytes,
        }
    )


def resident_bytes() -> int:
    """Returns the memory that this process has now; 0 where the system does not say (it is no Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * 4096


def limit_bytes(files: tuple[str, ...] = _LIMIT_FILES) -> int | None:
    """Returns the memory limit of the process's control group; None where there is none.

    Args:
        files: in which the kernel says it; the first that is there decides.
    """
    for name in files:
        try:
            text = Path(name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        return int(text) if text.isdecimal() and int(text) < _NO_LIMIT else None
    return None


def say(bound: MemoryBound, limit: int | None) -> None:
    """Logs the bound, and warns where the limit is below it."""
    terms = {f"{name}_mib": round(size / _MEBIBYTE) for name, size in bound.terms.items()}
    total = round(bound.total / _MEBIBYTE)
    if limit is None or bound.total <= limit:
        _log.info("memory bound", total_mib=total, limit_mib=None if limit is None else limit // _MEBIBYTE, **terms)
        return
    _log.warning(
        "memory bound above the limit",
        total_mib=total,
        limit_mib=limit // _MEBIBYTE,
        **terms,
        remedy="raise the container's memory limit, or lower "
        "--max-event-cells, --max-window-bytes, --max-streams or --max-duplicates",
    )
