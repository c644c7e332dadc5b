"""Plain JSON takes a short way, on which nothing is decoded otherwise, and nothing is accepted that else is refused."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nilometer_logger.decoding.payload import Payload, _plain, decode
from nilometer_logger.decoding.payload._decode import decode_any
from nilometer_logger.errors import PayloadError

NUMBER = st.floats() | st.integers(-3, 3) | st.sampled_from([2**53 + 1, 2**63, 2**64 + 1, -(10**30), 10**400, True])
LEAF = st.one_of(*[NUMBER] * 8, st.none(), st.text(max_size=3), st.just([1]), st.just({"b64": "aA=="}))
NAME = st.sampled_from(["a", "b", "ü", "b64", "x" * 200])


def lists(size: int) -> st.SearchStrategy[list[Any]]:
    """Makes lists of numbers, and some with what is none."""
    return st.lists(NUMBER, min_size=size, max_size=size) | st.lists(LEAF, min_size=size, max_size=size)


@st.composite
def tensors(draw: st.DrawFn) -> list[Any]:
    """Makes tensors of one number of rows, most of them sound."""
    rows, found = draw(st.sampled_from([1, 1, 3])), []
    for _ in range(draw(st.sampled_from([1, 1, 2, 4]))):
        width = draw(st.sampled_from([1, 1, 2, 3]))
        shapes: list[Any] = [[rows, width]] * 4 + [[rows, 1, width], [width, rows], [rows], [rows * width]]
        shape = draw(st.sampled_from([*shapes, [], [True, width], [1.0, width], [-1], [rows, 0], [0], None, "1"]))
        tensor = {"name": draw(NAME), "shape": shape, "datatype": "FP64", "data": draw(lists(rows * width))}
        if draw(st.integers(0, 30)) == 0:
            del tensor[draw(st.sampled_from(sorted(tensor)))]
        found.append(tensor)
    return found


def rows() -> st.SearchStrategy[Any]:
    """Makes rows of v1: lists, single values, or objects that may differ in their names."""
    objects = st.lists(st.dictionaries(NAME, NUMBER, max_size=3), min_size=1, max_size=2).map(lambda made: made * 2)
    return st.one_of(
        lists(3), st.lists(lists(2), max_size=3), st.lists(st.lists(NUMBER, max_size=2), max_size=3), objects
    )


ANY = tensors() | rows() | st.sampled_from([None, [], {}, 1, {"a": [1]}])
DOCUMENTS = st.fixed_dictionaries(
    {}, optional={"id": st.text(max_size=3), "inputs": ANY, "outputs": ANY, "instances": ANY, "predictions": ANY}
) | st.builds(lambda key, value: {key: value}, st.sampled_from(["inputs", "outputs"]), tensors())


def outcome(payload: Payload) -> tuple[Any, ...]:
    """Returns all that a payload says, to the bit."""
    table = payload.table
    assert table.shape == (payload.rows, payload.width)
    cells = [[value.hex() if isinstance(value, float) else value for value in row] for row in table.tolist()]
    return payload.half, payload.names, table.dtype, table.shape, cells


def outcomes(body: bytes) -> list[Any]:
    """Returns what the way that is taken makes of a body, and what the long way makes of it."""
    found: list[Any] = []
    for way in (decode, decode_any):
        try:
            found.append(outcome(way(body)))
        except PayloadError as error:
            found.append(str(error))
    return found


@given(DOCUMENTS, st.booleans(), st.sampled_from([b"", b"", b"", b" ", b"}", b"{}", b"x"]))
@example({"outputs": None, "inputs": [{"name": "x", "shape": [1], "data": [1]}]}, True, b"")
@example({"instances": [{"b64": 1}]}, True, b"")
@example({"instances": [{"a": 1, "b": 2}, {"b": 3, "a": 4}]}, True, b"")
def test_the_short_way_leads_where_the_long_way_does(document: Any, is_escaped: bool, behind: bytes) -> None:
    """The same half, names and numbers, or the same reason in the dead letter."""
    taken, long = outcomes(json.dumps(document, ensure_ascii=is_escaped).encode() + behind)

    assert taken == long


@pytest.mark.parametrize(
    "text", [b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\ud800x", b"\\udc00", b"\\x", b"\x01", b"\xc3\xbc", b"\\u00fc"]
)
@pytest.mark.parametrize(
    "body", [b'{"id": "%s", "instances": [[1]]}', b'{"%s": 1, "inputs": [{"name":"x","shape":[1],"data":[1]}]}']
)
def test_what_is_passed_over_must_be_json_as_well(body: bytes, text: bytes) -> None:
    """A text that nobody could have written is refused wherever it stands."""
    taken, long = outcomes(body % text)

    assert taken == long


@pytest.mark.parametrize(
    "value", [b"01", b"1.", b"-", b"1e999", b"NaN", b"[1,]", b"tru", b'{"a":}', b"[" * 2000 + b"]" * 2000]
)
def test_what_is_passed_over_may_be_anything_that_json_may(value: bytes) -> None:
    """A value that plays no part spoils a body on both ways or on neither."""
    taken, long = outcomes(b'{"parameters": ' + value + b', "inputs": [{"name": "x", "shape": [1], "data": [1]}]}')

    assert taken == long


@pytest.mark.parametrize(
    "document",
    [
        {"id": "ü", "inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1, 2.5, 3, 4]}]},
        {"model_name": "m", "outputs": [{"name": "y", "shape": [1], "datatype": "INT64", "data": [1]}]},
        {"inputs": [{"name": name, "shape": [1, 1], "datatype": "FP64", "data": [1]} for name in "abc"]},
        {
            "outputs": [
                {"name": "label", "shape": [1], "data": [1]},
                {"name": "scores", "shape": [1, 2], "data": [0, 1]},
            ]
        },
        {"instances": [[1, 2], [3, 4]]},
        {"instances": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]},
        {"predictions": [1, 2]},
    ],
)
def test_what_most_clients_send_takes_the_short_way(document: Any) -> None:
    """No array is made for a body of numbers: its cells are bytes, until a whole run is one array."""
    payload = _plain.decode(json.dumps(document).encode())

    assert payload is not None
    assert isinstance(payload.cells, bytes)
    assert outcome(payload) == outcome(decode_any(json.dumps(document).encode()))
    assert np.isfinite(payload.table.astype(np.float64)).all()
