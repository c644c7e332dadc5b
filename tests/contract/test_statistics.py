"""What every statistic promises; it runs over all there are."""

import inspect
import json
import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors import statistics
from nilometer_detectors.statistics.base.contract import Layout, Statistic
from nilometer_detectors.statistics.base.packing import pack, unpack
from nilometer_detectors.statistics.counts import Counts
from nilometer_detectors.statistics.sample import Sample
from nilometer_detectors.statistics.summary import KINDS
from nilometer_logger.errors import StateError
from nilometer_logger.rows import UNSEEN, Column, Floats, Schema, bind, row_hashes
from tests.judging import INF, NAN, take

COLUMNS = (Column("a"), Column("b"), Column("c", "boolean"), Column("d", "categorical", ("red", "green")))
LAYOUT = Layout(Schema(COLUMNS), [np.linspace(-2.0, 2.0, 5), None, np.array([0.0, 0.5, 1.0]), None], sample=8)

numbers = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 1.5]))
codes = st.sampled_from([NAN, -1.0, 0.0, 1.0])
a_row = st.tuples(numbers, numbers, st.sampled_from([NAN, 0.0, 1.0]), codes)
some_rows = st.lists(a_row, max_size=12)
enormous = st.sampled_from([1e308, -1e308, 1e-308, 1e160])  # their sums and squares do not fit into float64
many_rows = st.lists(st.one_of(a_row, st.tuples(enormous, numbers, enormous, codes)), max_size=40)

# How results scale with the values; what is not named here is a value itself, or a number of them.
DEGREES = {"variance": 2, "populationVariance": 2, "covariance": 2}
RATIOS = ("skewness", "kurtosis", "correlation", "autocorrelation")
DEGREES.update(dict.fromkeys(RATIOS, 0))

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def table(rows: Sequence[Sequence[float]]) -> Floats:
    """Returns rows as a matrix of the layout's columns."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(COLUMNS))


def texts(values: Floats, hashes: Any) -> dict[tuple[int, int], str]:
    """Returns the texts of unseen categories: such as go with the rows wherever they stand."""
    places = np.argwhere(values[:, 3:] == UNSEEN)[:, 0].tolist()
    return {(row, 3): ("blue", "pink", "half a pair \ud800")[int(hashes[row] % 3)] for row in places}


def feed(statistic: Statistic, values: Floats, hashes: Any) -> None:
    """Lets a statistic take a block of values and hashes, and the texts that go with them."""
    take(statistic, values, hashes, texts(values, hashes))


def after(kind: type[Statistic], *blocks: tuple[Floats, Any]) -> Statistic:
    """Returns a statistic that has taken some blocks of values and hashes."""
    statistic = kind(LAYOUT)
    for values, hashes in blocks:
        feed(statistic, values, hashes)
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


def scale_of(*blocks: Floats) -> float:
    """Returns the largest value of some rows, and at least 1."""
    values = np.concatenate([block.ravel() for block in blocks])
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=1.0))


def alike(one: Any, other: Any, tolerance: float, scale: float, name: str = "") -> bool:
    """Tells whether two results are equal but for the rounding that a statistic allows itself, on values of a scale."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance * scale ** DEGREES.get(name, 1))
    if isinstance(one, dict) and isinstance(other, dict):
        inner = {key: name if name in DEGREES else key for key in one}
        return one.keys() == other.keys() and all(
            alike(one[key], other[key], tolerance, scale, inner[key]) for key in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(alike(*both, tolerance, scale) for both in zip(one, other, strict=True))
    return bool(one == other)


def test_every_statistic_of_the_package_is_under_this_contract() -> None:
    """A statistic cannot be left out of the contract, nor be out of a monitor's reach."""
    modules = [import_module(f"{statistics.__name__}.{module.name}") for module in iter_modules(statistics.__path__)]
    written_here = {
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Statistic) and not inspect.isabstract(found)
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
    feed(whole, values, hashes)
    for start, end in pairwise([0, *sorted(cuts), max(len(rows), 40)]):
        feed(in_parts, values[start:end], hashes[start:end])
    assert written(in_parts) == written(whole)
    assert said(in_parts) == said(whole)


@every_kind
@pytest.mark.parametrize("columns", [1, 2, 7, 20])
@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_any_cutting_of_a_long_run_gives_the_same_bits(kind: type[Statistic], columns: int, missing: float) -> None:
    """So it is for runs of hundreds of rows and any width, where numpy has faster ways to sum than row after row."""
    generator = np.random.default_rng(columns)
    values = generator.normal(3.0, 2.0, (1100, columns)) * 10.0 ** generator.integers(-3, 4, columns)
    values[generator.random(values.shape) < missing] = NAN
    schema = Schema(tuple(Column(f"f{place}") for place in range(columns)))
    layout = Layout(schema, [np.linspace(-9.0, 9.0, 7)] * columns, sample=8)
    whole, one_by_one, in_parts = kind(layout), kind(layout), kind(layout)
    hashes = row_hashes(1, 1100)
    take(whole, values, hashes)
    for row in range(1100):
        take(one_by_one, values[row : row + 1], hashes[row : row + 1])
    for start, end in pairwise([0, 3, 16, 17, 217, 300, 556, 557, 1100]):
        take(in_parts, values[start:end], hashes[start:end])
    assert written(whole) == written(one_by_one) == written(in_parts)


@every_kind
@settings(max_examples=30, deadline=None)
@given(rows=some_rows, cut=st.integers(0, 12), seed=st.integers(0, 5))
def test_order_and_batching_do_not_matter(kind: type[Statistic], rows: list[Any], cut: int, seed: int) -> None:
    """Another order and other batches give the same result, within rounding; but for what is about the order."""
    values, hashes = table(rows), row_hashes(1, len(rows))
    order = np.arange(len(rows)) if kind.ordered else np.random.default_rng(seed).permutation(len(rows))
    shuffled = after(kind, (values[order[:cut]], hashes[order[:cut]]), (values[order[cut:]], hashes[order[cut:]]))
    assert alike(said(shuffled), said(of(kind, rows)), kind.tolerance, scale_of(values))


@every_kind
@settings(max_examples=30, deadline=None)
@given(first=some_rows, second=some_rows, third=some_rows)
def test_merging_is_as_taking_all_rows(
    kind: type[Statistic], first: list[Any], second: list[Any], third: list[Any]
) -> None:
    """States merge in any order and grouping to what one state over all rows would be.

    What is about the order of rows merges in any order and grouping to the same, but to less than one state over all:
    nobody knows whether the first rows of one follow the last of another.
    """
    parts = [(table(rows), row_hashes(identity, len(rows))) for identity, rows in enumerate((first, second, third))]
    scale = scale_of(*(values for values, _ in parts))
    left = said(merged(merged(after(kind, parts[0]), after(kind, parts[1])), after(kind, parts[2])))
    right = said(merged(after(kind, parts[2]), merged(after(kind, parts[1]), after(kind, parts[0]))))
    assert alike(left, right, kind.tolerance, scale)
    if not kind.ordered:
        assert alike(left, said(after(kind, *parts)), kind.tolerance, scale)


@every_kind
@settings(max_examples=30, deadline=None)
@given(first=some_rows, second=some_rows)
def test_merging_leaves_the_other_as_it_was(kind: type[Statistic], first: list[Any], second: list[Any]) -> None:
    """What a state is merged into does not change that state, then or later."""
    other = of(kind, second, 2)
    before = written(other)
    into = merged(of(kind, first), other)
    feed(into, table(first), row_hashes(3, len(first)))
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
        feed(statistic, table(second), row_hashes(2, len(second)))
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
    again = of(kind, rows)
    assert said(merged(statistic, kind(LAYOUT))) == said(again) == said(merged(kind(LAYOUT), again))


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
def test_columns_too_few_or_too_many_change_nothing_else(kind: type[Statistic]) -> None:
    """A column that a payload lacks is as missing in each row, one that the schema lacks is passed over."""
    rows = np.array([[1.5, 7.0, 1.0, "red"], [2.5, 8.0, 0.0, "blue"], [0.5, 9.0, 1.0, "green"]], dtype=object)
    lacking, whole = kind(LAYOUT), kind(LAYOUT)
    for statistic, names in ((lacking, ("a", "surplus", "c", "d")), (whole, ("a", "b", "c", "d"))):
        values, unseen = bind(LAYOUT.schema, names, rows)
        take(statistic, values, row_hashes(1, 3), unseen)
    nothing = {"count": 0, "missing": 3, "infinite": 0} if kind is Counts else kind(LAYOUT).result()[1]
    assert lacking.result()[1] == nothing
    for place in (0, 2, 3):
        assert without(lacking.result()[place], "b") == without(whole.result()[place], "b")


def without(result: Any, name: str) -> Any:
    """Returns a result without what it says about another column."""
    return {
        key: {other: one for other, one in value.items() if other != name} if isinstance(value, Mapping) else value
        for key, value in result.items()
    }


@every_kind
@pytest.mark.parametrize("rows", [1, 100, 3000])
def test_a_state_keeps_its_budget(kind: type[Statistic], rows: int) -> None:
    """However many rows come or states merge, whatever is in them, a written state takes no more than is stated."""
    generator = np.random.default_rng(3)
    taken, joined, largest = kind(LAYOUT), kind(LAYOUT), 0
    for block in range(20):
        values = np.column_stack([generator.normal(size=(rows, 2)) * 1e5, generator.integers(-1, 2, (rows, 2))])
        values[generator.random(values.shape) < 0.02] = NAN
        places = np.flatnonzero(values[:, 3] == UNSEEN).tolist()
        unseen = {(row, 3): f"{block * rows + row:06}" + "\U0001f30a" * 80 for row in places}
        part = kind(LAYOUT)
        for statistic in (taken, part):
            take(statistic, values, row_hashes(block, rows), unseen)
        merged(joined, part)
        largest = max(largest, *(sum(map(len, pack([statistic]))) for statistic in (taken, joined)))
    assert largest <= kind.budget_bytes(LAYOUT) + 64


@every_kind
def test_a_state_of_other_columns_is_refused(kind: type[Statistic]) -> None:
    """A state that belongs to another schema is refused, not misread."""
    other = kind(Layout(Schema(COLUMNS[:1]), [np.array([0.0, 1.0])], sample=8))
    take(other, [[1.0]])
    with pytest.raises(StateError, match="does not fit"):
        kind.from_state(LAYOUT, other.state())
    with pytest.raises(StateError, match="does not fit"):
        kind.from_state(LAYOUT, {})
