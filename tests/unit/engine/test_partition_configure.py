"""Which monitors run is told by the log: from which record on, with which digest."""

import json
from dataclasses import replace

from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.punctuation import Configure
from nilometer_logger.engine.snapshots import Change, read
from tests.unit.engine.counting import Counting, seconds
from tests.unit.engine.partitions import LIMITS, configure
from tests.unit.logged import batch, event

FIRST = Counting(name="demo/first", windows=seconds(10))
CHANGED = replace(FIRST, digest="d2")
OTHER = Counting(name="demo/other", windows=seconds(10))
NOW = 10**18


def orders(partition: PartitionState) -> list[dict[str, str]]:
    """Returns what the worker should write about monitors."""
    return [order.monitors for order in partition.punctuations(NOW) if isinstance(order, Configure)]


def findings(partition: PartitionState) -> list[tuple[str, int, int, bool]]:
    """Takes a snapshot; returns monitor, start in seconds, number of rows and partiality of the windows that closed."""
    found = [(finding["monitor"], json.loads(finding.data)) for finding in partition.take().findings]
    return [
        (name, body["window"]["start"] // 10**9, len(body["rows"]), body["window"]["partial"]) for name, body in found
    ]


def test_all_that_are_loaded_run_from_the_first_record() -> None:
    """A worker that comes to a log without any state judges all of it, and says in the log what it runs."""
    partition = PartitionState([FIRST], LIMITS)
    assert orders(partition) == [{"demo/first": "d1"}]

    partition.apply([batch(0, event(0, 1.0)), configure(1, FIRST), batch(2, event(5, 1.0), event(10, 1.0))])

    assert orders(partition) == []
    assert findings(partition) == [("demo/first", 0, 2, False)]


def test_a_change_waits_for_its_record() -> None:
    """What is loaded runs once the log says so; until then the old declaration goes on."""
    partition = PartitionState([FIRST], LIMITS)
    partition.apply([configure(0, FIRST), batch(1, event(0, 1.0))])

    partition.configure([CHANGED])

    assert orders(partition) == [{"demo/first": "d2"}]
    partition.apply([batch(2, event(10, 1.0))])
    assert findings(partition) == [("demo/first", 0, 1, False)]


def test_a_changed_monitor_starts_anew_at_its_record() -> None:
    """Rows before it are the old one's; the window it starts in is partial; the others are undisturbed."""
    partition = PartitionState([FIRST, OTHER], LIMITS)
    partition.apply([configure(0, FIRST, OTHER), batch(1, event(0, 1.0), event(1, 1.0))])
    partition.configure([CHANGED, OTHER])

    partition.apply([configure(2, CHANGED, OTHER), batch(3, event(5, 1.0), event(10, 1.0), event(20, 1.0))])

    assert sorted(findings(partition)) == [
        ("demo/first", 0, 1, True),
        ("demo/first", 10, 1, False),
        ("demo/other", 0, 3, False),
        ("demo/other", 10, 1, False),
    ]


def test_a_removed_monitor_ends_at_its_record() -> None:
    """Its windows are dropped and leave the state."""
    partition = PartitionState([FIRST, OTHER], LIMITS)
    partition.apply([configure(0, FIRST, OTHER), batch(1, event(0, 1.0))])
    state: list[Change] = [*partition.take().changes]
    partition.configure([OTHER])

    partition.apply([configure(2, OTHER), batch(3, event(10, 1.0))])
    taken = partition.take()

    assert [finding["monitor"] for finding in taken.findings] == ["demo/other"]
    left = read(state + taken.changes)
    assert {name for name, *_ in left.panes} | {name for name, *_ in left.headers} == {"demo/other"}
    assert left.active == {"demo/other": "d1"}


def test_the_last_monitor_of_a_stream_leaves_nothing_behind() -> None:
    """Neither the stream's clock nor what waits for an answer."""
    partition = PartitionState([FIRST], LIMITS)
    partition.apply([configure(0, FIRST), batch(1, event(0, 1.0))])
    state: list[Change] = [*partition.take().changes]
    partition.configure([])

    partition.apply([configure(2)])

    left = read(state + partition.take().changes)
    assert [left.panes, left.headers, left.clocks, left.pending] == [{}, {}, {}, {}]


def test_a_monitor_that_is_not_loaded_does_not_run() -> None:
    """A replay with other declarations does not judge what was another's; it asks for its own at the end."""
    partition = PartitionState([CHANGED], LIMITS)

    partition.apply([configure(0, FIRST), batch(1, event(0, 1.0), event(10, 1.0))])

    assert findings(partition) == []
    assert orders(partition) == [{"demo/first": "d2"}]


def test_said_again_it_changes_nothing() -> None:
    """Two workers may say the same."""
    partition = PartitionState([FIRST], LIMITS)
    partition.apply([configure(0, FIRST), batch(1, event(0, 1.0)), configure(2, FIRST), batch(3, event(10, 1.0))])

    assert findings(partition) == [("demo/first", 0, 1, False)]


def test_a_new_owner_knows_what_runs() -> None:
    """What is loaded and was never announced waits for its record after a restart, too."""
    first = PartitionState([FIRST], LIMITS)
    first.apply([configure(0, FIRST), batch(1, event(0, 1.0))])

    second = PartitionState([FIRST, OTHER], LIMITS)
    second.restore(first.take().changes)
    second.apply([batch(2, event(10, 1.0))])

    assert [name for name, *_ in findings(second)] == ["demo/first"]
    assert orders(second) == [{"demo/first": "d1", "demo/other": "d1"}]
