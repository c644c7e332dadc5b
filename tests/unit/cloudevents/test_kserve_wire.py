"""What KServe's logger really sends, which the CloudEvents specification would not lead one to expect."""

import json

import pytest

from nilometer_logger.cloudevents import from_http
from tests.unit.captures import Capture, capture, captures

EVERY = captures("v0.20.0") + captures("v0.13.1")


@pytest.mark.parametrize("found", EVERY, ids=lambda found: f"{found.story} {found.half}")
def test_every_event_is_taken_with_its_body_untouched(found: Capture) -> None:
    """JSON, JSON with raw tensors, gzip, a stream or nothing: the body is the bytes that came."""
    assert from_http(found.headers, found.body).data == found.body


def test_both_halves_share_id_and_source() -> None:
    """Only the type and the time tell a request from its response."""
    request, response = (capture("v1 json", half) for half in ("request", "response"))
    asked, answered = (from_http(found.headers, found.body).attributes for found in (request, response))

    differing = {name for name in asked | answered if asked.get(name) != answered.get(name)}
    assert differing == {"type", "time", "recordedtime"}


def test_metadata_is_raw_json_and_stays_as_it_is() -> None:
    """A ``%20`` that a client sent within JSON is the client's: decoding it would change the value."""
    found = capture("v1 with Ce-Id", "request")

    metadata = from_http(found.headers, found.body)["metadata"]

    assert json.loads(metadata) == {"X-Request-Id": ['a b%20c"qé']}


def test_annotations_are_utf8_without_any_encoding() -> None:
    """Letters beyond ASCII come as UTF-8 bytes, and a percent sign stands for itself."""
    found = capture("v1 json", "request")

    annotations = from_http(found.headers, found.body)["annotations"]

    assert json.loads(annotations) == {"team": 'naïve "q" 50%'}


def test_an_empty_endpoint_is_no_attribute() -> None:
    """KServe sends `ce-endpoint` without a value; CloudEvents has no empty attributes."""
    found = capture("v1 json", "request")

    assert (b"ce-endpoint", b"") in found.headers
    assert "endpoint" not in from_http(found.headers, found.body).attributes


@pytest.mark.parametrize(
    ("story", "version", "content_type"),
    [
        ("v1 no ct", "v0.20.0", None),
        ("v1 form ct", "v0.20.0", "application/x-www-form-urlencoded"),  # the request's, on the response
        ("v1 form ct", "v0.13.1", "application/json"),
        ("gzip resp", "v0.20.0", "application/json"),
    ],
)
def test_the_content_type_of_a_response_says_nothing(story: str, version: str, content_type: str | None) -> None:
    """It is kept as it came, missing or wrong, and nothing depends on it."""
    found = capture(story, "response", version)

    assert from_http(found.headers, found.body).attributes.get("datacontenttype") == content_type


def test_a_client_may_choose_the_id() -> None:
    """The id is whatever the client sent as Ce-Id, perhaps always the same."""
    found = capture("v1 with Ce-Id", "response")

    assert from_http(found.headers, found.body)["id"] == "my-id-1"


def test_a_null_is_the_word_null() -> None:
    """KServe 0.14 and 0.15 write the JSON null into a response's metadata; it is kept as it stands."""
    found = capture("v1 json", "response")
    headers = [(name, b"null" if name == b"ce-metadata" else value) for name, value in found.headers]

    assert from_http(headers, b"")["metadata"] == "null"
