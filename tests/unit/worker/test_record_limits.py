"""What leaves a worker fits into its topic: limits as Kafka tells them, and what is done about them."""

import json

from structlog.testing import capture_logs

from nilometer_detectors.monitors.shortening import fit
from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, to_kafka
from nilometer_logger.deadletters import CUT, dead_letter, read_dead_letter
from nilometer_logger.engine.multipart import Parts
from nilometer_logger.engine.snapshots import Snapshot, key, value
from nilometer_logger.topics import Message
from nilometer_logger.worker.counters import WorkerCounters
from nilometer_logger.worker.record_limits import DEFAULT_BYTES, LEAST_BYTES, RecordLimits, record_bytes

LARGE = 8 * 2**20
WIDE = json.dumps({"features": {f"f{number}": {"count": 1, "more": "x" * 100} for number in range(20_000)}}).encode()


def finding(data: bytes = b"{}", **attributes: str) -> CloudEvent:
    """Returns a finding of statistics."""
    facts = {"specversion": "1.0", "id": "a1", "source": "/nilometer/demo/iris", "type": "io.nilometer.statistics"}
    return CloudEvent({**facts, "monitor": "demo/iris", "partitionkey": "demo/iris/predictor/", **attributes}, data)


def bytes_of(event: CloudEvent) -> int:
    """Bounds what a finding takes in Kafka."""
    headers, body = to_kafka(event)
    return record_bytes(event["partitionkey"].encode(), body, headers)


def told(limit: int | None) -> RecordLimits:
    """Returns one that was told the same limit of all topics."""
    record_limits = RecordLimits(fit)
    record_limits.tell(dict.fromkeys((topics.FINDINGS, topics.OUTLIERS, topics.STATE, topics.DEAD, topics.LATE), limit))
    return record_limits


def test_a_finding_fits_into_its_topic() -> None:
    """Whole where the topic takes it; with its attributes, headers and key it never is larger than the limit."""
    event = finding(WIDE)
    assert told(LARGE).finding(topics.FINDINGS, event) is event
    for limit in (LEAST_BYTES, 100_000, DEFAULT_BYTES):
        assert bytes_of(told(limit).finding(topics.FINDINGS, event)) <= limit
        assert bytes_of(told(limit).finding(topics.FINDINGS, finding(b"{}", endpoint="e" * 400_000))) <= limit


def test_a_setting_bounds_findings_below_what_kafka_takes() -> None:
    """A sink may take less than the topic."""
    record_limits = RecordLimits(fit, max_finding_bytes=50_000)
    record_limits.tell({topics.FINDINGS: LARGE})
    assert bytes_of(record_limits.finding(topics.FINDINGS, finding(WIDE))) <= 50_000


def test_shortened_findings_are_counted_and_said_once() -> None:
    """A line for each monitor and detector, not for each finding."""
    figures = WorkerCounters()
    record_limits = RecordLimits(fit, figures)
    with capture_logs() as lines:
        for _ in range(3):
            record_limits.finding(topics.FINDINGS, finding(WIDE))
        record_limits.finding(topics.FINDINGS, finding(WIDE, detector="ks"))
        record_limits.finding(topics.FINDINGS, finding())

    assert [(line["event"], line["log_level"], line["detector"]) for line in lines] == [
        ("finding shortened", "warning", None),
        ("finding shortened", "warning", "ks"),
    ]
    assert figures.shortened == {("demo/iris", ""): 3, ("demo/iris", "ks"): 1}


def test_a_limit_that_kafka_does_not_tell_is_kafkas_default() -> None:
    """It is said once, however often the limits are asked for."""
    with capture_logs() as lines:
        record_limits = told(None)
        record_limits.tell({topics.FINDINGS: None})

    assert [(line["event"], line["assumed_bytes"]) for line in lines] == [("limits of topics not known", DEFAULT_BYTES)]
    assert record_limits.limit(topics.FINDINGS) == DEFAULT_BYTES


def test_what_kafka_refused_is_not_sent_again_for_ever() -> None:
    """Where Kafka tells the same limit as before, less is sent with each new start, until it tells another."""
    record_limits = told(LARGE)
    record_limits.refused(topics.FINDINGS, 5_000_000)
    record_limits.refused(topics.FINDINGS, 4_000_000)  # of the same transaction
    assert record_limits.limit(topics.FINDINGS) == 2_500_000
    assert record_limits.limit(topics.OUTLIERS) == LARGE

    for _ in range(20):
        record_limits.tell({topics.FINDINGS: LARGE})
        record_limits.refused(topics.FINDINGS, record_limits.limit(topics.FINDINGS))
    assert record_limits.limit(topics.FINDINGS) == LEAST_BYTES

    record_limits.tell({topics.FINDINGS: DEFAULT_BYTES})
    assert record_limits.limit(topics.FINDINGS) == DEFAULT_BYTES


def test_every_record_of_a_snapshot_fits() -> None:
    """State in parts, findings shortened, dead letters and late events cut, which their header says."""
    limit = 100_000
    letter = dead_letter("wrong", "inferences/0@7", [("content-type", b"application/json")], b"x" * 300_000)
    late = Message(topics.LATE, b"demo/iris", b"y" * 300_000, [("ce_id", b"7")])
    changes = [(key("pane", "m", "d", "s", 1), value(1, 2, b"z" * 300_000))]
    taken = told(limit).snapshot(Snapshot(7, changes, [finding(WIDE)], [letter, late]), Parts())

    assert all(record_bytes(name, content, []) <= limit for name, content in taken.changes)
    assert len(taken.changes) == 1 + 4
    assert all(bytes_of(event) <= limit for event in taken.findings)
    assert all(record_bytes(one.key, one.value, one.headers) <= limit for one in taken.dead)
    read = read_dead_letter(taken.dead[0].headers, taken.dead[0].value)
    assert (read.reason, read.position, read.is_cut) == ("wrong", "inferences/0@7", True)
    assert dict(taken.dead[1].headers) == {"ce_id": b"7", CUT: b"300000"}
    assert len(taken.dead[1].value) > limit // 2


def test_headers_too_large_to_be_kept_are_left_out_and_the_reason_is_not() -> None:
    """The position still says where the whole stands."""
    letter = dead_letter("wrong", "inferences/0@7", [("ce_id", b"x" * 300_000)], b"{}")
    [cut] = told(100_000).snapshot(Snapshot(7, [], [], [letter]), Parts()).dead

    assert record_bytes(cut.key, cut.value, cut.headers) <= 100_000
    read = read_dead_letter(cut.headers, cut.value)
    assert (read.reason, read.position, read.is_cut, read.headers) == ("wrong", "inferences/0@7", True, [])
