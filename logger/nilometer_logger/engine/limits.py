"""The limits of what a partition keeps of its streams: how far, how long and how many."""

from dataclasses import dataclass

from nilometer_logger.decoding.payload import DEFAULT_LIMITS, Limits
from nilometer_logger.settings import ReplaySettings, WorkerSettings
from nilometer_logger.times import SECOND

_UNBOUNDED = 2**62


@dataclass(frozen=True)
class PartitionLimits:
    """How far, how long and how many.

    Attributes:
        future: how far an event's time may lie after its arrival, in nanoseconds.
        pairing: how long a half waits for the other, in nanoseconds.
        pending: how many halves of a stream wait, at most.
        all_pending: how many halves of all streams of a partition wait, or are given up and may count in a window.
        duplicates: among how many events of a partition a repeated one is recognised.
        body: what one event's body may hold.
        idle: after how long without an event a stream of which nothing is open becomes dormant, in nanoseconds.
        streams: how many streams of a partition each monitor watches at a time, at most.
        window_bytes: how much memory the open windows of a partition may take, about.
        dormant_bytes: how much is kept of the dormant streams of a partition, at most.
    """

    future: int
    pairing: int
    pending: int
    duplicates: int
    body: Limits = DEFAULT_LIMITS
    all_pending: int = 50_000
    idle: int = _UNBOUNDED
    streams: int = _UNBOUNDED
    window_bytes: int = _UNBOUNDED
    dormant_bytes: int = _UNBOUNDED


def partition_limits(settings: WorkerSettings | ReplaySettings) -> PartitionLimits:
    """Returns the bounds of a partition that the settings tell."""
    return PartitionLimits(
        future=int(settings.future_seconds * SECOND),
        pairing=int(settings.pairing_seconds * SECOND),
        pending=settings.max_pending,
        all_pending=settings.max_pending_in_partition,
        duplicates=settings.max_duplicates,
        body=Limits(rows=settings.max_event_rows, cells=settings.max_event_cells),
        idle=int(settings.idle_stream_seconds * SECOND),
        streams=settings.max_streams,
        window_bytes=settings.max_window_bytes,
        dormant_bytes=settings.max_dormant_bytes,
    )
