"""400, 413, 415: what no retry can mend, each with a line that says why."""

import json

import pytest

from tests.unit.ingest.http.ingress.asking import BATCH, HEADERS, LARGEST, MODES, STRUCTURED, ask, kept, member, sent
from tests.unit.ingest.journal.kafka import Kafka


@pytest.fixture
def kafka() -> Kafka:
    """A Kafka that takes everything; at the end, nothing of what was refused may be there."""
    return Kafka(at_once=True)


def test_a_post_that_is_no_cloudevent_is_told_what_is_missing() -> None:
    """400, and every header that a CloudEvent needs."""
    answer = ask(headers={"content-type": "application/json"})

    assert answer.status == 400
    assert answer.body == "not a CloudEvent: ce-specversion, ce-id, ce-source, ce-type missing or empty\n"


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
@pytest.mark.parametrize("mode", MODES)
def test_each_attribute_that_is_missing_is_named(mode: str, name: str, kafka: Kafka) -> None:
    """400, and the one attribute that it lacks, in every mode."""
    headers, body = sent(mode, **{name: ""})
    answer = ask(kafka=kafka, headers=headers, body=body)

    assert answer.status == 400
    assert f"{name} missing or empty" in answer.body
    assert kept(kafka) == []


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/cloudevents+xml"}], ids=["400", "415"])
def test_a_reason_is_plain_text(headers: dict[str, str]) -> None:
    """Who asks by hand can read the answer, and its length is its length."""
    answer = ask(headers=headers)

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.parametrize("kind", ["cloudevents+avro", "cloudevents+xml; charset=utf-8", "CloudEvents-batch+protobuf"])
def test_another_format_than_json_is_told_so(kind: str, kafka: Kafka) -> None:
    """415 for an event in a format that is not understood, also where one of KServe's headers is missing."""
    incomplete = {name: value for name, value in HEADERS.items() if name != "ce-id"}
    for headers in ({}, incomplete):
        assert ask(kafka=kafka, headers={**headers, "content-type": f"application/{kind}"}).status == 415
    assert kept(kafka) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"id": 1}'])
def test_a_structured_event_that_is_none_is_refused(body: bytes, kafka: Kafka) -> None:
    """400 for what is no JSON, no object, or no CloudEvent."""
    assert ask(kafka=kafka, headers=STRUCTURED, body=body).status == 400
    assert kept(kafka) == []


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_wrong_event_refuses_its_batch(position: int, kafka: Kafka) -> None:
    """400 with its position, and nothing of the batch is in Kafka."""
    events = [member(), member(), member()]
    events[position] = member(id="")
    answer = ask(kafka=kafka, headers=BATCH, body=json.dumps(events).encode())

    assert (answer.status, answer.body) == (400, f"event {position}: not a CloudEvent: id missing or empty\n")
    assert kept(kafka) == []


def test_one_event_too_large_refuses_its_batch(kafka: Kafka) -> None:
    """413, and nothing of the batch is in Kafka."""
    events = [member(), member(b"x" * LARGEST), member()]

    assert ask(kafka=kafka, headers=BATCH, body=json.dumps(events).encode()).status == 413
    assert kept(kafka) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("claimed", [True, False], ids=["claimed", "found"])
def test_a_body_that_is_too_large_is_not_read_to_its_end(mode: str, claimed: bool, kafka: Kafka) -> None:
    """413 as soon as the limit is passed, or at once where the head says so; and not a byte stays counted."""
    headers, _ = sent(mode)
    if claimed:
        headers = {**headers, "content-length": str(LARGEST + 1)}
    never_read = None  # reading it would find the client gone
    parts = [never_read] if claimed else [b"x" * LARGEST, b"x", never_read]
    answer = ask(kafka=kafka, headers=headers, body=parts, max_body_bytes=LARGEST)

    assert answer.status == 413
    assert f"larger than {LARGEST} bytes" in answer.body
    assert kept(kafka) == []


def test_attributes_count(kafka: Kafka) -> None:
    """413 for an event that is too large with its attributes, because a record holds both."""
    answer = ask(kafka=kafka, headers={**HEADERS, "ce-note": "x" * LARGEST})

    assert answer.status == 413
    assert "with its attributes" in answer.body
    assert kept(kafka) == []


@pytest.mark.parametrize("body", [[None], [b"half", None]])
def test_a_client_that_goes_away_is_answered_nothing(body: list[bytes | None], kafka: Kafka) -> None:
    """Half a request is no event, and there is nobody to tell."""
    assert ask(kafka=kafka, body=body) is None
    assert kept(kafka) == []


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_only_http_is_answered(kind: str, kafka: Kafka) -> None:
    """What is no HTTP request is passed over."""
    assert ask(kafka=kafka, kind=kind) is None
    assert kept(kafka) == []
