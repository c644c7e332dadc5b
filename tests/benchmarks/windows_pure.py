"""What windows cost without Kafka: a partition takes in records, and a snapshot is taken and encoded as often as a worker would.

CPU µs an inference, of which the best turn stands: a neighbour's noise can only add.
"""

import gc
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nilometer_logger.cloudevents import to_kafka
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.engine.limits import PartitionLimits
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.engine.snapshots import Snapshot
from nilometer_logger.times import SECOND
from tests.benchmarks import machine
from tests.benchmarks.windows_traffic import START, Traffic, monitor

LIMITS = PartitionLimits(future=300 * SECOND, pairing=60 * SECOND, pending=10_000, duplicates=100_000)
SNAPSHOT = 70_000
_AT_ONCE = 16
_OPEN = 10_000
_FEATURES = (1, 10, 100)
_MANY = (1, 10)


def cost(monitors: Sequence[Monitor], traffic: Traffic, turns: int, at_once: int = _AT_ONCE) -> float:
    """Tells the CPU µs an inference takes from records to windows, findings and snapshots.

    Args:
        monitors: that run.
        traffic: what comes.
        turns: of which the best one counts.
        at_once: how many records are read at once.
    """
    records = traffic.as_read()
    gc.collect()
    gc.disable()
    try:
        with machine.on(machine.server_cores()):
            return 1e6 * min(_turn(monitors, records, traffic, at_once) for _ in range(turns)) / traffic.inferences
    finally:
        gc.enable()


def _turn(monitors: Sequence[Monitor], records: Sequence[Record], traffic: Traffic, at_once: int) -> float:
    partition = PartitionState(monitors, LIMITS)
    taken = 0
    began = time.process_time()
    for first in range(0, len(records), at_once):
        partition.apply(records[first : first + at_once])
        taken += at_once * traffic.record // 2
        if taken >= SNAPSHOT:
            _written(partition.take())
            taken = 0
    _written(partition.take())
    return time.process_time() - began


def _written(snapshot: Snapshot) -> int:
    """Encodes what a transaction would hold; returns its bytes.

    Raises:
        ValueError: if an event was set aside: then something else was measured than was meant.
    """
    if snapshot.dead:
        raise ValueError(f"an event was set aside: {snapshot.dead[0].headers}")
    findings = sum(len(to_kafka(event)[1]) for event in snapshot.findings)
    return findings + sum(len(name) + len(value or b"") for name, value in snapshot.changes)


def costs(directory: Path, inferences: int, turns: int) -> list[str]:
    """Makes the table of what an inference costs by what is asked for, as lines."""
    usual = Traffic(inferences)
    one = [monitor(directory / "usual")]
    base = cost(one, usual, turns)
    lines = [_line("1 monitor, 20 features, tumbling 15 s", base, base)]
    lines += [
        _line(f"  records read at once: {at_once} (else {_AT_ONCE})", cost(one, usual, turns, at_once), base)
        for at_once in (1, 4, 64)
    ]
    for features in _FEATURES:
        found = cost([monitor(directory / "features", features=features)], replace(usual, features=features), turns)
        lines.append(_line(f"  features: {features}", found, base))
    for number in _MANY[1:]:
        several = [monitor(directory / "several", name=f"m{place}") for place in range(number)]
        lines.append(_line(f"  monitors of the stream: {number}", cost(several, usual, turns), base))
        each = [monitor(directory / "streams", name=f"s{place}", stream=place) for place in range(number)]
        lines.append(_line(f"  streams: {number}", cost(each, replace(usual, streams=number), turns), base))
    for title, windows in (
        ("sliding 15 s by 250 ms (size / 60)", "{size: 15s, slide: 250ms, watermarkDelay: 6s}"),
        ("tumbling 250 ms", "{size: 250ms, watermarkDelay: 6s}"),
        ("tumbling 10 ms: 600 windows open", "{size: 10ms, watermarkDelay: 6s}"),
        ("every 1,000 rows", "{count: 1000}"),
    ):
        lines.append(_line(f"  {title}", cost([monitor(directory / "cut", windows=windows)], usual, turns), base))
    return [f"{'':<52}{'CPU µs':>9}{'inf./s':>11}{'ratio':>8}", *lines]


def _line(name: str, micros: float, base: float) -> str:
    return f"{name:<52}{micros:>9.2f}{1e6 / micros:>11,.0f}{micros / base:>8.2f}"


def open_windows(directory: Path) -> list[str]:
    """Tells what 10,000 open windows of 20 features hold in memory and in the state, and how long a restore takes."""
    lines = []
    for title, rows in (("one row", 1), ("20 rows", 20)):
        found = monitor(directory / "open", windows="{size: 20ms, watermarkDelay: 1h}")
        traffic = Traffic(_OPEN * rows, step=20 * SECOND // 1000 // rows, start=START)
        records = traffic.as_read()
        partition = PartitionState([found], LIMITS)
        for first in range(0, len(records), _AT_ONCE):
            partition.apply(records[first : first + _AT_ONCE])
        began = time.process_time()
        snapshot = partition.take()
        took = time.process_time() - began
        size = _written(snapshot)
        del records, partition
        gc.collect()
        again = PartitionState([found], LIMITS)
        began = time.process_time()
        again.restore(snapshot.changes)
        restored = time.process_time() - began
        lines.append(
            f"{_OPEN:,} open windows of {title}: {size / _OPEN:,.0f} bytes of state a window, "
            f"{_held(found, snapshot) / _OPEN / 1024:.1f} KiB of memory, "
            f"snapshot {1000 * took:,.0f} ms of CPU, restore {1000 * restored:,.0f} ms"
        )
    return lines


def _held(found: Monitor, snapshot: Snapshot) -> float:
    """Tells the bytes that a restored partition holds."""
    gc.collect()
    tracemalloc.start()
    try:
        partition = PartitionState([found], LIMITS)
        partition.restore(snapshot.changes)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] + 0.0 * partition.offset
    finally:
        tracemalloc.stop()
