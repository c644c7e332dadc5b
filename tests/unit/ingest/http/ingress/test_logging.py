"""A refusal is a log line: what was refused, why, and from where, and nothing of the body."""

import json

import pytest
from structlog.testing import capture_logs

from tests.unit.ingest.http.ingress.asking import BATCH, HEADERS, MODES, STRUCTURED, ask, member, sent

SECRET = "my-secret"


def test_a_refusal_is_a_log_line() -> None:
    """An operator sees the status, the reason, the client and the path."""
    with capture_logs() as lines:
        ask(path="/events", headers={name: value for name, value in HEADERS.items() if name != "ce-id"})

    assert lines == [
        {
            "event": "event refused",
            "log_level": "warning",
            "status": 400,
            "reason": "not a CloudEvent: ce-id missing or empty",
            "client": "10.0.0.7",
            "path": "/events",
        }
    ]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_taken_is_no_log_line(mode: str) -> None:
    """A line for each event would be a log larger than the events."""
    headers, body = sent(mode)
    with capture_logs() as lines:
        assert ask(headers=headers, body=body).status == 200

    assert lines == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, SECRET),
        (HEADERS, SECRET * 1000),
        ({"content-type": "application/cloudevents+xml"}, SECRET),
        (STRUCTURED, SECRET),
        (STRUCTURED, f'"{SECRET}"'),
        (STRUCTURED, f'{{"data": {SECRET}'),
        (STRUCTURED, json.dumps({"data": SECRET})),
        (STRUCTURED, json.dumps({"data": {SECRET: SECRET}, "id": 5})),
        (STRUCTURED, json.dumps({**member(), "data": SECRET})),
        (STRUCTURED, json.dumps({**member(), "data_base64": SECRET + "!"})),
        (STRUCTURED, json.dumps({**member(), "data_base64": [SECRET]})),
        (STRUCTURED, json.dumps({**member(namespace="theirs"), "data_base64": None, "data": SECRET})),
        (BATCH, f"[{SECRET}]"),
        (BATCH, json.dumps([SECRET])),
        (BATCH, json.dumps({"data": SECRET})),
        (BATCH, json.dumps([{"data": SECRET}])),
    ],
)
def test_nothing_of_a_body_is_logged_or_answered(headers: dict[str, str], body: str) -> None:
    """Whatever is wrong with a request, the data of its events is nobody's business."""
    with capture_logs() as lines:
        answer = ask(headers=headers, body=body.encode(), namespaces="demo")

    assert answer.status >= 400
    assert len(lines) == 1
    assert SECRET not in str(lines) + answer.body
