"""From an event to an inference, and from many inferences to the rows that a monitor watches."""

from hashlib import blake2b
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import REQUEST, RESPONSE, Half
from nilometer_logger.deadletters import REDRIVEN
from nilometer_logger.decoding.inferences import StreamBatch
from nilometer_logger.engine.binding import Batch, rows_of
from nilometer_logger.rows import Column, Rows, Schema
from nilometer_logger.times import SECOND
from tests.unit.decoding.payload.encoders import frame, request, response, rest, tensor
from tests.unit.logged import ARRIVAL, IRIS, batch, event, reading, run_of

X = tensor("x", "FP32", [[1.5, 2.5]])


def logged(kind: str, body: bytes) -> CloudEvent:
    """Returns an event of a type with a body."""
    made = event(1)
    return CloudEvent({**made.attributes, "type": kind}, body)


@pytest.mark.parametrize(("kind", "half"), [(REQUEST, "request"), (RESPONSE, "response")])
@pytest.mark.parametrize("made", [request, response])
def test_a_body_that_does_not_tell_its_half_is_what_its_event_says(kind: str, half: str, made: object) -> None:
    """Messages of gRPC with typed contents are the same bytes as request and as response."""
    found = reading(batch(0, logged(kind, frame(made([X], binary=False).to_grpc())))).inferences

    assert found.are_requests.tolist() == [half == "request"]
    assert found.payloads[0].table.tolist() == [[1.5, 2.5]]


def test_a_body_that_tells_another_half_is_set_aside() -> None:
    """A request event with a response in it comes from a client that mixed something up."""
    found = reading(batch(0, event(1, 1.0), logged(REQUEST, frame(response([X]).to_grpc()))))

    assert {place: str(error) for place, error in found.refused.items()} == {
        1: "a request event holds the body of a response"
    }
    assert found.inferences.numbers == [0]


def test_an_inference_tells_where_it_stood() -> None:
    """Its event as it came, and the position of its record with its number, whichever record it stands in."""
    events = [event(number, 1.0, id=f"{number}") for number in range(4)]
    run = run_of(batch(7, *events[:3]), batch(8, *events[3:]))

    arrivals = Batch(IRIS, run.blocks)
    told = [arrivals.origin(place) for place in range(4)]

    places = ["inferences/3@7[0]", "inferences/3@7[1]", "inferences/3@7[2]", "inferences/3@8[0]"]
    assert told == list(zip(events, places, strict=True))


@pytest.mark.parametrize("time", [None, "noon"])
def test_without_a_time_of_its_own_its_arrival_stands_in(time: str | None) -> None:
    """It is said so, because such an event cannot be told from another that is alike."""
    made = event(None, 1.0)
    attributes = made.attributes if time is None else {**made.attributes, "time": time}

    found = reading(batch(0, event(1, 1.0), CloudEvent(attributes, made.data), event(2, 1.0))).inferences

    assert found.times.tolist() == [SECOND, ARRIVAL, 2 * SECOND]
    assert found.untimed.tolist() == [False, True, False]


def test_the_identity_of_an_inference_stays_what_it_was() -> None:
    """It is the BLAKE2b of stream, id, half and time: a later version remembers and samples the same."""
    again = event(1, 1.0)
    again = CloudEvent({**again.attributes, REDRIVEN: "2"}, again.data)
    found = reading(batch(0, event(1, 1.0), again)).inferences
    text = "demo/iris/predictor/\0an id\0request\x001000000000"

    assert found.identities.tolist() == [
        int.from_bytes(blake2b(whole.encode(), digest_size=8).digest(), "big") for whole in (text, f"{text}\0002")
    ]


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


def read(bodies: list[tuple[Half, bytes]]) -> StreamBatch:
    """Reads events of some bodies, three to a record."""
    events = [event(number, half=half, id=f"{number}", body=body) for number, (half, body) in enumerate(bodies)]
    return run_of(*[batch(first, *events[first : first + 3]) for first in range(0, len(events), 3)])


def facts(rows: Rows | None, clocks: np.ndarray) -> list[tuple[Any, ...]]:
    """Returns all that is known of each row."""
    if rows is None:
        return []
    columns = rows.times, rows.ids, rows.numbers, rows.hashes, clocks
    return [
        (
            *map(str, rows.values[row].tolist()),
            *[column[row] for column in columns],
            {column: text for (at, column), text in rows.unrecognized.items() if at == row},
        )
        for row in range(len(rows))
    ]


@given(
    st.lists(
        st.sampled_from(["request", "response"]).flatmap(
            lambda half: st.tuples(st.just(half), st.sampled_from(BODIES[half]))
        ),
        min_size=1,
        max_size=8,
    )
)
def test_it_does_not_matter_how_many_records_become_rows_at_once(bodies: list[tuple[Half, bytes]]) -> None:
    """Whatever forms lie side by side, for one monitor or many: the same rows in the same order, the same letters."""
    run = read(bodies)
    together = Batch(IRIS, run.blocks)
    clock = np.arange(len(bodies), dtype=np.int64) * 10

    for watching in (monitor("m", A, B), monitor("n", A, COLOUR), monitor("o", B)):
        for half in BODIES:
            rows, clocks, dead = rows_of(watching, together, half, clock)
            alone = [
                rows_of(watching, Batch(IRIS, [block]), half, clock[begin : begin + 3])
                for begin, block in zip(range(0, len(bodies), 3), run.blocks, strict=True)
            ]
            assert facts(rows, clocks) == [fact for part, at, _ in alone for fact in facts(part, at)]
            assert dead == [letter for *_, letters in alone for letter in letters]
            assert rows is None or list(rows.unrecognized) == sorted(rows.unrecognized)


def test_what_does_not_fit_a_monitor_is_set_aside_for_it_alone() -> None:
    """The reason names the monitor, and the position the event; the rows of the others are there."""
    run = read([("request", b'{"instances": [[1, 2]]}'), ("request", b'{"instances": [[1, 2, 3]]}')])
    together, clock = Batch(IRIS, run.blocks), np.zeros(2, dtype=np.int64)

    rows, clocks, [letter] = rows_of(monitor("demo/m", A, B), together, "request", clock)
    _, _, none = rows_of(monitor("demo/n", A, B, Column("c")), together, "request", clock)

    assert rows is not None
    assert (rows.ids, clocks.tolist()) == (["0"], [0])
    headers = dict(letter.headers)
    assert headers["nilometer-position"] == b"inferences/3@0[1]"
    assert headers["nilometer-reason"].startswith(b"monitor demo/m: 3 columns do not match the schema's 2 (a, b)")
    assert len(none) == 1


def test_a_monitor_that_does_not_watch_a_half_gets_no_rows_of_it() -> None:
    """A schema without columns, or arrivals without that half, are no rows and no letters."""
    together = Batch(IRIS, read([("request", b'{"instances": [[1, 2]]}')]).blocks)
    clock = np.zeros(1, dtype=np.int64)

    for watching, half in ((monitor("m"), "request"), (monitor("m", A, B), "response")):
        rows, clocks, dead = rows_of(watching, together, half, clock)
        assert (rows, clocks.tolist(), dead) == (None, [], [])
