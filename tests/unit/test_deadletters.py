"""Dead letters: what is kept of the original, how it is read again, and what a person or a machine sees of it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from nilometer_detectors.apps.dead_letters import to_json_line, to_line
from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, to_kafka
from nilometer_logger.deadletters import MOST_BYTES, REDRIVEN, dead_letter, finding_letter, read_dead_letter
from nilometer_logger.topics import Message
from tests.unit.logged import event

TIME_MILLISECONDS = 1_700_000_000_123


def record(message: Message) -> Any:
    """Returns as much of a Kafka record as is read."""
    return SimpleNamespace(headers=tuple(message.headers), value=message.value, timestamp=TIME_MILLISECONDS)


def of(one: CloudEvent, reason: str = "the body is no JSON") -> Any:
    """Returns the record of the dead letter of an event."""
    return record(dead_letter(reason, "inferences/2@7[0]", *to_kafka(one)))


def test_a_dead_letter_is_the_original_and_why() -> None:
    """Headers and bytes stay as they were, and reason and position are told apart from them."""
    original = [("color", b"red"), ("ce_id", b"1"), ("color", b"blue")]

    message = dead_letter("no event", "others/0@3", original, b"\xff")
    letter = read_dead_letter(message.headers, message.value)

    assert message.topic == topics.DEAD
    assert (letter.reason, letter.position, letter.is_cut) == ("no event", "others/0@3", False)
    assert (letter.headers, letter.value) == (original, b"\xff")


def test_a_letter_about_a_letter_has_one_reason() -> None:
    """What lies among the dead letters twice, because it was copied, tells the newer reason."""
    first = dead_letter("first", "a/0@1", [("color", b"red")], b"x")
    second = dead_letter("second", "b/0@2", first.headers, first.value)

    letter = read_dead_letter(second.headers, second.value)
    assert (letter.reason, letter.position, letter.headers) == ("second", "b/0@2", [("color", b"red")])


def test_what_no_topic_takes_is_cut() -> None:
    """A letter that Kafka refuses would stop everything behind it: the reason is kept, and that the body is not whole."""
    headers = [("color", b"r" * 1000)]
    whole = dead_letter("large", "a/0@1", headers, b"x" * (MOST_BYTES - 1005))
    cut = dead_letter("large", "a/0@1", headers, b"x" * (MOST_BYTES - 1004))
    hopeless = dead_letter("large", "a/0@1", [("color", b"r" * MOST_BYTES)], b"x")

    assert not read_dead_letter(whole.headers, whole.value).is_cut
    assert len(cut.value) == len(whole.value)
    assert read_dead_letter(cut.headers, cut.value).is_cut
    assert (hopeless.value, len(hopeless.headers)) == (b"", 3)


def test_a_long_reason_is_shortened() -> None:
    """A client that names a column with a novel does not fill the topic."""
    message = dead_letter("é" * 10_000, "a/0@1", [], None)
    assert len(read_dead_letter(message.headers, message.value).reason) == 500


def test_a_line_says_when_where_of_whom_and_why() -> None:
    """Whoever is on call sees all of it on one line, and how the body begins."""
    line = to_line(of(event(1, body=b"<html>\x1b[2J")), 160)
    when = "2023-11-14T22:13:20.123Z"
    assert line == f"{when} inferences/2@7[0] demo/iris/predictor the body is no JSON | <html>·[2J"


def test_a_long_reason_leaves_room_for_the_body() -> None:
    """Two thirds of what is left of the line are enough for it; the rest is in the JSON."""
    line = to_line(of(event(1, body=b"<html>" + b"x" * 1000), "long " * 50), 160)
    assert "… | <html>xx" in line
    assert (len(line), line[-1]) == (160, "…")


def test_a_line_says_how_often_it_was_tried() -> None:
    """Who sends it through again sees whether somebody has done that before."""
    one = event(1)
    tried = CloudEvent({**one.attributes, REDRIVEN: "2"}, one.data)
    assert " demo/iris/predictor redriven=2 the body" in to_line(of(tried), 160)


@pytest.mark.parametrize("value", [b"not ours", b"", b"[]"])
def test_a_line_shows_what_is_no_event(value: bytes) -> None:
    """Bytes that nobody can read are not hidden."""
    line = to_line(record(dead_letter("not a CloudEvent", "others/0@3", [], value)), 160)
    assert line.endswith(f"others/0@3 no event not a CloudEvent | {value.decode()}")


def test_json_has_everything_of_an_event() -> None:
    """A machine gets the event in the CloudEvents format, with reason, position and time beside its attributes."""
    one = event(1, body=b'{"instances":\n[[1, 2]]}')
    line = to_json_line(of(one))
    assert "\n" not in line
    assert json.loads(line) == {
        **one.attributes,
        "reason": "the body is no JSON",
        "position": "inferences/2@7[0]",
        "setasidetime": "2023-11-14T22:13:20.123Z",
        "data": {"instances": [[1, 2]]},
    }


def test_json_has_a_body_that_is_no_json() -> None:
    """Whatever the bytes are, they are all there."""
    assert json.loads(to_json_line(of(event(1, body=b"\x1f\x8b"))))["data_base64"] == "H4s="


def test_json_has_everything_of_what_is_no_event() -> None:
    """Bytes and headers, so that the original can be made of it."""
    message = dead_letter("not a CloudEvent", "others/0@3", [("color", b"red")], b"\xff")
    assert json.loads(to_json_line(record(message))) == {
        "reason": "not a CloudEvent",
        "position": "others/0@3",
        "setasidetime": "2023-11-14T22:13:20.123Z",
        "headers": {"color": "red"},
        "data_base64": "/w==",
    }


@pytest.mark.parametrize("hidden", ["\x9b2J", "\u202e", "\u2028"])
def test_json_holds_nothing_that_a_terminal_obeys(hidden: str) -> None:
    """Neither what is an event nor what is none; escaped it is the same JSON."""
    one = event(1, id=hidden, body=b"{}")
    no_event = record(dead_letter("not a CloudEvent", "others/0@3", [("color", hidden.encode())], b""))
    lines = [to_json_line(of(one)), to_json_line(no_event)]
    assert all(line.isprintable() for line in lines)
    assert [json.loads(lines[0])["id"], json.loads(lines[1])["headers"]["color"]] == [hidden, hidden]


def refused(status: str, value: bytes, most_bytes: int = 10_000) -> Message:
    """Returns the letter of a finding that a sink refused."""
    headers, _ = to_kafka(event(1))
    return finding_letter(
        headers,
        value,
        status=status,
        reason=f"the sink answered {status}",
        sink="http://sink/",
        position="findings/2@7",
        most_bytes=most_bytes,
    )


def test_a_refused_finding_is_the_original_and_the_answer() -> None:
    """In a topic of its own, with the status and the sink beside reason and position."""
    message = refused("403", b'{"rows": 3}')
    letter = read_dead_letter(message.headers, message.value)
    assert message.topic == topics.FINDINGS_DEAD
    assert (letter.status, letter.sink, letter.position) == ("403", "http://sink/", "findings/2@7")
    assert (letter.headers, letter.value, letter.is_cut) == (to_kafka(event(1))[0], b'{"rows": 3}', False)


def test_a_refused_finding_is_shown_with_the_answer() -> None:
    """To a person on one line, to a machine beside the attributes of the finding."""
    one = record(refused("403", b'{"rows": 3}'))
    assert " findings/2@7 demo/iris/predictor status=403 the sink answered 403 | " in to_line(one, 160)
    shown = json.loads(to_json_line(one))
    assert (shown["status"], shown["sink"], shown["id"]) == ("403", "http://sink/", event(1)["id"])
