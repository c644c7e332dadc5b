"""The story the demo tells: which prediction is asked for when, and what is wrong with it. Pure and seeded.

Time is told in seconds from the first boundary between two windows, so that phases begin on boundaries:

      -lead      0          1          2          3          4    windows
        ├─ normal (partial) ┊          ┊          ┊          ┊
                 ├─ normal ─┼─ normal ─┼ outliers ┼─ inches ─┼─ inches ─ … until drift is found

What makes an alarm a bug and not luck (`tests/unit/demo/test_story.py` shows all three):

* Normal rows are drawn from the training set itself, so that a window lies far enough from it for p < 1e-4 on one of
  four features less than six times in a million windows of 50 rows, and once in 10^10 of the usual 200
  (Dvoretzky-Kiefer-Wolfowitz at the test's critical distance).
* The few impossible rows move the empirical distribution of a feature by 1 % at most: not enough for drift.
* In units of the training set's standard deviation, normal rows reach 3.1, inches read as centimetres 5.2, and
  impossible rows begin at 11. So a z-score above 6 finds exactly the impossible ones, in every phase.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from nilometer_detectors.demo.iris import Flower, Row

WINDOW_SECONDS = 5.0
WATERMARK_DELAY_SECONDS = 1.0
RATE = 40.0  # predictions a second, so 200 rows a window
P_VALUE = 1e-4
MIN_ROWS = 50
Z_THRESHOLD = 6.0

_SHORTEST_LEAD_SECONDS = 1.0
_OUTLIER_WINDOW = 2
_INCHES_WINDOW = 3
_LAST_WINDOW = 8  # the story ends here at the latest; drift is found long before
_OUTLIER_EVERY = 25
_CENTIMETRES_AN_INCH = 2.54


class Phase(StrEnum):
    """What is going on, as the demo's user reads it."""

    NORMAL = "normal traffic"
    OUTLIERS = "impossible measurements among normal ones"
    INCHES = "somebody switched from centimetres to inches"


@dataclass(frozen=True)
class Impossible:
    """One way in which a measurement goes wrong: the feature's position, and what becomes of its value."""

    name: str
    feature: int
    change: Callable[[float], float]

    def spoil(self, row: Row) -> Row:
        """Returns the row with that one measurement gone wrong."""
        return tuple(self.change(value) if index == self.feature else value for index, value in enumerate(row))


IMPOSSIBLE = (
    Impossible("a petal of 30 cm", 2, lambda _: 30.0),
    Impossible("a sepal of negative width", 1, lambda value: -value),
    Impossible("a lost decimal point", 0, lambda value: value * 10),
    Impossible("-99 for 'not measured'", 3, lambda _: -99.0),
)


@dataclass(frozen=True)
class Prediction:
    """One request of the story.

    Attributes:
        at: when it is sent, in seconds after the first window boundary.
        phase: what is going on.
        row: the four measurements it carries.
        impossible: what is wrong with them, if they are an outlier.
        protocol: "v1" or "v2".
    """

    at: float
    phase: Phase
    row: Row
    impossible: str | None
    protocol: str


def lead_seconds(now: float) -> float:
    """Returns how long the partial window at the start is.

    Args:
        now: seconds since the epoch.

    Returns:
        Seconds until a window boundary: the next one, or the one after if the next is too close for the window before
        it to get rows. (A window without rows does not exist, so the next one would be the partial one.)
    """
    lead = WINDOW_SECONDS - now % WINDOW_SECONDS
    return lead if lead >= _SHORTEST_LEAD_SECONDS else lead + WINDOW_SECONDS


def tell(training_set: tuple[Flower, ...], lead: float, seed: int = 0) -> Iterator[Prediction]:
    """Tells the story, prediction by prediction, in the order of time.

    Args:
        training_set: the flowers to draw from, in centimetres.
        lead: seconds of normal traffic before the first window boundary.
        seed: the same seed gives the same rows.

    Yields:
        Predictions at `RATE` a second.
    """
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    for number in range(int((lead + _LAST_WINDOW * WINDOW_SECONDS) * RATE)):
        at = -lead + number / RATE
        row = chance.choice(training_set).measurements
        phase = _phase(at)
        impossible = None
        if phase is Phase.OUTLIERS and number % _OUTLIER_EVERY == 0:
            wrong = IMPOSSIBLE[number // _OUTLIER_EVERY % len(IMPOSSIBLE)]
            row, impossible = wrong.spoil(row), wrong.name
        elif phase is Phase.INCHES:
            row = tuple(round(value / _CENTIMETRES_AN_INCH, 2) for value in row)
        yield Prediction(at, phase, row, impossible, "v1" if number % 2 == 0 else "v2")


def _phase(at: float) -> Phase:
    window = at / WINDOW_SECONDS
    if window >= _INCHES_WINDOW:
        return Phase.INCHES
    return Phase.OUTLIERS if window >= _OUTLIER_WINDOW else Phase.NORMAL
