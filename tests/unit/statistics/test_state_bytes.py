"""What a window's state takes of memory, as its monitor says, against what Python says that it takes."""

import gc
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.summary import KINDS, NAMES, Summary
from nilometer_logger.rows import Rows, Schema
from tests.judging import numbers, rows_of, schema_of

MONITORS: Mapping[str, tuple[Schema, Schema, tuple[str, ...], int]] = {
    "iris": (numbers(4), schema_of("categorical"), ("mean", "stddev", "min", "max", "histogram"), 1000),
    "one column": (numbers(1), Schema(()), (), 0),
    "all statistics": (schema_of(*["numeric"] * 5, "categorical"), numbers(1), tuple(NAMES), 500),
    "quantiles": (numbers(20), Schema(()), ("quantiles",), 0),
    "small sample": (numbers(2), Schema(()), ("mean",), 10),
    "top": (schema_of("categorical", "categorical"), Schema(()), ("top",), 0),
}


class Half(Summary):
    """A summary whose layout is made of columns, with histograms of 20 bins, as a monitor makes it."""

    def __init__(self, schema: Schema, names: tuple[str, ...], sample: int) -> None:
        edges = [np.linspace(-3, 3, 21) if column.type == "numeric" else None for column in schema.columns]
        super().__init__(Layout(schema, edges, sample), names)


def blocks(schema: Schema, rows: int) -> Iterator[Rows]:
    """Gives rows by the hundred, the categories are none that the schema names."""
    chance = np.random.default_rng(rows)
    for first in range(0, rows, 100):
        count = min(100, rows - first)
        values = chance.normal(size=(count, len(schema)))
        strange: dict[tuple[int, int], str] = {}
        for place, column in enumerate(schema.columns):
            if column.type == "categorical":
                values[:, place] = -1
                strange.update({(row, place): f"{(first + row) % 32}".rjust(64, "\U0001d538") for row in range(count)})
        yield rows_of(values, schema, identity=first, unrecognized=strange)


def taken(halves: list[tuple[Schema, tuple[str, ...], int]], rows: int) -> int:
    """Returns what summaries take of memory, whose halves have taken so many rows each."""
    for schema, names, sample in halves:  # what is made once for all windows
        for block in blocks(schema, 1):
            Half(schema, names, sample).update(block)
    made = [[*blocks(schema, rows)] if len(schema) else [] for schema, _, _ in halves]
    kept = [Half(*half) for half in halves]
    layouts = [(half.layout.bins, half.layout.numeric) for half in kept]
    gc.collect()
    tracemalloc.start()
    try:
        for half, some in zip(kept, made, strict=True):
            for block in some:
                half.update(block)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        del layouts


@pytest.mark.parametrize("rows", [1, 40, 700, 5000, 40_000])
@pytest.mark.parametrize("name", MONITORS)
def test_a_state_takes_no_more_than_is_said_and_not_much_less(name: str, rows: int) -> None:
    """The bound of a partition's windows is reckoned with it: it must hold, and must not refuse what there is room for."""
    features, predictions, names, sample = MONITORS[name]
    halves = [(features, names, sample), (predictions, names, 0)]

    found = taken(halves, rows)
    said = sum(Half(*half).memory_bytes(rows) for half in halves if len(half[0]))

    assert found <= said <= 3 * found


@pytest.mark.parametrize("kind", KINDS)
def test_more_rows_take_no_less(kind: Any) -> None:
    """And two states of some rows no less than one of all: so that a sum over many is a bound."""
    layout = Layout(schema_of("numeric", "categorical", "numeric"), [np.arange(5.0), None, None], 100)
    sizes = [kind.memory_bytes(layout, rows) for rows in range(0, 3000, 7)]

    assert sizes == sorted(sizes)
    for rows in (1, 30, 100, 511, 512, 2000):
        assert kind.memory_bytes(layout, 2 * rows) <= 2 * kind.memory_bytes(layout, rows)
