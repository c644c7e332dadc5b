"""Outlier findings are bounded by request and by window; what has none of its own is summarised, and nothing is uncounted."""

from pathlib import Path

import numpy as np
import pytest

from nilometer_detectors.monitors.memory import StreamMemory
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.monitors.outlier_tally import PER_EVENT, PER_WINDOW
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import LONGEST_ID
from nilometer_logger.rows import Rows, row_hashes
from tests.judging import STREAM, closed
from tests.unit.monitors.test_findings import SCHEMA, body, features, monitor_in


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> CompiledMonitor:
    """A monitor with one outlier detector."""
    return monitor_in(tmp_path_factory.mktemp("monitor"))


def outlying(*counts: int, name: str = "request", begin: int = 0) -> Rows:
    """Returns the rows of requests that hold so many rows, each further off than the one before."""
    total = sum(counts)
    values = np.column_stack([100.0 + np.arange(begin, begin + total), np.zeros(total), np.zeros(total)])
    numbers = np.concatenate([np.arange(count, dtype=np.int64) for count in counts])
    ids = [f"{name}-{number}" for number, count in enumerate(counts) for _ in range(count)]
    times = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return Rows("request", SCHEMA, values[:, : len(SCHEMA)], times, ids, numbers, row_hashes(1, total))


def rows_told(events: list[CloudEvent]) -> int:
    """Counts the rows that findings stand for."""
    return sum(body(event).get("summarises", {"rows": 1})["rows"] for event in events)


def close(monitor: CompiledMonitor, memory: StreamMemory) -> list[CloudEvent]:
    """Returns the outlier findings of a closing window."""
    state = monitor.open()
    state.update(features())
    return [event for event in monitor.close(STREAM, closed(), state, memory) if event["type"].endswith("outlier")]


def test_a_request_of_few_outlying_rows_is_told_row_by_row(monitor: CompiledMonitor) -> None:
    """Up to the bound every row has a finding of its own, and none summarises."""
    memory = monitor.remember()
    found = list(monitor.score(STREAM, outlying(PER_EVENT), memory))
    assert [body(event)["row"] for event in found] == list(range(PER_EVENT))
    assert not any("summarises" in body(event) for event in found)
    assert close(monitor, memory) == []


def test_a_request_of_many_outlying_rows_is_summarised(monitor: CompiledMonitor) -> None:
    """Behind the first rows comes one finding of the worst of the others, which says how many it stands for and where."""
    found = list(monitor.score(STREAM, outlying(50_000), monitor.remember()))
    assert len(found) == PER_EVENT + 1
    said = body(found[-1])
    assert said["row"] == 49_999  # the worst
    assert said["features"]["a"]["value"] == 100.0 + 49_999
    assert said["summarises"] == {"rows": 50_000 - PER_EVENT, "firstRow": PER_EVENT, "lastRow": 49_999}
    assert (found[-1]["verdict"], found[-1]["causationid"]) == ("outlier", "request-0")
    assert len({event["id"] for event in found}) == len(found)


def test_a_window_of_many_outlying_requests_is_summarised_when_it_closes(monitor: CompiledMonitor) -> None:
    """Beyond the bound of a window rows are counted, and the worst of them speaks for all when the window closes."""
    memory = monitor.remember()
    found = list(monitor.score(STREAM, outlying(*[1] * (PER_WINDOW + 500)), memory))
    assert len(found) == PER_WINDOW
    [more] = close(monitor, memory)
    said = body(more)
    assert (said["summarises"]["rows"], said["summarises"]["requests"]) == (500, 500)
    assert said["request"] == f"request-{PER_WINDOW + 499}"
    assert said["summarises"]["until"]["end"] == "2026-11-23T21:00:15Z"
    assert close(monitor, memory) == []


def test_every_flagged_row_is_accounted_for(monitor: CompiledMonitor) -> None:
    """Whatever requests come, findings and summaries add up to the flagged rows; the next window begins anew."""
    memory = monitor.remember()
    sizes = [1, 99, 100, 101, 350, 2, 5_000, 1, 1]
    found: list[CloudEvent] = []
    for turn in range(3):
        found += monitor.score(STREAM, outlying(*sizes, name=f"turn-{turn}", begin=turn), memory)
    assert len(found) <= PER_WINDOW
    assert rows_told([*found, *close(monitor, memory)]) == 3 * sum(sizes)
    assert len(list(monitor.score(STREAM, outlying(3), memory))) == 3


def test_findings_do_not_depend_on_how_many_requests_are_scored_at_once(monitor: CompiledMonitor) -> None:
    """The same requests, one by one or together, give the same findings and the same summary, to the byte."""
    sizes = [1, 150, 40, 700, 3, 500]
    rows, ends = outlying(*sizes), np.cumsum(sizes)
    together, alone = monitor.remember(), monitor.remember()
    at_once = list(monitor.score(STREAM, rows, together))
    one_by_one: list[CloudEvent] = []
    for begin, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        one_by_one += monitor.score(STREAM, rows.take(np.arange(begin, end)), alone)
    assert at_once == one_by_one
    assert together.dump() == alone.dump()
    assert close(monitor, together) == close(monitor, alone)


def test_a_restart_goes_on_counting(monitor: CompiledMonitor) -> None:
    """The tally is in the state: a worker that takes over makes the findings that the former one would have made."""
    memory = monitor.remember()
    monitor.score(STREAM, outlying(*[1] * 990), memory)
    restored = monitor.remember(memory.dump())
    more = outlying(*[1] * 30, name="more")
    assert list(monitor.score(STREAM, more, restored)) == list(monitor.score(STREAM, more, memory))
    assert close(monitor, restored) == close(monitor, memory)


def test_an_id_of_any_length_is_cut_in_findings(monitor: CompiledMonitor) -> None:
    """Findings name a long id by its beginning and a digest, so that a client cannot choose their size."""
    found = list(monitor.score(STREAM, outlying(2, 2, name="x" * 50_000), monitor.remember()))
    assert len(found) == 4
    assert len({body(event)["request"] for event in found}) == 2
    for event in found:
        assert len(event["causationid"]) <= LONGEST_ID
        assert len(event.data) + sum(map(len, event.attributes.values())) < 4096


def test_memory_of_version_1_is_read(tmp_path: Path) -> None:
    """A stream's memory that an older worker wrote begins without tallies."""
    monitor = monitor_in(
        tmp_path, drift=[{"name": "ks", "detector": "ks", "persistence": {"atLeast": 1, "of": 2}, "minRows": 20}]
    )
    version_1 = b"\x92\x01\x81\xa2ks\x93\x92\xc3\xc2\x80\xa0"
    memory = monitor.remember(version_1)
    assert len(list(monitor.score(STREAM, outlying(3), memory))) == 3
