"""What a terminal could obey does not get into a line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.terminal import printable, printable_json, printable_lines

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.text())
def test_a_text_for_people_is_printable(text: str) -> None:
    """Letter by letter, so that what is printable stays where it was."""
    shown = printable(text)
    assert shown.isprintable()
    assert [letter if letter.isprintable() else "·" for letter in text] == list(shown)


@pytest.mark.parametrize("hidden", ["\x1b", "\x9b", "\x7f", "\u202e", "\u2066", "\u2028", "\r"])
def test_lines_stay_lines(hidden: str) -> None:
    """A traceback has several, and nothing else that is not printable."""
    assert printable_lines(f"a{hidden}b\n\nc\n") == "a·b\n\nc\n"


@given(JSON, st.sampled_from([None, 1, "\t"]))
def test_json_stays_the_same_value(value: object, indent: int | str | None) -> None:
    """On one line, in which nothing is left that is not printable."""
    document = json.dumps(value, ensure_ascii=False, indent=indent)
    line = printable_json(document)
    assert line.isprintable()
    assert json.loads(line) == value


def test_what_is_printable_stays_as_it_is() -> None:
    """Letters of any language are read by people."""
    assert printable_json('{"a": "é 水 😀"}') == '{"a": "é 水 😀"}'
