"""Compressed bodies: their Content-Encoding does not reach us, their bytes do."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from nilometer_logger.decoding.payload import INFLATED_BOUND, Limits, decode
from nilometer_logger.errors import PayloadError
from tests.unit.decoding.payload.encoders import FORMS

MEGABYTE = 2**20


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, lambda body: zlib.compress(body, 0)])
def test_every_form_may_be_compressed(form: str, compress: Callable[[bytes], bytes]) -> None:
    """What is inside is decoded as if it had come as it is."""
    plain, inside = decode(FORMS[form]), decode(compress(FORMS[form]))

    assert (inside.half, inside.names) == (plain.half, plain.names)
    assert inside.table.tolist()[0] == plain.table.tolist()[0] == [1.5, 2.5]


def test_gzip_may_have_several_members() -> None:
    """Parallel compressors write one for each block, and padding may follow the last."""
    body = FORMS["v1"]
    members = b"".join(gzip.compress(body[begin : begin + 5]) for begin in range(0, len(body), 5))

    assert decode(members + gzip.compress(b"") + bytes(3)).table.tolist() == [[1.5, 2.5]]


def test_what_is_cut_short_is_refused() -> None:
    """A body of which a part is missing is not taken for the part that came."""
    for compress in (gzip.compress, zlib.compress):
        whole = compress(FORMS["v1"])
        for length in range(10, len(whole)):
            with pytest.raises(PayloadError, match="compressed, but cut short"):
                decode(whole[:length])


def test_what_is_corrupt_is_refused() -> None:
    """The checksum at the end is checked, and what follows must be gzip."""
    whole = gzip.compress(FORMS["v1"])

    for body in (whole[:-5] + b"\0" + whole[-4:], whole[:12] + b"\xff\xff" + whole[14:], whole + b"more"):
        with pytest.raises(PayloadError, match="compressed, but its bytes are corrupt"):
            decode(body)


def test_a_body_inflates_to_no_more_than_the_bound() -> None:
    """A bomb is refused before its memory is taken; a body of exactly the bound is no bomb."""
    document = b'{"instances": [1]}'
    padded = document + b" " * (1000 - len(document))

    assert len(decode(gzip.compress(padded), Limits(inflated_bytes=1000)).table) == 1
    with pytest.raises(PayloadError, match="compressed and inflates to more than 999 bytes"):
        decode(gzip.compress(padded), Limits(inflated_bytes=999))


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_bomb_takes_no_more_memory_than_the_bound(compress: Callable[[bytes], bytes]) -> None:
    """Sixty-four times the bound, in a thousandth of its bytes, costs little more than the bound."""
    bomb = compress(bytes(64 * INFLATED_BOUND // 8)) * (8 if compress is gzip.compress else 1)
    assert len(bomb) < 2 * MEGABYTE

    tracemalloc.start()
    try:
        with pytest.raises(PayloadError, match=f"more than {INFLATED_BOUND} bytes"):
            decode(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * INFLATED_BOUND
    finally:
        tracemalloc.stop()


def test_members_without_end_are_refused() -> None:
    """Each costs a copy of what follows it: a megabyte of empty ones would cost seconds."""
    with pytest.raises(PayloadError, match="compressed in more than 1000 parts"):
        decode(gzip.compress(b"") * 50_000)


def test_what_is_compressed_twice_is_refused() -> None:
    """Nobody does that but to hide something."""
    with pytest.raises(PayloadError, match="the body is compressed twice"):
        decode(gzip.compress(gzip.compress(FORMS["v1"])))


def test_what_is_empty_inside_is_empty() -> None:
    """As if it had come as it is."""
    with pytest.raises(PayloadError, match="the body is empty"):
        decode(gzip.compress(b""))


@pytest.mark.parametrize("text", [b"x^2 + y^2 = z^2", b"x^2,1\nx^3,2\n", b"x\x01 is no text, and no zlib"])
def test_a_text_that_begins_like_zlib_is_a_text(text: bytes) -> None:
    """Two letters tell nothing: only what inflates to its end was compressed."""
    expected = "corrupt|cut short" if b"\x01" in text else "the body is (text|CSV)"

    with pytest.raises(PayloadError, match=expected):
        decode(text)


@pytest.mark.parametrize(
    ("magic", "name"), [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "LZ4"), (b"BZh9", "bzip2")]
)
def test_what_we_do_not_inflate_is_named(magic: bytes, name: str) -> None:
    """The person who reads it knows what to switch off."""
    with pytest.raises(PayloadError, match=f"compressed with {name}, which is not decoded"):
        decode(magic + bytes(20))
