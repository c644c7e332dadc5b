"""What is read of hundreds of events at once is what is read of each alone, whatever stands between them."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import BATCH_CONTENT_TYPE, CloudEvent, decode_batch, to_kafka
from nilometer_logger.cloudevents.kserve import REQUEST, RESPONSE
from nilometer_logger.deadletters import REDRIVEN
from nilometer_logger.decoding.inferences import Record, _logged, _times, logged_events
from nilometer_logger.decoding.payload import Payload, decode, decode_all
from nilometer_logger.decoding.payload._decode import decode_any
from nilometer_logger.errors import EventError, PayloadError
from nilometer_logger.times import SECOND, format_time, parse_time
from tests.unit.decoding.payload.test_plain import DOCUMENTS, outcome
from tests.unit.logged import ARRIVAL, batch, reading, record

BOUND = 60 * SECOND
ODD = [
    b"",
    b" ",
    b"{",
    b"{}",
    b"\xff{}",
    b"data: x\n\n",
    b'{"error": 1}',
    b'{"inputs": [NaN]}',
    b'{"instances": [NaN, 1]}',
]
BODIES = (
    DOCUMENTS.map(lambda document: json.dumps(document).encode())
    | st.builds(
        lambda key, numbers: json.dumps({key: [{"name": "x", "shape": [1, len(numbers)], "data": numbers}]}).encode(),
        st.sampled_from(["inputs", "outputs"]),
        st.lists(st.floats(), min_size=1, max_size=3),
    )
    | st.sampled_from(ODD)
    | st.binary(max_size=20)
)
TIMES = st.one_of(
    st.integers(ARRIVAL - 10, ARRIVAL + 10).map(format_time),
    st.integers(ARRIVAL - 3 * SECOND, ARRIVAL + 70 * SECOND).map(format_time),
    st.integers(-(2**63), 2**63 - 1).map(format_time),
    st.from_regex(r"1970-01-12T13:4[56]:40(\.[0-9٣]{0,11})?[Zz]?(\+01:00)?", fullmatch=True),
    st.sampled_from(
        ["", "noon", "Z", ".Z", "1970-01-12T13:46:40.1Z2", "1970-01-12T13:46:4Z.1Z", "1970-01-12T13:46:40.Z"]
    ),
    st.text(max_size=3),
)
TEXT = st.text(max_size=3)
KNOWN = [field.encode_name for field in msgspec.structs.fields(_logged.LoggedAttributes)]
ATTRIBUTES = st.fixed_dictionaries(
    {"id": st.sampled_from(["1", "2", ""]) | TEXT, "source": TEXT, "type": st.sampled_from([REQUEST, RESPONSE])},
    optional={
        "time": TIMES,
        REDRIVEN: st.sampled_from(["", "1"]),
        "namespace": TEXT,
        "specversion": TEXT,
        "unheardof": TEXT,
    },
)
EVENTS = st.lists(st.builds(CloudEvent, ATTRIBUTES, BODIES), min_size=1, max_size=5)


def told(payload: Payload) -> Any:
    """Returns all that a payload says."""
    return outcome(payload) if payload.rows else (payload.half, payload.names, payload.rows)


@given(st.lists(TIMES, min_size=1, max_size=6))
@example(["1970-01-12T13:46:40.1Z", "1970-01-12T13:46:40.12345678901Z"])
@example(["1970-01-12T13:46:40.1234567890Z", "1970-01-12T13:46:40.12345678Z"])
@example(["1970-01-12T13:46:40.1Z", "1970-01-12T13:46:40.1z"])
@example(["1970-01-12T13:46:40Z", "1970-01-12T13:46:41.5Z"])
@example(["1970-01-12T13:46:40Z", "1970-01-12T13:46:40.Z"])
@example(["1970-01-12T13:46:40z", "1970-01-12T13:46:40.1Z"])
@example(["2262-04-11T23:47:16.9Z", "2262-04-11T23:47:16.854775807Z"])
def test_times_at_once_are_those_of_each(texts: list[str]) -> None:
    """And what is no time is told, whatever stands beside it."""
    expected: list[tuple[int, bool]] = []
    for text in texts:
        try:
            expected.append((parse_time(text), False))
        except ValueError:
            expected.append((-7, True))

    times, untimed = _times.parse_times(texts, -7)

    assert list(zip(times.tolist(), untimed.tolist(), strict=True)) == expected


@given(st.lists(BODIES, max_size=5))
def test_bodies_at_once_are_those_of_each(bodies: list[bytes]) -> None:
    """The same table to the bit, or the same reason: none is spoiled by its neighbours."""
    found = decode_all(bodies)
    payloads, refused = found.payloads, found.refused

    for place, (body, payload) in enumerate(zip(bodies, payloads, strict=True)):
        ways = (decode, decode_any) if body.startswith(b"{") else (decode,)
        assert place not in refused or not payload.rows
        for way in ways:
            try:
                expected = told(way(body))
            except PayloadError as error:
                expected = str(error)
            assert (str(refused[place]) if place in refused else told(payload)) == expected


def alone(event: CloudEvent, *, is_batch: bool) -> list[Any]:
    """Returns what an event is in a record of its own, in ours or in Kafka's binary mode."""
    headers, body = to_kafka(event)
    return facts([event]) if is_batch else facts([event], record(0, body, headers=headers))


def facts(events: Sequence[CloudEvent], of: Record | None = None) -> list[Any]:
    """Returns what each event of a record is: an inference, the reason why not, or nothing."""
    found = reading(of or batch(0, *events), BOUND)
    inferences = found.inferences
    made: list[Any] = [None] * len(events)
    for place, error in found.refused.items():
        made[place] = type(error), str(error)
    for at, place in enumerate(inferences.numbers):
        made[place] = (
            inferences.ids[at],
            bool(inferences.are_requests[at]),
            int(inferences.times[at]),
            int(inferences.identities[at]),
            bool(inferences.untimed[at]),
            found.streams[at],
            told(inferences.payloads[at]),
        )
    return made


@given(EVENTS)
def test_a_record_of_many_events_is_what_each_is_alone(events: list[CloudEvent]) -> None:
    """Of any body, any time, and attributes that make the whole record be read another way."""
    assert facts(events) == [alone(event, is_batch=True)[0] for event in events]


@given(ATTRIBUTES.filter(lambda attributes: all(attributes.values())), BODIES)
def test_an_event_in_binary_mode_is_what_it_is_in_a_batch(attributes: dict[str, str], body: bytes) -> None:
    """Which way it was written changes nothing."""
    event = CloudEvent({**attributes, "specversion": "1.0"}, body)

    assert alone(event, is_batch=True) == alone(event, is_batch=False)


VALUES = st.one_of(TEXT, st.none(), st.integers(-99, 99), st.binary(max_size=3), st.just(["a"]), st.just({"a": 1}))
NAMES = st.sampled_from([*KNOWN, "unheardof"])
ANYTHING = st.lists(
    st.one_of(
        st.tuples(st.dictionaries(NAMES, TEXT), st.binary(max_size=3)),
        st.tuples(ATTRIBUTES, st.binary(max_size=3)),
        st.tuples(st.builds(dict, ATTRIBUTES, metadata=VALUES), st.binary(max_size=3)),
        st.tuples(st.builds(dict, ATTRIBUTES, extra=VALUES), st.binary(max_size=3)),
        st.tuples(st.dictionaries(NAMES | st.integers(-9, 9), VALUES), VALUES),
        st.lists(VALUES, max_size=3),
    ),
    max_size=3,
)


@given(ANYTHING, st.integers(0, 200), st.binary(max_size=2), st.booleans())
def test_the_quick_way_into_a_record_reads_what_the_general_way_does(
    made: list[Any], at: int, damage: bytes, is_damaged: bool
) -> None:
    """Whatever MessagePack is there: what is refused is refused on both, and the attributes are the same."""
    value = msgspec.msgpack.encode(made)
    if is_damaged:
        value = value[:at] + damage + value[at + len(damage) :]
    try:
        general: Any = _logged._one_by_one(decode_batch(value))
    except EventError as error:
        general = str(error)

    try:
        found: Any = logged_events(record(0, value, BATCH_CONTENT_TYPE))
    except EventError as error:
        found = str(error)

    assert found == general


def test_what_kserve_writes_takes_the_quick_way() -> None:
    """Every attribute of its own, of Knative's brokers and of a redrive; an attribute of others takes the general one."""
    usual, other = (batch(0, CloudEvent(dict.fromkeys(names, "x"), b"{}")) for names in (KNOWN, [*KNOWN, "unheardof"]))

    assert logged_events(usual) == logged_events(other)
    assert "events" not in vars(usual)  # which is what the general way reads
    assert "events" in vars(other)
