"""Logged inferences as tests need them: events, and the records of Kafka that hold them."""

import json
from collections.abc import Sequence

from nilometer_logger.cloudevents import BATCH_HEADERS, PUNCTUATION_HEADERS, CloudEvent, encode_batch
from nilometer_logger.cloudevents.kserve import REQUEST, RESPONSE, Half, Stream, stream_text
from nilometer_logger.decoding.inferences import DecodedInferences, Record, StreamBatch, halves_of, read_inferences
from nilometer_logger.engine import punctuation
from nilometer_logger.engine.punctuation import Idle, Punctuation
from nilometer_logger.times import SECOND, format_time

IRIS = Stream("demo", "iris", "predictor", "")
ARRIVAL = 1_000_000 * SECOND

_TYPES = {"request": REQUEST, "response": RESPONSE}
_KEYS = {"request": "instances", "response": "predictions"}


def event(
    time: float | None = 0.0,
    *values: float,
    half: Half = "request",
    id: str = "an id",  # noqa: A002 - the attribute's own name
    stream: Stream = IRIS,
    body: bytes | None = None,
) -> CloudEvent:
    """Returns one half of an inference.

    Args:
        time: its event time in seconds; None for an event without one.
        values: one row each, of one column.
        half: request or response.
        id: of the inference.
        stream: whose it is.
        body: instead of a v1 document of the values.
    """
    attributes = {
        "specversion": "1.0",
        "id": id,
        "source": "http://localhost:9081/",
        "type": _TYPES[half],
        "namespace": stream.namespace,
        "inferenceservicename": stream.inference_service,
        "component": stream.component,
        "endpoint": stream.endpoint,
    }
    if time is not None:
        attributes["time"] = format_time(round(time * SECOND))
    if body is None:
        body = json.dumps({_KEYS[half]: [[value] for value in values]}).encode()
    return CloudEvent({name: value for name, value in attributes.items() if value}, body)


def batch(offset: int, *events: CloudEvent, arrival: int = ARRIVAL) -> Record:
    """Returns a batch record of the logger's."""
    return record(offset, encode_batch(events), headers=BATCH_HEADERS, arrival=arrival)


def punctuated(offset: int, order: Punctuation, arrival: int | None = None) -> Record:
    """Returns a record that the worker wrote for itself, by default when its clocks say."""
    clocks = order.clocks.values() if isinstance(order, Idle) else ()
    written = max(clocks, default=ARRIVAL) if arrival is None else arrival
    return record(offset, punctuation.encode(order), headers=PUNCTUATION_HEADERS, arrival=written)


def record(
    offset: int,
    value: bytes | None,
    content_type: str | None = None,
    headers: Sequence[tuple[str, bytes | None]] = (),
    arrival: int = ARRIVAL,
) -> Record:
    """Returns any record of the topic `inferences`."""
    kind = [("content-type", content_type.encode())] if content_type else []
    return Record("inferences", 3, offset, arrival, [*headers, *kind], value)


def reading(read: Record, future_bound: int = 0) -> DecodedInferences:
    """Returns what the events of a record are, all of which are halves of inferences."""
    halves, reasons = halves_of(read, stream_text)
    assert not reasons
    return read_inferences(halves, read, future_bound)


def run_of(*records: Record) -> StreamBatch:
    """Returns the run of records whose events are of one stream, each once, and none of which is refused."""
    run = StreamBatch()
    for each in records:
        found = reading(each)
        assert not found.refused
        run.add(each, found.inferences)
    return run
