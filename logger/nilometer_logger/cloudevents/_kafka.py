"""CloudEvents in Kafka's records (Kafka protocol binding 1.0.2): KafkaSink's, the Knative Kafka Broker's and our own.

A header's value is UTF-8 without any encoding. The binding has no batch mode; a JSON batch is read all the same, and so
are our own records of many events.

The binding lets the content type decide on the mode. Here a record that has all required attributes as `ce_` headers is
in binary mode whatever its content type claims, since that is what a model's client claimed (see `_http`).
"""

from collections.abc import Iterable, Sequence

from nilometer_logger.cloudevents._event import REQUIRED, CloudEvent, Names, check, check_name, check_required, text_of
from nilometer_logger.cloudevents._json import from_json, from_json_batch
from nilometer_logger.cloudevents._modes import mode_of_content_type
from nilometer_logger.cloudevents._own import kind_of
from nilometer_logger.cloudevents._records import decode_batch
from nilometer_logger.errors import EventError

Header = tuple[str, bytes | None]


def _attribute_of(header: str) -> str:
    if header.lower() == "content-type":
        return "datacontenttype"
    if not header.startswith("ce_") or header == "ce_datacontenttype":
        return ""
    return check_name(header[3:], "ce_")


_names: Names[str] = Names(_attribute_of)
_REQUIRED = frozenset(REQUIRED)
_REQUIRED_HEADERS = frozenset(f"ce_{name}" for name in REQUIRED)


def read_kafka(headers: Sequence[Header], value: bytes | None) -> list[CloudEvent]:
    """Reads the events of a record, whoever wrote it: one event in binary or structured mode, or a batch.

    Returns:
        One event, or as many as a batch holds: perhaps none.

    Raises:
        UnsupportedFormat: if it is an event in a format other than JSON.
        EventError: if it is no CloudEvent; one wrong event of a batch refuses all of it.
    """
    kind = kind_of(headers)
    if kind == "punctuation":
        raise EventError("punctuation, which the worker writes for itself: no event")
    content_type = ""
    for header, content in headers:
        if content and header.lower() == "content-type":
            content_type = content.decode("latin-1")
    if kind == "other":
        is_complete = {header for header, _ in headers} >= _REQUIRED_HEADERS
        mode = "binary" if is_complete else mode_of_content_type(content_type)
        if mode == "binary":
            return [from_kafka(headers, value)]
    if value is None:
        raise EventError(f"a tombstone: the record is said to be {content_type or kind} and has no value")
    if kind == "batch":
        return _checked(decode_batch(value))
    return [from_json(value)] if mode == "structured" else from_json_batch(value)


def _checked(events: list[CloudEvent]) -> list[CloudEvent]:
    """Checks the events of a batch of ours, which in a topic of others anybody may have written."""
    for number, event in enumerate(events):
        try:
            check(event.attributes)
        except EventError as error:
            raise EventError(f"event {number}: {error}") from None
    return events


def from_kafka(headers: Iterable[Header], value: bytes | None) -> CloudEvent:
    """Reads an event in binary content mode (section 3.2).

    Args:
        headers: of the record.
        value: of the record; None is an event without data, as Knative writes it.

    Raises:
        EventError: if the headers make no CloudEvent.
    """
    attributes: dict[str, str] = {}
    for header, content in headers:
        name = _names[header]
        if not name or not content:  # Kafka's headers may be null
            continue
        try:
            attributes[name] = content.decode()
        except UnicodeDecodeError:
            attributes[name] = text_of(header, name, content)
    check_required(attributes, "ce_")
    return CloudEvent(attributes, value or b"")


def to_kafka(event: CloudEvent) -> tuple[list[tuple[str, bytes]], bytes]:
    """Writes an event in binary content mode.

    Returns:
        Headers and the record's value. `partitionkey` may become the key, and stays in the event (section 3.1). A
        required attribute that the event lacks is an empty header, so that its content type decides nothing.
    """
    attributes = event.attributes
    headers = []
    for name, value in attributes.items():
        key = "content-type" if name == "datacontenttype" else f"ce_{name}"
        headers.append((key, value.encode()))
    if not attributes.keys() >= _REQUIRED:
        headers += [(f"ce_{name}", b"") for name in REQUIRED if name not in attributes]
    return headers, event.data
