"""A body is told by what it holds: JSON as servers really write it, whatever label it bears."""

import json

import numpy as np
import pytest

from nilometer_logger.decoding.payload import decode
from nilometer_logger.errors import PayloadError
from tests.unit.captures import capture


@pytest.mark.parametrize("story", ["v1 json", "v1 form ct", "v1 no ct"])
@pytest.mark.parametrize("half", ["request", "response"])
def test_the_content_type_does_not_matter(story: str, half: str) -> None:
    """JSON labelled as a form, or as nothing, is decoded all the same, and tells its half itself."""
    assert decode(capture(story, half).body).half == half


@pytest.mark.parametrize(("body", "kind"), [(b"[1, 2]", "a list"), (b'"text"', "a text"), (b"12", "a number")])
def test_json_that_is_no_object_is_refused_by_its_kind(body: bytes, kind: str) -> None:
    """The message says what the body is, and nothing of what a client sent."""
    with pytest.raises(PayloadError, match=f"the body is {kind} in JSON, not an object"):
        decode(body)


@pytest.mark.parametrize("text", ["", "wärme", "Ω" * 10_000])
def test_bare_nan_and_infinity_are_read(text: str) -> None:
    """Python's servers write what strict JSON does not have, beside any text and in a body of any length."""
    table = decode(f'{{"id": "{text}", "predictions": [[NaN, Infinity, -Infinity, 1.5]]}}'.encode()).table

    assert np.array_equal(table, [[np.nan, np.inf, -np.inf, 1.5]], equal_nan=True)


def test_texts_beside_a_bare_nan_are_whole() -> None:
    """The parser that reads NaN reads every alphabet, written out or escaped."""
    assert decode('{"instances": [["ä", "\\u00e4", NaN]]}'.encode()).table[0, :2].tolist() == ["ä", "ä"]


def test_a_number_beyond_float64_is_infinite() -> None:
    """JSON bounds no number: 1e400, and an integer of 400 digits, are infinite and not an end of the worker."""
    huge = "9" * 400

    assert decode(f'{{"instances": [[1e400, -{huge}, {huge}, null]]}}'.encode()).table[0, :3].tolist() == [
        np.inf,
        -np.inf,
        np.inf,
    ]
    assert decode(f'{{"instances": [[{huge}, "red"]]}}'.encode()).table.tolist() == [[np.inf, "red"]]


def test_a_byte_order_mark_is_passed_over() -> None:
    """Windows clients put one before their JSON."""
    assert decode(b'\xef\xbb\xbf{"instances": [[1]]}').table.tolist() == [[1.0]]


def test_what_is_not_shown_in_a_reason() -> None:
    """A reason names kinds and places, and no value of a client's."""
    with pytest.raises(PayloadError) as refused:
        decode(json.dumps({"instances": [["secret"], "secret"]}).encode())

    assert "secret" not in str(refused.value)
