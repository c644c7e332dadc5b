"""KServe's dialect: which stream, request or response, when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import from_http, kserve
from nilometer_logger.cloudevents.kserve import (
    REQUEST,
    RESPONSE,
    Stream,
    facts_of,
    half_of,
    stream_of,
    stream_text,
    time_of,
)
from nilometer_logger.times import parse_time
from tests.unit.captures import Capture, capture, captures

NAME = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]))


@pytest.mark.parametrize("found", captures("v0.20.0") + captures("v0.13.1"), ids=lambda found: found.story)
def test_kserves_own_events_belong_to_their_inference_service(found: Capture) -> None:
    """Whatever was asked and answered, the extensions tell the stream, and an empty endpoint is no endpoint."""
    attributes = from_http(found.headers, found.body).attributes

    assert stream_of(attributes) == Stream("default", "sklearn-iris", "predictor", "")
    assert half_of(attributes) == found.half


def test_the_stream_does_not_depend_on_the_source() -> None:
    """Every model of a cluster has the same source, so two services with one source are two streams."""
    common = {"source": "http://localhost:9081/", "namespace": "default", "component": "predictor"}

    assert stream_of({**common, "inferenceservicename": "iris"}) != stream_of(
        {**common, "inferenceservicename": "wine"}
    )


def test_every_component_is_a_stream_of_its_own() -> None:
    """A transformer's instances are not the predictor's: other columns, other numbers, another model's predictions."""
    common = {"source": "s", "namespace": "default", "inferenceservicename": "iris"}
    streams = {stream_of({**common, "component": name}) for name in ("transformer", "predictor", "explainer")}

    assert {str(stream) for stream in streams} == {
        "default/iris/transformer/",
        "default/iris/predictor/",
        "default/iris/explainer/",
    }


def test_every_endpoint_is_a_stream_of_its_own() -> None:
    """Where an endpoint is told, as Seldon does and KServe did for canaries, it is another model."""
    common = {"source": "s", "namespace": "default", "inferenceservicename": "iris", "component": "predictor"}

    assert stream_of({**common, "endpoint": "canary"}) != stream_of({**common, "endpoint": "default"})


def test_an_event_of_another_producer_goes_by_its_source() -> None:
    """Without KServe's extensions the source is all there is to tell streams apart."""
    assert stream_of({"source": "/fraud/model"}) == Stream("", "/fraud/model", "", "")
    assert stream_of({"source": "/fraud/model", "inferenceservicename": ""}) == Stream("", "/fraud/model", "", "")
    assert stream_of({"source": "s", "namespace": "demo"}) == Stream("demo", "s", "", "")


@given(st.builds(Stream, NAME, st.text(st.characters(exclude_categories=["Cs"])), NAME, NAME))
def test_a_stream_is_read_from_its_text(stream: Stream) -> None:
    """The key by which Kafka partitions a stream names it fully, a slash in the service's name or not."""
    assert Stream.parse(str(stream)) == stream


@given(st.dictionaries(st.sampled_from(["namespace", "component", "endpoint", "inferenceservicename"]), st.text()))
def test_whatever_a_client_writes_makes_one_stream(attributes: dict[str, str]) -> None:
    """A slash in an attribute cannot make two streams share a text."""
    stream = stream_of({**attributes, "source": "s"})

    assert Stream.parse(str(stream)) == stream


@given(
    st.dictionaries(
        st.sampled_from(["namespace", "component", "endpoint", "inferenceservicename"]),
        st.text(max_size=3) | st.sampled_from(["a/b", "a_b", "x" * 1001]),
    ),
    st.sampled_from(["s", "t"]),
)
def test_a_stream_s_text_is_that_of_the_stream(attributes: dict[str, str], source: str) -> None:
    """Whether it is worked out or remembered: two streams never share a text, and one never has two."""
    whole = {**attributes, "source": source}

    assert [stream_text(facts_of(whole)), stream_text(facts_of(whole))] == [str(stream_of(whole))] * 2


def test_an_event_without_anything_to_go_by_has_no_stream() -> None:
    """Neither an InferenceService nor a source: nothing is guessed."""
    with pytest.raises(KeyError, match="source"):
        facts_of({"namespace": "demo"})


def test_the_texts_that_are_remembered_are_bounded() -> None:
    """A client may name as many streams as it likes, and as long ones."""
    for number in range(5000):
        assert stream_text(("", f"s{number}", "", "")) == f"/s{number}//"
    assert len(kserve._texts) <= 4096
    assert stream_text(("", "s" * 1001, "", "")) == str(stream_of({"source": "s" * 1001}))
    assert not any(len(facts[1]) > 1000 for facts in kserve._texts)


@pytest.mark.parametrize("name", ["namespace", "component", "endpoint", "inferenceservicename", "source"])
def test_a_stream_is_never_long(name: str) -> None:
    """Streams are remembered, and a client chooses what they are called: a long name goes by a digest."""
    streams = [stream_of({"source": "s", name: "x" * 100_000 + end}) for end in "ab"]

    assert streams[0] != streams[1]
    assert all(len(str(stream)) < 1100 and Stream.parse(str(stream)) == stream for stream in streams)
    assert stream_of({"source": "s", name: "x" * 100_000 + "a"}) == streams[0]


def test_whatever_kubernetes_allows_stands_as_it_is() -> None:
    """No name of Kubernetes, and hardly any source, is too long."""
    attributes = {
        "source": "s",
        "namespace": "n" * 63,
        "inferenceservicename": "i" * 253,
        "component": "c" * 253,
        "endpoint": "e" * 253,
    }
    assert stream_of(attributes) == Stream("n" * 63, "i" * 253, "c" * 253, "e" * 253)
    assert stream_of({"source": "s" * 1000}) == Stream("", "s" * 1000, "", "")


@pytest.mark.parametrize(
    ("kind", "half"),
    [
        (REQUEST, "request"),
        (RESPONSE, "response"),
        ("io.seldon.serving.inference.request", "request"),
        ("io.seldon.serving.inference.response", "response"),
        ("io.seldon.serving.feedback", None),
        ("com.example.order", None),
    ],
)
def test_the_type_tells_the_half(kind: str, half: str | None) -> None:
    """KServe's types, which are still called kubeflow, and Seldon's are halves of an inference; nothing else is."""
    assert half_of({"type": kind}) == half


def test_seldons_events_belong_to_their_deployment() -> None:
    """Seldon Core's executor writes the same extensions: its predictor is the endpoint, and there is no component."""
    written = {
        "ce-specversion": "1.0",
        "ce-id": "3dbae1e0-95c0-47e1-9e3f-44bf27fa14e3",  # of this event alone; `requestid` is the inference's
        "ce-source": "http://:8000/",
        "ce-type": "io.seldon.serving.inference.request",
        "ce-time": "2026-11-23T08:52:21.121906583Z",
        "ce-requestid": "c1f4a1a5-8a49-4d4c-9e4a-b14a8f0a1a67",
        "ce-modelid": "classifier",
        "ce-inferenceservicename": "iris",
        "ce-namespace": "seldon",
        "ce-endpoint": "default",
        "ce-protocol": "tensorflow",
        "content-type": "application/json",
    }
    event = from_http([(name.encode(), value.encode()) for name, value in written.items()], b'{"instances": [[1]]}')

    assert stream_of(event.attributes) == Stream("seldon", "iris", "", "default")
    assert half_of(event.attributes) == "request"
    assert event["requestid"] == "c1f4a1a5-8a49-4d4c-9e4a-b14a8f0a1a67"


def test_the_time_is_when_it_happened_and_not_when_it_was_recorded() -> None:
    """Event time is `time`; KServe's `recordedtime` comes after the queue of its logger."""
    found = capture("v1 json", "request")

    assert time_of(from_http(found.headers, found.body).attributes) == parse_time("2026-11-23T08:52:21.121906583Z")


@pytest.mark.parametrize("attributes", [{}, {"time": "noon"}, {"time": "9999-01-01T00:00:00Z"}])
def test_a_time_that_cannot_be_read_is_none(attributes: dict[str, str]) -> None:
    """A missing or unreadable time is told as such, for the record's own time to stand in."""
    assert time_of(attributes) is None
