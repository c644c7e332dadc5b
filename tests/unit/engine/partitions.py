"""Partitions as tests need them."""

from nilometer_logger.decoding.inferences import Record
from nilometer_logger.engine.limits import PartitionLimits
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.punctuation import Configure, Idle
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import Counting
from tests.unit.logged import punctuated

LIMITS = PartitionLimits(future=60 * SECOND, pairing=60 * SECOND, pending=1000, duplicates=1000)


def silent(partition: PartitionState, now: int) -> dict[str, int]:
    """Returns the streams that are found silent, and what their clocks should be moved to."""
    return next((found.clocks for found in partition.punctuations(now) if isinstance(found, Idle)), {})


def configure(offset: int, *monitors: Counting) -> Record:
    """Returns the record that says which monitors run from there on."""
    return punctuated(offset, Configure({monitor.name: monitor.digest for monitor in monitors}))
