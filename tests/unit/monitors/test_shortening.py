"""Findings that are too large for a record are shortened, and something fits always."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.monitors.shortening import MOST_BLAMED, fit, worst
from nilometer_logger.cloudevents import CloudEvent

WINDOW = {"start": "2026-11-23T21:00:00Z", "end": "2026-11-23T21:00:15Z", "closedBy": "watermark"}
LEAST = 12_000


def finding(kind: str, body: dict[str, Any], **attributes: str) -> CloudEvent:
    """Returns a finding with a body."""
    facts = {"specversion": "1.0", "id": "a1", "source": "/nilometer/demo/iris", "type": f"io.nilometer.{kind}"}
    return CloudEvent({**facts, "verdict": "drift", **attributes}, json.dumps(body).encode())


def size(event: CloudEvent) -> int:
    """Counts data and attributes, as the bound does."""
    return len(event.data) + sum(len(name) + len(value.encode()) for name, value in event.attributes.items())


def drift_of(columns: dict[str, dict[str, Any]]) -> CloudEvent:
    """Returns a finding of drift over columns, each a kilobyte."""
    padded = {name: {**facts, "more": "x" * 1000} for name, facts in columns.items()}
    return finding("drift", {"window": WINDOW, "drift": True, "pValue": 1e-9, "features": padded})


def test_what_fits_stays_as_it_is() -> None:
    """To the byte, with its attributes."""
    event = finding("statistics", {"window": WINDOW, "features": {"x": {"count": 1}}})
    assert fit(event, size(event)) is event
    assert fit(event, size(event) - 1) is not event


def test_the_worst_columns_of_drift_stay_whole() -> None:
    """Drifting columns by p-value, then what was not judged, then the others; those left out are counted by verdict."""
    columns = {
        "calm": {"drift": False, "pValue": 0.9},
        "silent": {"drift": None, "reason": "too few"},
        "bad": {"drift": True, "pValue": 1e-4},
        "uneasy": {"drift": False, "pValue": 0.1},
        "worst": {"drift": True, "pValue": 1e-9},
    }
    event = drift_of(columns)
    body = json.loads(fit(event, 5_000).data)

    assert list(body["features"]) == ["worst", "bad", "silent"]
    assert body["features"]["worst"]["more"] == "x" * 1000
    assert body["shortened"] == {
        "bytes": len(event.data),
        "features": {"columns": 5, "shown": 3, "notShown": {"drift": 0, "ok": 2, "notJudged": 0}},
        "whole": "nilometer replay inferences --monitor FILE --from 2026-11-23T20:59:45Z",
    }
    assert (body["drift"], body["pValue"], body["window"]) == (True, 1e-9, WINDOW)


def test_without_a_p_value_distances_count_by_their_thresholds() -> None:
    """Twice the threshold is worse than one and a half times, whatever the distance."""
    columns = {
        "far": {"drift": True, "distance": 15.0, "threshold": 10.0},
        "further": {"drift": True, "distance": 0.2, "threshold": 0.1},
        "endless": {"drift": True, "distance": None, "threshold": 0.1},
        "near": {"drift": False, "distance": 0.0, "threshold": 0.1},
    }
    assert list(json.loads(fit(drift_of(columns), 4_400).data)["features"]) == ["endless", "further"]


def test_statistics_show_the_columns_with_most_missing_values() -> None:
    """Missing and infinite values together; columns alike keep the order of the schema."""
    columns = {
        name: {"missing": missing, "infinite": infinite, "more": "x" * 1000}
        for name, missing, infinite in [("a", 0, 0), ("b", 0, 0), ("c", 2, 3), ("d", 4, 0), ("e", 0, 0)]
    }
    body = json.loads(
        fit(finding("statistics", {"window": WINDOW, "features": columns, "predictions": {}}), 5_200).data
    )

    assert list(body["features"]) == ["c", "d", "a"]
    assert body["predictions"] == {}
    assert body["shortened"]["features"] == {"columns": 5, "shown": 3}


def test_a_small_half_is_not_pushed_out_by_a_large_one() -> None:
    """Predictions are few, and stay beside thousands of features; of two large halves each has its share."""
    column = {"missing": 0, "more": "x" * 100}
    features = {f"f{number}": column for number in range(1000)}
    few = finding("statistics", {"window": WINDOW, "features": features, "predictions": {"class": column}})
    many = finding("statistics", {"window": WINDOW, "features": features, "predictions": features})

    assert list(json.loads(fit(few, 20_000).data)["predictions"]) == ["class"]
    body = json.loads(fit(many, 20_000).data)
    assert abs(len(body["features"]) - len(body["predictions"])) <= 1
    assert len(body["features"]) > 50


def test_verdict_and_id_stay_when_names_and_reasons_are_cut() -> None:
    """Texts and long attributes are cut; attributes that differed differ still."""
    body = {"window": WINDOW, "drift": None, "reason": "r" * 100_000, "features": {"n" * 100_000: {"drift": None}}}
    first, second = (finding("drift", body, endpoint="e" * 100_000 + last) for last in "12")
    shorter, other = fit(first, LEAST), fit(second, LEAST)

    assert size(shorter) <= LEAST
    assert (shorter["id"], shorter["verdict"], shorter["type"]) == ("a1", "drift", "io.nilometer.drift")
    assert shorter["endpoint"] != other["endpoint"]
    told = json.loads(shorter.data)
    assert told["reason"].startswith("rrr")
    assert told["features"] == {}
    assert told["shortened"]["features"] == {
        "columns": 1,
        "shown": 0,
        "notShown": {"drift": 0, "ok": 0, "notJudged": 1},
    }


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=50).map(lambda text: text * 200),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=20), inner, max_size=30),
    max_leaves=40,
)


@settings(deadline=None, max_examples=60)
@given(
    body=st.dictionaries(st.sampled_from(["features", "predictions", "window", "detector", "time", "x"]), ANYTHING),
    endpoint=st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(lambda text: text * 1000),
)
def test_something_fits_always(body: dict[str, Any], endpoint: str) -> None:
    """Whatever a detector says, the finding is JSON, fits, keeps its id, and says that it was shortened."""
    event = finding("drift", body, endpoint=endpoint, subject=endpoint, partitionkey=endpoint)
    shorter = fit(event, LEAST)

    assert size(shorter) <= LEAST
    assert shorter["id"] == "a1"
    assert "shortened" in json.loads(shorter.data) or shorter is event


@pytest.mark.parametrize("data", [b"", b"[1]", b"\xff" * 20_000, b"[" * 20_000])
def test_what_is_no_finding_fits_as_well(data: bytes) -> None:
    """A body that nobody can read stops nothing."""
    event = CloudEvent({"specversion": "1.0", "id": "a1", "source": "/s", "type": "t"}, data)
    assert size(fit(event, LEAST)) <= LEAST


def test_a_row_blames_the_worst_features_only() -> None:
    """Those with the highest scores, an infinite one first; what is few stays in its order."""
    features: dict[str, dict[str, object]] = {f"f{number}": {"score": float(number)} for number in range(1000)}
    features["strange"] = {"score": None}
    named = list(worst(features))

    assert len(named) == MOST_BLAMED
    assert named[:3] == ["strange", "f999", "f998"]
    assert list(worst({"a": {"score": 1.0}, "b": {"score": 2.0}})) == ["a", "b"]
