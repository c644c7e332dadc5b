"""Covariance and correlation: numpy's over the rows that a pair has in common."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.covariance import Covariance
from nilometer_logger.rows import Floats
from tests.judging import INF, NAN, numbers, schema_of, take


def covariance(values: Floats, *, size: int = 1000) -> Covariance:
    """Returns the covariances of some columns, taken in blocks of a size."""
    statistic = Covariance(Layout(numbers(values.shape[1])))
    for start in range(0, len(values), size):
        take(statistic, values[start : start + size])
    return statistic


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from([NAN, INF, 0.0, 1.0, 2.5, -7.0, 40.0])] * 3), max_size=40))
def test_they_are_those_of_numpy_over_the_rows_of_a_pair(rows: list[tuple[float, ...]]) -> None:
    """Each pair counts the rows in which both are finite, whatever is missing elsewhere; null where there is nothing to say."""
    values = np.array(rows).reshape(-1, 3)
    results = covariance(values, size=9).result()
    for one in range(3):
        for other in range(3):
            if one == other:
                continue
            both = values[np.isfinite(values[:, one]) & np.isfinite(values[:, other])][:, [one, other]]
            found = results[one]["covariance"]["abc"[other]], results[one]["correlation"]["abc"[other]]
            if len(both) < 2:
                assert found == (None, None)
                continue
            varies = (np.ptp(both, axis=0) > 0).all()
            assert found[0] == pytest.approx(np.cov(both.T)[0, 1], rel=1e-10, abs=1e-10)
            assert found[1] == (pytest.approx(np.corrcoef(both.T)[0, 1], abs=1e-10) if varies else None)


def test_each_column_names_every_other() -> None:
    """A column of numbers has a number for every other one, by its name, and categorical columns take no part."""
    statistic = Covariance(Layout(schema_of("numeric", "categorical", "boolean", "numeric")))
    take(statistic, [[1.0, 1.0, 0.0, 5.0], [2.0, 0.0, 1.0, 3.0], [3.0, NAN, 1.0, 1.0]])
    first, second, third, fourth = statistic.result()
    assert first == {
        "covariance": {"c": 0.5, "d": -2.0},
        "correlation": {"c": pytest.approx(0.75**0.5), "d": pytest.approx(-1.0)},
    }
    assert second == {}
    assert third["covariance"]["a"] == first["covariance"]["c"]
    assert list(fourth["correlation"]) == ["a", "c"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_offset_costs_no_precision(size: int) -> None:
    """Columns that vary little and lie far from zero keep their correlation, and a distant first row is forgotten."""
    generator = np.random.default_rng(1)
    base = generator.normal(size=3000)
    near = np.column_stack([base, base + generator.normal(size=3000), generator.normal(size=3000)])
    statistic = covariance(near * 1e-3 + 1e6, size=size)
    assert np.nanmax(np.abs(statistic.correlation - np.corrcoef((near * 1e-3 + 1e6 - 1e6).T))) < 1e-9
    far = np.concatenate([[[1e6, -1e6, 1e6]], near])
    assert np.nanmax(np.abs(covariance(far, size=size).covariance / np.cov(far.T) - 1.0)) < 1e-11


def test_both_are_symmetric_to_the_bit() -> None:
    """What a column says about another is what that says about it, though both are rounded."""
    generator = np.random.default_rng(1)
    values = generator.normal(size=(500, 12)) @ generator.normal(size=(12, 12))
    values[generator.random(values.shape) < 0.1] = NAN
    statistic = covariance(values)
    for matrix in (statistic.covariance, statistic.correlation):
        assert np.array_equal(matrix, matrix.T, equal_nan=True)
        assert np.isnan(np.diag(matrix)).all()
        assert np.isfinite(matrix).sum() == 12 * 11


def test_merging_is_as_taking_all() -> None:
    """Parts that lie far apart, with other values missing in each, merge to the covariances of all rows."""
    generator = np.random.default_rng(3)
    parts = [generator.normal(mean, 1.0, (rows, 4)) for mean, rows in ((0.0, 300), (1e4, 5), (-30.0, 900))]
    parts[0][:, 2] = NAN
    parts[1][:, 0] = NAN
    whole, *others = [covariance(part) for part in parts]
    for other in others:
        whole.merge(other)
    together = covariance(np.concatenate(parts))
    assert np.nanmax(np.abs(whole.covariance / together.covariance - 1.0)) < 1e-11
    assert np.isfinite(whole.covariance).sum() == 12


def test_a_line_has_a_correlation_of_one() -> None:
    """Of columns that are multiples of each other it is 1 or -1 and never beyond."""
    x = np.random.default_rng(1).normal(size=100)
    correlation = covariance(np.column_stack([x, 3.0 * x, -0.1 * x])).correlation
    assert correlation[0, 1] == pytest.approx(1.0, abs=1e-15)
    assert correlation[0, 2] == pytest.approx(-1.0, abs=1e-15)
    assert np.nanmax(np.abs(correlation)) <= 1.0


@pytest.mark.parametrize("columns", [0, 1])
def test_without_a_pair_there_is_nothing(columns: int) -> None:
    """A half of one column, or of none, is answered with nothing to compare with."""
    statistic = Covariance(Layout(numbers(columns)))
    take(statistic, np.ones((3, columns)))
    assert statistic.result() == [{"covariance": {}, "correlation": {}}] * columns
