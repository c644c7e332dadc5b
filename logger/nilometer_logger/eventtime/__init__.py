"""Event time: clocks, windows and lateness, after Flink and Beam.

Pure code. It is handed blocks of rows in the order of the log and reads no clock of its own: the same log gives the
same windows, whenever and however often it is read.
"""

from nilometer_logger.eventtime._clock import StreamClock
from nilometer_logger.eventtime._windower import OpenWindow, Windower
from nilometer_logger.eventtime._windows import containing

__all__ = ["OpenWindow", "StreamClock", "Windower", "containing"]
