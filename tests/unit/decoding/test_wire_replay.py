"""What KServe's own logger sent, replayed: each capture of tests/data/wire goes all the way to its rows, or its reason.

The way is the product's: the headers and body that the raw socket took down are read as an event, go through a batch
record, are decoded, and bound to a schema of as many columns as the story has.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nilometer_logger.cloudevents import from_http
from nilometer_logger.cloudevents.kserve import Half, stream_of, time_of
from nilometer_logger.decoding.inferences import StreamBatch
from nilometer_logger.engine.binding import Batch, rows_of
from nilometer_logger.errors import PayloadError
from nilometer_logger.rows import Column, Rows, Schema
from tests.unit.captures import Capture, captures
from tests.unit.logged import batch, reading

VERSIONS = ["v0.13.1", "v0.20.0"]
NO_ROWS = "the body's JSON has none of instances, predictions (v1), inputs, outputs (v2)"

# Story, half, and the rows as the columns' names in the body (None: by position) and values; or the reason.
REPLAY: list[tuple[str, str, Any]] = [
    ("v1 json", "request", (None, [[1, 2]])),
    ("v1 json", "response", (None, [[1], [1]])),
    ("v1 form ct (curl -d default)", "request", (None, [[1, 2]])),
    ("v1 form ct (curl -d default)", "response", (None, [[1], [1]])),
    ("v1 no ct", "request", (None, [[1, 2]])),
    ("v1 no ct", "response", (None, [[1], [1]])),
    ("v1 with Ce-Id + X-Request-Id + lower hdr", "request", (None, [[1, 2]])),
    ("v1 with Ce-Id + X-Request-Id + lower hdr", "response", (None, [[1], [1]])),
    ("v2 binary", "request", (("i.0", "i.1"), [[1, 2]])),
    ("v2 binary", "response", (("o.0", "o.1"), [[1, 2]])),
    ("json req, binary resp", "request", "inputs is without tensors"),
    ("json req, binary resp", "response", (("o.0", "o.1"), [[1, 2]])),
    ("gzip resp", "request", (None, [[1]])),
    ("gzip resp", "response", (None, [[1]])),
    ("400 resp", "request", NO_ROWS),
    ("201 resp", "request", NO_ROWS),
    ("sse resp", "request", NO_ROWS),
    ("sse resp", "response", "the body is a stream of server-sent events, which has no rows"),
    ("GET metadata", "request", "the body is empty"),
    ("GET metadata", "response", "the body is the state or metadata of a model or server, not an inference"),
]


def replay(captured: Capture, columns: int) -> tuple[tuple[str, ...] | None, Rows]:
    """Takes a capture the whole way.

    Args:
        captured: one event.
        columns: of the schema that its rows get.

    Returns:
        The names of the body's columns, and the rows.
    """
    event = from_http(captured.headers, captured.body)
    arrival = time_of(event.attributes)
    assert arrival is not None
    record = batch(0, event, arrival=arrival)
    found = reading(record)
    for error in found.refused.values():
        raise error
    [payload] = found.inferences.payloads
    half: Half = "request" if found.inferences.are_requests[0] else "response"
    run = StreamBatch()
    run.add(record, found.inferences)
    schema = Schema(tuple(Column(f"column{number}") for number in range(columns)))
    monitor: Any = SimpleNamespace(name="replay", features=schema, predictions=schema)
    arrivals = Batch(stream_of(event.attributes), run.blocks)
    rows, _, dead = rows_of(monitor, arrivals, half, np.array([arrival]))
    assert rows is not None
    assert dead == []
    return payload.names, rows


@pytest.mark.parametrize("version", VERSIONS)
def test_every_capture_is_replayed(version: str) -> None:
    """The table below names each event of the captures once, and no other."""
    assert [(found.story, found.half) for found in captures(version)] == [(story, half) for story, half, _ in REPLAY]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("story", "half", "expected"), REPLAY)
def test_a_capture_is_its_rows_or_its_reason(version: str, story: str, half: str, expected: Any) -> None:
    """Whatever Content-Type KServe gave it, a body is exactly these rows, at the event's own time, or this reason."""
    [found] = [one for one in captures(version) if (one.story, one.half) == (story, half)]
    if isinstance(expected, str):
        with pytest.raises(PayloadError) as refused:
            replay(found, 1)
        assert str(refused.value) == expected
        return
    names, values = expected

    read, rows = replay(found, len(values[0]))

    assert (read, rows.half, rows.values.tolist()) == (names, half, values)
    assert rows.values.dtype == np.float64
    assert set(rows.times.tolist()) == {time_of(from_http(found.headers, found.body).attributes)}
    assert rows.numbers.tolist() == list(range(len(values)))
