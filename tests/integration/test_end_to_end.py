"""The main job: what KServe's own server answered and its own logger reported, becomes drift on Knative's own display."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.times import SECOND, format_time, parse_time
from tests.integration.peers import Agent, DisplayedEvent, EventDisplay
from tests.integration.stack import (
    FEATURES,
    Stack,
    eventually,
    make_baseline,
    measurements,
    model_server,
    predict,
    read_topic,
    write_monitor,
)

WINDOW = SECOND
DRIFT = (
    "{name: ks, detector: ks, pValue: 0.0001, correction: bonferroni, minRows: 30}",
    "{name: ks-32, detector: ks, compatibility: alibi-detect, pValue: 0.0001, correction: bonferroni, minRows: 30}",
    "{name: alibi-ks, detector: alibi.KSDrift, pValue: 0.0001, correction: bonferroni, minRows: 30}",
)


@dataclass
class Story:
    """What was sent, and what came of it."""

    sent: dict[str, Sequence[float]]
    logged: list[CloudEvent]
    displayed: list[DisplayedEvent]

    def findings(self, kind: str, detector: str | None = None) -> list[DisplayedEvent]:
        """Returns what event_display printed of one type, and of one detector."""
        return [
            event
            for event in self.displayed
            if event.attributes["type"] == f"io.nilometer.{kind}"
            and (detector is None or event.attributes["detector"] == detector)
        ]


@pytest.fixture(scope="module")
def story(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory, peer: Callable[..., None]) -> Iterator[Story]:
    """Sends 200 normal and 200 shifted predictions by v1 and by v2, and waits until the last window has arrived."""
    peer("agent", "event_display")
    directory = tmp_path_factory.mktemp("end-to-end")
    port = free_port()
    monitors = write_monitor(directory, make_baseline(directory), size="1s", drift=DRIFT)
    normal, shifted = measurements(200)
    with (
        EventDisplay(directory) as display,
        Stack(kafka.bootstrap, "e2e-", directory, monitors, display.url) as stack,
        model_server(directory, port) as server,
    ):
        server.wait_for_port(port)
        with Agent(log_url=stack.url, component_port=port, directory=directory) as agent:
            sent = {}
            for name, rows in (("normal", normal), ("shifted", shifted)):
                for protocol in ("v1", "v2"):
                    sent |= predict(agent.url, rows, protocol, f"{name}-{protocol}")
            logged = eventually(
                lambda: (
                    (found := read_topic(kafka.bootstrap, "e2e-inferences")) and len(found) >= 2 * len(sent) and found
                ),
                "every request and response in Kafka",
            )
            ends = {window_of(event) + WINDOW for event in logged}
            eventually(
                lambda: (
                    {
                        event.attributes["time"]
                        for event in display.events("io.nilometer.drift")
                        if event.attributes["detector"] == "alibi-ks"
                    }
                    >= {format_time(end) for end in ends}
                ),
                "a drift event of the last window",
            )
            yield Story(sent, logged, display.events())


def window_of(event: CloudEvent) -> int:
    """Tells the start of an event's window."""
    time = parse_time(event["time"])
    return time - time % WINDOW


def test_every_inference_is_logged_once(story: Story) -> None:
    """Each of the 800 predictions gives one request and one response in Kafka."""
    halves = sorted((event["id"], event["type"].rpartition(".")[2]) for event in story.logged)
    assert halves == sorted((name, half) for name in story.sent for half in ("request", "response"))


def test_each_window_has_one_finding_of_statistics(story: Story) -> None:
    """A window closes once, and every window that has rows closes."""
    ends = sorted({format_time(window_of(event) + WINDOW) for event in story.logged})
    assert sorted(event.attributes["time"] for event in story.findings("statistics")) == ends


def test_statistics_are_those_of_what_was_sent(story: Story) -> None:
    """Count, mean, stddev, min and max of each window equal those computed directly from the rows that were sent."""
    rows: dict[str, list[Sequence[float]]] = defaultdict(list)
    for event in story.logged:
        if event["type"].endswith(".request"):
            rows[format_time(window_of(event) + WINDOW)].append(story.sent[event["id"]])
    for finding in story.findings("statistics"):
        expected = rows[finding.attributes["time"]]
        assert finding.data["rows"] == len(expected)
        for place, name in enumerate(FEATURES):
            check_feature(finding.data["features"].get(name), [row[place] for row in expected])


def check_feature(found: dict[str, Any], values: list[float]) -> None:
    """Compares one feature's statistics with those of Python's own library."""
    assert found["count"] == len(values)
    if not values:
        return
    assert found["min"] == min(values)
    assert found["max"] == max(values)
    assert found["mean"] == pytest.approx(statistics.fmean(values), rel=1e-12)
    if len(values) > 1:
        assert found["stddev"] == pytest.approx(statistics.stdev(values), rel=1e-9)
    histogram = found["histogram"]
    assert histogram["below"] + sum(histogram["counts"]) + histogram["above"] == len(values)
    edges = histogram["edges"]
    assert histogram["below"] == sum(value < edges[0] for value in values)
    assert histogram["above"] == sum(value > edges[-1] for value in values)


def test_predictions_are_counted_too(story: Story) -> None:
    """Every response's prediction is in the window of the response."""
    counted = sum(event.data["predictions"]["class"]["count"] for event in story.findings("statistics"))
    assert counted == len(story.sent)


@pytest.mark.parametrize("detector", ["ks", "ks-32", "alibi-ks"])
def test_drift_appears_after_the_shift_and_not_before(story: Story, detector: str) -> None:
    """Knative's event display shows drift for the windows that hold only shifted rows, and for no normal window."""
    shifted_by_window: dict[str, set[bool]] = defaultdict(set)
    for event in story.logged:
        if event["type"].endswith(".request"):
            shifted_by_window[format_time(window_of(event) + WINDOW)].add(event["id"].startswith("shifted"))
    verdicts = {event.attributes["time"]: event.attributes["verdict"] for event in story.findings("drift", detector)}
    normal = {verdicts[end] for end, shifted in shifted_by_window.items() if shifted == {False}}
    shifted = {verdicts[end] for end, shifted in shifted_by_window.items() if shifted == {True}}
    assert "ok" in normal
    assert normal <= {"ok", "nodata"}
    assert "drift" in shifted
    assert shifted <= {"drift", "nodata"}


def test_both_detectors_give_the_same_p_values(story: Story) -> None:
    """Our Kolmogorov-Smirnov test, asked for that, and alibi-detect's agree on every window to the bit."""
    ours = {event.attributes["time"]: event.data for event in story.findings("drift", "ks-32")}
    theirs = {event.attributes["time"]: event.data for event in story.findings("drift", "alibi-ks")}
    assert ours.keys() == theirs.keys()
    judged = [end for end in ours if ours[end]["pValue"] is not None]
    assert judged
    for end in judged:
        for name in FEATURES:
            assert theirs[end]["features"][name]["pValue"] == ours[end]["features"][name]["pValue"]


def test_the_drift_event_can_be_routed_by_its_attributes(story: Story) -> None:
    """A Trigger finds in the attributes all that it may filter on, since it cannot look into the data."""
    drift = next(event for event in story.findings("drift", "ks") if event.attributes["verdict"] == "drift")
    wanted = {
        "specversion": "1.0",
        "type": "io.nilometer.drift",
        "source": "/nilometer/demo/iris",
        "monitor": "demo/iris",
        "inferenceservicename": "iris",
        "namespace": "demo",
        "component": "predictor",
        "detector": "ks",
        "datacontenttype": "application/json",
    }
    assert wanted.items() <= drift.attributes.items()
    assert parse_time(drift.attributes["detectedtime"]) >= parse_time(drift.attributes["time"])


def test_no_finding_has_two_ids_and_no_id_two_findings(story: Story) -> None:
    """The same id means the same finding, however often it was delivered."""
    by_id: dict[str, set[str]] = defaultdict(set)
    for event in story.displayed:
        by_id[event.attributes["id"]].add(str(event.data))
    assert all(len(bodies) == 1 for bodies in by_id.values())
    assert len(by_id) == len(
        {(e.attributes["type"], e.attributes["time"], e.attributes.get("detector")) for e in story.displayed}
    )
