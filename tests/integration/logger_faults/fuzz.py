"""A seeded fuzzer of requests: real ones, damaged where programs break.

It begins with what KServe's logger really sent, an event in structured mode and a batch, and changes bytes, cuts,
repeats, and puts in what has a meaning of its own somewhere below: line breaks, brackets, escapes, numbers without end,
headers of HTTP. Whether the length of a damaged body is told rightly is a matter of chance as well.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.unit.captures import captures

_DOCUMENT = {
    "specversion": "1.0",
    "id": "fuzz",
    "source": "/fuzz",
    "type": "t",
    "time": "2026-11-23T08:52:21.1Z",
    "inferenceservicename": "iris",
    "namespace": "demo",
    "data": {"instances": [[5.1, 3.5, 1.4, 0.2]]},
}
_MEANINGFUL = [
    *(b"\r\n", b"\n", b"\0", b"%", b"%00", b"%zz", b'"', b"\\", b"{", b"[" * 2000, b"}", b",", b":", b"NaN", b"null"),
    *(b"\xff", b"\xc3\x28", b"\\ud800", b"1e999", b"-", b"9" * 400, b"0x", b"1.0", b" ", b"\t", b"a" * 70_000),
    *(b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip\r\n", b"0\r\n\r\n"),
    *(b"connection: upgrade\r\nupgrade: websocket\r\n", b"expect: 100-continue\r\n", b"connection: close\r\n"),
    *(b"ce-id: \r\n", b"ce-specversion: 0.3\r\n", b"ce-DATA: x\r\n", b"ce-\xc3\xa4: x\r\n", b"ce-: x\r\n"),
    *(b"content-type: application/cloudevents+json\r\n", b"content-type: application/cloudevents-batch+json\r\n"),
    *(b"content-type: application/cloudevents+avro\r\n", b"content-encoding: gzip\r\n", b"HTTP/1.0", b"HTTP/9.9"),
    *(b"GET", b"HEAD", b"OPTIONS", b"CONNECT", b"PRI", b"http://[", b"*", b"/metrics", b"/readyz", b"?", b"#"),
]


_POST = b"POST / HTTP/1.1"
_FORBIDDEN = re.compile(rb"[\0-\x1f\x7f]")  # in a header's value
_LONGEST_VALUE = 60_000


@dataclass(frozen=True)
class Fuzzed:
    """A request as it goes over the wire.

    Attributes:
        pieces: in which it is sent.
        whole: whether it is HTTP with the right length, so that there will be an answer.
    """

    pieces: list[bytes]
    whole: bool


def requests(number: int, seed: int) -> Iterator[Fuzzed]:
    """Makes requests, always the same ones for a seed."""
    dice = random.Random(seed)
    bases = list(_bases())
    for _ in range(number):
        first, headers, body = dice.choice(bases)
        whole = dice.random() < 0.6
        if whole:
            body = _damaged(body, dice)
            name, value = headers[spoilt := dice.randrange(len(headers))]
            clean = _FORBIDDEN.sub(b"", _damaged(value, dice))[:_LONGEST_VALUE]
            headers = [*headers[:spoilt], (name, clean), *headers[spoilt + 1 :]]
        lines = [first, *(b"%s: %s" % header for header in headers), b"content-length: %d" % len(body)]
        request = b"\r\n".join([*lines, b"", body])
        if not whole:
            request = _damaged(request, dice)
        middle = dice.randrange(len(request) + 1)
        yield Fuzzed([request[:middle], request[middle:]] if dice.random() < 0.3 else [request], whole)


def _bases() -> Iterator[tuple[bytes, list[tuple[bytes, bytes]], bytes]]:
    for sent in captures("v0.20.0"):
        yield _POST, [header for header in sent.headers if header[0] != b"content-length"], sent.body
    event = json.dumps(_DOCUMENT).encode()
    for name, body in ((b"cloudevents", event), (b"cloudevents-batch", b"[" + b",".join([event] * 5) + b"]")) * 8:
        yield _POST, [(b"host", b"logger"), (b"content-type", b"application/" + name + b"+json")], body
    asking = [(b"webhook-request-origin", b"example.org"), (b"webhook-request-rate", b"120")]
    yield b"OPTIONS / HTTP/1.1", [(b"host", b"logger"), *asking], b""


def _damaged(text: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        text = dice.choice(_DAMAGES)(text, dice)
    return text


def _flip(text: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(text) + 1)
    return text[:at] + bytes([dice.randrange(256)]) + text[at + 1 :]


def _cut(text: bytes, dice: random.Random) -> bytes:
    start, end = sorted((dice.randrange(len(text) + 1), dice.randrange(len(text) + 1)))
    return text[:start] + text[end:] if dice.random() < 0.5 else text[:start] + text[start : start + 8]


def _repeat(text: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(text) + 1)
    return text[:start] + text[start : start + 40] * dice.choice((2, 3, 300)) + text[start + 40 :]


def _put_in(text: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(text) + 1)
    if dice.random() < 0.5 and (line := text.find(b"\r\n", at)) >= 0:
        at = line + 2
    return text[:at] + dice.choice(_MEANINGFUL) + text[at:]


_DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [_flip, _cut, _repeat, _put_in, _put_in]
