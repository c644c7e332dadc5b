"""What every statistic promises; it runs over all there are."""

import json
import math
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors import statistics
from nilometer_detectors.statistics.contract import Layout, Statistic
from nilometer_detectors.statistics.moments import Moments
from nilometer_detectors.statistics.packing import pack, unpack
from nilometer_detectors.statistics.sample import Sample
from nilometer_detectors.statistics.summary import KINDS
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Column, Floats, Schema, row_hashes
from tests.judging import INF, NAN, take

COLUMNS = (Column("a"), Column("b"), Column("c", "boolean"), Column("d", "categorical", ("red", "green")))
LAYOUT = Layout(Schema(COLUMNS), [np.linspace(-2.0, 2.0, 5), None, np.array([0.0, 0.5, 1.0]), None], sample=8)

numbers = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 1.5]))
codes = st.sampled_from([NAN, -1.0, 0.0, 1.0])
a_row = st.tuples(numbers, numbers, st.sampled_from([NAN, 0.0, 1.0]), codes)
some_rows = st.lists(a_row, max_size=12)
enormous = st.sampled_from([1e308, -1e308, 1e-308, 1e160])  # their sums and squares do not fit into float64
many_rows = st.lists(st.one_of(a_row, st.tuples(enormous, numbers, enormous, codes)), max_size=40)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def table(rows: Sequence[Sequence[float]]) -> Floats:
    """Returns rows as a matrix of the layout's columns."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(COLUMNS))


def after(kind: type[Statistic], *blocks: tuple[Floats, Any]) -> Statistic:
    """Returns a statistic that has taken some blocks of values and hashes."""
    statistic = kind(LAYOUT)
    for values, hashes in blocks:
        take(statistic, values, hashes)
    return statistic


def of(kind: type[Statistic], rows: Sequence[Sequence[float]], identity: int = 1) -> Statistic:
    """Returns a statistic that has taken some rows in one block."""
    return after(kind, (table(rows), row_hashes(identity, len(rows))))


def merged(*statistics: Statistic) -> Statistic:
    """Returns the first statistic, which has taken the others."""
    first, *others = statistics
    with np.errstate(over="ignore", invalid="ignore"):
        for other in others:
            first.merge(other)
    return first


def written(statistic: Statistic) -> dict[str, bytes]:
    """Returns a state as bytes, so that NaN equals NaN."""
    return {name: array.tobytes() for name, array in statistic.state().items()}


def said(statistic: Statistic) -> Any:
    """Returns all that can be read of a statistic."""
    rows = statistic.rows() if isinstance(statistic, Sample) else np.empty(0)
    return [statistic.result(), np.nan_to_num(rows, nan=-9e9).tolist()]  # so that NaN equals NaN


def alike(one: Any, other: Any) -> bool:
    """Tells whether two results are equal but for the rounding that a statistic is allowed."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def test_every_statistic_of_the_package_is_under_this_contract() -> None:
    """A statistic cannot be left out of the contract, nor be out of a monitor's reach."""
    modules = [import_module(f"{statistics.__name__}.{module.name}") for module in iter_modules(statistics.__path__)]
    written_here = {
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Statistic) and found is not Statistic
    }
    assert written_here == set(KINDS)


@every_kind
@settings(max_examples=30, deadline=None)
@given(rows=some_rows)
def test_same_rows_same_bits(kind: type[Statistic], rows: list[Any]) -> None:
    """The same rows in the same order and batching give the same state, to the bit."""
    assert written(of(kind, rows)) == written(of(kind, rows))


@every_kind
@settings(max_examples=100, deadline=None)
@given(rows=many_rows, columns=st.integers(1, 4), cuts=st.sets(st.integers(0, 40)))
def test_any_cutting_gives_the_same_bits(kind: type[Statistic], rows: list[Any], columns: int, cuts: set[int]) -> None:
    """How much of the log is read at once cannot be seen: the same rows, cut into any blocks, give the same bits."""
    layout = Layout(Schema(COLUMNS[:columns]), LAYOUT.edges[:columns], sample=8)
    values, hashes = table(rows)[:, :columns], row_hashes(1, len(rows))
    whole, in_parts = kind(layout), kind(layout)
    take(whole, values, hashes)
    for start, end in pairwise([0, *sorted(cuts), max(len(rows), 40)]):
        take(in_parts, values[start:end], hashes[start:end])
    assert written(in_parts) == written(whole)
    assert said(in_parts) == said(whole)


@pytest.mark.parametrize("columns", [1, 2, 3, 7, 20, 64])
@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_any_cutting_of_a_long_run_gives_the_same_bits(columns: int, missing: float) -> None:
    """So it is for runs of hundreds of rows and any width, where numpy has faster ways to sum than row after row."""
    generator = np.random.default_rng(columns)
    values = generator.normal(3.0, 2.0, (700, columns)) * 10.0 ** generator.integers(-3, 4, columns)
    values[generator.random(values.shape) < missing] = NAN
    layout = Layout(Schema(tuple(Column(f"f{place}") for place in range(columns))))
    whole, one_by_one, in_parts = Moments(layout), Moments(layout), Moments(layout)
    take(whole, values, row_hashes(1, 700))
    for row in range(700):
        take(one_by_one, values[row : row + 1], row_hashes(1, 1))
    for start, end in pairwise([0, 3, 16, 17, 217, 300, 556, 557, 700]):
        take(in_parts, values[start:end], row_hashes(1, end - start))
    assert written(whole) == written(one_by_one) == written(in_parts)


@every_kind
@settings(max_examples=30, deadline=None)
@given(rows=some_rows, cut=st.integers(0, 12), seed=st.integers(0, 5))
def test_order_and_batching_do_not_matter(kind: type[Statistic], rows: list[Any], cut: int, seed: int) -> None:
    """Another order and other batches give the same result, within rounding."""
    values, hashes = table(rows), row_hashes(1, len(rows))
    order = np.random.default_rng(seed).permutation(len(rows))
    shuffled = after(kind, (values[order[:cut]], hashes[order[:cut]]), (values[order[cut:]], hashes[order[cut:]]))
    assert alike(said(shuffled), said(of(kind, rows)))


@every_kind
@settings(max_examples=30, deadline=None)
@given(first=some_rows, second=some_rows, third=some_rows)
def test_merging_is_as_taking_all_rows(
    kind: type[Statistic], first: list[Any], second: list[Any], third: list[Any]
) -> None:
    """States merge in any order and grouping to what one state over all rows would be."""
    parts = [(table(rows), row_hashes(identity, len(rows))) for identity, rows in enumerate((first, second, third))]
    whole = said(after(kind, *parts))
    left = merged(merged(after(kind, parts[0]), after(kind, parts[1])), after(kind, parts[2]))
    right = merged(after(kind, parts[2]), merged(after(kind, parts[1]), after(kind, parts[0])))
    assert alike(said(left), whole)
    assert alike(said(right), whole)


@every_kind
@settings(max_examples=30, deadline=None)
@given(first=some_rows, second=some_rows)
def test_merging_leaves_the_other_as_it_was(kind: type[Statistic], first: list[Any], second: list[Any]) -> None:
    """What a state is merged into does not change that state, then or later."""
    other = of(kind, second, 2)
    before = written(other)
    into = merged(of(kind, first), other)
    take(into, table(first), row_hashes(3, len(first)))
    assert written(other) == before


@every_kind
@settings(max_examples=30, deadline=None)
@given(first=some_rows, second=some_rows)
def test_a_state_survives_the_snapshot(kind: type[Statistic], first: list[Any], second: list[Any]) -> None:
    """A state that was written and read goes on as if nothing had happened, to the bit."""
    went_on, stored = of(kind, first), of(kind, first)
    restored = kind.from_state(LAYOUT, {name: array.copy() for name, array in stored.state().items()})
    [unpacked] = unpack([kind], LAYOUT, pack([stored]))
    assert written(restored) == written(unpacked) == written(went_on)
    for statistic in (went_on, restored, unpacked):
        take(statistic, table(second), row_hashes(2, len(second)))
    assert written(restored) == written(unpacked) == written(went_on)


@every_kind
@settings(max_examples=30, deadline=None)
@given(rows=some_rows)
def test_results_are_json(kind: type[Statistic], rows: list[Any]) -> None:
    """Whatever came, the result is valid JSON: no NaN, no infinity, no numpy."""
    results = of(kind, rows).result()
    assert len(results) == len(COLUMNS)
    assert all(set(result) <= set(kind.names) for result in results)
    json.dumps(results, allow_nan=False)


@every_kind
@pytest.mark.parametrize(
    "rows",
    [
        [],
        [[1.0, 2.0, 1.0, 0.0]],
        [[NAN] * 4] * 3,
        [[INF, -INF, 1.0, -1.0]] * 3,
        [[5.0, 5.0, 0.0, 1.0]] * 40,
        [[1e308, -1e308, 1.0, 1.0], [1e308, 1e308, 0.0, NAN]],
    ],
    ids=["no rows", "one row", "all missing", "infinite", "constant", "too large to square"],
)
def test_awkward_rows_have_an_answer(kind: type[Statistic], rows: list[Any]) -> None:
    """No rows, one, missing, infinite, constant and enormous values are answered without a complaint."""
    statistic = of(kind, rows)
    json.dumps(statistic.result(), allow_nan=False)
    assert alike(said(merged(statistic, kind(LAYOUT))), said(of(kind, rows)))


@every_kind
def test_the_rows_are_left_alone(kind: type[Statistic]) -> None:
    """A statistic neither changes the rows it is given nor keeps hold of their memory."""
    values, hashes = table([[1.0, NAN, 1.0, 0.0], [2.0, 3.0, 0.0, 1.0]]), row_hashes(1, 2)
    before = values.tobytes(), hashes.tobytes()
    statistic = after(kind, (values, hashes))
    assert (values.tobytes(), hashes.tobytes()) == before
    state = written(statistic)
    values[:], hashes[:] = 77.0, 0
    assert written(statistic) == state


@every_kind
def test_a_state_is_bounded(kind: type[Statistic]) -> None:
    """Once its sample is full, a state does not grow, however many rows come."""
    generator = np.random.default_rng(3)
    statistic, sizes = kind(LAYOUT), []
    for block in range(30):
        values = np.column_stack([generator.normal(size=(100, 2)), generator.integers(0, 2, (100, 2))])
        take(statistic, values, row_hashes(block, 100))
        sizes.append(sum(map(len, written(statistic).values())))
    assert set(sizes) == {sizes[0]}


@every_kind
def test_a_state_of_other_columns_is_refused(kind: type[Statistic]) -> None:
    """A state that belongs to another schema is refused, not misread."""
    other = kind(Layout(Schema(COLUMNS[:1]), [np.array([0.0, 1.0])], sample=8))
    take(other, [[1.0]])
    with pytest.raises(StateError, match="does not fit"):
        kind.from_state(LAYOUT, other.state())
    with pytest.raises(StateError, match="does not fit"):
        kind.from_state(LAYOUT, {})
