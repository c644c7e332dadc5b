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

HALVES: Mapping[str, Half] = {
    REQUEST: "request",
    RESPONSE: "response",
    "io.seldon.serving.inference.request": "request",
    "io.seldon.serving.inference.response": "response",
}
"""The types of the events that are halves of an inference."""

Facts = tuple[str, str, str, str]
"""What tells a stream, as it stands in an event: namespace, InferenceService or source, component, endpoint."""

# Kubernetes' names have 253 characters at most; only a source may come near this.
_LONGEST = 1000
_KEPT = 200
LONGEST_ID = 256
"""The most characters of an id; a UUID has 36."""
# The texts of streams by what tells them; longer attributes than any name of Kubernetes are not kept.
_MOST_TEXTS = 4096
_texts: dict[Facts, str] = {}


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


def facts_of(attributes: Mapping[str, str]) -> Facts:
    """Collects what tells an event's stream; an event of another producer, without KServe's extensions, has a source.

    Raises:
        KeyError: if the event has neither an InferenceService nor a source.
    """
    get = attributes.get
    name = get("inferenceservicename") or attributes["source"]
    return get("namespace", ""), name, get("component", ""), get("endpoint", "")


def stream_of(attributes: Mapping[str, str]) -> Stream:
    """Tells an event's stream.

    Raises:
        KeyError: if the event has neither an InferenceService nor a source.
    """
    return _stream(facts_of(attributes))


def stream_text(facts: Facts) -> str:
    """Tells a stream as one text, what `str` makes of `stream_of`; of a stream that is known, by one look-up."""
    text = _texts.get(facts)
    if text is None:
        text = str(_stream(facts))
        if sum(map(len, facts)) <= _LONGEST:
            if len(_texts) >= _MOST_TEXTS:
                _texts.clear()
            _texts[facts] = text
    return text


def _stream(facts: Facts) -> Stream:
    """Makes a stream.

    Whoever sends chooses its parts, and streams are remembered; so what is longer than any name of Kubernetes goes by
    its beginning and a digest of it all.
    """
    namespace, name, component, endpoint = facts
    parts = namespace.replace("/", "_"), name, component.replace("/", "_"), endpoint.replace("/", "_")
    return Stream(*(map(_short, parts) if sum(map(len, parts)) > _LONGEST else parts))


def _short(text: str) -> str:
    if len(text) <= _LONGEST // 4:
        return text
    return f"{text[:_KEPT]}~{_digest(text)}"


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def short_id(text: str) -> str:
    """Gives an event's id as it is where it is no longer than ids are, and otherwise its beginning and a digest of it.

    A client chooses the id of an inference, as its header X-Request-Id or its body has it, and chooses 50,000 characters.
    """
    return text if len(text) <= LONGEST_ID else f"{text[:_KEPT]}~{_digest(text)}"


def half_of(attributes: Mapping[str, str]) -> Half | None:
    """Tells whether an event is the request or the response of an inference; None where it is neither."""
    return HALVES.get(attributes["type"])


def time_of(attributes: Mapping[str, str]) -> int | None:
    """Tells an event's own time in nanoseconds; None where it has none that can be read."""
    text = attributes.get("time")
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError:
        return None
