"""The topics, and a message for one of them.

| topic             | written by | holds                                                              |
|-------------------|------------|--------------------------------------------------------------------|
| `inferences`      | logger     | logged events in batch records; a stream lies in one partition     |
| `inferences-dead` | both       | events that could not be read or decoded, each with the reason     |
| `state`           | worker     | snapshots of open windows; compacted, partitions as `inferences`   |
| `findings`        | worker     | what windows showed, exactly once                                  |
| `late`            | worker     | events that came too late, for the monitors that ask for them       |
| `outliers`        | worker     | what rows showed, at once and at least once                        |
| `findings-dead`   | delivery   | findings that the sink refused for good, each with the answer      |

A name may be given a prefix, so that several installations share a Kafka.
"""

from dataclasses import dataclass

INFERENCES = "inferences"
DEAD = "inferences-dead"
STATE = "state"
FINDINGS = "findings"
LATE = "late"
OUTLIERS = "outliers"
FINDINGS_DEAD = "findings-dead"


@dataclass(frozen=True)
class Message:
    """A record to be written to another topic in the same transaction.

    Attributes:
        topic: without prefix.
        key: by which Kafka partitions it; None for any.
        value: as it stands.
        headers: as they stand.
    """

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]
