"""Dead letters as `nilometer events --dead` shows them, to whoever is on call or to a machine.

A person sees on one line when it was set aside, where the original stands, of which stream it is, how often it was sent
through again, why it is here, and how the body begins. A machine gets the event in the CloudEvents JSON format with
`reason`, `position` and `setasidetime` beside its own attributes; of a finding that the sink refused, `status` and
`sink` as well. Of what is no event at all, people see the bytes and
machines get them as `data_base64`, with the headers that came along.
"""

from typing import Any

import msgspec
from aiokafka import ConsumerRecord

from nilometer_logger.cloudevents import CloudEvent, read_kafka, to_json
from nilometer_logger.cloudevents.kserve import stream_of
from nilometer_logger.deadletters import REDRIVEN, DeadLetter, read_dead_letter
from nilometer_logger.errors import EventError
from nilometer_logger.terminal import printable, printable_json
from nilometer_logger.times import format_time

_MILLISECOND = 1_000_000
_LEAST_REASON = 20


def to_line(record: ConsumerRecord, width: int) -> str:
    """Writes a dead letter for people, on one line of at most `width` characters, a part of them for the body."""
    letter = read_dead_letter(record.headers, record.value)
    event = _event_of(letter)
    parts = [
        _when(record),
        letter.position or "-",
        str(stream_of(event.attributes)).strip("/") if event else "no event",
    ]
    if letter.status:
        parts.append(f"status={letter.status}")
    if event and REDRIVEN in event.attributes:
        parts.append(f"redriven={event.attributes[REDRIVEN]}")
    head = " ".join(parts)
    reason = _cut(letter.reason or "no reason given", max(_LEAST_REASON, (width - len(head)) * 2 // 3))
    body = letter.value[: 4 * width].decode("utf-8", "replace")
    return _cut(printable(f"{head} {reason} | {body}"), width)


def to_json_line(record: ConsumerRecord) -> str:
    """Writes a dead letter for machines, on one line."""
    letter = read_dead_letter(record.headers, record.value)
    told: dict[str, Any] = {"reason": letter.reason, "position": letter.position, "setasidetime": _when(record)}
    told |= {name: text for name, text in (("status", letter.status), ("sink", letter.sink)) if text}
    event = _event_of(letter)
    if event is not None:
        return printable_json(to_json(CloudEvent({**event.attributes, **told}, event.data)).decode())
    headers = {name: (content or b"").decode("utf-8", "replace") for name, content in letter.headers}
    return printable_json(msgspec.json.encode({**told, "headers": headers, "data_base64": letter.value}).decode())


def _event_of(letter: DeadLetter) -> CloudEvent | None:
    """Returns the one event that a letter holds; None where it holds none, or a batch of them."""
    try:
        events = read_kafka(letter.headers, letter.value)
    except EventError:
        return None
    return events[0] if len(events) == 1 else None


def _when(record: ConsumerRecord) -> str:
    return format_time(record.timestamp * _MILLISECOND)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
