"""Which windows an event time lies in.

A window is the half-open interval [start, start + size) with start ≡ offset (mod slide): tumbling where slide = size,
sliding where slide < size (Akidau et al., "The Dataflow Model", VLDB 2015, section 2.2, there "fixed" and "sliding").
"""

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.monitoring import WindowSpec


def containing(spec: WindowSpec, times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Finds the windows that contain each of some times.

    Args:
        spec: how event time is cut.
        times: shape (rows,), nanoseconds.

    Returns:
        Starts of windows, shape (rows, ceil(size / slide)), latest first, and a mask of the same shape that is False
        where the window does not contain the time after all (where the size is no multiple of the slide).
    """
    latest = times - (times - spec.offset) % spec.slide
    steps = -(-spec.size // spec.slide)
    starts = latest[:, None] - np.arange(steps, dtype=np.int64)[None, :] * spec.slide
    return starts, starts + spec.size > times[:, None]
