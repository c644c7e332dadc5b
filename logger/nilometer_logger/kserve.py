"""KServe's dialect of CloudEvents: which stream, which inference, request or response, when.

Three facts of KServe's logger shape this module. `source` is the same for every model of a cluster, so a stream is told
by the extensions instead. The request event and the response event of one inference share their `id`, so an identity
needs the type as well; and a client chooses that id, perhaps always the same one, so it needs the time too. `time` may
be missing or unreadable where another producer writes, and then the time of the Kafka record stands in for it.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from nilometer_logger.times import parse_time

REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"

Half = Literal["request", "response"]


class Stream(NamedTuple):
    """The inferences of one endpoint of one component of one InferenceService."""

    namespace: str
    inference_service: str
    component: str
    endpoint: str

    def __str__(self) -> str:
        """The stream as one text; the key by which Kafka partitions it."""
        return "/".join(self)

    @classmethod
    def parse(cls, text: str) -> "Stream":
        """Reads what `str` wrote; the InferenceService is the only part that may hold a slash (a bare source may)."""
        namespace, rest = text.split("/", 1)
        inference_service, component, endpoint = rest.rsplit("/", 2)
        return cls(namespace, inference_service, component, endpoint)


def stream_of(attributes: Mapping[str, str]) -> Stream:
    """Tells an event's stream; an event of another producer, without KServe's extensions, goes by its source."""
    name = attributes.get("inferenceservicename") or attributes["source"]
    return Stream(
        attributes.get("namespace", "").replace("/", "_"),
        name,
        attributes.get("component", "").replace("/", "_"),
        attributes.get("endpoint", "").replace("/", "_"),
    )


def half_of(attributes: Mapping[str, str]) -> Half | None:
    """Tells whether an event is the request or the response of an inference; None where it is neither."""
    kind = attributes["type"]
    if kind == REQUEST:
        return "request"
    return "response" if kind == RESPONSE else None


def time_of(attributes: Mapping[str, str]) -> int | None:
    """Tells an event's own time in nanoseconds; None where it has none that can be read."""
    try:
        return parse_time(attributes["time"])
    except (KeyError, ValueError):
        return None
