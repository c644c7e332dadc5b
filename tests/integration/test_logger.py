"""`nilometer logger` on a real Kafka: 200 means that the event is there. What it withstands is in `logger_faults`."""

import signal
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger.cloudevents import decode_batch, from_http
from tests.integration.loggers import Start
from tests.integration.logging_events import Load, headers_of, send
from tests.integration.reading import events_of, records_of
from tests.integration.stack import eventually, nilometer
from tests.unit.captures import captures

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_what_is_acknowledged_is_in_kafka_byte_for_byte(start: Start) -> None:
    """Everything that KServe's logger ever sent is answered 200, empty, and lies in Kafka as it came."""
    logger = start()
    found = captures("v0.20.0")

    for sent in found:
        headers = {
            name.decode(): value.decode() for name, value in sent.headers if name not in (b"host", b"content-length")
        }
        answer = send(f"{logger.url}/events/default", headers, sent.body)
        assert (answer.status, answer.body) == (200, b"")

    assert events_of(logger.kafka, logger.topic) == [from_http(sent.headers, sent.body) for sent in found]


def test_what_is_no_cloudevent_is_refused_with_the_reason(start: Start) -> None:
    """400 and what is missing, over HTTP; a line in the log; nothing in Kafka."""
    logger = start()

    answer = send(logger.url, {"content-type": "application/json", "ce-id": "1"}, b"{}")

    assert answer.status == 400
    assert answer.body == b"not a CloudEvent: ce-specversion, ce-source, ce-type missing or empty\n"
    logger.process.wait_for_line("event refused.*ce-specversion, ce-source, ce-type missing")
    assert logger.logged() == {}


def test_a_stream_lies_in_one_partition_in_its_order(start: Start) -> None:
    """However many streams there are, each is read in the order in which it was acknowledged."""
    logger = start("--partitions", 3)
    services = [f"service-{number}" for number in range(12)]

    for number in range(5):
        for service in services:
            assert send(logger.url, headers_of(str(number), service), b"{}").status == 200

    places: dict[str, set[int]] = {}
    order: dict[str, list[str]] = {}
    for record in records_of(logger.kafka, logger.topic):
        for event in decode_batch(record.value):
            places.setdefault(event["inferenceservicename"], set()).add(record.partition)
            order.setdefault(event["inferenceservicename"], []).append(event["id"])
    assert order == {service: ["0", "1", "2", "3", "4"] for service in services}
    assert all(len(found) == 1 for found in places.values())
    assert len({place for found in places.values() for place in found}) > 1


def test_events_that_arrive_together_leave_together(start: Start) -> None:
    """While one record is on its way the events that arrive wait for the next, so a busy logger writes fewer."""
    logger = start()
    load = Load(logger.url, clients=64)

    load.run(2000)

    assert len(load.acknowledged) == 2000
    assert len(records_of(logger.kafka, logger.topic)) < 1000


def test_an_idle_logger_writes_an_event_a_record(start: Start) -> None:
    """Nothing waits for company that does not come."""
    logger = start()

    for number in range(5):
        send(logger.url, headers_of(str(number)), b"{}")

    assert [len(decode_batch(record.value)) for record in records_of(logger.kafka, logger.topic)] == [1] * 5


def test_the_largest_event_fits_into_kafka(start: Start) -> None:
    """What is not answered 413 can be stored; what is too large is answered 413 and leaves no trace."""
    logger = start()

    assert send(logger.url, headers_of("large"), b"x" * 899_000).status == 200
    assert send(logger.url, headers_of("too large"), b"x" * 900_001).status == 413
    assert {name: len(body) for name, body in logger.logged().items()} == {"large": 899_000}


def test_the_port_is_open_before_kafka_is_there(start: Start, tmp_path: Path) -> None:
    """503 with the reason, one line with the address, and 200 once Kafka has come up."""
    broker = EmbeddedKafka(tmp_path / "kafka", port=free_port())
    logger = start(address=broker.bootstrap)
    logger.process.wait_for_line(f"waiting for Kafka.*Kafka at {broker.bootstrap} cannot be reached")

    answer = send(logger.url, headers_of("too early"), b"{}")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert send(f"{logger.url}/healthz", method="GET").status == 200
    assert send(f"{logger.url}/readyz", method="GET").status == 503

    with broker:
        eventually(lambda: send(f"{logger.url}/readyz", method="GET").status == 200, "/readyz at 200")
        assert send(logger.url, headers_of("in time"), b"{}").status == 200
        assert set(logger.logged()) == {"in time"}
    assert "Traceback" not in logger.process.output()


def test_readiness_follows_kafka_while_no_event_comes(start: Start, tmp_path: Path) -> None:
    """/readyz is 503 once Kafka does not answer, a line says so, and both come back by themselves; so does the end."""
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        logger = start(address=broker.bootstrap)
        logger.process.wait_for_line(r"\bready\b")
        ready = f"{logger.url}/readyz"

        broker.kill()
        logger.process.wait_for_line("waiting for Kafka.*does not answer")
        answer = send(ready, method="GET")
        assert (answer.status, answer.body) == (503, b"Kafka does not answer\n")
        assert send(f"{logger.url}/healthz", method="GET").status == 200

        broker.start()
        logger.process.wait_for_line("Kafka is back")
        assert send(ready, method="GET").status == 200

        broker.kill()
        logger.process.signal(signal.SIGTERM)
        assert logger.process.wait() == 0
    assert "Unclosed" not in logger.process.output()


def test_a_port_that_is_taken_is_one_line(start: Start, tmp_path: Path) -> None:
    """Exit code 1, the address and the remedy, without a traceback."""
    other = start()
    taken = nilometer("logger", tmp_path / "second", "--kafka", other.kafka, "--port", other.port).start()

    assert taken.wait() == 1
    assert f"cannot listen on 127.0.0.1:{other.port}" in taken.output()
    assert len(taken.output().splitlines()) == 1
