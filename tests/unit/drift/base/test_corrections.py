"""Levels of significance: over many columns and over many windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nilometer_detectors.detector import Context, InvalidDetector
from nilometer_detectors.drift.base.corrections import alarm_rate, level_for
from nilometer_detectors.drift.base.deciding import DistanceParameters, PValueParameters
from tests.judging import WINDOWS_PER_DAY, numbers

CONTEXT = Context("mine", "ks", numbers(1), None, windows_per_day=WINDOWS_PER_DAY)
ROWS = Context("mine", "ks", numbers(1), None)


@given(rate=st.floats(1e-9, 0.5), of=st.integers(1, 10), at_least=st.integers(1, 10))
def test_the_level_gives_the_rate(rate: float, of: int, at_least: int) -> None:
    """The level of one window that is chosen for k of m windows gives just the asked rate of alarms."""
    at_least = min(at_least, of)
    assert alarm_rate(level_for(rate, at_least, of), at_least, of) == pytest.approx(rate, rel=1e-6)


def test_persistence_allows_a_larger_level() -> None:
    """Two of three windows: P(X >= 2) = 3 p² - 2 p³, so one alarm in a hundred windows allows p = 0.0589."""
    level = level_for(0.01, 2, 3)
    assert 3 * level**2 - 2 * level**3 == pytest.approx(0.01)
    assert level == pytest.approx(0.0589, abs=1e-4)


def test_alarms_a_day_become_a_level() -> None:
    """0.1 alarms a day of 288 windows are one in 2,880 windows; with persistence each window may be less strict."""
    assert PValueParameters.model_validate({"falseAlarmsPerDay": 0.1}).level(CONTEXT) == pytest.approx(0.1 / 288)
    kept = {"falseAlarmsPerDay": 0.1, "persistence": {"atLeast": 2, "of": 3}}
    assert PValueParameters.model_validate(kept).level(CONTEXT) == pytest.approx(level_for(0.1 / 288, 2, 3))


def test_simulated_alarms_are_as_many_as_asked_for_a_day() -> None:
    """Over 2,000 days of uniform p-values, k of m windows alarm as often as a monitor asked for."""
    asked = PValueParameters.model_validate({"falseAlarmsPerDay": 0.5, "persistence": {"atLeast": 2, "of": 3}})
    significant = np.random.default_rng(1).random(2000 * 288) < asked.level(CONTEXT)
    of_three = significant[2:].astype(int) + significant[1:-1] + significant[:-2]
    assert np.count_nonzero(of_three >= 2) / 2000 == pytest.approx(0.5, rel=0.2)


def test_alarms_a_day_need_windows_of_time() -> None:
    """Windows of rows have no number a day: the message says what to give instead."""
    with pytest.raises(InvalidDetector, match="give pValue instead"):
        PValueParameters.model_validate({"falseAlarmsPerDay": 0.1}).level(ROWS)


def test_more_alarms_than_windows_are_refused() -> None:
    """Nobody can have more false alarms than windows."""
    with pytest.raises(InvalidDetector, match="only 288 windows"):
        PValueParameters.model_validate({"falseAlarmsPerDay": 288}).level(CONTEXT)


def test_a_level_is_said_once() -> None:
    """A p-value and alarms a day contradict each other."""
    with pytest.raises(ValidationError, match="leave one out"):
        PValueParameters.model_validate({"falseAlarmsPerDay": 0.1, "pValue": 0.01})


def test_more_windows_than_are_looked_at_are_refused() -> None:
    """Three of two windows there never are."""
    with pytest.raises(ValidationError, match="which there never are"):
        PValueParameters.model_validate({"persistence": {"atLeast": 3, "of": 2}})


def test_a_distance_is_held_against_its_threshold_and_the_floor() -> None:
    """A column drifts where its distance is above its threshold and the effect-size floor; the worst is first."""
    asked = DistanceParameters.model_validate({"minDistance": 0.3})
    decision = asked.decide(np.array([0.1, 0.5, 0.1]), np.array([0.2, 0.6, 0.9]))
    assert decision.drift.tolist() == [False, True, True]
    assert decision.thresholds.tolist() == [0.3, 0.5, 0.3]
    assert decision.order.tolist() == [2, 1, 0]


def test_an_effect_that_is_too_small_is_no_drift() -> None:
    """However significant a test is, a distance below the floor does not drift, and the finding says so."""
    asked = PValueParameters.model_validate({"minDistance": 0.3})
    decision = asked.decide(0.05, np.array([0.2, 0.4]), np.array([1e-9, 1e-9]))
    assert decision.drift.tolist() == [False, True]
    assert decision.applied["minDistance"] == 0.3
