"""What the contract tests of outlier and drift detectors have in common: all detectors, and rows of every type."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.fitting.prepare import prepare
from nilometer_detectors.registry import available, find
from nilometer_logger.rows import Floats, Schema
from tests.judging import baseline_of, detector_of, schema_of

KINDS = {name: find(name) for name in available()}
COLUMNS = schema_of("numeric", "numeric", "numeric", "categorical", "boolean")
ANSWERS = Schema(tuple(replace(column, name=f"p{column.name}") for column in COLUMNS.columns))
every_detector = pytest.mark.parametrize("name", KINDS)
every_drift_detector = pytest.mark.parametrize("name", [n for n, k in KINDS.items() if k.kind == "drift"])


def mixed(rows: int, *, seed: int, shift: float = 0.0) -> Floats:
    """Returns values of every type of column; the three numeric ones are normal, and a shift is one of every column."""
    generator = np.random.default_rng(seed)
    numbers = generator.normal(shift, 1.0, (rows, 3))
    codes = (generator.random((rows, 2)) < (0.9 if shift else 0.5)).astype(np.float64)
    return np.column_stack([numbers, codes])


REFERENCE, _ = prepare(baseline_of(mixed(500, seed=1), COLUMNS, mixed(500, seed=1), ANSWERS))


@cache
def built(name: str) -> Any:
    """Returns a detector with default parameters; they have no state, so one serves all tests."""
    return detector_of(KINDS[name], name, REFERENCE)
