"""A span of Kafka that retention catches up with while it is read."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from nilometer_detectors.replay._kafka import Part, Span
from nilometer_detectors.replay._span import Bound
from nilometer_logger.errors import UnavailableError
from nilometer_logger.settings import ReplaySettings

PARTITION = TopicPartition("inferences", 0)


class Consumer:
    """As much of a consumer as is used: it hands over what is left of some offsets, and passes over what is gone.

    Args:
        offsets: of the records that there are.
        end: of the log.
        expired: before which offset all is gone once something was read.
    """

    def __init__(self, offsets: Sequence[int], end: int, expired: int) -> None:
        self._offsets = offsets
        self._end = end
        self._expired = expired
        self._at = 0

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Takes the one partition."""

    def seek(self, _: TopicPartition, offset: int) -> None:
        """Goes to an offset."""
        self._at = offset

    async def position(self, _: TopicPartition) -> int:
        """Tells which offset comes next."""
        return self._at

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Tells where the log begins."""
        return dict.fromkeys(partitions, self._expired)

    async def getmany(self, *_: TopicPartition, **__: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Hands over the next record."""
        left = [offset for offset in self._offsets if offset >= self._at]
        if not left:
            self._at = self._end
            return {}
        self._at = max(left[0] + 1, self._expired)
        return {PARTITION: [ConsumerRecord("inferences", 0, left[0], 0, 0, None, b"", None, -1, -1, ())]}


def read(consumer: Consumer, end: int) -> list[int]:
    """Reads a span, and returns the offsets of its records."""

    async def reading() -> list[int]:
        span = Span(ReplaySettings(), Bound(), Bound())
        return [each.offset async for records in span._read(consumer, Part(0, 0, end)) for each in records]  # type: ignore[arg-type]

    return asyncio.run(reading())


def test_markers_are_passed_over() -> None:
    """An offset that no consumer is given, in the middle or at the end, is no loss."""
    assert read(Consumer([0, 1, 3, 4], end=6, expired=0), 6) == [0, 1, 3, 4]


def test_what_was_read_may_expire() -> None:
    """Retention that follows the reading takes nothing from it, however far it comes."""
    assert read(Consumer([0, 1, 2], end=3, expired=0), 3) == [0, 1, 2]
    assert read(Consumer([0], end=1, expired=9), 1) == [0]


@pytest.mark.parametrize(("expired", "gone"), [(3, "1 to 2"), (9, "1 to 8")])
def test_what_was_not_read_is_said_to_be_gone(expired: int, gone: str) -> None:
    """In the middle of the span or to its end: a hole would be in no finding, so there are none."""
    with pytest.raises(UnavailableError, match=rf"records {gone} of inferences/0 expired before they were read"):
        read(Consumer([0, 1, 2, 3, 4], end=5, expired=expired), 5)
