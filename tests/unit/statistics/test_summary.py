"""A half's summary: what was asked for and nothing twice; and its way through a snapshot."""

import base64
import gc
import tracemalloc
import zlib
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.monitors.window_state import WindowState
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.counts import Counts
from nilometer_detectors.statistics.extremes import Extremes
from nilometer_detectors.statistics.histogram import Histogram
from nilometer_detectors.statistics.moments import Moments
from nilometer_detectors.statistics.summary import DEFAULT, KINDS, NAMES, Summary
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Column, Schema
from tests.judging import INF, NAN, normal, rows_of, schema_of

LAYOUT = Layout(schema_of("numeric", "categorical"), [np.array([0.0, 1.0]), None])

NONE = Layout(Schema(()))
WIDE = Layout(Schema(tuple(Column(f"feature-{place}") for place in range(20))), [np.linspace(-3.0, 3.0, 21)] * 20)

# Four rows of a feature and a category, as version 1 wrote them, compressed.
VERSION_1 = (
    "c-ouH*t*O)zcjC;xOquYetGfa#WtB16B&<iurNTt^4!eg;>^5shy>FS0Y<0<j9!tMmzJ5AS&|A@!GH#q`{w7S0&QqnnhdfDu8tWh52KglrY7bAWz&#M"
    ";c$SNvZ5%pI5VX*F$YZrl0C(RrHMdQs0tb^U`9BsaIGjQO3h6zZd#n1iEh&adkFnu|Ki-l3N%R>s2LyZS9)X?m*l4xCFVA*NGyrZNlh$<_-GO%%Mk^1"
    "FEOD7*3#mf{1Rv&1C^tPB|5z<I5D>%C$(u=Sz=Bp)MJyFn2so*y6Q(gsuzG7GZKq4z#2-yzTiIT^ln1i!NP+vOr39Zxh6JYk8}pCk<M@gJ(7VUSR)lE"
    "jueR?eW;NJ(uWdBKmh=^tFkQ"
)

# The same rows, as version 2 wrote them when there were five kinds of statistics.
VERSION_2 = (
    "c-ouHG*A8rlOW3xW<f^ABa93PwjdJ&7(B3NfPy26P$4-724t|n6~=eK(Dh+ITu270>Vy3eRzU_vpcSk@dw>+o*dH)G_82w`GRdUbe7SDp!*ZS1DDug}"
    ")5#N=0RTN8G5"
)


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


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x93\x01\x80\x80",
        b"{}",
        b"\x93\x01\xa1a\x80",
        b"\x93\x09\x80\x80",
        b"\x93\x03\x91\x03\x91\x03",  # version 3 without its third part
        b"\x94\x02\x91\x03\x91\x03\x90",  # version 2 with one
    ],
)
def test_bytes_that_are_no_state_are_refused(blob: bytes) -> None:
    """Damaged bytes, and those of another version, are refused with a sentence."""
    with pytest.raises(StateError, match="the state of a window"):
        state_of("mean").load(blob)


@pytest.mark.parametrize("name", [kind.names[0] for kind in KINDS if kind.names])
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_bytes_are_refused(name: str, data: st.DataObject) -> None:
    """A state with some bytes changed, or cut off, is refused or reads as some state; it never fails in another way."""
    layout = Layout(schema_of("numeric", "categorical", "numeric"), [np.array([0.0, 1.0]), None, None], sample=3)
    state, other = (WindowState(Summary(layout, [name]), Summary(NONE, ())) for _ in range(2))
    values = np.column_stack([normal(600), np.arange(600) % 2 - 1.0])[:, [0, 2, 1]]
    texts = {(row, 1): f"t{row % 9}" for row in range(0, 600, 2)}
    state.update(rows_of(values, layout.schema, unrecognized=texts))
    blob = bytearray(state.dump())
    for _ in range(data.draw(st.integers(1, 3))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    with suppress(StateError):
        other.load(bytes(blob[: data.draw(st.integers(1, len(blob)))]))
        other.dump()
        other.window.features.result()


def test_the_state_of_another_monitor_is_refused() -> None:
    """A state that holds other statistics is refused, not filled up with zeros."""
    with pytest.raises(StateError, match="not what its monitor keeps"):
        state_of("mean").load(state_of("min").dump())


def test_version_1_is_read() -> None:
    """A state that version 1 wrote is read: the same window goes on under the next version."""
    layout = replace(LAYOUT, edges=[np.array([0.0, 1.0, 2.0]), None], sample=2)
    state = WindowState(Summary(layout, ["mean", "min", "histogram"]), Summary(Layout(Schema(())), ["mean"]))
    state.load(zlib.decompress(base64.b85decode(VERSION_1)))
    bins = {"edges": [0.0, 1.0, 2.0], "counts": [1, 1], "below": 0, "above": 1}
    categories = {"categories": ["red", "green"], "counts": [1, 1], "unseen": 1}
    assert state.window.features.result() == {
        "a": {"count": 3, "missing": 1, "infinite": 0, "mean": 3.0, "min": 0.5, "histogram": bins},
        "b": {"count": 3, "missing": 1, "histogram": categories},
    }
    assert state.window.features.sample(1).tolist()[0][0] == 7.0
    assert state.window.features[Moments].stddev[0] == pytest.approx(np.std([0.5, 1.5, 7.0], ddof=1), rel=1e-15)
    state.update(rows_of([[11.0, 0.0]], layout.schema))
    assert state.window.features.result()["a"]["mean"] == 5.0


def test_a_state_from_before_a_statistic_came_is_read() -> None:
    """A state of version 2 is read whatever other statistics there are by now: their bits stand after the old ones."""
    layout = replace(LAYOUT, edges=[np.array([0.0, 1.0, 2.0]), None], sample=2)
    state = WindowState(Summary(layout, ["mean", "min", "histogram"]), Summary(Layout(Schema(())), ["mean"]))
    state.load(zlib.decompress(base64.b85decode(VERSION_2)))
    bins = {"edges": [0.0, 1.0, 2.0], "counts": [1, 1], "below": 0, "above": 1}
    found = state.window.features.result()["a"]
    assert found == {"count": 3, "missing": 1, "infinite": 0, "mean": 3.0, "min": 0.5, "histogram": bins}
    assert state.window.features.sample(2).tolist() == [[1.5, 1.0], [0.5, 0.0]]


@pytest.mark.parametrize("name", NAMES)
def test_each_statistic_can_be_asked_for_alone(name: str) -> None:
    """What a statistic is made from is kept without being asked for, and the way through a snapshot changes nothing."""
    schema = schema_of("numeric", "categorical", "numeric")
    layout = Layout(schema, [np.array([0.0, 1.0]), None, None])
    summary, again = Summary(layout, [name]), Summary(layout, [name])
    summary.update(rows_of([[0.5, 1.0, 2.0], [1.5, 0.0, 7.0], [2.5, 1.0, 3.0], [0.0, 1.0, 1.0]], schema))
    again.restore(summary.dump())
    said = summary.result()
    assert again.result() == said
    assert {one for column in said.values() for one in column} == {"count", "missing", "infinite", name}
    assert any(column.get(name) is not None for column in said.values())


def test_a_default_monitor_keeps_what_costs_next_to_nothing() -> None:
    """Sketches and pairs are kept only where a monitor names them: its windows stay small."""
    assert set(DEFAULT) <= set(NAMES)
    assert Summary(LAYOUT, DEFAULT).kinds == (Counts, Moments, Extremes, Histogram)


def full(rows: int) -> WindowState:
    """Returns the state of a window of 20 features, with histograms of 20 bins, after some rows."""
    state = WindowState(Summary(WIDE, ["mean", "stddev", "min", "max", "histogram"]), Summary(NONE, ["mean"]))
    if rows:
        state.update(rows_of(normal(rows, 20), WIDE.schema))
    return state


def test_a_state_is_written_small() -> None:
    """What 10,000 open windows write at a snapshot is a few MB: nothing is repeated and nothing is wider than need be."""
    assert len(full(0).dump()) < 10
    assert len(full(1).dump()) < 300
    assert len(full(200).dump()) < 1500


def test_an_open_window_is_small() -> None:
    """An open window of 20 features takes at most 12 KiB, whatever it has seen, and hardly any before its first row."""
    bare, taken = held(0), held(300)
    assert bare < 1024
    assert taken < 12 * 1024


def held(rows: int) -> float:
    """Returns the memory that the state of one more window holds after some rows, in bytes."""
    states = [full(rows)]  # what all windows of a monitor share is there before the others
    gc.collect()
    tracemalloc.start()
    try:
        states += [full(rows) for _ in range(20)]
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / (len(states) - 1)
    finally:
        tracemalloc.stop()


def test_merging_into_an_empty_state_is_as_taking_its_place() -> None:
    """The first state that merges into an empty one gives it its bits, and neither changes with the other afterwards."""
    other, fresh = full(100), full(0)
    before = other.dump()
    fresh.merge(other)
    assert fresh.dump() == before
    fresh.update(rows_of(normal(3, 20), WIDE.schema))
    fresh.merge(full(0))
    assert other.dump() == before
    assert fresh.window.features.rows == 103
