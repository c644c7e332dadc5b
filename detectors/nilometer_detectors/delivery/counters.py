"""What delivery counts: plain numbers, written where things happen and read when somebody asks."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from nilometer_logger.metrics import Histogram

SINK_AWAY_SECONDS = 60.0
"""For how long a sink may take nothing, while findings wait for it, before delivery is not ready."""
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass
class DeliveryCounters:
    """The numbers of one delivery.

    Attributes:
        kafka: why Kafka does not answer; empty where it does.
        is_assigned: whether the group has given us partitions, perhaps none.
        delivered: findings that the sink took, by topic.
        refused: findings that were kept in `findings-dead`, by what the sink answered.
        retries: tries that did not help, by what the sink answered.
        undelivered: records of a partition that were not delivered yet.
        attempt_seconds: how long each try took.
        last_success: when the sink last took a finding, in seconds since the epoch; 0 for never.
        waiting: since when a partition's finding is tried again, by the monotonic clock.
        clock: the monotonic clock.
    """

    kafka: str = "Kafka has not answered yet"
    is_assigned: bool = False
    delivered: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    undelivered: dict[TopicPartition, int] = field(default_factory=dict)
    attempt_seconds: Histogram = field(default_factory=lambda: Histogram(_SECONDS))
    last_success: float = 0.0
    waiting: dict[TopicPartition, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    _last_taken: float = float("-inf")

    def took(self, topic: str) -> None:
        """Counts a finding that the sink took."""
        self.delivered[topic] += 1
        self.last_success = time.time()
        self._last_taken = self.clock()

    def unready(self) -> str:
        """Returns why findings do not go out; empty where they do."""
        if self.kafka:
            return self.kafka
        if not self.is_assigned:
            return "the consumer group has not assigned partitions yet"
        if self.waiting:
            seconds = self.clock() - max(min(self.waiting.values()), self._last_taken)
            if seconds >= SINK_AWAY_SECONDS:
                return f"the sink has taken nothing for {seconds:.0f} s, and findings of {len(self.waiting)} partitions wait"
        return ""
