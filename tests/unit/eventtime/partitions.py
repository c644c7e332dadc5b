"""Partitions as tests need them."""

from nilometer_logger.inferences import Record
from nilometer_logger.partition import Partition
from nilometer_logger.punctuation import Configure, Quiet
from nilometer_logger.streamfigures import Bounds
from nilometer_logger.times import SECOND
from tests.unit.eventtime.counting import Counting
from tests.unit.logged import punctuated

BOUNDS = Bounds(future=60 * SECOND, pairing=60 * SECOND, pending=1000, duplicates=1000)


def silent(partition: Partition, now: int) -> dict[str, int]:
    """Returns the streams that are found silent, and what their clocks should be moved to."""
    return next((found.clocks for found in partition.punctuations(now) if isinstance(found, Quiet)), {})


def configure(offset: int, *monitors: Counting) -> Record:
    """Returns the record that says which monitors run from there on."""
    return punctuated(offset, Configure({monitor.name: monitor.digest for monitor in monitors}))
