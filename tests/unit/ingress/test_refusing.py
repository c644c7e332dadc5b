"""400, 405, 413, 415: what no retry can mend, each with a line that says why."""

import pytest
from structlog.testing import capture_logs

from tests.unit.ingress.asking import HEADERS, LARGEST, Journal, ask, ready

NEVER_READ = None  # reading it would find the client gone


def without(name: str) -> dict[str, str]:
    """Returns the headers of a CloudEvent without one of them."""
    return {header: value for header, value in HEADERS.items() if header != name}


def test_a_post_that_is_no_cloudevent_is_told_what_is_missing() -> None:
    """400, and every header that a CloudEvent needs."""
    answer = ask(ready(), headers={"content-type": "application/json"})

    assert answer.status == 400
    assert answer.body == "not a CloudEvent: ce-specversion, ce-id, ce-source, ce-type missing or empty\n"


@pytest.mark.parametrize("name", ["ce-specversion", "ce-id", "ce-source", "ce-type"])
def test_each_attribute_that_is_missing_is_named(name: str) -> None:
    """400, and the one header that it lacks."""
    answer = ask(ready(), headers=without(name))

    assert (answer.status, answer.body) == (400, f"not a CloudEvent: {name} missing or empty\n")


def test_a_reason_is_plain_text() -> None:
    """Who asks by hand can read the answer, and its length is its length."""
    answer = ask(ready(), headers={})

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+json; charset=utf-8", "application/CloudEvents-batch+json"]
)
def test_structured_mode_is_told_to_use_binary_mode(content_type: str) -> None:
    """415 for a structured or batched event, whatever else its headers hold."""
    for headers in ({"content-type": content_type}, {**HEADERS, "content-type": content_type}):
        answer = ask(ready(), headers=headers)

        assert answer.status == 415
        assert "send it in binary mode" in answer.body


def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    """413 as soon as the limit is passed, and the connection is closed under what still comes."""
    journal = Journal()

    answer = ask(ready(journal), body=[b"x" * LARGEST, b"x", NEVER_READ])

    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert f"larger than {LARGEST} bytes" in answer.body
    assert journal.kept == []


def test_attributes_count() -> None:
    """413 for an event that is too large with its attributes, because a record holds both."""
    answer = ask(ready(), headers={**HEADERS, "ce-note": "x" * LARGEST})

    assert answer.status == 413
    assert "with its attributes" in answer.body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_told_to_post(method: str) -> None:
    """405, with the method that is allowed, on the paths of the probes as well."""
    for path in ("/", "/healthz"):
        answer = ask(ready(), method, path)

        assert answer.status == 405
        assert answer.headers["allow"] == "POST"
        assert "POST a CloudEvent" in answer.body


def test_a_get_elsewhere_is_told_what_there_is() -> None:
    """405 for who looks with a browser."""
    answer = ask(ready(), "GET", "/")

    assert answer.status == 405
    assert "/healthz" in answer.body


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_only_http_is_answered(kind: str) -> None:
    """What is no HTTP request is passed over."""
    journal = Journal()

    assert ask(ready(journal), kind=kind) is None
    assert journal.kept == []


def test_a_refusal_is_a_log_line() -> None:
    """An operator sees what was refused, why, and from where, and nothing of the body."""
    with capture_logs() as lines:
        ask(ready(), path="/events", headers=without("ce-id"), body=b"secret")

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


@pytest.mark.parametrize("body", [[None], [b"half", None]])
def test_a_client_that_goes_away_is_answered_nothing(body: list[bytes | None]) -> None:
    """Half a request is no event, and there is nobody to tell."""
    journal = Journal()

    assert ask(ready(journal), body=body) is None
    assert journal.kept == []
