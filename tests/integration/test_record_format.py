"""What stands in `inferences`, read by whoever else reads it: a batch a record, or Kafka's protocol binding."""

import base64
import json
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord

from nilometer_logger.cloudevents import BATCH_CONTENT_TYPE, CloudEvent, decode_batch, from_http, kind_of, read_kafka
from tests.integration.loggers import Start
from tests.integration.logging_events import Load, body_of, headers_of, send
from tests.integration.reading import records_of
from tests.integration.stack import eventually
from tests.integration.worker.feeding import (
    Sent,
    beginning,
    expected_windows,
    last_words,
    make_baseline,
    services,
    write_monitors,
)
from tests.integration.worker.working import PATIENCE, Workers
from tests.unit.captures import captures

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

FORMATS = ["batch", "cloudevents"]
ATTRIBUTES = {
    "ce_specversion": b"1.0",
    "ce_id": b"1",
    "ce_source": b"http://localhost:9081/",
    "ce_type": b"org.kubeflow.serving.inference.request",
    "ce_time": b"2026-11-23T08:52:21.121906583Z",
    "ce_inferenceservicename": b"iris",
    "ce_namespace": b"demo",
    "ce_component": b"predictor",
    "ce_metadata": b'{"X-Request-Id":["a b%20c"]}',  # KServe's own, not HTTP's
    "content-type": b"application/json",
}
STRANGE = [b"\xff\xfe", b"", b'{"instances": [[NaN, 1]]}', b"\x00" * 100]


@pytest.fixture
def start(start: Start) -> Start:
    """Starts loggers that write a format, and stops them after the test."""
    return lambda record_format, *arguments: start("--record-format", record_format, "--partitions", 2, *arguments)


def all_of(record: ConsumerRecord) -> list[CloudEvent]:
    """Reads a record of either format by the codecs that anybody may use."""
    if kind_of(record.headers) == "batch":
        return decode_batch(record.value)
    return read_kafka(record.headers, record.value)


def test_a_cloudevent_stands_there_as_the_binding_says(start: Start) -> None:
    """ce_ headers with the attributes as text, the content type as it came, the body as the value, the stream as key."""
    logger = start("cloudevents")

    assert send(logger.url, headers_of("1"), body_of("1")).status == 200

    [record] = records_of(logger.kafka, logger.topic)
    assert dict(record.headers) == ATTRIBUTES
    assert len(record.headers) == len(ATTRIBUTES)
    assert (record.key, record.value) == (b"demo/iris/predictor/", body_of("1"))


def test_a_batch_says_what_it_is(start: Start) -> None:
    """A header of its own, its content type, no ce_ header and no key: nobody takes it for one event."""
    logger = start("batch")

    assert send(logger.url, headers_of("1"), body_of("1")).status == 200

    [record] = records_of(logger.kafka, logger.topic)
    assert list(record.headers) == [("content-type", BATCH_CONTENT_TYPE.encode()), ("nilometer-record", b"batch")]
    assert record.key is None
    [event] = decode_batch(record.value)
    assert (event["id"], event["metadata"], event.data) == ("1", '{"X-Request-Id":["a b%20c"]}', body_of("1"))


@pytest.mark.parametrize("record_format", FORMATS)
def test_what_is_read_is_what_came(start: Start, record_format: str) -> None:
    """Everything that KServe's logger ever sent, in its order, byte for byte, by our own reading of Kafka records."""
    logger = start(record_format)
    found = captures("v0.20.0")

    for sent in found:
        headers = {
            name.decode(): value.decode() for name, value in sent.headers if name not in (b"host", b"content-length")
        }
        assert send(logger.url, headers, sent.body).status == 200

    read = [event for record in records_of(logger.kafka, logger.topic) for event in all_of(record)]
    expected = [from_http(sent.headers, sent.body) for sent in found]
    assert sorted(read, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize("record_format", FORMATS)
def test_a_strange_body_spoils_no_neighbour(start: Start, record_format: str) -> None:
    """Whatever a body is, it and its neighbours of the same moment are answered 200 and lie there as they came."""
    logger = start(record_format)
    events = [
        {"specversion": "1.0", "id": str(number), "source": "s", "type": "t", "data_base64": _base64(body)}
        for number, body in enumerate([b"{}", *STRANGE, b"{}"])
    ]

    answer = send(logger.url, {"content-type": "application/cloudevents-batch+json"}, json.dumps(events).encode())

    assert (answer.status, answer.body) == (200, b"")
    read = [event for record in records_of(logger.kafka, logger.topic) for event in all_of(record)]
    assert [(event["id"], event.data) for event in read] == list(zip("012345", [b"{}", *STRANGE, b"{}"], strict=True))


def test_cloudevents_share_produce_requests_as_well(start: Start) -> None:
    """A busy logger that writes an event a record still sends many of them to Kafka at once."""
    logger = start("cloudevents")
    load = Load(logger.url, clients=64)

    load.run(1000)

    assert len(load.acknowledged) == 1000
    assert len(records_of(logger.kafka, logger.topic)) == 1000
    lines = send(f"{logger.url}/metrics", method="GET").body.decode().splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(found["nilometer_logger_record_events_sum"]) == 1000
    assert float(found["nilometer_logger_record_events_count"]) < 500


@pytest.mark.parametrize("record_format", FORMATS)
def test_a_worker_finds_every_row(start: Start, topic_prefix: str, tmp_path: Path, record_format: str) -> None:
    """The windows of a real worker hold what was sent to the logger, in either format."""
    watched, begin = services(2), beginning()
    sent = [Sent(f"{n}", watched[n % 2], begin + n * 10_000_000, (10.0 + n, 20.0)) for n in range(40)]
    monitors = write_monitors(tmp_path, make_baseline(tmp_path), watched, size="2s", delay="3s")
    logger = start(record_format)
    workers = Workers(logger.kafka, topic_prefix, monitors, tmp_path)

    with workers.make() as worker:
        for one in [*sent, *last_words(begin, 20, watched)]:
            headers = {f"ce-{name}": value for name, value in one.event.attributes.items()}
            assert send(logger.url, headers, one.event.data).status == 200
        eventually(lambda: len(workers.columns()) == 2, "a window of each service", timeout_seconds=PATIENCE)

    assert workers.columns() == {
        window: {name: pytest.approx(column) for name, column in columns.items()}
        for window, columns in expected_windows(sent).items()
    }
    assert "Traceback" not in worker.output()


def _base64(body: bytes) -> str:
    return base64.b64encode(body).decode()
