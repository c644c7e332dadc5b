"""The CloudEvents SDK as an oracle: what its tests share."""

import json
from typing import Any

from cloudevents.http import CloudEvent as Theirs
from hypothesis import strategies as st

from nilometer_logger.cloudevents import CloudEvent
from tests.unit.cloudevents.documents import JSON
from tests.unit.strategies import TEXT, events

REQUIRED = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "time": "2026-11-23T08:52:21Z"}


def timed(value: st.SearchStrategy[str] = TEXT) -> st.SearchStrategy[CloudEvent]:
    """Makes events with a time, for the SDK makes up one otherwise; half of them with a body of JSON."""
    found = events(value).filter(lambda event: "time" in event.attributes)
    bodies = JSON.map(lambda body: json.dumps(body).encode())
    return found | st.builds(lambda event, body: CloudEvent(event.attributes, body), found, bodies)


def identity(data: Any) -> Any:
    """Keeps the SDK from reading and writing data as JSON."""
    return data


def theirs(event: CloudEvent) -> Theirs:
    """Returns our event as one of the SDK's."""
    return Theirs(dict(event.attributes), event.data)


def means(data: Any, event: CloudEvent) -> bool:
    """Tells whether what the SDK took from a document is the body of our event: its bytes, its text or its JSON."""
    if isinstance(data, bytes):
        return data == event.data
    if event.attributes.get("datacontenttype", "").startswith("text/"):
        return (data or "").encode() == event.data
    return bool(data == json.loads(event.data or b"null"))
