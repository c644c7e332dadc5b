"""What a worker's memory is at most: the factors of the formula, measured at their worst, and what is said of the sum."""

import gc
import gzip
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from nilometer_logger.cloudevents import PUNCTUATION_HEADERS
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.decoding.payload import INFLATED_BOUND, Limits, decode
from nilometer_logger.engine.deduplication import Duplicates
from nilometer_logger.engine.pairing import PairingTable
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.punctuation import Idle, encode
from nilometer_logger.errors import PayloadError
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.worker import memory_bound
from nilometer_logger.worker.memory_bound import (
    HALF_BYTES,
    IDENTITY_BYTES,
    STREAM_BYTES,
    VALUE_BYTES,
    worker_memory_bound,
)
from tests.unit.engine.counting import Counting
from tests.unit.engine.partitions import LIMITS
from tests.unit.logged import IRIS, batch, event
from tests.unit.monitors.test_findings import monitor_in

MIB = 2**20
ONE = [Counting()]


@contextmanager
def traced() -> Iterator[Callable[[], tuple[int, int]]]:
    """Measures what is allocated inside: now, and at most."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield lambda: (tracemalloc.get_traced_memory()[0] - before, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


def test_an_identity_takes_no_more_than_is_said() -> None:
    """Of the last events, at the moment when most are remembered and are written."""
    with traced() as taken:
        seen = Duplicates(65_536)
        for number in range(65_536 * 9 // 8 - 1):
            seen.add(number << 33)
        seen.changes()
        assert taken()[1] <= IDENTITY_BYTES * 65_536


def test_a_half_that_waits_takes_no_more_than_is_said() -> None:
    """With an id as long as is kept, while it waits, when it is given up, and while it is written."""
    with traced() as taken:
        pairing = PairingTable(20_000)
        pairing.has_response = True
        for number in range(20_000):
            pairing.put(f"{number:064d}", "request", number << 33, number << 33)
        pairing.changes()
        pairing.expire(2**62)
        pairing.changes()
        assert taken()[1] <= HALF_BYTES * 20_000


def test_a_stream_takes_no_more_than_is_said(tmp_path: Path) -> None:
    """One of ever new endpoints, without its window."""
    monitor = monitor_in(tmp_path, outliers=[], drift=[])
    streams = [IRIS._replace(endpoint=f"endpoint-{number}") for number in range(2000)]
    partition = PartitionState([monitor], LIMITS)
    with traced() as taken:
        for offset, stream in enumerate(streams):
            partition.apply([batch(offset, event(offset / 1000, stream=stream, body=b'{"instances":[[1,2,"red"]]}'))])
        quiet = Idle({str(stream): 10**18 for stream in streams})
        partition.apply([Record("inferences", 3, 10**6, 10**18, list(PUNCTUATION_HEADERS), encode(quiet))])
        partition.take()
        assert all(found.open_windows == 0 for found in partition.counters())
        assert len(partition.counters()) == len(streams)
        assert taken()[0] <= STREAM_BYTES * len(streams)


def test_decoding_takes_no_more_than_is_said() -> None:
    """The worst document that was found: one object of names that all differ, of as many values as are allowed."""
    limits = Limits(rows=20_000, cells=100_000)
    names = b",".join(b'"%d":1' % number for number in range(limits.most_values - 2))
    body = gzip.compress(b'{"instances":[{' + names + b"}]}")
    with traced() as taken:
        with pytest.raises(PayloadError):
            decode(body, limits)
        assert taken()[1] <= VALUE_BYTES * limits.most_values + 2 * INFLATED_BOUND


def test_the_bound_grows_with_what_it_is_made_of() -> None:
    """Each setting that memory depends on is in the sum."""
    settings = WorkerSettings()
    usual = worker_memory_bound(settings, 4, ONE, 200 * MIB).total
    for name in (
        "max_event_cells",
        "max_event_rows",
        "max_window_bytes",
        "max_streams",
        "max_duplicates",
        "max_pending_in_partition",
        "max_dormant_bytes",
    ):
        more = replace(settings, **{name: 2 * getattr(settings, name)})
        assert worker_memory_bound(more, 4, ONE, 200 * MIB).total > usual, name
    assert worker_memory_bound(settings, 8, ONE, 200 * MIB).total > usual
    assert worker_memory_bound(settings, 4, 2 * ONE, 200 * MIB).total > usual
    assert worker_memory_bound(settings, 4, ONE, 300 * MIB).total == usual + 100 * MIB


@pytest.mark.parametrize(
    ("content", "limit"), [("1073741824\n", 2**30), ("max\n", None), ("9223372036854771712\n", None), (None, None)]
)
def test_the_limit_is_that_of_the_control_group(tmp_path: Path, content: str | None, limit: int | None) -> None:
    """Version 1 and 2 write no limit in their own ways; where there is no file there is none."""
    file = tmp_path / "memory.max"
    if content is not None:
        file.write_text(content)
    assert memory_bound.limit_bytes((str(tmp_path / "none"), str(file))) == limit


def test_a_limit_below_the_bound_is_a_warning_with_a_remedy() -> None:
    """A pod that is too small is told so at its start, and not by the kernel."""
    bound = worker_memory_bound(WorkerSettings(), 4, ONE, 200 * MIB)
    with capture_logs() as lines:
        memory_bound.say(bound, 2**30)
        memory_bound.say(bound, None)
        memory_bound.say(bound, 512 * MIB)
    assert [line["log_level"] for line in lines] == ["info", "info", "warning"]
    assert lines[2]["limit_mib"] == 512
    assert "memory limit" in lines[2]["remedy"]
    assert memory_bound.resident_bytes() > 10 * MIB
