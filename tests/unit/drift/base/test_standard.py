"""Columns in standard deviations of the baseline: large numbers, constants, holes and categories."""

import numpy as np
import pytest

from nilometer_detectors.drift.base.standard import FURTHEST, Categories, Standard
from tests.judging import INF, NAN, normal


def test_values_are_in_standard_deviations_of_the_baseline() -> None:
    """A value is standardised with the baseline's mean and sample standard deviation."""
    reference = np.sort(normal(100, 1).ravel() * 3 + 7)
    values = np.array([[5.0], [7.0], [9.0]])
    expected = (values - reference.mean()) / reference.std(ddof=1)
    assert Standard([reference])(values) == pytest.approx(expected)


def test_far_values_are_far_and_no_more() -> None:
    """Beyond five standard deviations it does not matter how far a value is, up to the largest number there is."""
    values = np.array([[5.1], [1e300], [-1e300], [np.finfo(float).max]])
    assert Standard([np.linspace(-1.7, 1.7, 99)])(values).ravel().tolist() == [FURTHEST, FURTHEST, -FURTHEST, FURTHEST]


@pytest.mark.parametrize("scale", [1e-300, 1e-8, 1e8, 1e307])
def test_units_do_not_matter(scale: float) -> None:
    """A column in another unit is the same column, whatever the size of its numbers."""
    reference, values = np.sort(normal(100, 1).ravel()), normal(20, 1, seed=2)
    assert Standard([reference * scale])(values * scale) == pytest.approx(Standard([reference])(values))


def test_a_constant_column_is_left_at_once() -> None:
    """Where the baseline is constant, its value is no deviation, and any other is as far as can be."""
    values = np.array([[0.1], [0.1 + 1e-15], [0.0]])
    assert Standard([np.full(7, 0.1)])(values).ravel().tolist() == [0.0, FURTHEST, -FURTHEST]


def test_missing_and_infinite_values_are_nan() -> None:
    """What is missing or infinite stays apart from every number, also where the baseline is constant."""
    standard = Standard([np.full(3, 2.0), np.arange(3.0)])
    assert np.isnan(standard(np.array([[NAN, INF], [-INF, NAN]]))).all()


def test_categories_weigh_as_much_as_a_column() -> None:
    """Two rows of the baseline are expected to lie as far apart in a category as in a standardised column."""
    codes = np.repeat([0.0, 1.0, 2.0], [50, 30, 20])
    encoded = Categories.of(codes, 3)(codes)
    distances = np.square(encoded[:, np.newaxis] - encoded).sum(axis=2)
    assert distances.mean() == pytest.approx(2.0)
    assert encoded.mean(axis=0) == pytest.approx(np.zeros(4))


def test_unseen_categories_have_a_place_of_their_own() -> None:
    """A category that the schema does not name is unlike any that it names, and a missing one is NaN."""
    encode = Categories.of(np.array([0.0, 0.0, 1.0]), 2)
    first, unseen, missing = encode(np.array([0.0, -1.0, NAN]))
    assert np.argmax(unseen) == 2
    assert np.abs(first - unseen).max() > 1
    assert np.isnan(missing).all()


def test_a_category_that_is_alone_is_left_at_once() -> None:
    """Where the baseline knows one category, any other is as far off as in a constant column."""
    encode = Categories.of(np.zeros(9), 2)
    assert encode(np.array([0.0])).tolist() == [[0.0, 0.0, 0.0]]
    assert np.abs(encode(np.array([1.0]))).max() == FURTHEST
