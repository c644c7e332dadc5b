"""A piece of event time and what is kept of its rows."""

from dataclasses import dataclass

from nilometer_logger.monitoring import WindowState


@dataclass(slots=True)
class Pane:
    """A part of event time whose rows belong to the same windows; or a window by itself.

    Attributes:
        state: what the monitor keeps of its rows.
        first: the smallest event time among them, in nanoseconds.
        last: the largest.
    """

    state: WindowState
    first: int
    last: int
