"""Permutation tests: deals of rows, p-values that are never too small, and levels that they can reach."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.drift.base.permutations import deals, p_value, permutations_for
from nilometer_detectors.drift.classifier import Classifier
from nilometer_detectors.drift.mmd import MMD
from tests.judging import baseline_of, detector_of, normal


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=4), count=st.integers(1, 300)
)
def test_deals_keep_the_numbers_of_each_stratum(sizes: list[tuple[int, int]], count: int) -> None:
    """The true deal comes first, and every other has as many of the window's rows in each stratum as it."""
    strata = np.repeat(np.arange(len(sizes)), [ours + others for ours, others in sizes])
    true = np.concatenate([np.repeat([1.0, 0.0], size) for size in sizes])
    dealt = np.concatenate(list(deals(strata, true, count, 0)), axis=1)
    assert dealt.shape == (len(true), count + 1)
    assert dealt[:, 0].tolist() == true.tolist()
    for stratum, (ours, _) in enumerate(sizes):
        assert (dealt[strata == stratum].sum(axis=0) == ours).all()


def test_every_deal_is_as_probable_as_any_other() -> None:
    """Two rows of the window among four rows are dealt to each of the six pairs of places about equally often."""
    true = np.array([1.0, 1.0, 0.0, 0.0])
    dealt = np.concatenate(list(deals(np.zeros(4, dtype=np.intp), true, 6000, 1)), axis=1)[:, 1:]
    _, counts = np.unique(dealt, axis=1, return_counts=True)
    assert len(counts) == 6
    assert ((counts > 880) & (counts < 1120)).all()  # 1,000 are expected of each; the bounds are four deviations away


def test_the_p_value_counts_the_true_deal() -> None:
    """The p-value is (1 + b) / (1 + B): never 0, and 1 where no deal is less like drift."""
    assert p_value(np.array([5.0, 1.0, 2.0, 3.0])) == 1 / 4
    assert p_value(np.array([2.0, 1.0, 2.0, 3.0])) == 3 / 4
    assert p_value(np.zeros(10)) == 1.0


def test_rounding_makes_no_difference() -> None:
    """A deal whose statistic is smaller by rounding alone counts as one that is as large."""
    assert p_value(np.array([0.3, 0.1 + 0.2, 0.3 - 1e-16, 0.2])) == 3 / 4


@pytest.mark.parametrize(("level", "needed"), [(0.05, 20), (0.01, 100), (0.5, 2), (0.06, 16), (0.1 / 288, 2880)])
def test_the_number_of_permutations_that_a_level_needs(level: float, needed: int) -> None:
    """So many permutations have a smallest p-value below the level, and one fewer has not."""
    assert permutations_for(level) == needed
    assert 1 / (needed + 1) < level <= 1 / needed


@pytest.mark.parametrize("level", [1e-15, 1e-17, 1e-100, 5e-324])
def test_a_level_that_no_number_of_permutations_reaches_is_refused(level: float) -> None:
    """A level however small is answered at once, and the remedy is one that there is."""
    with pytest.raises(InvalidDetector, match="not even 1000000 would do: ask for a larger one"):
        detector_of(MMD, "joint", baseline_of(normal(50)), pValue=level)


@pytest.mark.parametrize("kind", [MMD, Classifier])
@pytest.mark.parametrize(
    ("parameters", "needed"),
    [
        ({"pValue": 0.01, "nPermutations": 99}, 100),
        ({"falseAlarmsPerDay": 0.1}, 2880),
        ({"falseAlarmsPerDay": 0.1, "nPermutations": 66, "persistence": {"atLeast": 2, "of": 3}}, 92),
    ],
)
def test_a_level_out_of_reach_is_refused(kind: type, parameters: dict[str, object], needed: int) -> None:
    """A test whose smallest p-value can never be below the level is refused, with the number that would do."""
    with pytest.raises(InvalidDetector, match=f"; {needed} are needed") as refused:
        detector_of(kind, "joint", baseline_of(normal(50)), **parameters)
    assert refused.value.parameter == "nPermutations"
    detector_of(kind, "joint", baseline_of(normal(50)), **{**parameters, "nPermutations": needed})
