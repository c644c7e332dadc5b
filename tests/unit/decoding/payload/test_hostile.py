"""No body ends the worker: it is a table, or it is refused, in bounded memory."""

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.decoding.payload import INFLATED_BOUND, Limits, decode, decode_all
from nilometer_logger.errors import PayloadError
from nilometer_logger.rows import Column, Schema, bind
from tests.unit.decoding.payload.encoders import DTYPES, FORMS, frame

MEGABYTE = 2**20
SCHEMA = Schema((Column("a"), Column("b", "categorical", ("red", "true")), Column("a.1", "boolean")))

LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner))
ROWS = st.lists(st.lists(LEAF, min_size=3, max_size=3)) | st.lists(LEAF) | JSON
TENSOR = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a", "b"]) | JSON,
        "shape": st.lists(st.integers(0, 4), max_size=3) | JSON,
        "data": st.lists(LEAF, max_size=8) | JSON,
    }
)
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "instances": ROWS,
        "predictions": ROWS,
        "inputs": st.lists(TENSOR, max_size=3) | JSON,
        "outputs": st.lists(TENSOR, max_size=3) | JSON,
    },
)


def check(body: bytes) -> None:
    """Decodes and binds a body; anything but a table or a PayloadError is a fault."""
    try:
        payload = decode(body)
        assert payload.table.ndim == 2
        assert payload.table.dtype.kind in "fiubO"
        assert payload.names is None or not len(payload.table) or len(payload.names) == payload.table.shape[1]
        values, unseen = bind(SCHEMA, payload.names, payload.table)
    except PayloadError as error:
        str(error).encode()
        return
    assert values.dtype == np.float64
    assert values.shape == (len(payload.table), len(SCHEMA))
    for text in unseen.values():
        text.encode()


@given(DOCUMENT)
def test_any_document_is_a_table_or_refused(document: Any) -> None:
    """Whatever JSON a client sends, there is no third way."""
    check(json.dumps(document).encode())


@given(st.binary())
def test_any_bytes_are_a_table_or_refused(body: bytes) -> None:
    """Whatever bytes a client sends, there is no third way."""
    check(body)


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """Makes a body with a few bytes of it taken out, put in or replaced, or cut short."""
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(body)))
        end = draw(st.integers(begin, min(len(body), begin + 8)) | st.just(len(body)))
        body = body[:begin] + draw(st.binary(max_size=6)) + body[end:]
    return body


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_any_form_may_be_damaged(form: str, data: st.DataObject) -> None:
    """Whatever happened to a body on its way, it is a table or refused; compressed, or in a whole frame, as well."""
    body = data.draw(mutated(FORMS[form]))

    for found in (body, gzip.compress(body), zlib.compress(body), frame(body), frame(body[5:]), frame(body, flag=1)):
        check(found)
    check(data.draw(mutated(gzip.compress(FORMS[form]))))
    check(frame(gzip.compress(body[5:]), flag=1))


@given(st.lists(st.binary(max_size=20), max_size=3), st.binary(max_size=40), st.sampled_from(sorted(DTYPES)))
def test_any_bytes_may_follow_a_document(sizes: list[bytes], raw: bytes, datatype: str) -> None:
    """Tensors that claim more, less or other bytes than there are, or whose elements do, are refused."""
    found = [
        {"name": "x", "datatype": datatype, "shape": [len(size)], "parameters": {"binary_data_size": len(size)}}
        for size in sizes
    ]

    check(json.dumps({"inputs": found}).encode() + raw)
    check(json.dumps({"inputs": found}).encode() + b"".join(sizes) + raw)


def wide(value: Any) -> bytes:
    """Returns a v1 request of a value."""
    return json.dumps({"instances": value}).encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"instances": [["\\ud800"]]}', id="half a surrogate pair"),
        pytest.param(b'{"instances": [["\\udc00", NaN]]}', id="half a surrogate pair beside NaN"),
        pytest.param(b'{"instances": [["\xed\xa0\x80"]]}', id="half a surrogate pair in bytes"),
        pytest.param(b'{"instances": ' + b"[" * 40 + b"1" + b"]" * 40 + b"}", id="deeper than numpy"),
        pytest.param(b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deeper than the stack"),
        pytest.param(wide([{f"n{number}": 1} for number in range(50_000)]), id="objects without a common name"),
        pytest.param(b'{"instances": [[' + b"1" * 5000 + b"]]}", id="an integer of 5000 digits"),
        pytest.param(b'{"inputs":[{"name":"x","shape":[%d,0],"data":[]}]}' % 10**12, id="rows without values"),
        pytest.param(b'{"inputs":[{"name":"x","shape":[0,%d],"data":[]}]}' % 10**19, id="more than int64"),
        pytest.param(
            b'{"inputs":[{"name":"x","shape":[%s1],"data":[]}]}' % (b"9" * 400 + b",") * 20, id="an endless product"
        ),
        pytest.param(
            b'{"inputs":[{"name":"x","datatype":"INT8","shape":[1,%d],"parameters":{"binary_data_size":%d}}]}%s'
            % (900_000, 900_000, bytes(900_000)),
            id="a name for each byte of a tensor",
        ),
        pytest.param(json.dumps({"inputs": {f"{number:x}": [1] for number in range(60_000)}}).encode(), id="columns"),
        pytest.param(wide([{f"{number:x}": [1] for number in range(60_000)}]), id="lists by name"),
        pytest.param(b'{"inputs":[' + b'{"name":"","shape":[1],"data":[1]},' * 25_000 + b"{}]}", id="endless tensors"),
        pytest.param(b"[" * 10**6, id="a megabyte of brackets"),
        pytest.param(b'{"a":' * 200_000, id="a megabyte of braces"),
        pytest.param(b'{"instances":[NaN' + b",[" * 500_000, id="brackets behind NaN"),
        pytest.param(b" " * 10**6, id="a megabyte of spaces"),
        pytest.param(b"<!--" * 250_000, id="a megabyte of comments"),
        pytest.param(frame(b"\x2a\x00" * 200_000), id="tensors of nothing"),
        pytest.param(frame(b"") * 20_000, id="frames of nothing"),
        pytest.param(frame(b"\x2a\x08\x0a\x01x\x1a\x03\xff\xff\x7f" * 1000), id="tensors of shapes"),
        pytest.param(
            json.dumps({"inputs": [{"name": "x" * 400_000, "shape": [1, 200_000], "data": [0] * 200_000}]}).encode(),
            id="a long name for many columns",
        ),
    ],
)
def test_bodies_made_to_hurt_are_refused(body: bytes) -> None:
    """What would take a worker's memory, or raise anywhere behind, is refused here."""
    tracemalloc.start()
    try:
        with pytest.raises(PayloadError):
            decode(body)
        assert tracemalloc.get_traced_memory()[1] < 64 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("leaf", ["1", '"red"'])
def test_no_depth_is_too_deep_to_be_refused(leaf: str) -> None:
    """What the parser can still take apart, everything behind it can, too."""
    for depth in range(33, 1000):
        with pytest.raises(PayloadError):
            decode(f'{{"instances": {"[" * depth}{leaf}{"]" * depth}}}'.encode())


def test_one_long_text_does_not_make_all_texts_long() -> None:
    """A table of texts takes the memory of its texts, and is not padded to the longest one."""
    body = wide(["a" * 100_000] + ["b"] * 20_000)
    tracemalloc.start()
    try:
        assert len(decode(body).table) == 20_001
        assert tracemalloc.get_traced_memory()[1] < 64 * MEGABYTE
    finally:
        tracemalloc.stop()


ROWS_ABOVE = 100_001
AMPLIFIED: dict[str, bytes] = {
    "rows of one number": gzip.compress(b'{"instances":[' + b"1," * 1_600_000 + b"1]}"),
    "rows of one list": gzip.compress(b'{"instances":[' + b"[1]," * 800_000 + b"[1]]}"),
    "rows of one object": gzip.compress(b'{"instances":[' + b'{"a":1},' * 400_000 + b'{"a":1}]}'),
    "objects of different names": gzip.compress(
        b'{"instances":[{' + b",".join(b'"%d":1' % n for n in range(1_300_000)) + b"}]}"
    ),
    "empty lists": gzip.compress(b'{"instances":[' + b"[]," * 2_000_000 + b"[]]}"),
    "texts": gzip.compress(b'{"instances":[' + b'"a",' * 800_000 + b'"a"]}'),
    "a tensor of texts": gzip.compress(
        b'{"inputs":[{"name":"x","shape":[1,8],"datatype":"BYTES","parameters":{"binary_data_size":15000000}}]}'
        + bytes(15_000_000)
    ),
    "a tensor of bytes": gzip.compress(
        b'{"inputs":[{"name":"x","shape":[4,4000000],"datatype":"UINT8","parameters":{"binary_data_size":16000000}}]}'
        + bytes(16_000_000)
    ),
    "uncompressed rows": b'{"instances":[' + b"1," * ROWS_ABOVE + b"1]}",
    "gRPC tensors": frame(gzip.compress(b"\x2a\x00" * 8_000_000), flag=1),
    "gRPC texts": frame(gzip.compress(b"\x2a\x80\x80\x80\x07\x1a\x01\x08" + b"\x42\x00" * 7_340_032), flag=1),
}


@pytest.mark.parametrize("form", AMPLIFIED)
def test_a_small_body_that_holds_very_much_is_refused_in_little_memory(form: str) -> None:
    """Rows and cells are bounded, whatever they are written as; refusing costs a multiple of what a body inflates to."""
    body = AMPLIFIED[form]
    tracemalloc.start()
    try:
        with pytest.raises(PayloadError) as refused:
            decode(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300
    assert peak < 10 * INFLATED_BOUND, f"{peak / MEGABYTE:.0f} MB"


def test_the_bounds_of_a_body_are_exact() -> None:
    """A body of just as many rows or cells is decoded, one more is refused, with the setting that says so."""
    limits = Limits(rows=100, cells=250)
    for rows, width in ((100, 1), (2, 125), (100, 2)):
        body = json.dumps({"instances": [[0.5] * width] * rows}).encode()
        for form in (body, gzip.compress(body)):
            assert (decode(form, limits).rows, decode(form, limits).width) == (rows, width)
    for rows, width, setting in ((101, 1, "--max-event-rows"), (2, 126, "--max-event-cells")):
        body = json.dumps({"instances": [[0.5] * width] * rows}).encode()
        for form in (body, gzip.compress(body)):
            with pytest.raises(PayloadError, match=setting):
                decode(form, limits)
    texts = json.dumps({"instances": [["a"] * 2] * 31}).encode()
    assert decode(texts, limits).rows == 31
    with pytest.raises(PayloadError, match="counted as 4"):
        decode(json.dumps({"instances": [["a"] * 2] * 32}).encode(), limits)


def test_bombs_are_decoded_a_few_at_a_time() -> None:
    """Of many compressed bodies no more are decoded at once than the largest body allowed is work."""
    bomb = gzip.compress(b'{"instances":[[1]]}' + b" " * (INFLATED_BOUND - 19))
    bodies = [b'{"instances":[[1]]}', *[bomb] * 40, b'{"instances":[[2]]}']
    taken, turns = 0, 0
    while taken < len(bodies):
        found = decode_all(bodies[taken:])
        assert found.refused == {}
        assert len(found.payloads) <= 2
        taken, turns = taken + len(found.payloads), turns + 1
    assert turns >= 40
