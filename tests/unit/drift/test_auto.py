"""The choice of a test by column: which test it was is said, and its numbers are that test's own."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.drift.auto import Auto
from nilometer_detectors.drift.chi2 import Chi2
from nilometer_detectors.drift.fet import FET
from nilometer_detectors.drift.ks import KS
from nilometer_logger.rows import Column, Schema
from tests.judging import NAN, baseline_of, detector_of, result_of, rows_of

SCHEMA = Schema(
    (
        Column("number"),
        Column("letter", "categorical", tuple("wxyz")),
        Column("colour", "categorical", ("red", "green")),
        Column("flag", "boolean"),
        Column("other"),
    )
)


def values(rows: int, seed: int) -> Any:
    """Returns values of every type of column."""
    random = np.random.default_rng(seed)
    discrete = [random.integers(0, 4, rows), random.integers(0, 2, rows), random.integers(0, 2, rows)]
    return np.column_stack([random.normal(size=rows), *discrete, random.normal(size=rows)]).astype(np.float64)


BASELINE = baseline_of(values(500, 1), SCHEMA)
WINDOW = rows_of(values(200, 2), SCHEMA)
TESTS: dict[str, tuple[str, Any]] = {
    "number": ("ks", KS),
    "letter": ("chi2", Chi2),
    "colour": ("fet", FET),
    "flag": ("fet", FET),
    "other": ("ks", KS),
}


@pytest.mark.parametrize("column", TESTS)
def test_each_column_has_the_numbers_of_its_test(column: str) -> None:
    """Every column is told with its test, and with just what that test says of it."""
    name, kind = TESTS[column]
    said = result_of(detector_of(Auto, "auto", BASELINE), BASELINE, WINDOW).columns[column]
    alone = result_of(detector_of(kind, name, BASELINE, features=[column]), BASELINE, WINDOW).columns[column]
    assert said == {**alone, "threshold": 0.05 / 5, "test": name}


def test_numbers_without_a_sample_are_judged_by_their_bins() -> None:
    """A baseline that has only histograms leaves nothing to compare values with: bins are judged instead."""
    bare = replace(BASELINE, feature_sample=BASELINE.feature_sample[:0], sorted_samples=None)
    said = result_of(detector_of(Auto, "auto", bare), bare, WINDOW).columns
    assert {column: each["test"] for column, each in said.items()} == {
        **{column: name for column, (name, _) in TESTS.items()},
        "number": "chi2",
        "other": "chi2",
    }


def test_a_column_that_is_not_tested_leaves_the_others() -> None:
    """A column without values is named as not judged, and the others have their tests."""
    holed = values(200, 2)
    holed[:, 0] = holed[:, 1] = NAN
    result = result_of(detector_of(Auto, "auto", BASELINE), BASELINE, rows_of(holed, SCHEMA))
    assert [result.columns[column].get("test") for column in TESTS] == [None, None, "fet", "fet", "ks"]
    assert result.threshold == pytest.approx(0.05 / 3)
