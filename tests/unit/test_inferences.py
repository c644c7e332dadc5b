"""From an event to an inference, and from many inferences to the rows that a monitor watches."""

from hashlib import blake2b
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.errors import PayloadError
from nilometer_logger.events import CloudEvent
from nilometer_logger.inferences import Arrivals, Inference, Record, read_inference, rows_of
from nilometer_logger.kserve import REQUEST, RESPONSE, Half
from nilometer_logger.rows import Column, Rows, Schema
from tests.unit.logged import ARRIVAL, IRIS, event
from tests.unit.payload.encoders import frame, request, response, rest, tensor

X = tensor("x", "FP32", [[1.5, 2.5]])
RECORD = Record("inferences", 0, 0, ARRIVAL, (), b"")


def logged(kind: str, body: bytes) -> CloudEvent:
    """Returns an event of a type with a body."""
    made = event(1)
    return CloudEvent({**made.attributes, "type": kind}, body)


@pytest.mark.parametrize(("kind", "half"), [(REQUEST, "request"), (RESPONSE, "response")])
@pytest.mark.parametrize("made", [request, response])
def test_a_body_that_does_not_tell_its_half_is_what_its_event_says(kind: str, half: str, made: object) -> None:
    """Messages of gRPC with typed contents are the same bytes as request and as response."""
    found = read_inference(logged(kind, frame(made([X], binary=False).to_grpc())), IRIS, RECORD, 0, 0)

    assert found is not None
    assert found.half == half
    assert found.payload.table.tolist() == [[1.5, 2.5]]


def test_a_body_that_tells_another_half_is_set_aside() -> None:
    """A request event with a response in it comes from a client that mixed something up."""
    with pytest.raises(PayloadError, match="a request event holds the body of a response"):
        read_inference(logged(REQUEST, frame(response([X]).to_grpc())), IRIS, RECORD, 0, 0)


def test_an_inference_tells_where_it_stood() -> None:
    """Its arrival is the record's time, its block the record's offset, its place all of it with its number."""
    record = Record("t", 2, 7, ARRIVAL, (), b"")

    found = read_inference(event(1, 1.0), str(IRIS), record, 5, 0)

    assert found is not None
    assert (found.arrival, found.block, found.place) == (ARRIVAL, 7, "t/2@7[5]")
    assert not found.untimed


@pytest.mark.parametrize("time", [None, "noon"])
def test_without_a_time_of_its_own_its_arrival_stands_in(time: str | None) -> None:
    """It is said so, because such an event cannot be told from another that is alike."""
    made = event(None, 1.0)
    attributes = made.attributes if time is None else {**made.attributes, "time": time}

    found = read_inference(CloudEvent(attributes, made.data), IRIS, RECORD, 0, 0)

    assert found is not None
    assert (found.time, found.untimed) == (ARRIVAL, True)


def test_the_identity_of_an_inference_stays_what_it_was() -> None:
    """It is the BLAKE2b of stream, id, half and time: a later version remembers and samples the same."""
    found = read_inference(event(1, 1.0), IRIS, RECORD, 0, 0)
    text = "demo/iris/predictor/\0an id\0request\x001000000000"

    assert found is not None
    assert found.identity == int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


A, B, COLOUR = Column("a"), Column("b"), Column("colour", "categorical", ("red",))
BODIES = {
    "request": [
        b'{"instances": [[1, 2]]}',
        b'{"instances": [[1, "blue"], [3, "red"], [5, "green"]]}',
        b'{"instances": [{"b": 4, "a": 3}]}',
        b'{"inputs": [{"name": "b", "shape": [2], "data": [5, null]}]}',
        b'{"instances": [[1, 2, 3]]}',
        b'{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [7, 8]}]}',
        rest(request([tensor("x", "FP32", [[9, 10], [11, 12]])])),
    ],
    "response": [b'{"predictions": [1]}', b'{"predictions": ["red", "blue"]}', b'{"predictions": [[1, 2]]}'],
}


def monitor(name: str, *columns: Column) -> Any:
    """Returns as much of a monitor as binding asks for."""
    return SimpleNamespace(name=name, features=Schema(columns), predictions=Schema((COLOUR,)))


def read(bodies: list[tuple[Half, bytes]]) -> list[Inference]:
    """Reads events of some bodies, three to a record."""
    found = []
    for number, (half, body) in enumerate(bodies):
        record = Record("t", 0, number // 3, ARRIVAL, (), b"")
        each = read_inference(event(number, half=half, id=f"{number}", body=body), IRIS, record, number % 3, 0)
        assert each is not None
        found.append(each)
    return found


def facts(rows: Rows | None, clocks: np.ndarray) -> list[tuple[Any, ...]]:
    """Returns all that is known of each row."""
    if rows is None:
        return []
    columns = rows.times, rows.ids, rows.numbers, rows.hashes, clocks
    return [
        (
            *map(str, rows.values[row].tolist()),
            *[column[row] for column in columns],
            {column: text for (at, column), text in rows.strange.items() if at == row},
        )
        for row in range(len(rows))
    ]


@given(
    st.lists(
        st.sampled_from(["request", "response"]).flatmap(
            lambda half: st.tuples(st.just(half), st.sampled_from(BODIES[half]))
        ),
        max_size=8,
    )
)
def test_it_does_not_matter_how_many_inferences_become_rows_at_once(bodies: list[tuple[Half, bytes]]) -> None:
    """Whatever forms lie side by side, for one monitor or many: the same rows in the same order, the same letters."""
    inferences = read(bodies)
    together = Arrivals(IRIS, inferences)
    clock = np.arange(len(inferences), dtype=np.int64) * 10

    for watching in (monitor("m", A, B), monitor("n", A, COLOUR), monitor("o", B)):
        for half in BODIES:
            rows, clocks, dead = rows_of(watching, together, half, clock)
            alone = [
                rows_of(watching, Arrivals(IRIS, [each]), half, clock[place : place + 1])
                for place, each in enumerate(inferences)
            ]
            assert facts(rows, clocks) == [fact for part, at, _ in alone for fact in facts(part, at)]
            assert dead == [letter for *_, letters in alone for letter in letters]
            assert rows is None or list(rows.strange) == sorted(rows.strange)


def test_what_does_not_fit_a_monitor_is_set_aside_for_it_alone() -> None:
    """The reason names the monitor, and the position the event; the rows of the others are there."""
    inferences = read([("request", b'{"instances": [[1, 2]]}'), ("request", b'{"instances": [[1, 2, 3]]}')])
    together, clock = Arrivals(IRIS, inferences), np.zeros(2, dtype=np.int64)

    rows, clocks, [letter] = rows_of(monitor("demo/m", A, B), together, "request", clock)
    _, _, none = rows_of(monitor("demo/n", A, B, Column("c")), together, "request", clock)

    assert rows is not None
    assert (rows.ids, clocks.tolist()) == (["0"], [0])
    headers = dict(letter.headers)
    assert headers["nilometer-position"] == b"t/0@0[1]"
    assert headers["nilometer-reason"].startswith(b"monitor demo/m: 3 columns do not match the schema's 2 (a, b)")
    assert len(none) == 1


def test_a_monitor_that_does_not_watch_a_half_gets_no_rows_of_it() -> None:
    """A schema without columns, or arrivals without that half, are no rows and no letters."""
    together = Arrivals(IRIS, read([("request", b'{"instances": [[1, 2]]}')]))
    clock = np.zeros(1, dtype=np.int64)

    for watching, half in ((monitor("m"), "request"), (monitor("m", A, B), "response")):
        rows, clocks, dead = rows_of(watching, together, half, clock)
        assert (rows, clocks.tolist(), dead) == (None, [], [])
