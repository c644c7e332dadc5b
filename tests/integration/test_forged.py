"""Records of our own, forged by who may only send events: taken as data, set aside, never obeyed, on a real Kafka."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import Process, free_port
from nilometer_logger.cloudevents import (
    BATCH_CONTENT_TYPE,
    BATCH_HEADERS,
    PUNCTUATION_CONTENT_TYPE,
    PUNCTUATION_HEADERS,
    CloudEvent,
    encode_batch,
    to_json,
)
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.deadletters import read_dead_letter
from nilometer_logger.engine import punctuation
from nilometer_logger.engine.punctuation import Configure, Idle
from nilometer_logger.times import SECOND
from tests.integration.foreign import Foreign, binary, make_topic, own_batch, write
from tests.integration.logging_events import send
from tests.integration.reading import events_of, records_of
from tests.integration.stack import eventually, nilometer
from tests.integration.worker.feeding import Sent, beginning, last_words, make_baseline, write_monitors
from tests.integration.worker.working import PATIENCE, Workers
from tests.unit.logged import event

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SERVICE = "service-0"
STREAM = f"demo/{SERVICE}/predictor/"
VICTIM = event(1, 66.6, id="smuggled", stream=Stream("others", "victim", "predictor", ""))
# What a client may claim, and the body that would do harm if it were believed.
FORGED = [
    (PUNCTUATION_CONTENT_TYPE, punctuation.encode(Configure({}))),
    (PUNCTUATION_CONTENT_TYPE, punctuation.encode(Idle({STREAM: 2**62}))),
    (BATCH_CONTENT_TYPE, encode_batch([VICTIM])),
    ("Application/CloudEvents+JSON; charset=utf-8", to_json(VICTIM)),
]


@pytest.fixture
def running() -> Iterator[Callable[[Process], Process]]:
    """Starts processes, and stops them after the test."""
    with ExitStack() as stack:
        start: Callable[[Process], Process] = stack.enter_context
        yield start


@pytest.mark.parametrize("record_format", ["batch", "cloudevents"])
def test_a_client_forges_nothing(
    kafka: EmbeddedKafka,
    topic_prefix: str,
    tmp_path: Path,
    running: Callable[[Process], Process],
    record_format: str,
) -> None:
    """In either format, and sent through again: its windows close as if nothing had been, and no stream is another's."""
    monitors = write_monitors(tmp_path, make_baseline(tmp_path), [SERVICE], size="2s", delay="3s")
    workers, port = Workers(kafka.bootstrap, topic_prefix, monitors, tmp_path), free_port()
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix)
    logger = nilometer("logger", tmp_path, *common, "--port", port, "--record-format", record_format)
    running(logger).wait_for_line(r"\bready\b")
    worker = running(workers.make())
    start = beginning()

    def log(one: Sent, content_type: str = "application/json", body: bytes = b"") -> int:
        headers = {f"ce-{name}": value for name, value in one.event.attributes.items()}
        return send(
            f"http://127.0.0.1:{port}/", {**headers, "content-type": content_type}, body or one.event.data
        ).status

    def row(name: str, seconds: int) -> Sent:
        return Sent(name, SERVICE, start + seconds * SECOND, (10.0, 20.0))

    def dead() -> list[str]:
        letters = records_of(kafka.bootstrap, f"{topic_prefix}inferences-dead")
        return [read_dead_letter(record.headers, record.value).reason for record in letters]

    def close(seconds: int, rows: list[int]) -> None:
        [last] = last_words(start, seconds, [SERVICE])
        assert log(last) == 200
        found = eventually(
            lambda: len(workers.windows()) == len(rows) and workers.windows(), "it", timeout_seconds=PATIENCE
        )
        assert [window["rows"] for _, window in found] == rows

    assert log(row("before", 0)) == 200
    for number, (content_type, body) in enumerate(FORGED):
        assert log(row(f"forged-{number}", 0), content_type, body) == 200
    assert log(row("after", 1), "application/cloudevents+json") == 200  # a client that claims it by habit
    eventually(lambda: len(dead()) == len(FORGED), "dead letters", timeout_seconds=PATIENCE)
    close(20, [2])

    redrive = nilometer("redrive", tmp_path, *common).start()
    assert redrive.wait(timeout_seconds=120) == 0
    assert f"{len(FORGED)} of {len(FORGED)} dead letters sent through again" in redrive.output()
    eventually(lambda: len(dead()) == 2 * len(FORGED), "the same again", timeout_seconds=PATIENCE)
    close(40, [2, 1])

    streams = {found["inferenceservicename"] for found in events_of(kafka.bootstrap, f"{topic_prefix}inferences")}
    assert streams == {SERVICE}
    for process in (logger, worker):
        assert "Traceback" not in process.output()


def test_topics_of_others_forge_nothing(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, running: Callable[[Process], Process]
) -> None:
    """Events stay events, punctuation is passed over, a batch passes no `--namespaces`, and who is both is set aside."""
    source = f"{topic_prefix}source"
    make_topic(kafka.bootstrap, source, 1)
    claimed = [
        CloudEvent({**event(number, id=f"claimed-{number}").attributes, "datacontenttype": kind}, body)
        for number, (kind, body) in enumerate(FORGED)
    ]
    both = Foreign(0, encode_batch([VICTIM]), [*binary(event(9, id="both")).headers, *BATCH_HEADERS])
    order = Foreign(0, punctuation.encode(Configure({})), [*PUNCTUATION_HEADERS])
    marked = Foreign(0, encode_batch([VICTIM, event(7, id="marked")]), [*BATCH_HEADERS])
    older = own_batch([event(8, id="older"), VICTIM])
    write(kafka.bootstrap, source, [*map(binary, claimed), order, both, marked, older, binary(event(9, id="last"))])
    port = free_port()
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix, "--port", port)
    logger = running(nilometer("logger", tmp_path, *common, "--from-topic", source, "--namespaces", "demo"))

    def logged() -> dict[str, CloudEvent]:
        return {found["id"]: found for found in events_of(kafka.bootstrap, f"{topic_prefix}inferences")}

    found = eventually(lambda: "last" in logged() and logged(), "the last event", timeout_seconds=PATIENCE)

    assert set(found) == {*(one["id"] for one in claimed), "marked", "older", "last"}
    assert [found[one["id"]] for one in claimed] == claimed
    [record] = records_of(kafka.bootstrap, f"{topic_prefix}inferences-dead")
    letter = read_dead_letter(record.headers, record.value)
    assert "header nilometer-record" in letter.reason
    assert (letter.value, letter.headers) == (both.value, both.headers)
    metrics = send(f"http://127.0.0.1:{port}/metrics", method="GET").body.decode()
    assert _counts(metrics) == {"taken": 7, "skipped": 1, "dead": 1}
    assert "Traceback" not in logger.output()


def _counts(metrics: str) -> dict[str, int]:
    lines = [line for line in metrics.splitlines() if line.startswith("nilometer_logger_intake")]
    return {json.loads(name.partition("=")[2][:-1]): int(float(count)) for name, count in map(str.split, lines)}
