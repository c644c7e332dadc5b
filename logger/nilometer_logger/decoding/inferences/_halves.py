"""Which events of a record are halves of inferences, of which streams; all of a record's at once, by columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import cast

from nilometer_logger.cloudevents.kserve import HALVES, Facts, Half
from nilometer_logger.decoding.inferences._logged import LoggedEvent, logged_events
from nilometer_logger.decoding.inferences._record import Record


@dataclass(frozen=True, slots=True)
class RequestsAndResponses:
    """Events of one record that are halves of inferences, as columns of one length.

    Attributes:
        events: the events.
        numbers: their places in the record, ascending.
        streams: of each its stream, as a text.
        halves: of each whether it is a request or a response.
    """

    events: list[LoggedEvent]
    numbers: list[int]
    streams: list[str]
    halves: list[Half]

    def after(self, count: int) -> "RequestsAndResponses":
        """Returns those behind the first so many."""
        return RequestsAndResponses(
            self.events[count:], self.numbers[count:], self.streams[count:], self.halves[count:]
        )

    def first(self, count: int) -> "RequestsAndResponses":
        """Returns the first so many."""
        return RequestsAndResponses(
            self.events[:count], self.numbers[:count], self.streams[:count], self.halves[:count]
        )


def halves_of(record: Record, stream_of: Callable[[Facts], str | None]) -> tuple[RequestsAndResponses, dict[int, str]]:
    """Finds the halves of inferences in a record.

    Args:
        record: of events.
        stream_of: gives the text of a stream by what tells it; None where it is not wanted.

    Returns:
        Those of wanted streams; and the reasons why others are no events, by their numbers.

    Raises:
        EventError: if the record cannot be read.
    """
    events, reasons = logged_events(record)
    numbers = [number for number in range(len(events) + len(reasons)) if number not in reasons]
    streams = _streams(events, stream_of)
    halves = [HALVES.get(event.attributes.type) for event in events]
    if None in streams or None in halves:
        wanted = [bool(stream and half) for stream, half in zip(streams, halves, strict=True)]
        events, numbers = list(compress(events, wanted)), list(compress(numbers, wanted))
        streams, halves = list(compress(streams, wanted)), list(compress(halves, wanted))
    return RequestsAndResponses(events, numbers, cast(list[str], streams), cast(list[Half], halves)), reasons


def _streams(events: Sequence[LoggedEvent], stream_of: Callable[[Facts], str | None]) -> list[str | None]:
    attributes = [event.attributes for event in events]
    facts = [(of.namespace, of.inferenceservicename or of.source, of.component, of.endpoint) for of in attributes]
    if facts and facts.count(facts[0]) == len(facts):  # as nearly always: a comparison costs less than a hash
        return [stream_of(facts[0])] * len(facts)
    streams = {each: stream_of(each) for each in dict.fromkeys(facts)}
    return [streams[each] for each in facts]
