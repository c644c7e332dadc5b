"""Dead letters: what was taken but cannot be used lies in `inferences-dead`, with the reason and where it stood.

Findings that a sink refused for good lie in `findings-dead`. A dead letter is the original record with headers of ours behind its own, so that any tool can look at it and a redrive
can send it through again:

| header                | says                                                                              |
|-----------------------|-----------------------------------------------------------------------------------|
| `nilometer-reason`    | why, in a sentence for the person who looks                                       |
| `nilometer-position`  | ``TOPIC/PARTITION@OFFSET``, and ``[NUMBER]`` for an event of a batch record       |
| `nilometer-cut`       | how many bytes the original body had; only where it was too large to be kept whole |
| `nilometer-status`    | of a finding: the HTTP status that the sink answered, or `unreadable`              |
| `nilometer-sink`      | of a finding: the sink, without password and query                                 |

A compressed record may hold more than any topic takes. Then the body is cut: the reason and the position are kept in
any case, since a letter that Kafka refuses would stop everything behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nilometer_logger import topics
from nilometer_logger.topics import Message

REASON = "nilometer-reason"
POSITION = "nilometer-position"
CUT = "nilometer-cut"
_OUR_PREFIX = "nilometer-"
REDRIVEN = "nilometerredriven"
# What the header that says so takes.
_CUT_BYTES = 64
STATUS = "nilometer-status"
SINK = "nilometer-sink"
_OURS = frozenset({REASON, POSITION, CUT, STATUS, SINK})

Headers = Sequence[tuple[str, bytes]]

# A reason may name columns as a client did; with the event it must fit into a record.
_LONGEST_REASON = 500
# Of a letter: its reason, its position, and Kafka's own bytes.
HEADROOM_BYTES = 16_384
# The topic takes more, where we created it; for one that takes less, `cut` cuts again.
MOST_BYTES = 2 * 2**20 - HEADROOM_BYTES


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter that was read.

    Attributes:
        reason: why it is one.
        position: where the original stood.
        is_cut: whether the value is not whole.
        status: what the sink answered; empty where it is no finding.
        sink: which sink that was.
        headers: of the original.
        value: of the original.
    """

    reason: str
    position: str
    is_cut: bool
    headers: Headers
    value: bytes
    status: str = ""
    sink: str = ""


def dead_letter(
    reason: str, position: str, headers: Headers, value: bytes | None, most_bytes: int = MOST_BYTES
) -> Message:
    """Makes the record of something that cannot be used.

    Args:
        reason: a sentence for the person who looks at it; cut if it is very long.
        position: where in the log it stands.
        headers: of the original.
        value: the original bytes.
        most_bytes: the original is cut to so many.
    """
    if len(reason) > _LONGEST_REASON:
        reason = reason[: _LONGEST_REASON - 1] + "…"
    facts = [(REASON, reason.encode()), (POSITION, position.encode())]
    value = value or b""
    room = most_bytes - sum(len(name) + len(content or b"") for name, content in headers)
    if len(value) > room:
        facts.append((CUT, str(len(value)).encode()))
        value = value[: max(0, room)]
    return Message(topics.DEAD, None, value, [*(headers if room >= 0 else ()), *facts])


def cut(message: Message, excess_bytes: int) -> Message:
    """Cuts the body of a message that is too large for its topic, and says how large it was.

    Args:
        message: of any topic for events.
        excess_bytes: by how much it is too large; headers and key are left out where the body is shorter than that.
    """
    before = next((content for name, content in message.headers if name == CUT), str(len(message.value)).encode())
    facts = [(CUT, before)]
    headers = [header for header in message.headers if header[0] != CUT]
    left = len(message.value) - excess_bytes - _CUT_BYTES
    if left < 0:
        headers = [(name, content[:_LONGEST_REASON]) for name, content in headers if name.startswith(_OUR_PREFIX)]
        left = 0
    return Message(
        message.topic, message.key and message.key[:_LONGEST_REASON], message.value[:left], [*headers, *facts]
    )


def read_dead_letter(headers: Headers, value: bytes | None) -> DeadLetter:
    """Reads what `dead_letter` wrote; a record of another's is a letter without reason and position."""
    facts = {name: (content or b"").decode("utf-8", "replace") for name, content in headers}
    own = [(name, content) for name, content in headers if name not in _OURS]
    return DeadLetter(
        facts.get(REASON, ""),
        facts.get(POSITION, ""),
        CUT in facts,
        own,
        value or b"",
        facts.get(STATUS, ""),
        facts.get(SINK, ""),
    )


def finding_letter(
    headers: Headers, value: bytes | None, *, status: str, reason: str, sink: str, position: str, most_bytes: int
) -> Message:
    """Makes the record of a finding that the sink refused for good.

    Args:
        headers: of the original.
        value: the original bytes.
        status: what it answered, or `unreadable`.
        reason: a sentence for the person who looks at it.
        sink: its URL, without password and query.
        position: where in its topic the finding stands.
        most_bytes: the original is cut to so many.
    """
    letter = dead_letter(reason, position, headers, value, most_bytes)
    facts = [*letter.headers, (STATUS, status.encode()), (SINK, sink.encode())]
    return Message(topics.FINDINGS_DEAD, None, letter.value, facts)
