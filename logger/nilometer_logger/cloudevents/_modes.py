"""The content modes: which one a Content-Type means, on HTTP as on Kafka (HTTP protocol binding 1.0.2, section 3)."""

from typing import Literal

from nilometer_logger.errors import UnsupportedFormat

Mode = Literal["binary", "structured", "batch"]

STRUCTURED_PREFIX = "application/cloudevents"
# Without a suffix the format is left open; JSON is the one that every implementation has.
_MODES: dict[str, Mode] = {
    "application/cloudevents": "structured",
    "application/cloudevents+json": "structured",
    "application/cloudevents-batch": "batch",
    "application/cloudevents-batch+json": "batch",
}


def mode_of_content_type(content_type: str) -> Mode:
    """Tells the content mode; parameters and case do not matter.

    Raises:
        UnsupportedFormat: if it is an event in Avro, Protobuf, XML or whatever else is not JSON.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type.startswith(STRUCTURED_PREFIX):
        return "binary"
    mode = _MODES.get(media_type)
    if mode is None:
        raise UnsupportedFormat(f"{media_type[:80]} is not understood: send JSON or binary mode")
    return mode
