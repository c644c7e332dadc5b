"""What `nilometer events` prints of an event."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from nilometer_detectors.apps.events import events_of, to_json_line, to_line
from nilometer_logger.cloudevents import (
    BATCH_HEADERS,
    PUNCTUATION_HEADERS,
    CloudEvent,
    encode_batch,
    to_json,
    to_json_batch,
)
from nilometer_logger.errors import EventError

ATTRIBUTES = {
    "specversion": "1.0",
    "id": "a1",
    "source": "http://localhost:9081/",
    "type": "org.kubeflow.serving.inference.request",
    "time": "2026-11-23T21:23:20Z",
    "namespace": "demo",
    "inferenceservicename": "iris",
    "component": "predictor",
}


def record(headers: list[tuple[str, bytes]], value: bytes | None) -> Any:
    """Returns as much of a Kafka record as is read."""
    return SimpleNamespace(headers=headers, value=value)


def test_a_batch_record_is_as_many_events_as_it_holds() -> None:
    """Whoever looks at `inferences` sees events, however they were batched."""
    events = [CloudEvent({**ATTRIBUTES, "id": name}, b"{}") for name in "abc"]
    read = events_of(record(BATCH_HEADERS, encode_batch(events)))
    assert list(read) == events


@pytest.mark.parametrize("kind", ["application/cloudevents+json", "application/cloudevents-batch+json"])
def test_what_others_wrote_is_shown_as_well(kind: str) -> None:
    """An event in structured mode, or several in a batch, may stand in a topic that others write to."""
    event = CloudEvent({**ATTRIBUTES, "datacontenttype": "application/json"}, b"{}")
    value = to_json_batch([event, event]) if "batch" in kind else to_json(event)
    read = list(events_of(record([("content-type", kind.encode())], value)))
    assert read == [event] * (2 if "batch" in kind else 1)


def test_what_is_no_event_says_so() -> None:
    """A tombstone, or whatever else stands in a topic, is an error with its reason."""
    with pytest.raises(EventError, match="not a CloudEvent: ce_specversion"):
        list(events_of(record([], None)))


def test_punctuation_is_not_shown() -> None:
    """What the worker writes into the log for itself is no event."""
    assert list(events_of(record(PUNCTUATION_HEADERS, b"x"))) == []


@pytest.mark.parametrize("hidden", ["\x9b2J", "\u202e", "\u2066", "\u2028", "\x7f", "\ufeff", "\U000e0001"])
def test_a_json_line_holds_nothing_that_a_terminal_obeys(hidden: str) -> None:
    """Escaped it is the same JSON, wherever a client has put it: into an attribute, a name or a text of the body."""
    event = CloudEvent(
        {**ATTRIBUTES, "id": f"a{hidden}b"}, json.dumps({f"x{hidden}": hidden}, ensure_ascii=False).encode()
    )

    line = to_json_line(event)

    assert line.isprintable()
    assert json.loads(line) == {**ATTRIBUTES, "id": f"a{hidden}b", "data": {f"x{hidden}": hidden}}
    assert "é" in to_json_line(CloudEvent({**ATTRIBUTES, "id": "é"}, b""))


def test_json_data_are_json() -> None:
    """A machine gets the CloudEvents JSON format: JSON data as they are, on one line."""
    line = to_json_line(CloudEvent(ATTRIBUTES, b'{"instances":\r\n[[1, 2.50, "a\\nb"]]}'))
    assert "\n" not in line
    assert "\r" not in line
    assert "2.50" in line
    assert json.loads(line) == {**ATTRIBUTES, "data": {"instances": [[1, 2.5, "a\nb"]]}}


def test_text_is_text_on_one_line() -> None:
    """A line break within a text is escaped."""
    line = to_json_line(CloudEvent({**ATTRIBUTES, "datacontenttype": "text/plain"}, b"a\nb"))
    assert "\n" not in line
    assert json.loads(line)["data"] == "a\nb"


@pytest.mark.parametrize("body", [b"\x1f\x8b\x08", b"<html>", b'{"instances": [[NaN]]}'])
def test_other_data_are_base64(body: bytes) -> None:
    """What is no strict JSON is `data_base64`, so that every line can be read by every JSON reader."""
    document = json.loads(to_json_line(CloudEvent(ATTRIBUTES, body)), parse_constant=pytest.fail)
    assert "data" not in document
    assert document["data_base64"]


def test_a_line_for_people_says_when_what_and_of_whom() -> None:
    """A person sees time, kind, stream, id and the body's beginning, on one line that fits the terminal."""
    line = to_line(CloudEvent(ATTRIBUTES, b'{"instances":\n[[' + b"1, " * 200), 120)
    assert line.startswith("2026-11-23T21:23:20Z inference.request demo/iris/predictor id=a1 {")
    assert (len(line), line[-1]) == (120, "…")


def test_a_line_holds_no_control_characters() -> None:
    """A body from outside cannot move the cursor of whoever looks at it."""
    assert "\x1b" not in to_line(CloudEvent(ATTRIBUTES, b"\x1b[2J\r\n"), 120)
