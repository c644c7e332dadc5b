"""Which records are our own: no event can be one, whatever its attributes are called and hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import (
    BATCH_CONTENT_TYPE,
    BATCH_HEADERS,
    PUNCTUATION_CONTENT_TYPE,
    PUNCTUATION_HEADERS,
    RECORD,
    CloudEvent,
    encode_batch,
    kind_of,
    read_kafka,
    to_json,
    to_json_batch,
    to_kafka,
)
from nilometer_logger.errors import EventError

KINDS = [
    BATCH_CONTENT_TYPE,
    PUNCTUATION_CONTENT_TYPE,
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
]
NAMES = st.sampled_from(
    ["specversion", "id", "source", "type", "datacontenttype", RECORD, "content-type", "Content-Type", "ce_id", ""]
) | st.text(max_size=5)
INNER = CloudEvent({"specversion": "1.0", "id": "inner", "source": "/s", "type": "t"}, b"")
BODIES = [encode_batch([INNER]), to_json(INNER), to_json_batch([INNER]), b""]
CE = ("ce_id", b"1")


@given(st.dictionaries(NAMES, st.sampled_from([*KINDS, "batch", "punctuation", "1.0", ""])), st.sampled_from(BODIES))
def test_no_event_is_a_record_of_ours(attributes: dict[str, str], body: bytes) -> None:
    """However its attributes are called, they become `ce_…` and `content-type`, and it is read as itself or not at all."""
    event = CloudEvent(attributes, body)
    headers, value = to_kafka(event)

    assert all(name == "content-type" or name.startswith("ce_") for name, _ in headers)
    assert kind_of(headers) == "other"
    try:
        [read] = read_kafka(headers, value)
    except EventError:
        return
    assert read == CloudEvent({name: text for name, text in attributes.items() if text}, body)


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (BATCH_HEADERS, "batch"),
        (PUNCTUATION_HEADERS, "punctuation"),
        (BATCH_HEADERS[1:], "batch"),
        ([BATCH_HEADERS[0], PUNCTUATION_HEADERS[1]], "punctuation"),
        (BATCH_HEADERS[:1], "batch"),
        (PUNCTUATION_HEADERS[:1], "punctuation"),
        ([("Content-Type", BATCH_CONTENT_TYPE.encode()), ("traceparent", b"00-1")], "batch"),
        ([*BATCH_HEADERS[:1], CE], "other"),
        ([CE, *PUNCTUATION_HEADERS[:1]], "other"),
        ([("ce_id", None), *PUNCTUATION_HEADERS[:1]], "other"),
        ([("content-type", b"application/json")], "other"),
        ([("content-type", None)], "other"),
        ([], "other"),
    ],
)
def test_our_header_decides(headers: list[tuple[str, bytes | None]], kind: str) -> None:
    """Where it is missing, as in what an older version wrote, the content type does, unless the record is an event."""
    assert kind_of(headers) == kind


@pytest.mark.parametrize(
    "headers", [[*BATCH_HEADERS, CE], [CE, *PUNCTUATION_HEADERS], [("ce_id", None), (RECORD, b"batch")]]
)
def test_both_are_refused(headers: list[tuple[str, bytes | None]]) -> None:
    """A record of ours has no attributes, and an event has not our header: whoever writes both wants to mislead."""
    with pytest.raises(EventError, match="header nilometer-record marks a record of Nilometer's own"):
        kind_of(headers)
    with pytest.raises(EventError, match="header nilometer-record marks a record of Nilometer's own"):
        read_kafka(headers, encode_batch([INNER]))


@pytest.mark.parametrize("headers", [PUNCTUATION_HEADERS, PUNCTUATION_HEADERS[:1]])
def test_punctuation_is_no_event(headers: list[tuple[str, bytes | None]]) -> None:
    """Whoever reads events is told so, and cannot send it on as one."""
    with pytest.raises(EventError, match="punctuation, which the worker writes for itself"):
        read_kafka(headers, encode_batch([INNER]))


def test_an_event_in_kafka_is_not_what_its_content_type_claims() -> None:
    """A KafkaSink writes the attributes as headers beside whatever a client claimed: they win, as they do over HTTP."""
    outer = CloudEvent({**INNER.attributes, "id": "outer"}, to_json(INNER))
    for kind in KINDS:
        claimed = CloudEvent({**outer.attributes, "datacontenttype": kind}, outer.data)
        assert read_kafka(*to_kafka(claimed)) == [claimed]
