"""Records through partitions without a worker: the same findings, and an account of what was not used."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from nilometer_detectors.replay._engine import MOST_REASONS, Replay, Unused
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.engine.partition import PartitionState
from tests.unit.engine.counting import Counting, seconds
from tests.unit.engine.partitions import LIMITS, configure
from tests.unit.logged import batch, event

FIRST = Counting(name="demo/first", windows=seconds(10))
CHANGED = replace(FIRST, digest="d2")
OTHER = Counting(name="demo/other", windows=seconds(10))
LOG = [
    batch(0, event(0, 1.0, id="a"), event(3, 500.0, id="b")),
    configure(1, FIRST),
    batch(2, event(12, 1.0, id="c")),
    configure(3, CHANGED, OTHER),
    batch(4, event(15, 2.0, id="d"), event(25, 1.0, id="e")),
    batch(5, event(40, 1.0, id="f")),
]


def starts(found: Sequence[CloudEvent]) -> list[int]:
    """Returns the starts in seconds of the windows that closed."""
    return [json.loads(each.data)["window"]["start"] // 10**9 for each in found if each.data]


def replayed(records: Sequence[Record], monitor: Counting = FIRST, *, configured: bool = False) -> list[CloudEvent]:
    """Runs a monitor over records."""
    return Replay([monitor], LIMITS, configured=configured).take(0, records)


def test_the_findings_are_the_partitions() -> None:
    """Where the log names the very monitors, nothing is left to differ: outliers first, then windows, byte for byte."""
    records = [*LOG[:3], *LOG[4:]]
    partition = PartitionState([FIRST], LIMITS)
    assert replayed(records) == partition.apply(records) + partition.take().findings


@pytest.mark.parametrize("together", [1, 2, 6])
def test_how_many_records_come_at_once_does_not_matter(together: int) -> None:
    """Every finding is the same; only when it is handed over differs."""
    replay = Replay([FIRST], LIMITS)
    found = [each for place in range(0, 6, together) for each in replay.take(0, LOG[place : place + together])]
    assert sorted(map(repr, found)) == sorted(map(repr, replayed(LOG)))
    assert replay.records == len(LOG)


def test_a_monitor_runs_over_the_whole_span_whatever_the_log_configures() -> None:
    """Also one that the log has never heard of; how often the log says otherwise is counted."""
    replay = Replay([OTHER], LIMITS)
    assert starts(replay.take(0, LOG)) == [0, 10, 20]
    assert replay.reconfigured == 1  # the first does not name it; the second does, with its digest


def test_where_it_is_asked_for_the_log_decides() -> None:
    """The monitor that the log replaces ends there, as in the worker; the one that replaces it begins there."""
    assert starts(replayed(LOG, configured=True)) == [0]
    assert starts(replayed(LOG, CHANGED, configured=True)) == [10, 20]


def test_a_span_leaves_windows_open_and_a_file_closes_them() -> None:
    """Drained windows say so, and those that the watermark had not reached are partial."""
    spanned, whole = Replay([FIRST], LIMITS), Replay([FIRST], LIMITS)
    spanned.take(0, LOG[:1])
    whole.take(0, LOG[:1])

    assert spanned.end(drain=False) == []
    assert sum(each.open_windows for each in spanned.counters()) == 1
    [last] = [json.loads(each.data) for each in whole.end(drain=True)]
    assert last["window"]["closed_by"] == "drained"
    assert last["window"]["partial"]


def test_partitions_are_apart() -> None:
    """Each has clocks and duplicates of its own, as each is another worker's."""
    replay = Replay([FIRST], LIMITS)
    replay.take(0, LOG[:1])
    replay.take(1, LOG[4:])
    assert sum(each.open_windows for each in replay.counters()) == 2
    assert sum(each.late for each in replay.counters()) == 0


def test_what_could_not_be_used_is_told_with_its_place() -> None:
    """As Kafka's position, or as the line of a file."""
    broken = batch(7, event(0, body=b"junk", id="x"))
    from_log, from_file = Replay([FIRST], LIMITS), Replay([FIRST], LIMITS, place="line")
    for replay in (from_log, from_file):
        replay.take(0, [broken])
        replay.end(drain=False)
    assert "(first at inferences/3@7[0])" in from_log.unused.lines()[0]
    assert "(first at line 7)" in from_file.unused.lines()[0]


def test_reasons_are_bounded() -> None:
    """What nobody could list any more is counted together, and nothing is lost from the count."""
    unused = Unused()
    for number in range(5 * MOST_REASONS):
        unused.add(f"reason {number}", f"line {number}")
    unused.add("reason 0", "line 1000")
    assert unused.count == 5 * MOST_REASONS + 1
    assert len(unused.lines()) == MOST_REASONS + 1
    assert "80 of them: other reasons (first at line 20)" in unused.lines()[0]


def test_streams_that_nobody_watches_are_told() -> None:
    """So that a wrong name in a monitor is found at once."""
    monitor = replace(OTHER, services=frozenset({"other"}))
    replay = Replay([monitor], LIMITS)
    replay.take(0, LOG)
    assert replay.unwatched() == ["demo/iris/predictor/"]
