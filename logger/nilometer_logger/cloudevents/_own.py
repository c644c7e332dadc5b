"""Which records of Kafka are our own: batches of events, and the punctuation that the worker writes for itself.

A header decides, `nilometer-record`, which no event can set: an event's attributes become headers `ce_…` and
`content-type`, and the latter is whatever a model's client claimed (KServe repeats it). So a content type proves
nothing where there are attributes beside it:

| `nilometer-record`    | any `ce_` header | the record is                                                         |
|-----------------------|------------------|-----------------------------------------------------------------------|
| `batch`, `punctuation`| none             | what it says                                                          |
| any                   | there is one     | refused: nobody writes both                                           |
| another value         | none             | refused: a newer version's                                            |
| none                  | there is one     | one event, whatever its content type claims                           |
| none                  | none             | an older version's if its content type is one of ours; others' if not |

Our records have their content type as well, for workers of an older version and for tools that look at it.
"""

from collections.abc import Iterable
from typing import Literal

from nilometer_logger.errors import EventError

RECORD = "nilometer-record"
BATCH_CONTENT_TYPE = "application/vnd.nilometer.events+msgpack"
PUNCTUATION_CONTENT_TYPE = "application/vnd.nilometer.punctuation+msgpack"
BATCH_HEADERS = [("content-type", BATCH_CONTENT_TYPE.encode()), (RECORD, b"batch")]
PUNCTUATION_HEADERS = [("content-type", PUNCTUATION_CONTENT_TYPE.encode()), (RECORD, b"punctuation")]

RecordKind = Literal["batch", "punctuation", "other"]

_MARKS: dict[bytes, RecordKind] = {b"batch": "batch", b"punctuation": "punctuation"}
_CONTENT_TYPES: dict[bytes | None, RecordKind] = {
    BATCH_CONTENT_TYPE.encode(): "batch",
    PUNCTUATION_CONTENT_TYPE.encode(): "punctuation",
}
_SHOWN_BYTES = 40


def kind_of(headers: Iterable[tuple[str, bytes | None]]) -> RecordKind:
    """Returns what a record is, by its headers.

    Returns:
        *other* for a record that is not our own: an event, several in another's format, or no event at all.

    Raises:
        EventError: if it is marked as our own and cannot be.
    """
    mark = content_type = None
    is_marked = has_attributes = False
    for name, content in headers:
        if name == RECORD:
            is_marked, mark = True, content or b""
        elif name.startswith("ce_"):
            has_attributes = True
        elif name.lower() == "content-type":
            content_type = content or content_type
    if not is_marked:
        return "other" if has_attributes else _CONTENT_TYPES.get(content_type, "other")
    if has_attributes:
        raise EventError(
            f"header {RECORD} marks a record of Nilometer's own, and ce_ headers make it an event: neither"
        )
    kind = _MARKS.get(mark or b"")
    if kind is None:
        shown = (mark or b"")[:_SHOWN_BYTES].decode("utf-8", "replace")
        raise EventError(f"header {RECORD} is {shown!r}, which this version does not know: upgrade it")
    return kind
