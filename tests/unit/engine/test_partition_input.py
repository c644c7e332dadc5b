"""What a partition makes of its records: rows for those who watch, dead letters for what cannot be decoded."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from nilometer_logger.cloudevents import (
    BATCH_CONTENT_TYPE,
    BATCH_HEADERS,
    PUNCTUATION_CONTENT_TYPE,
    PUNCTUATION_HEADERS,
    RECORD,
    CloudEvent,
    encode_batch,
    to_kafka,
)
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.engine import punctuation
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.punctuation import Configure, ExpirePending, Idle, Punctuation
from nilometer_logger.rows import Column, Schema
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import ONE_COLUMN, Counting, seconds
from tests.unit.engine.partitions import LIMITS
from tests.unit.logged import ARRIVAL, IRIS, batch, event, punctuated, record

EVER = Idle({str(IRIS): ARRIVAL + 10**6 * SECOND})


def run(*records: Record, monitors: tuple[Counting, ...] = (Counting(),)) -> PartitionState:
    """Returns a partition that has taken in some records."""
    partition = PartitionState(monitors, LIMITS)
    for found in records:
        partition.apply([found])
    return partition


def rows(partition: PartitionState) -> list[tuple[str, str, int, float]]:
    """Closes every window; returns half, id, number and value of all rows in them."""
    partition.apply([punctuated(partition.offset + 1, EVER)])
    bodies = [json.loads(finding.data) for finding in partition.take().findings]
    return [tuple(row[:4]) for body in bodies for row in body["rows"]]


def dead(partition: PartitionState) -> list[tuple[str, str, bytes]]:
    """Returns reason, position and value of all dead letters."""
    letters = [(dict(message.headers), message.value) for message in partition.take().dead]
    return [
        (facts["nilometer-reason"].decode(), facts["nilometer-position"].decode(), value) for facts, value in letters
    ]


def test_every_row_of_every_event_is_taken() -> None:
    """A batch record of several events, each of several rows."""
    partition = run(batch(0, event(1, 1.5, 2.5, id="a"), event(2, 3.5, id="b")))

    assert rows(partition) == [("request", "a", 0, 1.5), ("request", "a", 1, 2.5), ("request", "b", 0, 3.5)]


def test_a_record_may_hold_one_event() -> None:
    """Binary mode of the Kafka protocol binding is read as well."""
    headers, body = to_kafka(event(1, 1.5, id="a"))

    assert rows(run(record(0, body, headers=headers))) == [("request", "a", 0, 1.5)]


def test_features_come_from_requests_and_predictions_from_responses() -> None:
    """Each half is rows by itself, in the window of its own time; a response may come first, or never."""
    monitor = Counting(predictions=ONE_COLUMN)
    partition = run(
        batch(0, event(2, 7.0, half="response", id="a"), event(1, 1.5, id="a"), event(3, 2.5, id="b")),
        monitors=(monitor,),
    )

    assert rows(partition) == [("request", "a", 0, 1.5), ("request", "b", 0, 2.5), ("response", "a", 0, 7.0)]


def test_a_half_that_nobody_watches_is_passed_over() -> None:
    """Without predictions in the schema a response is neither a row nor a fault."""
    partition = run(batch(0, event(1, 1.5), event(2, 7.0, half="response")))

    assert [row[0] for row in rows(partition)] == ["request"]
    assert dead(partition) == []


def test_the_offset_is_that_of_the_last_record() -> None:
    """Whatever was in it."""
    assert run().offset == -1
    assert run(batch(7, event(1, 1.0)), record(8, b"damaged", BATCH_CONTENT_TYPE)).offset == 8


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b"{", "the body is no JSON"),
        (b'{"x": 1}', "none of instances"),
        (b'{"predictions": [1]}', "a request event holds the body of a response"),
        (b'{"instances": [[1, 2]]}', "monitor demo/counting: 2 columns do not match the schema's 1 (x)"),
    ],
)
def test_a_body_that_does_not_decode_is_a_dead_letter(body: bytes, reason: str) -> None:
    """It is kept as it came, with the reason and its position in the log, and its neighbours are rows."""
    partition = run(batch(5, event(1, 1.5, id="a"), event(2, body=body), event(3, 2.5, id="b")))

    [(told, position, value)] = dead(partition)

    assert reason in told
    assert position == "inferences/3@5[1]"
    assert value == body
    assert [row[1] for row in rows(partition)] == ["a", "b"]


def test_a_dead_letter_keeps_its_attributes() -> None:
    """It is still a CloudEvent in Kafka's binary mode, to be looked at or sent again."""
    lost = event(1, body=b"{", id="lost")
    [message] = run(batch(0, lost)).take().dead

    assert (message.topic, message.value) == ("inferences-dead", b"{")
    assert message.headers[: len(lost.attributes)] == to_kafka(lost)[0]


def test_a_dead_letter_is_a_log_line() -> None:
    """An operator reads what was set aside and why."""
    with capture_logs() as lines:
        run(batch(5, event(1, body=b"")))

    assert lines == [
        {
            "event": "event set aside",
            "log_level": "warning",
            "position": "inferences/3@5[0]",
            "reason": "the body is empty",
        }
    ]


@pytest.mark.parametrize(
    ("value", "content_type", "reason"),
    [
        (b"damaged", BATCH_CONTENT_TYPE, "not a batch of events"),
        (None, BATCH_CONTENT_TYPE, "not a batch of events"),
        (b"damaged", PUNCTUATION_CONTENT_TYPE, "not a punctuation record"),
        (b"{}", "application/json", "not a CloudEvent: ce_specversion, ce_id, ce_source, ce_type missing or empty"),
        (None, None, "not a CloudEvent"),
    ],
)
def test_a_record_that_is_not_ours_is_a_dead_letter(value: bytes | None, content_type: str | None, reason: str) -> None:
    """Another producer's record ends nothing; it is set aside whole, and the next one is taken."""
    partition = run(record(4, value, content_type), batch(5, event(1, 1.5)))

    [(told, position, kept)] = dead(partition)

    assert told.startswith(reason)
    assert (position, kept) == ("inferences/3@4", value or b"")
    assert len(rows(partition)) == 1


@pytest.mark.parametrize("content_type", [PUNCTUATION_CONTENT_TYPE, BATCH_CONTENT_TYPE])
@pytest.mark.parametrize("order", [Idle({str(IRIS): ARRIVAL}), Configure({})])
def test_an_events_content_type_is_never_obeyed(content_type: str, order: Punctuation) -> None:
    """A client chooses it, and KServe repeats it: the event is set aside as any body that does not decode."""
    forged = event(2, body=punctuation.encode(order), id="forged")
    forged.attributes["datacontenttype"] = content_type
    headers, body = to_kafka(forged)

    partition = run(batch(4, event(1, 1.5, id="a")), record(5, body, headers=headers), batch(6, event(3, 2.5, id="b")))

    [(told, position, _)] = dead(partition)
    assert told.startswith("the body is ")
    assert position == "inferences/3@5[0]"
    assert [row[1] for row in rows(partition)] == ["a", "b"]


def test_an_events_content_type_makes_no_batch() -> None:
    """Whoever could write one would pass `--namespaces` with events of others."""
    forged = event(2, body=encode_batch([event(1, 66.6, id="smuggled")]), id="forged")
    forged.attributes["datacontenttype"] = BATCH_CONTENT_TYPE
    headers, body = to_kafka(forged)

    partition = run(record(0, body, headers=headers))

    assert [position for _, position, _ in dead(partition)] == ["inferences/3@0[0]"]
    assert rows(partition) == []


@pytest.mark.parametrize("ours", [BATCH_HEADERS, PUNCTUATION_HEADERS, [(RECORD, b"batch")]])
def test_a_record_that_is_ours_and_an_event_is_refused(ours: list[tuple[str, bytes | None]]) -> None:
    """Nobody writes both, so it is set aside whole, with the reason."""
    headers, body = to_kafka(event(1, 1.5))

    partition = run(record(4, body, headers=[*headers, *ours]))

    [(told, position, kept)] = dead(partition)
    assert told.startswith(
        "header nilometer-record marks a record of Nilometer's own, and ce_ headers make it an event"
    )
    assert (position, kept) == ("inferences/3@4", body)
    assert rows(partition) == []


@pytest.mark.parametrize("mark", [b"snapshot", b"", None, b"\xff"])
def test_a_record_of_a_newer_version_is_refused(mark: bytes | None) -> None:
    """It is not guessed what it may be: it is set aside until a worker that knows it sends it through again."""
    partition = run(record(4, b"?", headers=[(RECORD, mark)]), batch(5, event(1, 1.5)))

    [(told, _, _)] = dead(partition)
    assert "which this version does not know: upgrade it" in told
    assert len(rows(partition)) == 1


def test_records_of_an_older_version_are_ours() -> None:
    """Without the header and without attributes, the content type decides: backlogs and replays go on."""
    old_batch = record(0, encode_batch([event(1, 1.5, id="a")]), BATCH_CONTENT_TYPE)
    old_quiet = record(1, punctuation.encode(Idle({str(IRIS): ARRIVAL})), PUNCTUATION_CONTENT_TYPE)

    [finding] = run(old_batch, old_quiet).take().findings

    assert [row[1] for row in json.loads(finding.data)["rows"]] == ["a"]


@pytest.mark.parametrize("order", [Idle, ExpirePending])
@pytest.mark.parametrize(
    ("ahead", "is_obeyed"), [(60 * SECOND, True), (60 * SECOND + 999_999, True), (61 * SECOND, False), (2**63, False)]
)
def test_a_clock_too_far_ahead_is_refused_whoever_says_so(
    order: type[Idle] | type[ExpirePending], ahead: int, is_obeyed: bool
) -> None:
    """As an event's time is, by the record's own, which Kafka cuts to milliseconds; of such an order nothing is obeyed."""
    clocks = {str(IRIS): ARRIVAL + ahead, "demo/wine/predictor/": ARRIVAL}

    partition = run(batch(0, event(1, 1.5)), punctuated(1, order(clocks), ARRIVAL))

    if is_obeyed:
        assert dead(partition) == []
    else:
        [(told, position, _)] = dead(partition)
        assert told == (
            f"a punctuation record moves a clock {ahead // SECOND} s ahead of itself, and 60 s is the most: set the clock "
            "of the worker that wrote it"
        )
        assert position == "inferences/3@1"
        assert len(rows(partition)) == 1


def test_a_null_header_is_an_empty_one() -> None:
    """Kafka allows headers without a value."""
    [(told, _, _)] = dead(run(record(0, b"", headers=[("content-type", None), ("ce_id", None)])))

    assert told.startswith("not a CloudEvent")


@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_an_event_that_lacks_an_attribute_is_a_dead_letter(name: str) -> None:
    """Our logger writes none, but another producer's batch spoils nothing but itself."""
    found = event(1, 1.5)
    damaged = CloudEvent({key: value for key, value in found.attributes.items() if key != name}, found.data)

    partition = run(batch(0, damaged, event(2, 2.5, id="b")))

    assert [told for told, _, _ in dead(partition)] == [f"not a CloudEvent: {name} missing"]
    assert [row[1] for row in rows(partition)] == ["b"]


def test_a_long_reason_is_cut() -> None:
    """A client that names its columns at length cannot make a dead letter too large for Kafka."""
    tensors = [{"name": "n" * 100_000, "shape": [1], "data": [1]} for _ in range(4)]

    [(told, _, _)] = dead(run(batch(0, event(1, body=json.dumps({"inputs": tensors}).encode()))))

    assert len(told) <= 500


def test_a_time_from_the_future_is_set_aside() -> None:
    """It would close every window before it, so the reason says to set the sender's clock."""
    arrival = 100 * SECOND
    in_time, too_early = event(160, 1.5, id="a"), event(160.000000001, 2.5, id="b")

    partition = run(batch(0, too_early, in_time, arrival=arrival))

    [(told, _, _)] = dead(partition)
    assert told == "its time 1970-01-01T00:02:40.000000001Z is 60 s after its arrival; set the sender's clock"
    assert [row[1] for row in rows(partition)] == ["a"]


def test_the_future_is_told_by_the_records_own_time() -> None:
    """A replay years later sets aside the same events, because no clock of today is asked."""
    first = run(batch(0, event(100, 1.5), arrival=0))
    second = run(batch(0, event(100, 1.5), arrival=100 * SECOND))

    assert (len(dead(first)), len(dead(second))) == (1, 0)


@pytest.mark.parametrize("time", [None, "noon"])
def test_a_missing_time_is_that_of_the_record(time: str | None) -> None:
    """An event without a time that can be read happened when Kafka got it."""
    found = event(None, 1.5)
    if time is not None:
        found.attributes["time"] = time
    partition = run(batch(0, found, arrival=25 * SECOND), batch(1, event(31, 2.5)))

    [finding] = partition.take().findings

    assert json.loads(finding.data)["window"]["first_event_time"] == 25 * SECOND


def test_an_event_of_another_type_is_passed_over() -> None:
    """What is no half of an inference is no row, no fault, and does not move the clock."""
    other = event(50, 1.5)
    other.attributes["type"] = "com.example.order"
    partition = run(batch(0, event(1, 1.5), other))

    taken = partition.take()

    assert taken.findings == taken.dead == []


def test_an_event_without_rows_is_passed_over() -> None:
    """An empty request is no fault, and does not move the clock."""
    partition = run(batch(0, event(1, 1.5), event(50, id="empty")))

    taken = partition.take()

    assert taken.findings == taken.dead == []


def test_a_stream_that_nobody_watches_is_told_once() -> None:
    """Neither rows nor dead letters: a line says that no monitor names it, and no second one."""
    wine = Stream("demo", "wine", "predictor", "")
    with capture_logs() as lines:
        partition = run(*[batch(offset, event(1, body=b"{", stream=wine)) for offset in range(3)])

    assert [(line["event"], line["stream"]) for line in lines] == [("stream not watched", "demo/wine/predictor/")]
    assert dead(partition) == []


def test_rows_are_scored_as_they_arrive() -> None:
    """A finding on a row does not wait for its window, nor for a snapshot."""
    partition = run()

    found = partition.apply([batch(0, event(1, 1.0, 101.0, id="a"))])

    assert [finding["row"] for finding in found] == ["a/1"]


def test_a_late_row_is_scored_all_the_same() -> None:
    """It is in no window, but an outlier is an outlier."""
    partition = run(batch(0, event(50, 1.0)))

    assert len(partition.apply([batch(1, event(1, 101.0))])) == 1


def test_each_monitor_has_its_own_schema() -> None:
    """What fits one monitor's columns and not another's is a dead letter of the other only."""
    two = Counting(name="demo/two", features=Schema((Column("x"), Column("y"))), windows=seconds(10))
    partition = run(batch(0, event(1, 1.5, id="a")), monitors=(Counting(), two))

    assert [told.partition(":")[0] for told, _, _ in dead(partition)] == ["monitor demo/two"]
    assert [row[1] for row in rows(partition)] == ["a"]


def test_a_row_has_the_same_hash_wherever_it_is_read() -> None:
    """The identity is stream, id, half and time: samples drawn by it do not depend on offsets or batches."""

    def hashes(*records: Record) -> list[Any]:
        partition = run(*records)
        partition.apply([punctuated(partition.offset + 1, EVER)])
        return [row[4] for found in partition.take().findings for row in json.loads(found.data)["rows"]]

    together = hashes(batch(0, event(1, 1.0, 2.0, id="a"), event(2, 3.0, id="b")))
    apart = hashes(batch(7, event(1, 1.0, 2.0, id="a")), batch(9, event(2, 3.0, id="b")))
    another_time = hashes(batch(0, event(1.5, 1.0, 2.0, id="a"), event(2.5, 3.0, id="b")))

    assert together == apart
    assert len(set(together)) == 3
    assert not set(together) & set(another_time)


def test_an_event_without_rows_is_counted() -> None:
    """An empty request is no fault, and is accounted for: it is neither a row nor a dead letter, of a stream or of none."""
    partition = run(
        batch(0, event(1, body=b'{"instances":[]}', id="of none yet")),
        batch(1, event(2, 1.0, id="a"), event(3, body=b'{"instances":[]}', id="b"), event(4, body=b"", id="c")),
    )

    totals = partition.counters()
    assert sum(found.empty for found in totals) == 2
    assert sum(found.rows for found in totals) == 1
    assert len(dead(partition)) == 1
