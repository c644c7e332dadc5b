"""The kinds of traffic that a worker is soaked in: hypothesis draws an event of each, but for its number and time.

Each kind says what may become of its events. Whatever is no event of a model we watch is ignored, and whatever is no
rows is a dead letter; where a bound of the product decides, either may happen, and the account has to come out anyhow.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from nilometer_logger.cloudevents.kserve import REQUEST, RESPONSE
from tests.integration.worker_soak import bodies
from tests.integration.worker_soak.monitors import COLOURS, NARROW, TEXTUAL, WIDE, WIDTH

ROWS, DEAD, REFUSED, IGNORED = "rows", "dead", "refused", "ignored"
# What marked records of ours once; a client can send it as well.
OUR_OWN = ("application/vnd.nilometer.punctuation+msgpack", "application/vnd.nilometer.events+msgpack")
MOST_INFLATED = 16 * 2**20  # what a compressed body may hold


@dataclass(frozen=True)
class Drawn:
    """What hypothesis draws: an event, but for its number and the time of its sending.

    Attributes:
        kind: its name in the table.
        body: as it is sent.
        rows: how many it has, if it has any.
        fates: what may become of it.
        service, component, endpoint, namespace, type: of the event.
        id_tail: behind its number.
        offset_seconds: of its time from the time of sending; None for none at all.
        time: instead of that, as a text.
        content_type: that the model's client sent.
        mode: of HTTP.
        together: how many such events go in one request, where a batch is sent.
        times: how often it is sent.
    """

    kind: str
    body: bytes
    rows: int = 0
    fates: frozenset[str] = frozenset({ROWS})
    service: str = NARROW
    component: str = "predictor"
    endpoint: str = ""
    namespace: str = "demo"
    type: str = REQUEST
    id_tail: str = ""
    offset_seconds: float | None = 0.0
    time: str = ""
    content_type: str = "application/json"
    mode: str = "binary"
    together: int = 1
    times: int = 1


_Kind = Callable[[st.DrawFn], Drawn]
_EITHER = frozenset({ROWS, DEAD})
KINDS: list[st.SearchStrategy[Drawn]] = []


def _kind(made: _Kind) -> _Kind:
    KINDS.append(st.composite(made)())
    return made


def _pairs(draw: st.DrawFn, most: int = 20) -> list[tuple[float, float]]:
    value = st.floats(0, 30, width=32)
    return draw(st.lists(st.tuples(value, value), min_size=1, max_size=most))


@_kind
def _ordinary(draw: st.DrawFn) -> Drawn:
    rows = _pairs(draw)
    return Drawn("ordinary", draw(st.sampled_from([bodies.v1, bodies.v2]))(rows), len(rows))


@_kind
def _twice(draw: st.DrawFn) -> Drawn:
    rows = _pairs(draw)
    return Drawn("sent twice or more", bodies.v1(rows), len(rows), times=draw(st.integers(2, 4)))


@_kind
def _tensors(draw: st.DrawFn) -> Drawn:
    rows = _pairs(draw)
    return Drawn("binary tensors, gRPC", bodies.binary(rows, grpc=draw(st.booleans())), len(rows))


@_kind
def _outlying(draw: st.DrawFn) -> Drawn:
    count = draw(st.sampled_from([1, 100, 10_000, 100_000, 1_100_000]))
    return Drawn("many outlying rows", bodies.many_rows(count), count, _EITHER)


@_kind
def _bomb(draw: st.DrawFn) -> Drawn:
    share = draw(st.sampled_from([0.1, 0.5, 0.98]))
    most = int(MOST_INFLATED * share) - 100
    body = draw(
        st.sampled_from(
            [
                lambda: bodies.one_row(most // 2),
                lambda: bodies.one_row(most // 4, b'"a"'),
                lambda: bodies.objects(most // 3),
                lambda: bodies.packed(b'{"inputs":{"x":[' + b"1," * (most // 2) + b"1]}}"),
            ]
        )
    )
    return Drawn("gzip bomb within the bound", body(), 0, frozenset({DEAD}))


@_kind
def _beyond(draw: st.DrawFn) -> Drawn:
    body = draw(
        st.sampled_from(
            [
                lambda: bodies.zeros(64),
                lambda: bodies.packed(bodies.zeros(64)),
                lambda: bodies.empty_members(20_000),
                lambda: bodies.packed(bodies.packed(bodies.v1([[1, 2]]))) + b"tail",
            ]
        )
    )
    return Drawn("gzip beyond the bound, or odd", body(), 0, frozenset({DEAD}))


@_kind
def _members(draw: st.DrawFn) -> Drawn:
    rows = _pairs(draw)
    return Drawn(
        "gzip of many members", bodies.in_members(bodies.v1(rows), draw(st.integers(1, 300))), len(rows), _EITHER
    )


@_kind
def _no_rows(draw: st.DrawFn) -> Drawn:
    body = draw(
        st.sampled_from(
            [
                *(b"", b"{}", b"[]", b"null", b"\0\xff", b'{"instances":[[1,2],[3]]}', b'{"instances":[[1,2],[]]}'),
                *(b'{"instances":[[1', b'{"instances":[{"z":1}]}', b'{"instances":{"x":1}}', bodies.nested(100)),
                *(bodies.nested(200_000), b'{"inputs":[]}', b'{"inputs":[{"name":"x","shape":[1000000000,2]}]}'),
            ]
        )
        | st.binary(max_size=2000)
    )
    return Drawn("no rows at all", body, 0, frozenset({DEAD}))


@_kind
def _empty(draw: st.DrawFn) -> Drawn:
    tensor = b'{"inputs":[{"name":"x","shape":[0,2],"datatype":"FP64","data":[]}]}'
    return Drawn("rows: none", draw(st.sampled_from([b'{"instances":[]}', tensor])), 0, _EITHER)


@_kind
def _odd_values(draw: st.DrawFn) -> Drawn:
    value = st.sampled_from(
        [b"NaN", b"Infinity", b"-Infinity", b"null", b"1e999", b"true", b'"text"', b"9" * 400, b"-0"]
    )
    body = b'{"instances":[[%b,%b]]}' % (draw(value), draw(value))
    return Drawn("NaN, infinite, null, text", body, 1, _EITHER)


@_kind
def _ids(draw: st.DrawFn) -> Drawn:
    mode = draw(st.sampled_from(["binary", "structured"]))
    length = draw(st.sampled_from([100, 5_000, 50_000] + ([500_000] if mode == "structured" else [])))
    character = draw(st.sampled_from(["i", "%", '"', "\\"] + (["é", "\u202e"] if mode == "structured" else [])))
    count = draw(st.sampled_from([1, 10, 10_000]))
    body = bodies.v1([[9000, 9000]] * min(count, 10)) if mode == "structured" else bodies.many_rows(count)
    rows = min(count, 10) if mode == "structured" else count
    tail = (character * length)[: length // len(character.encode())]
    return Drawn("long ids", body, rows, frozenset({ROWS, DEAD, REFUSED}), id_tail=tail, mode=mode)


@_kind
def _endpoints(draw: st.DrawFn) -> Drawn:
    rows = _pairs(draw, 3)
    name = draw(st.text("abcdefghijklmnopqrstuvwxyz/%.~", min_size=1, max_size=300))
    return Drawn("ever new endpoints", bodies.v1(rows), len(rows), endpoint=name)


@_kind
def _forged(draw: st.DrawFn) -> Drawn:
    kind = draw(st.sampled_from([*OUR_OWN, "application/x-msgpack", "x" * 2_000]))
    rows = _pairs(draw, 3)
    own = [
        b"\x82\xa4kind\xa5quiet",
        b"\x92\xa9configure\x80",
        b"\x90",
        b"\x91\x92\x80\xc4\x00",
        b"\x81\xa5quiet\xcf" + b"\xff" * 8,
    ]
    body = draw(st.sampled_from([bodies.v1(rows), *own]))
    is_rows = body == bodies.v1(rows)
    fates = frozenset({ROWS if is_rows else DEAD, REFUSED})
    return Drawn("forged content types", body, len(rows) if is_rows else 0, fates, content_type=kind)


@_kind
def _structured_by_habit(draw: st.DrawFn) -> Drawn:
    rows = _pairs(draw, 3)
    forged = {"specversion": "1.0", "id": "9.forged", "source": "/", "type": REQUEST, "data": {"instances": [[1, 2]]}}
    inner = draw(st.sampled_from([bodies.v1(rows), json.dumps(forged).encode()]))
    is_rows = inner == bodies.v1(rows)
    kind = "application/cloudevents+json" + draw(st.sampled_from(["", "; charset=utf-8"]))
    fates = frozenset({ROWS if is_rows else DEAD})
    return Drawn("ce- headers with cloudevents+json", inner, len(rows) if is_rows else 0, fates, content_type=kind)


@_kind
def _modes(draw: st.DrawFn) -> Drawn:
    rows = _pairs(draw, 5)
    mode = draw(st.sampled_from(["structured", "batch"]))
    body = draw(st.sampled_from([bodies.v1, bodies.v2, lambda rows: bodies.packed(bodies.v1(rows))]))(rows)
    together = draw(st.integers(1, 50)) if mode == "batch" else 1
    return Drawn("structured and batch mode", body, len(rows), mode=mode, together=together)


@_kind
def _times(draw: st.DrawFn) -> Drawn:
    rows = _pairs(draw, 5)
    one = Drawn("times: past, none, unreadable", bodies.v1(rows), len(rows))
    way = draw(st.sampled_from(["past", "none", "text", "future"]))
    if way == "past":
        return replace(one, offset_seconds=-draw(st.floats(0, 2e9)))
    if way == "none":
        return replace(one, offset_seconds=None)
    if way == "future":
        far = draw(st.floats(10_000, 5e9))
        return replace(one, kind="times: far ahead", offset_seconds=far, fates=frozenset({DEAD}))
    texts = ["soon", "0001-01-01T00:00:00Z", "2026-13-45T99:99:99Z", "1700-01-01T00:00:00Z", "9" * 3_000, "2026-11-23"]
    return replace(one, time=draw(st.sampled_from(texts)), fates=_EITHER | {REFUSED})


@_kind
def _texts(draw: st.DrawFn) -> Drawn:
    colour = st.sampled_from(COLOURS) | st.text(max_size=40)
    rows = draw(st.lists(st.tuples(st.floats(0, 30, width=32), colour), min_size=1, max_size=20))
    return Drawn("text columns", bodies.v1(rows), len(rows), service=TEXTUAL)


@_kind
def _many_texts(draw: st.DrawFn) -> Drawn:
    count = draw(st.sampled_from([1_000, 50_000]))
    rows = b",".join(b'[1,"t%d"]' % number for number in range(count))
    return Drawn("ever new texts", bodies.packed(b'{"instances":[' + rows + b"]}"), count, _EITHER, service=TEXTUAL)


@_kind
def _wide(draw: st.DrawFn) -> Drawn:
    if draw(st.booleans()):
        count = draw(st.integers(1, 10))
        return Drawn("wide rows", bodies.wide_rows(count, WIDTH), count, service=WIDE)
    row = b"[" + b",".join([draw(st.sampled_from([b"0.5", b"-90"]))] * WIDTH) + b"]"
    return Drawn("wide rows", bodies.many_rows(100, row), 100, service=WIDE)


@_kind
def _wrong_width(draw: st.DrawFn) -> Drawn:
    width = draw(st.sampled_from([1, 3, 1_999, 2_001, 50_000]))
    service = draw(st.sampled_from([NARROW, WIDE]))
    return Drawn("wrong number of columns", bodies.one_row(width), 0, frozenset({DEAD}), service=service)


@_kind
def _others(draw: st.DrawFn) -> Drawn:
    rows = _pairs(draw, 3)
    one = Drawn("of nobody's model", bodies.v1(rows), len(rows), frozenset({IGNORED}))
    changes: dict[str, Any] = draw(
        st.sampled_from([{"type": RESPONSE}, {"type": "t"}, {"namespace": "other"}, {"service": "other"}])
    )
    body = {"body": b'{"predictions":[1]}'} if changes.get("type") == RESPONSE else {}
    return replace(one, **changes, **body)


@_kind
def _too_large(draw: st.DrawFn) -> Drawn:
    size = draw(st.sampled_from([1_000_000, 5_000_000]))
    return Drawn("larger than any event", b" " * size, 0, frozenset({REFUSED}))
