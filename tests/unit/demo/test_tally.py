"""The demo's own judgement: what it counts as found, missed and false, however findings arrive."""

import json
from typing import Any

from nilometer_detectors.demo.story import Phase, Prediction
from nilometer_detectors.demo.tally import Tally
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.times import parse_time

SWITCH = parse_time("2026-11-23T21:00:15Z")
MILLISECOND = 1_000_000


def prediction(phase: Phase, impossible: str | None = None) -> Prediction:
    """Returns a prediction of which only the phase, and what is wrong with it, matter."""
    return Prediction(0.0, phase, (5.1, 3.5, 1.4, 0.2), impossible, "v1")


def finding(kind: str, verdict: str, body: dict[str, Any], event_id: str = "", cause: str = "") -> CloudEvent:
    """Returns a finding as delivery sends it."""
    attributes = {
        "id": event_id or json.dumps(body),
        "type": f"io.nilometer.{kind}",
        "verdict": verdict,
        "causationid": cause,
    }
    return CloudEvent(attributes, json.dumps(body).encode())


def drift(end: str, verdict: str = "drift") -> CloudEvent:
    """Returns a drift finding of the five seconds up to a second of the minute."""
    window = {"start": f"2026-11-23T21:00:{int(end) - 5:02}Z", "end": f"2026-11-23T21:00:{end}Z"}
    body = {"window": window, "pValue": 1e-9, "features": {"petal_length": {"drift": verdict == "drift"}}}
    return finding("drift", verdict, body)


def outlier(cause: str, event_id: str = "") -> CloudEvent:
    """Returns an outlier finding about a request."""
    return finding("outlier", "outlier", {"features": {"petal_length": {"value": 30.0}}}, event_id, cause)


def told() -> Tally:
    """Returns the tally of a story told to its end, with one outlier, before anything is found."""
    tally = Tally()
    tally.sent(prediction(Phase.NORMAL), "normal", SWITCH - 10)
    tally.sent(prediction(Phase.OUTLIERS, "a petal of 30 cm"), "strange", SWITCH - 5)
    tally.sent(prediction(Phase.INCHES), "inches", SWITCH)
    return tally


def test_the_story_as_it_should_be() -> None:
    """Drift after the switch and every outlier, and nothing else: complete, without a fault."""
    tally = told()

    tally.take(drift("15", "ok"), SWITCH)
    tally.take(outlier("strange"), SWITCH - 5 + 7 * MILLISECOND)
    tally.take(drift("20"), SWITCH)

    assert tally.complete
    assert tally.faults() == []
    assert ("outliers found", "1 of 1, 7 ms after the request (median)") in tally.summary({}, 60)
    assert ("drift raised", "in the window 21:00:15-21:00:20") in tally.summary({}, 60)


def test_drift_that_is_never_found_is_a_fault() -> None:
    """Without drift the demo has failed, however many windows were judged ok."""
    tally = told()

    tally.take(outlier("strange"), SWITCH)
    tally.take(drift("20", "ok"), SWITCH)

    assert not tally.complete
    assert tally.faults() == ["Drift was not found after the switch to inches"]


def test_drift_before_the_switch_is_a_false_alarm() -> None:
    """A window that ended before the first row in inches left cannot have drifted; a later one does not mend it."""
    tally = told()

    tally.take(outlier("strange"), SWITCH)
    tally.take(drift("15"), SWITCH)
    tally.take(drift("20"), SWITCH)

    assert tally.faults() == ["Drift was raised before the switch, in 21:00:10-21:00:15"]


def test_missed_and_invented_outliers_are_faults() -> None:
    """An impossible row that nobody reported, and a report of a normal row, are both named."""
    tally = told()

    tally.take(outlier("normal"), SWITCH)
    tally.take(drift("20"), SWITCH)

    assert tally.faults() == [
        "Outliers were missed: a petal of 30 cm",
        "Normal rows were called outliers: petal_length = 30",
    ]


def test_a_finding_that_comes_twice_counts_once() -> None:
    """Delivery is at least once, and the same id is the same finding."""
    tally = told()

    assert tally.take(outlier("strange", "an id"), SWITCH) is not None
    assert tally.take(outlier("strange", "an id"), SWITCH + 60_000 * MILLISECOND) is None
    assert tally.found == {"strange": 5}


def test_after_the_story_nothing_is_judged() -> None:
    """What a user of --keep sends is shown, and changes no verdict."""
    tally = told()
    tally.over = True
    before = tally.faults()

    assert tally.take(outlier("a request of the user's"), SWITCH) == "outlier: petal_length = 30"
    tally.take(drift("10"), SWITCH)

    assert tally.false_alarms == tally.false_outliers == []
    assert before
