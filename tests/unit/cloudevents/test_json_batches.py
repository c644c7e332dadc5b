"""A batch of events in the JSON format: every event by itself, and all or none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import CloudEvent, from_json, from_json_batch, to_json, to_json_batch
from nilometer_logger.errors import EventError
from tests.unit.cloudevents.documents import document, with_data
from tests.unit.cloudevents.test_json_data import ODD
from tests.unit.strategies import events


@given(st.lists(events(), max_size=4))
def test_a_batch_is_its_events(batch: list[CloudEvent]) -> None:
    """Each comes out as it would alone, in order."""
    assert from_json_batch(to_json_batch(batch)) == [from_json(to_json(event)) for event in batch]


@pytest.mark.parametrize("text", [b"[]", b" [ \n] ", b"\xef\xbb\xbf[]"])
def test_an_empty_batch_is_none(text: bytes) -> None:
    """The specification allows it."""
    assert from_json_batch(text) == []


@pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
@given(st.lists(events(), max_size=3), st.lists(events(), max_size=3))
def test_strange_data_spoil_no_neighbour(data: bytes, before: list[CloudEvent], after: list[CloudEvent]) -> None:
    """A body that no parser reads stays what it is, and so does everything before and after it."""
    texts = [*map(to_json, before), with_data(data), *map(to_json, after)]

    assert from_json_batch(b" [" + b" ,\n".join(texts) + b"] ") == [from_json(text) for text in texts]


@pytest.mark.parametrize("strange", [False, True])
def test_one_wrong_event_refuses_all_by_its_position(strange: bool) -> None:
    """A sender must not believe that half a batch was taken; the first wrong one is named, counted from 0."""
    good = with_data(b"NaN" if strange else b"1")
    texts = [good, good, document(id=""), document(type="")]

    with pytest.raises(EventError, match=r"^event 2: not a CloudEvent: id missing or empty$"):
        from_json_batch(b"[" + b",".join(texts) + b"]")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not a batch of CloudEvents: .*truncated"),
        (document(), "not a batch of CloudEvents: Expected `array`, got `object`"),
        (b"null", "not a batch of CloudEvents: Expected `array`, got `null`"),
        (b"[" + document(), "not a batch of CloudEvents: .*truncated"),
        (b"[" + document() + b",]", "not a batch of CloudEvents: .*trailing comma"),
        (b"[" + document() + b"]]", "not a batch of CloudEvents: .*trailing characters"),
        (b"[NaN] [NaN]", "not a batch of CloudEvents: .*malformed"),
        (b'["not an object",' + document() + b"]", "event 0: not a CloudEvent: Expected `object`, got `str`"),
        (b"[" + document() + b", NaN]", "event 1: not a CloudEvent: .*malformed"),
        (b"[" * 9999, "not a batch of CloudEvents: "),
        (b"[" * 9999 + b"]" * 9999, "event 0: not a CloudEvent: "),
        (json.dumps([[json.loads(document())]]).encode(), "event 0: not a CloudEvent: Expected `object`, got `array`"),
    ],
)
def test_what_is_no_batch_says_why(text: bytes, reason: str) -> None:
    """A document that is no array, or an element that is no event, is an error with its reason."""
    with pytest.raises(EventError, match=reason):
        from_json_batch(text)
