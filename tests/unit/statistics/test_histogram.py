"""Histograms: numpy's bins, and every finite value in one of them or counted beside them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.histogram import Histogram
from nilometer_logger.rows import UNSEEN, Floats, Schema
from tests.judging import INF, NAN, schema_of, take


def histogram(values: list[float], edges: Floats) -> dict[str, object]:
    """Returns the histogram of a column of numbers."""
    statistic = Histogram(Layout(schema_of("numeric"), [edges]))
    take(statistic, values)
    (result,) = statistic.result()
    found = result["histogram"]
    assert isinstance(found, dict)
    return found


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.integers(-4, 4).map(lambda value: value / 2), max_size=600))
def test_bins_are_those_of_numpy(values: list[float]) -> None:
    """A bin holds its lower edge, and the last one its upper edge as well, however many rows a block has."""
    edges = np.array([-1.0, -0.5, 0.0, 1.0])
    inside = [value for value in values if -1 <= value <= 1]
    found = histogram(values, edges)
    assert found["counts"] == np.histogram(inside, edges)[0].tolist()
    assert found["below"] == sum(value < -1 for value in values)
    assert found["above"] == sum(value > 1 for value in values)


def test_no_finite_value_is_dropped() -> None:
    """Values outside are counted below and above, the largest there are among them; missing and infinite ones are not."""
    largest = np.finfo(np.float64).max
    assert histogram([-INF, -largest, -5.0, 0.5, 1.0, 7.0, largest, INF, NAN], np.array([0.0, 0.5, 1.0])) == {
        "edges": [0.0, 0.5, 1.0],
        "counts": [0, 2],
        "below": 2,
        "above": 2,
    }


def test_a_constant_has_one_bin() -> None:
    """Where the baseline is constant, the bin holds its value alone, and any other value is outside."""
    assert histogram([4.9999, 5.0, 5.0, 5.0001], np.array([5.0, 5.0])) == {
        "edges": [5.0, 5.0],
        "counts": [2],
        "below": 1,
        "above": 1,
    }


def test_categories_are_counted() -> None:
    """A categorical column has a count for each category, and one for all that its schema does not name."""
    statistic = Histogram(Layout(schema_of("categorical", "categorical", categories=("red", "green", "blue"))))
    take(statistic, [[0.0, 2.0], [2.0, UNSEEN], [UNSEEN, NAN], [2.0, 1.0]])
    categories = ["red", "green", "blue"]
    assert statistic.result() == [
        {"histogram": {"categories": categories, "counts": [1, 0, 2], "unseen": 1}},
        {"histogram": {"categories": categories, "counts": [0, 1, 1], "unseen": 1}},
    ]


def test_columns_with_and_without_edges_stand_side_by_side() -> None:
    """Columns may have different numbers of bins, or none: a column without edges has no histogram."""
    layout = Layout(schema_of("numeric", "numeric", "numeric"), [np.array([0.0, 1.0]), None, np.array([0.0, 1.0, 2.0])])
    statistic = Histogram(layout)
    take(statistic, [[0.5, 0.5, 1.5]])
    first, second, third = statistic.result()
    assert first == {"histogram": {"edges": [0.0, 1.0], "counts": [1], "below": 0, "above": 0}}
    assert second == {}
    assert third == {"histogram": {"edges": [0.0, 1.0, 2.0], "counts": [0, 1], "below": 0, "above": 0}}


def test_no_columns_no_histograms() -> None:
    """A half without columns is answered with nothing."""
    statistic = Histogram(Layout(Schema(())))
    take(statistic, np.empty((0, 0)))
    assert statistic.result() == []
