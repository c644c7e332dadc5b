"""A half's summary: what was asked for and nothing twice; and its way through a snapshot."""

import numpy as np
import pytest

from nilometer_detectors.statistics.contract import Layout
from nilometer_detectors.statistics.counts import Counts
from nilometer_detectors.statistics.histogram import Histogram
from nilometer_detectors.statistics.summary import Summary
from nilometer_detectors.windowstate import WindowState
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Schema
from tests.judging import INF, NAN, normal, rows_of, schema_of

LAYOUT = Layout(schema_of("numeric", "categorical"), [np.array([0.0, 1.0]), None])


def state_of(*statistics: str, sample: int = 0) -> WindowState:
    """Returns an empty state that keeps some statistics of two features."""
    layout = Layout(schema_of("numeric", "numeric"), sample=sample)
    return WindowState(Summary(layout, statistics), Summary(Layout(Schema(())), ()))


def test_only_what_was_asked_for_is_reported() -> None:
    """Counts are always reported, because no other number can be read without them; the rest is as asked."""
    summary = Summary(LAYOUT, ["max"])
    summary.update(rows_of([[0.5, 1.0], [INF, NAN]], LAYOUT.schema))
    assert summary.result() == {
        "a": {"count": 1, "missing": 0, "infinite": 1, "max": 0.5},
        "b": {"count": 1, "missing": 1},
    }


def test_only_what_is_needed_is_kept() -> None:
    """What nobody asked for costs nothing: it is not there."""
    summary = Summary(LAYOUT, ["mean", "stddev"])
    assert summary[Counts] is not None
    with pytest.raises(KeyError):
        summary[Histogram]


def test_what_a_detector_needs_is_kept_and_not_reported() -> None:
    """A detector's needs are kept without appearing in the statistics of a monitor that did not ask for them."""
    summary = Summary(LAYOUT, ["mean"], needed=["histogram"])
    summary.update(rows_of([[0.5, 1.0]], LAYOUT.schema))
    assert summary[Histogram].result()[0] != {}
    assert "histogram" not in summary.result()["a"]


def test_count_missing_and_infinite_make_up_the_rows() -> None:
    """Every row is counted as exactly one of usable, missing and infinite."""
    summary = Summary(LAYOUT, ())
    for block in ([[1.0, 0.0], [NAN, -1.0]], [[-INF, NAN], [2.0, 1.0], [3.0, 1.0]]):
        summary.update(rows_of(block, LAYOUT.schema))
    assert summary.rows == 5
    assert summary.result() == {"a": {"count": 3, "missing": 1, "infinite": 1}, "b": {"count": 4, "missing": 1}}


def test_a_window_state_is_the_same_after_a_snapshot() -> None:
    """What was written and read is the same to the bit, and goes on to the same bits."""
    state, restored = state_of("mean", "min", sample=10), state_of("mean", "min", sample=10)
    state.update(rows_of(normal(50)))
    restored.load(state.dump())
    assert restored.dump() == state.dump()
    for one in (state, restored):
        one.update(rows_of(normal(50, seed=2), identity=8))
    assert restored.dump() == state.dump()


def test_window_states_merge_by_halves() -> None:
    """Two states merge into what one state would be, features with features."""
    first, second, both = state_of("mean"), state_of("mean"), state_of("mean")
    first.update(rows_of(normal(20)))
    second.update(rows_of(normal(30, seed=2)))
    for seed, rows in ((1, 20), (2, 30)):
        both.update(rows_of(normal(rows, seed=seed)))
    first.merge(second)
    assert first.window.features.rows == 50
    assert first.window.features.result()["a"]["mean"] == pytest.approx(both.window.features.result()["a"]["mean"])


@pytest.mark.parametrize("blob", [b"", b"\x93\x01\x80\x80", b"{}", b"\x93\x01\xa1a\x80", b"\x93\x09\x80\x80"])
def test_bytes_that_are_no_state_are_refused(blob: bytes) -> None:
    """Damaged bytes, and those of another version, are refused with a sentence."""
    with pytest.raises(StateError, match="the state of a window"):
        state_of("mean").load(blob)


def test_the_state_of_another_monitor_is_refused() -> None:
    """A state that holds other statistics is refused, not filled up with zeros."""
    with pytest.raises(StateError, match="not what its monitor keeps"):
        state_of("mean").load(state_of("min").dump())
