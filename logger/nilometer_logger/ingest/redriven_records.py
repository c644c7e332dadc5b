"""What is sent of a dead letter, and the summary of a redrive.

Every event that is sent through again says in an extension how often it was. That changes nothing of what tells it
apart from others (its stream, id, type and time), and whoever finds it among the dead letters once more sees that it
has been tried.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from nilometer_logger.cloudevents import CloudEvent, encode_batch, read_kafka
from nilometer_logger.deadletters import REDRIVEN, DeadLetter
from nilometer_logger.errors import EventError
from nilometer_logger.ingest.external_records import dated
from nilometer_logger.terminal import printable

_LONGEST_COUNT = 9
_MOST_REASONS = 1000  # a reason may hold what a client sent: there is no end of them
_SHOWN_REASONS = 10
_OTHERS = "other reasons"


class Skipped(Exception):
    """A dead letter is not sent."""


def events_of(letter: DeadLetter, milliseconds: int) -> list[CloudEvent]:
    """Makes the events that are sent of a dead letter.

    Args:
        letter: as it was read.
        milliseconds: when it was written; the time of an event that has none of its own.

    Raises:
        Skipped: if there are none to be sent.
    """
    if letter.is_cut:
        raise Skipped("cut, because the whole was too large; that stands where the letter says, if still anywhere")
    try:
        events = read_kafka(letter.headers, letter.value)
    except EventError as error:
        raise Skipped(f"no event that could go by its stream: {error}") from None
    return [dated(_counted(event), milliseconds) for event in events]


def _counted(event: CloudEvent) -> CloudEvent:
    before = event.attributes.get(REDRIVEN, "0")
    count = int(before) + 1 if len(before) <= _LONGEST_COUNT and before.isdecimal() else 1
    return CloudEvent({**event.attributes, REDRIVEN: str(count)}, event.data)


def digest_of(event: CloudEvent) -> bytes:
    """Tells events apart, however often they were sent through again."""
    attributes = {name: event.attributes[name] for name in sorted(event.attributes) if name != REDRIVEN}
    return hashlib.blake2b(encode_batch([CloudEvent(attributes, event.data)]), digest_size=16).digest()


@dataclass
class Summary:
    """What a redrive did.

    Attributes:
        read: how many dead letters it looked at.
        sent: those that were sent, by the reason for which they were dead letters.
        left: those that were not, by why.
        began_later: whether older letters were passed over, because an earlier redrive had handled them.
    """

    read: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    began_later: bool = False

    def send(self, reason: str) -> None:
        """Counts a letter that was sent."""
        _count(self.sent, reason)

    def leave(self, why: str) -> None:
        """Counts a letter that was left."""
        _count(self.left, why)

    def lines(self, *, dry_run: bool) -> list[str]:
        """Returns the summary for people."""
        would = "would be " if dry_run else ""
        told = [f"{self.sent.total()} of {self.read} dead letters {would}sent through again"]
        told += _listed(self.sent)
        if self.left:
            told += [f"{self.left.total()} {would}left", *_listed(self.left)]
        if self.began_later:
            told.append("older ones were handled by an earlier redrive; --again begins with the oldest")
        return told


def _listed(counts: Counter[str]) -> list[str]:
    shown = counts.most_common(_SHOWN_REASONS)
    rest = counts.total() - sum(count for _, count in shown)
    return [f"{count:>8}  {printable(text)}" for text, count in [*shown, *([(_OTHERS, rest)] if rest else [])]]


def _count(counts: Counter[str], text: str) -> None:
    counts[text if text in counts or len(counts) < _MOST_REASONS else _OTHERS] += 1
