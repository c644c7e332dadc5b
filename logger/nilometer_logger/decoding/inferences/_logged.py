"""An event as it is logged: the attributes that decide, and the body.

A dictionary of all twelve attributes costs as much as the decoding of a small body, and four of them are looked at once
at most. So a record of our own is decoded into this form at once, where every event in it has the attributes that KServe
and Knative write and no others. They are all named here, also those that nobody asks for: an attribute that is passed
over would not be checked, and what cannot be read must be refused whatever the way. Everything else is read as
CloudEvents (`Record.events`) and brought into this form then.
"""

from collections.abc import Iterable

import msgspec

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.deadletters import REDRIVEN
from nilometer_logger.decoding.inferences._record import Record

_NEEDED = ("id", "source", "type")


class LoggedAttributes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Attributes as they stand; empty where there are none, which no attribute that decides tells apart."""

    id: str
    source: str
    type: str
    time: str = ""
    namespace: str = ""
    inferenceservicename: str = ""
    component: str = ""
    endpoint: str = ""
    redriven: str = msgspec.field(default="", name=REDRIVEN)
    specversion: str = ""
    recordedtime: str = ""
    metadata: str = ""
    annotations: str = ""
    datacontenttype: str = ""
    knativearrivaltime: str = ""


class LoggedEvent(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """An event.

    Attributes:
        attributes: that decide.
        data: the body, byte for byte.
    """

    attributes: LoggedAttributes
    data: bytes


_decode = msgspec.msgpack.Decoder(list[LoggedEvent]).decode


def logged_events(record: Record) -> tuple[list[LoggedEvent], dict[int, str]]:
    """Reads the events of a record.

    Returns:
        The events in their order, without those that are none, and for each of these its number in the record and why.

    Raises:
        EventError: if the record cannot be read.
    """
    if record.kind == "batch":
        try:
            return _decode(record.value or b""), {}
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass  # an attribute that is not named here, or a record that cannot be read at all
    return _one_by_one(record.events)


def _one_by_one(all_events: Iterable[CloudEvent]) -> tuple[list[LoggedEvent], dict[int, str]]:
    events, reasons = [], {}
    for number, event in enumerate(all_events):
        if missing := sorted(name for name in _NEEDED if name not in event.attributes):
            reasons[number] = f"not a CloudEvent: {', '.join(missing)} missing"
        else:
            events.append(_logged(event))
    return events, reasons


def _logged(event: CloudEvent) -> LoggedEvent:
    found = {name: event.attributes.get(written, "") for name, written in _WRITTEN.items()}
    return LoggedEvent(LoggedAttributes(**found), event.data)


_WRITTEN = {field.name: field.encode_name for field in msgspec.structs.fields(LoggedAttributes)}
