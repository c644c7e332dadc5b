"""What a partition has found and not handed over yet."""

from dataclasses import dataclass, field

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.topics import Message


@dataclass
class Outbox:
    """What a partition has to say and has not said yet.

    Attributes:
        findings: of windows.
        outliers: findings on rows.
        messages: for other topics.
    """

    findings: list[CloudEvent] = field(default_factory=list)
    outliers: list[CloudEvent] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def take_outliers(self) -> list[CloudEvent]:
        """Hands over the findings on rows."""
        taken, self.outliers = self.outliers, []
        return taken
