"""KServe's dialect of CloudEvents: which stream, which inference, request or response, when.

Four facts of KServe's logger shape this module. `source` is the same for every model of a cluster, so a stream is told
by the extensions instead. A transformer, a predictor and an explainer of one InferenceService log separately what each
of them was asked and has answered, so each is a stream of its own. The request event and the response event of one
inference share their `id`, so an identity needs the type as well; and a client chooses that id, perhaps always the same
one, so it needs the time too. `time` may be missing or unreadable where another producer writes, and then the time of
the Kafka record stands in for it.

Seldon Core's executor logs with types of its own and the same extensions, without a component; its events are taken too.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal, NamedTuple

from nilometer_logger.times import parse_time

REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"

Half = Literal["request", "response"]

_HALVES: dict[str, Half] = {
    REQUEST: "request",
    RESPONSE: "response",
    "io.seldon.serving.inference.request": "request",
    "io.seldon.serving.inference.response": "response",
}
# Kubernetes' names have 253 characters at most; only a source may come near this.
_LONGEST = 1000
_KEPT = 200
# The texts of streams by the attributes that tell them; longer attributes than any name of Kubernetes are not kept.
_MOST_TEXTS = 4096
_texts: dict[tuple[str | None, str, str | None, str | None], str] = {}


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
    """Tells an event's stream; an event of another producer, without KServe's extensions, goes by its source.

    Whoever sends chooses these attributes, and streams are remembered; so what is longer than any name of Kubernetes
    goes by its beginning and a digest of it all.
    """
    namespace = attributes.get("namespace", "").replace("/", "_")
    name = attributes.get("inferenceservicename") or attributes["source"]
    component = attributes.get("component", "").replace("/", "_")
    endpoint = attributes.get("endpoint", "").replace("/", "_")
    if len(namespace) + len(name) + len(component) + len(endpoint) > _LONGEST:
        return Stream(_short(namespace), _short(name), _short(component), _short(endpoint))
    return Stream(namespace, name, component, endpoint)


def stream_text(attributes: Mapping[str, str]) -> str:
    """Tells an event's stream as one text, what `str` makes of `stream_of`; of a stream that is known, by one look-up.

    Raises:
        KeyError: if the event has neither an InferenceService nor a source.
    """
    get = attributes.get
    facts = (
        get("namespace"),
        get("inferenceservicename") or attributes["source"],
        get("component"),
        get("endpoint"),
    )
    text = _texts.get(facts)
    if text is None:
        text = str(stream_of(attributes))
        if sum(map(len, filter(None, facts))) <= _LONGEST:
            if len(_texts) >= _MOST_TEXTS:
                _texts.clear()
            _texts[facts] = text
    return text


def _short(text: str) -> str:
    if len(text) <= _LONGEST // 4:
        return text
    return f"{text[:_KEPT]}~{blake2b(text.encode(), digest_size=16).hexdigest()}"


def half_of(attributes: Mapping[str, str]) -> Half | None:
    """Tells whether an event is the request or the response of an inference; None where it is neither."""
    return _HALVES.get(attributes["type"])


def time_of(attributes: Mapping[str, str]) -> int | None:
    """Tells an event's own time in nanoseconds; None where it has none that can be read."""
    text = attributes.get("time")
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError:
        return None
