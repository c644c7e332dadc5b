"""What is sent of a dead letter, and what a redrive tells afterwards."""

import pytest
from hypothesis import given

from nilometer_logger.cloudevents import (
    BATCH_CONTENT_TYPE,
    BATCH_HEADERS,
    PUNCTUATION_CONTENT_TYPE,
    PUNCTUATION_HEADERS,
    CloudEvent,
    encode_batch,
    kind_of,
    to_json_batch,
    to_kafka,
)
from nilometer_logger.deadletters import REDRIVEN, DeadLetter, dead_letter, read_dead_letter
from nilometer_logger.engine import punctuation
from nilometer_logger.engine.punctuation import Configure
from nilometer_logger.ingest.redriven_records import Skipped, Summary, digest_of, events_of
from tests.unit.logged import event
from tests.unit.strategies import events

NOW_MILLISECONDS = 1_700_000_000_123


def letter_of(one: CloudEvent) -> DeadLetter:
    """Returns the letter of an event, as it is read."""
    message = dead_letter("the body is no JSON", "inferences/2@7[0]", *to_kafka(one))
    return read_dead_letter(message.headers, message.value)


@given(events())
def test_the_event_is_sent_as_it_was_and_counted(one: CloudEvent) -> None:
    """No header of ours stays in it; all that is new is how often it was sent, and a time where it had none."""
    [sent] = events_of(letter_of(one), NOW_MILLISECONDS)
    added = {REDRIVEN: "1", **({} if "time" in one.attributes else {"time": "2023-11-14T22:13:20.123Z"})}
    assert sent == CloudEvent({**one.attributes, **added}, one.data)


@pytest.mark.parametrize(("before", "after"), [("1", "2"), ("41", "42"), ("many", "1"), ("9" * 5000, "1")])
def test_it_counts_on(before: str, after: str) -> None:
    """Whatever a client may have put there."""
    one = event(1)
    [sent] = events_of(letter_of(CloudEvent({**one.attributes, REDRIVEN: before}, one.data)), NOW_MILLISECONDS)
    assert sent[REDRIVEN] == after


def test_a_batch_that_can_be_read_by_now_is_sent() -> None:
    """Each of its events by its own stream."""
    value = to_json_batch([event(1, id="a"), event(1, id="b")])
    letter = DeadLetter("?", "o/0@1", False, [("content-type", b"application/cloudevents-batch+json")], value)
    assert [sent["id"] for sent in events_of(letter, NOW_MILLISECONDS)] == ["a", "b"]


def test_what_is_no_event_is_left() -> None:
    """It has no stream to go by; the reason says what is missing."""
    with pytest.raises(Skipped, match="no event that could go by its stream: not a CloudEvent: ce_specversion"):
        events_of(DeadLetter("?", "o/0@1", False, [], b"not ours"), NOW_MILLISECONDS)


@pytest.mark.parametrize("content_type", [BATCH_CONTENT_TYPE, PUNCTUATION_CONTENT_TYPE])
def test_an_event_stays_one_whatever_its_content_type_claims(content_type: str) -> None:
    """A client chose it; the record that is sent has attributes, so nobody takes it for one of ours."""
    one = event(1, body=punctuation.encode(Configure({})))
    one.attributes["datacontenttype"] = content_type
    [sent] = events_of(letter_of(one), NOW_MILLISECONDS)
    assert (sent["datacontenttype"], sent.data) == (content_type, one.data)
    assert kind_of(to_kafka(sent)[0]) == "other"


def test_the_events_of_a_record_of_ours_are_sent() -> None:
    """A batch that could not be read once may be read by now."""
    letter = DeadLetter("?", "o/0@1", False, BATCH_HEADERS, encode_batch([event(1, id="a"), event(1, id="b")]))
    assert [sent["id"] for sent in events_of(letter, NOW_MILLISECONDS)] == ["a", "b"]


@pytest.mark.parametrize("headers", [PUNCTUATION_HEADERS, PUNCTUATION_HEADERS[:1]])
def test_punctuation_is_left(headers: list[tuple[str, bytes]]) -> None:
    """What was refused once is not obeyed because somebody sends it again; nor is an older version's."""
    letter = DeadLetter("?", "o/0@1", False, headers, punctuation.encode(Configure({})))
    with pytest.raises(Skipped, match="punctuation, which the worker writes for itself"):
        events_of(letter, NOW_MILLISECONDS)


@pytest.mark.parametrize("ours", [BATCH_HEADERS, PUNCTUATION_HEADERS])
def test_what_is_ours_and_an_event_is_left(ours: list[tuple[str, bytes]]) -> None:
    """It was set aside because nobody writes both."""
    headers, value = to_kafka(event(1))
    with pytest.raises(Skipped, match="header nilometer-record"):
        events_of(DeadLetter("?", "o/0@1", False, [*headers, *ours], value), NOW_MILLISECONDS)


def test_what_was_cut_is_left() -> None:
    """Half a body would be another event."""
    message = dead_letter("large", "o/0@1", *to_kafka(event(1, body=b"x" * 1000)), most_bytes=900)
    with pytest.raises(Skipped, match="cut"):
        events_of(read_dead_letter(message.headers, message.value), NOW_MILLISECONDS)


def test_an_event_is_the_same_however_often_it_was_sent() -> None:
    """Two monitors' letters of one event are one event, and so is the letter of its second failure."""
    one = event(1, id="a")
    [again] = events_of(letter_of(one), NOW_MILLISECONDS)
    assert digest_of(again) == digest_of(one)
    assert digest_of(event(1, id="b")) != digest_of(one)
    assert digest_of(event(2, id="a")) != digest_of(one)
    assert digest_of(event(1, id="a", body=b"other")) != digest_of(one)


def test_the_summary_counts_by_reason() -> None:
    """The most frequent first, and whatever a client wrote into a reason moves no cursor."""
    summary = Summary(read=4)
    summary.send("rare\x1b")
    for _ in range(2):
        summary.send("often")
    summary.leave("no event")

    assert summary.lines(dry_run=False) == [
        "3 of 4 dead letters sent through again",
        "       2  often",
        "       1  rare·",
        "1 left",
        "       1  no event",
    ]
    assert summary.lines(dry_run=True)[0] == "3 of 4 dead letters would be sent through again"


def test_the_summary_is_short_and_bounded() -> None:
    """However many reasons there are, all are counted, and a person sees the first ten."""
    summary = Summary(read=5000)
    for number in range(5000):
        summary.send(f"column {number}")

    lines = summary.lines(dry_run=False)
    assert len(lines) < 15
    assert sum(int(line.split()[0]) for line in lines[1:]) == 5000
    assert len(summary.sent) <= 1001


def test_the_summary_says_that_older_letters_were_passed_over() -> None:
    """Whoever finds nothing sees how to begin with the oldest."""
    [_, hint] = Summary(began_later=True).lines(dry_run=False)
    assert "--again" in hint
