"""Quantiles: exact for a few hundred values, and beyond within the stated error of their rank."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.quantiles import PROBABILITIES, Quantiles
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Column, Floats, Schema
from tests.judging import INF, NAN, numbers, schema_of, take

WANTED = [*PROBABILITIES.values()]


def sketch(values: Floats, size: int = 1000) -> Quantiles:
    """Returns the sketch of some columns, taken in blocks of a size."""
    statistic = Quantiles(Layout(Schema(tuple(Column(f"f{place}") for place in range(values.shape[1])))))
    for start in range(0, len(values), size):
        take(statistic, values[start : start + size])
    return statistic


def rank_errors(statistic: Quantiles, values: Floats) -> Floats:
    """Returns how far the rank of each quantile lies from the wanted one, as a share of the values."""
    errors = []
    for column, found in zip(values.T, statistic.quantiles(WANTED), strict=True):
        ranked = np.sort(column[np.isfinite(column)])
        low, high = np.searchsorted(ranked, found, "left"), np.searchsorted(ranked, found, "right")
        wanted = np.array(WANTED) * len(ranked)
        errors.append(np.maximum(0.0, np.maximum(low - wanted, wanted - high)) / len(ranked))
    return np.array(errors)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.sampled_from([NAN, INF, -INF, 1.0])), max_size=40))
def test_a_few_values_are_exact(values: list[float]) -> None:
    """Up to 512 values the quantiles are numpy's; missing and infinite ones take no part, and without any all is null."""
    (result,) = sketch(np.array(values).reshape(-1, 1), 7).result()
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        assert result == {"quantiles": dict.fromkeys(PROBABILITIES), "iqr": None}
        return
    exact = np.quantile(finite, WANTED).tolist()
    assert result["quantiles"] == {
        name: pytest.approx(value, rel=1e-12, abs=1e-9) for name, value in zip(PROBABILITIES, exact, strict=True)
    }
    assert result["iqr"] == pytest.approx(exact[4] - exact[2], rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("rows", [512, 513, 3000, 60_000])
@pytest.mark.parametrize("shape", ["normal", "exponential", "ascending", "descending", "zigzag", "rounded"])
def test_the_rank_is_within_a_hundredth(rows: int, shape: str) -> None:
    """Whatever the distribution and the order, no quantile of 20 columns is more than 1 % of the values off in rank."""
    generator = np.random.default_rng(rows)
    values = {
        "normal": lambda: generator.normal(size=(rows, 20)),
        "exponential": lambda: generator.exponential(size=(rows, 20)),
        "ascending": lambda: np.sort(generator.normal(size=(rows, 20)), axis=0),
        "descending": lambda: -np.sort(generator.normal(size=(rows, 20)), axis=0),
        "zigzag": lambda: generator.normal(size=(rows, 20)) + 9.0 * (np.arange(rows) % 2)[:, np.newaxis],
        "rounded": lambda: generator.normal(size=(rows, 20)).round(1),
    }[shape]()
    assert rank_errors(sketch(values), values).max() < 0.01


@pytest.mark.parametrize("share", [0.02, 0.95])
def test_missing_values_cost_no_accuracy(share: float) -> None:
    """The bound is of the finite values of a column, however many of its rows are missing or infinite."""
    generator = np.random.default_rng(1)
    values = generator.normal(size=(60_000, 5))
    values[generator.random(values.shape) < share] = NAN
    values[generator.random(values.shape) < 0.01] = INF
    statistic = sketch(values)
    assert rank_errors(statistic, values).max() < 0.01
    sizes, weights = statistic.state()["sizes"], 1 << np.arange(48)
    assert (sizes @ weights).tolist() == np.isfinite(values).sum(axis=0).tolist()


@pytest.mark.parametrize("parts", [2, 30, 400])
def test_merging_keeps_the_bound(parts: int) -> None:
    """However many states a window is merged from, small or large, its ranks are within 1 %, and no value is lost."""
    values = np.random.default_rng(parts).gamma(2.0, size=(60_000, 10))
    cuts = np.sort(np.random.default_rng(1).integers(0, 60_000, parts - 1)).tolist()
    whole, *others = [sketch(values[start:end]) for start, end in pairwise([0, *cuts, 60_000])]
    for other in others:
        whole.merge(other)
    assert rank_errors(whole, values).max() < 0.01
    assert set((whole.state()["sizes"] @ (1 << np.arange(48))).tolist()) == {60_000}


def test_an_odd_item_is_not_lost() -> None:
    """Levels of odd sizes are halved all the same, and their weights still add up to the number of values."""
    sizes = np.zeros((1, 48), dtype=np.int64)
    sizes[0, :4] = 101, 251, 253, 255
    state = {"sizes": sizes, "items": np.random.default_rng(1).random(int(sizes.sum()))}
    first, second = (Quantiles.from_state(Layout(numbers(1)), state) for _ in range(2))
    first.merge(second)
    after, weights = first.state()["sizes"][0], 1 << np.arange(48)
    assert after[1:].sum() <= 768
    assert after @ weights == 2 * (sizes[0] @ weights)


def test_the_coins_favour_nobody() -> None:
    """The errors of many columns have both signs: a coin that always fell alike would push all ranks one way."""
    values = np.random.default_rng(5).random((30_000, 60))
    errors = sketch(values).quantiles([0.25, 0.5, 0.75]) - np.quantile(values, [0.25, 0.5, 0.75], axis=0).T
    assert np.abs(errors.mean(axis=0)).max() < 0.001
    assert (errors > 0).mean() == pytest.approx(0.5, abs=0.2)


def test_huge_and_constant_values() -> None:
    """Quantiles between the ends of float64 do not overflow, and those of a constant are its value, to the bit."""
    statistic = Quantiles(Layout(schema_of("numeric", "categorical", "numeric")))
    take(statistic, np.array([[1e308, 0.0, 0.1], [-1e308, 1.0, 0.1], [1.7e308, 1.0, 0.1]] * 500))
    first, second, third = statistic.result()
    assert first["quantiles"]["p25"] == -1e308
    assert first["iqr"] is None  # which is beyond float64
    assert second == {}
    assert set(third["quantiles"].values()) == {0.1}


@pytest.mark.parametrize("change", ["fewer items", "too many below", "too many above"])
def test_a_state_that_cannot_be_is_refused(change: str) -> None:
    """Items that are not as many as their sizes say, or more than a sketch has, are refused and not misread."""
    state = sketch(np.random.default_rng(1).normal(size=(5000, 2))).state()
    sizes, items = state["sizes"].copy(), state["items"]
    if change == "fewer items":
        items = items[1:]
    else:
        more = {"too many below": (0, 512), "too many above": (9, 769)}[change]
        items = np.concatenate([items, np.zeros(more[1] - sizes[1, more[0]])])
        sizes[1, more[0]] = more[1]
    with pytest.raises(StateError, match="does not fit"):
        Quantiles.from_state(Layout(numbers(2)), {"sizes": sizes, "items": items})
