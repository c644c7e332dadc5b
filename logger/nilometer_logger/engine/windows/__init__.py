"""Event time: clocks, windows and lateness, after Flink and Beam.

Pure code. It is handed blocks of rows in the order of the log and reads no clock of its own: the same log gives the
same windows, whenever and however often it is read, and however many records are read at once.
"""

from nilometer_logger.engine.windows._budget import UNBOUNDED, Budget
from nilometer_logger.engine.windows._clock import StreamClock
from nilometer_logger.engine.windows._count_windower import CountWindower
from nilometer_logger.engine.windows._making import always_bytes, windower_of
from nilometer_logger.engine.windows._pane import Pane
from nilometer_logger.engine.windows._windower import Windower
from nilometer_logger.engine.windows._windows import containing

__all__ = [
    "UNBOUNDED",
    "Budget",
    "CountWindower",
    "Pane",
    "StreamClock",
    "Windower",
    "always_bytes",
    "containing",
    "windower_of",
]
