"""Findings: the events that leave, as subscribers and Triggers see them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cloudevents.pydantic import CloudEvent as SdkEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.monitors.files.loader import load_monitor
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_logger.cloudevents import CloudEvent, check, to_http
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.engine.protocol import ClosedBy, ClosedWindow
from nilometer_logger.rows import Rows
from nilometer_logger.times import SECOND
from tests.judging import INF, NAN, STREAM, baseline_of, closed, declaration, normal, rows_of, schema_of, write

SCHEMA = schema_of("numeric", "numeric", "categorical")


def monitor_in(directory: Path, *, tolerant: bool = False, **spec: Any) -> CompiledMonitor:
    """Returns a monitor over two numbers and a colour, with a z-score and a KS test."""
    values = np.column_stack([normal(300), np.tile([0.0, 1.0], 150)])
    baseline_of(values, SCHEMA, predictions=values[:, 0]).save(directory / "base")
    detectors = {
        "outliers": [{"name": "range", "detector": "zscore", "threshold": 5}],
        "drift": [{"name": "ks", "detector": "ks", "minRows": 20}],
    }
    document = declaration(**{"schema": None, "baseline": {"path": "base"}, **detectors, **spec})
    return load_monitor(write(directory / "monitor.yaml", document), tolerant=tolerant)


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> CompiledMonitor:
    """A monitor with both kinds of detectors."""
    return monitor_in(tmp_path_factory.mktemp("monitor"))


def features(rows: int = 50, shift: float = 0.0, identity: int = 7) -> Rows:
    """Returns rows of requests."""
    values = np.column_stack([normal(rows, seed=5, shift=shift), np.zeros(rows)])
    return rows_of(values, SCHEMA, identity=identity)


def findings(
    monitor: CompiledMonitor, *blocks: Rows, window: ClosedWindow | None = None, stream: Stream = STREAM
) -> list[CloudEvent]:
    """Returns what a monitor makes of a window of some rows."""
    state = monitor.open()
    for block in blocks:
        state.update(block)
    return list(monitor.close(stream, window or closed(), state, monitor.remember()))


def body(event: CloudEvent) -> Any:
    """Reads a finding with a reader that takes no NaN."""
    return json.loads(event.data, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


def test_a_window_closes_into_one_finding_of_each_kind(monitor: CompiledMonitor) -> None:
    """A closed window gives its statistics, and one answer of each drift detector, drift or not."""
    events = findings(monitor, features())
    assert [(event["type"], event.attributes.get("detector")) for event in events] == [
        ("io.nilometer.statistics", None),
        ("io.nilometer.drift", "ks"),
    ]


def test_statistics_say_what_the_window_was(monitor: CompiledMonitor) -> None:
    """The statistics tell the window, how it closed, and the rows of both halves."""
    answers = rows_of(normal(40, 1), schema_of("numeric"), half="response")
    said = body(findings(monitor, features(), answers, window=closed())[0])
    assert said["window"] == {
        "start": "2026-11-23T21:00:00Z",
        "end": "2026-11-23T21:00:15Z",
        "closedBy": "watermark",
        "watermark": "2026-11-23T21:00:15Z",
        "firstEventTime": "2026-11-23T21:00:00Z",
        "lastEventTime": "2026-11-23T21:00:14Z",
    }
    assert (said["rows"], said["predictionRows"]) == (50, 40)
    assert list(said["features"]) == ["a", "b", "c"]
    assert list(said["features"]["a"]) == ["count", "missing", "infinite", "mean", "stddev", "min", "max", "histogram"]
    assert list(said["features"]["c"]) == ["count", "missing", "histogram"]
    assert said["features"]["c"]["histogram"] == {"categories": ["red", "green"], "counts": [50, 0], "unseen": 0}
    assert said["predictions"]["score"]["count"] == 40


def test_findings_say_how_sure_they_are(monitor: CompiledMonitor) -> None:
    """Every finding on a window tells what came too late, came twice or was not answered, and whether it is whole."""
    for event in findings(monitor, features()):
        said = body(event)
        assert (said["rows"], said["partial"], said["tooSmall"]) == (50, False, False)
        assert (said["lateSinceLast"], said["duplicatesSinceLast"], said["unanswered"]) == (0, 0, None)
        assert "late" not in said
    facts = {
        "late_since_last": 21,
        "late_by": (1, 2, 3, 4, 5, 6),
        "latest": 5000 * SECOND + SECOND // 2,
        "duplicates_since_last": 8,
        "unanswered": 0,
    }
    for event in findings(monitor, features(), window=closed(**facts)):
        said = body(event)
        assert (said["lateSinceLast"], said["duplicatesSinceLast"], said["unanswered"]) == (21, 8, 0)
        by = {"upTo1s": 1, "upTo10s": 2, "upTo1m": 3, "upTo10m": 4, "upTo1h": 5, "over1h": 6}
        assert said["late"] == {**by, "latestSeconds": 5000.5}


@pytest.mark.parametrize(("shift", "verdict", "severity"), [(0.0, "ok", "info"), (2.0, "drift", "warning")])
def test_drift_can_be_routed_on(monitor: CompiledMonitor, shift: float, verdict: str, severity: str) -> None:
    """The verdict stands in the attributes, where a Trigger can see it, and in the body."""
    event = findings(monitor, features(shift=shift))[1]
    assert (event["verdict"], event["severity"]) == (verdict, severity)
    said = body(event)
    assert said["drift"] is (verdict == "drift")
    assert said["detector"] == {"name": "ks", "type": "ks"}
    assert said["rows"] == 50
    assert set(said["features"]["a"]) == {"drift", "distance", "pValue", "threshold", "count", "missing"}
    assert "reason" not in said


def test_too_few_rows_are_said(monitor: CompiledMonitor) -> None:
    """A window that is too small to judge is no "ok": its verdict is nodata, with the reason."""
    event = findings(monitor, features(5))[1]
    assert event["verdict"] == "nodata"
    said = body(event)
    assert said["drift"] is None
    assert said["reason"] == "5 rows, fewer than minRows (20)"
    assert said["pValue"] is None


def test_an_empty_window_is_said(monitor: CompiledMonitor) -> None:
    """A window of predictions only has statistics without features, and no verdict on them."""
    statistics, drift = findings(monitor, rows_of(normal(3, 1), schema_of("numeric"), half="response"))
    assert (body(statistics)["rows"], body(statistics)["features"]["a"]["mean"]) == (0, None)
    assert drift["verdict"] == "nodata"


def test_a_partial_window_is_reported_and_not_judged(monitor: CompiledMonitor) -> None:
    """Of a window in which the monitor started, statistics are marked and drift is not judged."""
    statistics, drift = findings(monitor, features(shift=9.0), window=closed(partial=True))
    assert body(statistics)["partial"] is True
    assert drift["verdict"] == "nodata"
    assert "only a part" in body(drift)["reason"]


def test_a_window_that_was_cut_is_not_judged(monitor: CompiledMonitor) -> None:
    """Where the input ended inside a window, its drift finding says that; one that was whole by then is judged."""
    cut = findings(monitor, features(), window=closed(closed_by="drained", partial=True))[1]
    assert (cut["verdict"], body(cut)["window"]["closedBy"]) == ("nodata", "drained")
    assert "the input ended inside the window" in body(cut)["reason"]
    assert findings(monitor, features(), window=closed(closed_by="drained"))[1]["verdict"] == "ok"


@pytest.mark.parametrize(("lost", "expected"), [(1, "1 record of the log was lost"), (7, "7 records of the log were")])
@pytest.mark.parametrize("closed_by", ["watermark", "drained"])
def test_a_window_that_may_have_lost_rows_is_not_judged(
    monitor: CompiledMonitor, lost: int, expected: str, closed_by: ClosedBy
) -> None:
    """Where records of the log were lost, every finding says how many, and drift is not judged, whatever closed it."""
    window = closed(partial=True, lost_records=lost, closed_by=closed_by)
    statistics, drift = findings(monitor, features(shift=9.0), window=window)
    assert (body(statistics)["lostRecords"], body(drift)["lostRecords"]) == (lost, lost)
    assert drift["verdict"] == "nodata"
    assert body(drift)["reason"].startswith(expected)


@pytest.mark.parametrize(("rows", "small"), [(59, True), (60, False)])
def test_a_window_that_is_too_small_is_reported_and_not_judged(tmp_path: Path, rows: int, small: bool) -> None:
    """Below the monitor's minRows statistics are marked, and drift has no verdict and names both numbers."""
    monitor = monitor_in(tmp_path, windows={"size": "15s", "minRows": 60})
    statistics, drift = findings(monitor, features(rows, shift=9.0))
    assert (body(statistics)["rows"], body(statistics)["tooSmall"], body(drift)["tooSmall"]) == (rows, small, small)
    assert drift["verdict"] == ("nodata" if small else "drift")
    assert body(drift).get("reason") == ("59 rows, fewer than windows.minRows (60)" if small else None)


def test_an_outlier_names_its_request(monitor: CompiledMonitor) -> None:
    """An outlier finding names the request, the row and the features that made it one, with what was expected."""
    rows = features()
    rows.values[7, 0] = 99.0
    (event,) = monitor.score(STREAM, rows, monitor.remember())
    assert event["type"] == "io.nilometer.outlier"
    assert (event["verdict"], event["severity"], event["detector"]) == ("outlier", "warning", "range")
    assert (event["causationid"], event["time"]) == ("request-7", "2026-11-23T21:00:07Z")
    assert event["subject"] == "demo/iris/predictor/default/request-7"
    said = body(event)
    assert (said["request"], said["row"], said["time"]) == ("request-7", 0, "2026-11-23T21:00:07Z")
    assert (said["outlier"], said["threshold"]) == (True, 5.0)
    assert said["detector"] == {"name": "range", "type": "zscore"}
    assert list(said["features"]) == ["a"]
    assert said["features"]["a"]["value"] == 99.0
    low, high = said["features"]["a"]["expected"]
    assert low < 0 < high < 99
    assert said["score"] == said["features"]["a"]["score"] > 5


def test_normal_rows_and_responses_give_no_outliers(monitor: CompiledMonitor) -> None:
    """Normal rows give nothing; the rows of responses are not an outlier detector's to judge."""
    assert not monitor.score(STREAM, features(), monitor.remember())
    assert not monitor.score(STREAM, rows_of([[1e9]], schema_of("numeric"), half="response"), monitor.remember())


def test_what_json_cannot_say_is_null_with_a_reason(monitor: CompiledMonitor) -> None:
    """An infinite value and its score are null, and a reason stands beside them."""
    (event,) = monitor.score(STREAM, rows_of([[INF, 0.0, NAN]], SCHEMA), monitor.remember())
    said = body(event)["features"]["a"]
    assert (said["value"], said["score"], said["reason"]) == (None, None, "the value is infinite")


def test_every_finding_is_a_cloudevent(monitor: CompiledMonitor) -> None:
    """Every finding has the attributes of a CloudEvent and those that routing needs, none of them empty."""
    rows = features(shift=9.0)
    for event in [*findings(monitor, rows), *monitor.score(STREAM, rows, monitor.remember())]:
        check(event.attributes)
        assert all(event.attributes.values())
        assert event["source"] == "/nilometer/demo/iris"
        assert event["datacontenttype"] == "application/json"
        assert event["partitionkey"] == str(STREAM)
        assert event["monitor"] == "demo/iris"
        named = [event[name] for name in ("namespace", "inferenceservicename", "component", "endpoint")]
        assert named == list(STREAM)
        assert "detectedtime" not in event.attributes
        SdkEvent(attributes=event.attributes, data=event.data)
        assert to_http(event)[0]["ce-type"] == event["type"]


def test_empty_attributes_are_left_out(monitor: CompiledMonitor) -> None:
    """CloudEvents forbids empty values: a stream without an endpoint has no such attribute."""
    event = findings(monitor, features(), stream=Stream("demo", "iris", "predictor", ""))[0]
    assert "endpoint" not in event.attributes
    assert event["subject"] == "demo/iris/predictor/"


def test_the_same_finding_has_the_same_id(monitor: CompiledMonitor) -> None:
    """What is found twice, as after a crash, has one id, whatever the order and batching of rows."""
    rows = features(shift=9.0)
    first = [event["id"] for event in findings(monitor, rows)]
    again = [event["id"] for event in findings(monitor, rows.take(np.arange(20)), rows.take(np.arange(20, 50)))]
    assert first == again
    assert [e["id"] for e in monitor.score(STREAM, rows, monitor.remember())] == [
        e["id"] for e in monitor.score(STREAM, rows, monitor.remember())
    ]


def test_other_findings_have_other_ids(monitor: CompiledMonitor, tmp_path: Path) -> None:
    """Another window, stream, row, detector or monitor is another finding."""
    later = closed(start=closed().end, end=closed().end + 15 * SECOND)
    rows = features(shift=9.0)
    other = monitor_in(tmp_path, drift=[{"name": "ks", "detector": "ks", "minRows": 21}])
    ids = [
        event["id"]
        for events in (
            findings(monitor, rows),
            findings(monitor, rows, window=later),
            findings(monitor, rows, window=closed(closed_by="drained", partial=True)),
            findings(monitor, rows, stream=Stream("demo", "iris", "predictor", "canary")),
            findings(other, rows),
            monitor.score(STREAM, rows, monitor.remember()),
        )
        for event in events
    ]
    assert len(set(ids)) == len(ids)


def test_windows_of_rows_have_ids_of_their_own(monitor: CompiledMonitor) -> None:
    """A request of many like rows fills several windows with the same bounds: each is another finding."""

    def ids() -> list[str]:
        """Finds three windows that differ in nothing but their number."""
        bounds = {"end": closed().start + 1, "closed_by": "count"}
        windows = [closed(**bounds, number=number) for number in range(3)]
        return [event["id"] for window in windows for event in findings(monitor, features(20), window=window)]

    assert len(set(ids())) == len(ids()) == 6
    assert ids() == ids()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(), st.sampled_from([NAN, INF, -INF, 0.0, 1e308]), st.sampled_from([NAN, -1.0, 0.0, 1.0])),
        max_size=40,
    )
)
def test_bodies_are_always_json(monitor: CompiledMonitor, values: list[Any]) -> None:
    """Whatever values come, every body of every finding is valid JSON."""
    rows = rows_of(np.array(values, dtype=np.float64).reshape(-1, 3), SCHEMA)
    for event in [*findings(monitor, rows), *monitor.score(STREAM, rows, monitor.remember())]:
        assert "failed" not in str(body(event).get("reason"))  # a detector that raised would hide behind its reason


def test_a_state_of_another_kind_is_refused(monitor: CompiledMonitor) -> None:
    """A state that the monitor did not open is a bug of its driver, and is not judged."""
    with pytest.raises(TypeError, match="are none of this monitor's"):
        monitor.close(STREAM, closed(), object(), monitor.remember())  # type: ignore[arg-type]
