"""Windows whose truth is known."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from nilometer_logger.rows import Column, ColumnType, Floats, Schema

CATEGORIES = 200
_NAMES = tuple(f"c{number}" for number in range(CATEGORIES))

Draw = Callable[[np.random.Generator, int, int], Floats]


@dataclass(frozen=True)
class Kind:
    """A kind of data.

    Attributes:
        name: for the table.
        draw: gives rows without drift; of a generator, rows and columns. Shape (rows, columns).
        type: of the columns; categories are codes.
        discrete: whether values are tied, so that a p-value cannot be exactly as rare as asked.
    """

    name: str
    draw: Draw
    type: ColumnType = "numeric"
    discrete: bool = False

    def schema(self, columns: int) -> Schema:
        """Returns the schema of some columns."""
        names = _NAMES if self.type == "categorical" else ()
        return Schema(tuple(Column(f"x{place}", self.type, names) for place in range(columns)))


@cache
def zipf() -> Floats:
    """Returns the probabilities of categories of which most are rare: proportional to 1, 1/2, 1/3 …."""
    weights = 1 / np.arange(1, CATEGORIES + 1)
    shares: Floats = weights / weights.sum()
    return shares


def normal(generator: np.random.Generator, rows: int, columns: int) -> Floats:
    """Draws standard normal numbers."""
    return generator.normal(size=(rows, columns))


def rounded(generator: np.random.Generator, rows: int, columns: int) -> Floats:
    """Draws normal numbers, rounded to one decimal."""
    return np.round(generator.normal(size=(rows, columns)), 1)


def categories(generator: np.random.Generator, rows: int, columns: int) -> Floats:
    """Draws codes of 200 categories, most of them rare."""
    return generator.choice(CATEGORIES, size=(rows, columns), p=zipf()).astype(np.float64)


def booleans(generator: np.random.Generator, rows: int, columns: int) -> Floats:
    """Draws truth values, three of ten of which are true."""
    return (generator.random(size=(rows, columns)) < 0.3).astype(np.float64)


def autoregressive(rho: float) -> Draw:
    """Returns what draws a stationary AR(1) process with standard normal values, each row after the one before."""

    def draw(generator: np.random.Generator, rows: int, columns: int) -> Floats:
        shocks = generator.normal(size=(rows, columns)) * np.sqrt(1 - rho**2)
        values = np.empty((rows, columns))
        values[0] = generator.normal(size=columns)
        for row in range(1, rows):
            values[row] = rho * values[row - 1] + shocks[row]
        return values

    return draw


def shifted(values: Floats) -> Floats:
    """Moves the first column by half a standard deviation."""
    moved = values.copy()
    moved[:, 0] += 0.5
    return moved


def scaled(values: Floats) -> Floats:
    """Stretches the first column by half."""
    stretched = values.copy()
    stretched[:, 0] *= 1.5
    return stretched


def swapped(generator: np.random.Generator, values: Floats) -> Floats:
    """Moves a tenth of the first column's rows to the third most frequent category."""
    changed = values.copy()
    changed[generator.random(len(values)) < 0.1, 0] = 2.0
    return changed


KINDS = {
    kind.name: kind
    for kind in (
        Kind("continuous", normal),
        Kind("rounded", rounded, discrete=True),
        Kind("categorical", categories, "categorical", discrete=True),
        Kind("boolean", booleans, "boolean", discrete=True),
        Kind("AR(1) 0.3", autoregressive(0.3)),
        Kind("AR(1) 0.6", autoregressive(0.6)),
    )
}
