"""KServe's dialect: which stream, request or response, when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.events import from_http
from nilometer_logger.kserve import REQUEST, RESPONSE, Stream, half_of, stream_of, time_of
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


def test_an_event_of_another_producer_goes_by_its_source() -> None:
    """Without KServe's extensions the source is all there is to tell streams apart."""
    assert stream_of({"source": "/fraud/model"}) == Stream("", "/fraud/model", "", "")


@given(st.builds(Stream, NAME, st.text(st.characters(exclude_categories=["Cs"])), NAME, NAME))
def test_a_stream_is_read_from_its_text(stream: Stream) -> None:
    """The key by which Kafka partitions a stream names it fully, a slash in the service's name or not."""
    assert Stream.parse(str(stream)) == stream


@given(st.dictionaries(st.sampled_from(["namespace", "component", "endpoint", "inferenceservicename"]), st.text()))
def test_whatever_a_client_writes_makes_one_stream(attributes: dict[str, str]) -> None:
    """A slash in an attribute cannot make two streams share a text."""
    stream = stream_of({**attributes, "source": "s"})

    assert Stream.parse(str(stream)) == stream


@pytest.mark.parametrize(("kind", "half"), [(REQUEST, "request"), (RESPONSE, "response"), ("com.example.order", None)])
def test_the_type_tells_the_half(kind: str, half: str | None) -> None:
    """Only KServe's two types are halves of an inference; the types are still called kubeflow."""
    assert half_of({"type": kind}) == half


def test_the_time_is_when_it_happened_and_not_when_it_was_recorded() -> None:
    """Event time is `time`; KServe's `recordedtime` comes after the queue of its logger."""
    found = capture("v1 json", "request")

    assert time_of(from_http(found.headers, found.body).attributes) == parse_time("2026-11-23T08:52:21.121906583Z")


@pytest.mark.parametrize("attributes", [{}, {"time": "noon"}, {"time": "9999-01-01T00:00:00Z"}])
def test_a_time_that_cannot_be_read_is_none(attributes: dict[str, str]) -> None:
    """A missing or unreadable time is told as such, for the record's own time to stand in."""
    assert time_of(attributes) is None
