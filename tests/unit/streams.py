"""Streams whose mean changes in steps, of Python's own random numbers: the same in every version of numpy."""

import random

import numpy as np

from nilometer_logger.rows import Floats

Stream = tuple[int, list[float], int, float]

# A seed, the means, how many values each lasts, the standard deviation.
STEPS: Stream = (1, [0.0, 1.0, 0.0, 3.0, -1.0], 700, 1.0)
SMALL: Stream = (2, [0.0, 0.3, 0.6, 0.9], 2000, 1.0)
NONE: Stream = (3, [0.0] * 5, 1000, 1.0)
JUMPS: Stream = (1, [0.0, 1.0, -0.5], 1000, 1.0)
STILL: Stream = (2, [0.0], 3000, 1.0)
SLIGHT: Stream = (3, [0.0, 0.4], 2000, 1.0)
STAIRS: Stream = (4, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 500, 0.5)
LARGE: Stream = (5, [0.0, 30.0], 700, 2.0)


def stream_of(seed: int, levels: list[float], length: int, deviation: float) -> Floats:
    """Returns normal values around one level after the other, shape (values, 1)."""
    generator = random.Random(seed)
    return np.array([[generator.gauss(level, deviation)] for level in levels for _ in range(length)])
