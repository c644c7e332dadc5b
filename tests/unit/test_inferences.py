"""From an event to an inference: which half it is, told by its type and, where it can, by its body."""

import pytest

from nilometer_logger.errors import PayloadError
from nilometer_logger.events import CloudEvent
from nilometer_logger.inferences import Record, read_inference
from nilometer_logger.kserve import REQUEST, RESPONSE
from tests.unit.logged import ARRIVAL, IRIS, event
from tests.unit.payload.encoders import frame, request, response, tensor

X = tensor("x", "FP32", [[1.5, 2.5]])
RECORD = Record("inferences", 0, 0, ARRIVAL, (), b"")


def logged(kind: str, body: bytes) -> CloudEvent:
    """Returns an event of a type with a body."""
    made = event(1)
    return CloudEvent({**made.attributes, "type": kind}, body)


@pytest.mark.parametrize(("kind", "half"), [(REQUEST, "request"), (RESPONSE, "response")])
@pytest.mark.parametrize("made", [request, response])
def test_a_body_that_does_not_tell_its_half_is_what_its_event_says(kind: str, half: str, made: object) -> None:
    """Messages of gRPC with typed contents are the same bytes as request and as response."""
    found = read_inference(logged(kind, frame(made([X], binary=False).to_grpc())), IRIS, RECORD, 0, 0)

    assert found is not None
    assert found.half == half
    assert found.payload.table.tolist() == [[1.5, 2.5]]


def test_a_body_that_tells_another_half_is_set_aside() -> None:
    """A request event with a response in it comes from a client that mixed something up."""
    with pytest.raises(PayloadError, match="a request event holds the body of a response"):
        read_inference(logged(REQUEST, frame(response([X]).to_grpc())), IRIS, RECORD, 0, 0)
