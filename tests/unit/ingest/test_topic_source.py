"""What the intake makes of settings and of records, before Kafka is asked."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given

from nilometer_logger.cloudevents import (
    BATCH_CONTENT_TYPE,
    BATCH_HEADERS,
    PUNCTUATION_CONTENT_TYPE,
    PUNCTUATION_HEADERS,
    CloudEvent,
    encode_batch,
    to_json_batch,
    to_kafka,
)
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.engine import punctuation
from nilometer_logger.errors import SettingError
from nilometer_logger.ingest.external_records import dated, open_record
from nilometer_logger.ingest.topic_source import sources
from nilometer_logger.settings import LoggerSettings
from tests.unit.logged import event
from tests.unit.strategies import events

ALL: frozenset[str] = frozenset()


def record(headers: list[tuple[str, bytes | None]], value: bytes | None) -> Any:
    """Returns as much of a Kafka record as is read."""
    return SimpleNamespace(
        topic="others", partition=2, offset=7, timestamp=1_700_000_000_123, headers=tuple(headers), value=value
    )


def batch(*found: CloudEvent) -> Any:
    """Returns a record of several events."""
    return record([("content-type", b"application/cloudevents-batch+json")], to_json_batch(found))


def test_topics_are_named_once_each() -> None:
    """Blanks and repetitions do no harm, and nothing is read where nothing is named."""
    assert sources(LoggerSettings(from_topic=" a, b.c_d-E,a,,")) == ("a", "b.c_d-E")
    assert sources(LoggerSettings()) == ()


@pytest.mark.parametrize("name", ["inferences", "inferences-dead", "state", "findings", "outliers"])
def test_what_we_write_ourselves_is_not_read(name: str) -> None:
    """Reading it would send every event round for ever; another installation's topic is another's."""
    with pytest.raises(SettingError, match=f"--from-topic names blue-{name}, which Nilometer writes itself"):
        sources(LoggerSettings(topic_prefix="blue-", from_topic=f"mine,blue-{name}"))
    assert sources(LoggerSettings(topic_prefix="blue-", from_topic=name)) == (name,)


@pytest.mark.parametrize("name", ["a b", "a/b", "ä", "x" * 250])
def test_what_is_no_name_of_a_topic_is_told_at_once(name: str) -> None:
    """A slip in a manifest is one clear line instead of a topic that is waited for."""
    with pytest.raises(SettingError, match="but a topic's name has letters"):
        sources(LoggerSettings(from_topic=name))


@given(events())
def test_an_event_with_a_time_is_taken_as_it_is(one: CloudEvent) -> None:
    """Nothing of it changes; one without a time gets the time of its record, and nothing else."""
    taken = dated(one, 1_700_000_000_123)
    if "time" in one.attributes:
        assert taken == one
    else:
        assert taken == CloudEvent({**one.attributes, "time": "2023-11-14T22:13:20.123Z"}, one.data)


def test_a_time_that_nobody_can_read_is_none() -> None:
    """The worker would take the time of the record as well, but of a later one."""
    [(taken, _)] = open_record(record(*to_kafka(CloudEvent({**event(1).attributes, "time": "noon"}, b""))), ALL).events
    assert taken["time"] == "2023-11-14T22:13:20.123Z"


def test_every_event_of_a_batch_has_its_position() -> None:
    """A dead letter can say which of them it was."""
    opened = open_record(batch(event(1, id="a"), event(2, id="b")), ALL)
    assert [(found["id"], position) for found, position in opened.events] == [
        ("a", "others/2@7[0]"),
        ("b", "others/2@7[1]"),
    ]


def test_namespaces_that_are_not_named_are_passed_over() -> None:
    """Each event of a batch by itself; an event without a namespace is not named either."""
    theirs = event(1, id="theirs", stream=Stream("secret", "iris", "predictor", ""))
    nobodys = event(1, id="nobody's", stream=Stream("", "iris", "predictor", ""))
    opened = open_record(batch(theirs, event(1, id="ours"), nobodys), frozenset({"demo"}))
    assert [found["id"] for found, _ in opened.events] == ["ours"]
    assert not opened.unusable


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([], b"not ours"),
        ([], None),
        ([("content-type", None), ("ce_id", None)], b""),
        ([("content-type", BATCH_CONTENT_TYPE.encode())], b"\xc1"),
        ([("content-type", b"application/cloudevents-batch+json")], b"{"),
    ],
)
def test_what_cannot_be_read_is_set_aside_whole(headers: list[tuple[str, bytes | None]], value: bytes | None) -> None:
    """With a reason and its place; headers and bytes stay as they are."""
    opened = open_record(record(headers, value), ALL)
    [unusable] = opened.unusable
    assert not opened.events
    assert unusable.reason
    assert (unusable.position, list(unusable.headers), unusable.value) == ("others/2@7", headers, value)


def test_another_nilometer_s_topic_can_be_read() -> None:
    """Its batches are events, and its punctuation is nothing for us; also as an older version wrote them."""
    value = punctuation.encode(punctuation.Idle({}))
    for headers in (BATCH_HEADERS, BATCH_HEADERS[:1]):
        assert len(open_record(record([*headers], encode_batch([event(1)])), ALL).events) == 1
    for headers in (PUNCTUATION_HEADERS, PUNCTUATION_HEADERS[:1]):
        opened = open_record(record([*headers], value), ALL)
        assert not opened.events
        assert not opened.unusable


def test_the_events_of_its_batches_are_of_the_namespaces_that_are_named() -> None:
    """Each by itself."""
    theirs = event(1, id="theirs", stream=Stream("secret", "iris", "predictor", ""))
    opened = open_record(record([*BATCH_HEADERS], encode_batch([theirs, event(1, id="ours")])), frozenset({"demo"}))
    assert [found["id"] for found, _ in opened.events] == ["ours"]


@pytest.mark.parametrize("content_type", [BATCH_CONTENT_TYPE, PUNCTUATION_CONTENT_TYPE, "application/cloudevents+json"])
def test_an_event_is_not_what_its_content_type_claims(content_type: str) -> None:
    """A client chose it: the event is neither passed over as punctuation nor opened as a batch of others."""
    one = event(1, id="outer", body=encode_batch([event(1, id="smuggled")]))
    one.attributes["datacontenttype"] = content_type
    opened = open_record(record(*to_kafka(one)), ALL)
    assert [found for found, _ in opened.events] == [one]


@pytest.mark.parametrize("ours", [BATCH_HEADERS, PUNCTUATION_HEADERS])
def test_a_record_that_is_ours_and_an_event_is_set_aside(ours: list[tuple[str, bytes | None]]) -> None:
    """Nobody writes both; whatever it holds goes nowhere else."""
    headers, value = to_kafka(event(1))
    opened = open_record(record([*headers, *ours], value), ALL)
    [unusable] = opened.unusable
    assert not opened.events
    assert "header nilometer-record" in unusable.reason


def test_a_batch_with_what_is_no_event_is_set_aside() -> None:
    """Into a topic of others anybody may write a batch of ours."""
    [unusable] = open_record(
        record([*BATCH_HEADERS], encode_batch([event(1), CloudEvent({"id": "1"}, b"")])), ALL
    ).unusable
    assert unusable.reason == "event 1: not a CloudEvent: specversion, source, type missing or empty"
