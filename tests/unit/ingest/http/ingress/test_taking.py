"""200: the event is in Kafka, as it came, in whatever content mode."""

import json

import pytest

from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.ingest.batch_producer import size_of
from tests.unit.captures import Capture, captures
from tests.unit.ingest.http.ingress.asking import BATCH, HEADERS, LARGEST, MODES, ask, kept, member, sent
from tests.unit.ingest.journal.kafka import Kafka


@pytest.mark.parametrize("mode", MODES)
def test_an_event_is_appended_to_its_stream(mode: str) -> None:
    """What was POSTed is in Kafka, attributes and body, under the stream that its extensions name."""
    kafka = Kafka(at_once=True)
    headers, body = sent(mode, b'{"instances": [[1]]}')

    assert ask(kafka=kafka, headers=headers, body=body).status == 200
    [(stream, event)] = kafka.sent[0].events
    assert stream == Stream("demo", "iris", "predictor", "")
    assert event.data == b'{"instances": [[1]]}'
    assert {**HEADERS, "ce-datacontenttype": "text/plain"}.items() >= {
        f"ce-{name}": value for name, value in event.attributes.items()
    }.items()


def test_a_batch_is_taken_in_its_order() -> None:
    """Every event of a batch is in Kafka, none twice."""
    kafka = Kafka(at_once=True)
    ids = [str(number) for number in range(20)]

    assert ask(kafka=kafka, headers=BATCH, body=json.dumps([member(id=one) for one in ids]).encode()).status == 200
    assert [event["id"] for event in kept(kafka)] == ids


def test_an_empty_batch_is_taken() -> None:
    """Nothing is in Kafka already."""
    kafka = Kafka(at_once=True)

    assert ask(kafka=kafka, headers=BATCH, body=b"[]").status == 200
    assert kept(kafka) == []


@pytest.mark.parametrize("mode", MODES)
def test_the_answer_is_empty(mode: str) -> None:
    """A Knative broker takes a body that is no CloudEvent for a failed delivery."""
    headers, body = sent(mode)
    answer = ask(headers=headers, body=body)

    assert (answer.status, answer.body, answer.headers) == (200, "", {"content-length": "0"})


@pytest.mark.parametrize("path", ["/", "/events/default", "/healthz", "/metrics", "/a%20path", "/%2e%2e/"])
def test_any_path_will_do(path: str) -> None:
    """An InferenceService's logger.url may end as it likes."""
    assert ask(path=path).status == 200


def test_what_knative_sends_besides_changes_nothing() -> None:
    """`Prefer: reply` and `Kn-Namespace` are no attributes, and in no one's way."""
    kafka = Kafka(at_once=True)
    answer = ask(kafka=kafka, headers={**HEADERS, "prefer": "reply", "kn-namespace": "elsewhere"})

    assert (answer.status, answer.body) == (200, "")
    assert kept(kafka)[0]["namespace"] == "demo"
    assert {"prefer", "kn-namespace"}.isdisjoint(kept(kafka)[0].attributes)


def test_a_body_in_parts_is_one_body() -> None:
    """However the server hands it over, nothing is lost between the parts."""
    kafka = Kafka(at_once=True)

    ask(kafka=kafka, body=[b'{"inst', b"", b'ances": [[1]]}'])

    assert kept(kafka)[0].data == b'{"instances": [[1]]}'


@pytest.mark.parametrize(
    "found", captures("v0.20.0") + captures("v0.13.1"), ids=lambda found: f"{found.story} {found.half}"
)
def test_all_that_kserve_sends_is_taken(found: Capture) -> None:
    """The logger decodes nothing: whatever KServe logs is kept, for the worker to judge."""
    kafka = Kafka(at_once=True)
    headers = {name.decode(): value.decode() for name, value in found.headers}

    assert ask(kafka=kafka, headers=headers, body=found.body).status == 200
    assert kept(kafka)[0].data == found.body


@pytest.mark.parametrize("mode", MODES)
def test_the_largest_event_is_taken(mode: str) -> None:
    """The limit itself is allowed and one byte more is 413, in every mode; attributes count."""
    kafka = Kafka(at_once=True)
    headers, body = sent(mode, b"")
    ask(kafka=kafka, headers=headers, body=body)
    room = LARGEST - size_of(kept(kafka)[0])

    for length, status in ((room, 200), (room + 1, 413)):
        headers, body = sent(mode, b"x" * length)
        assert ask(headers=headers, body=body).status == status
