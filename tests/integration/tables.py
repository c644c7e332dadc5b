"""A table of what the fault tests found, a row a fault, printed at the end of the run."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Tabled(Protocol):
    """A row of the table."""

    @property
    def points(self) -> Mapping[str, int]:
        """At which named points, and how often at each."""

    def cells(self) -> list[str]:
        """Returns what stands in the row."""


def table(titles: Sequence[str], rows: Sequence[Tabled]) -> list[str]:
    """Writes the rows as lines, with the named points of a fault below it."""
    cells = [titles, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(titles))]
    lines = []
    for row, line in zip([None, *rows], cells, strict=True):
        first, *others = [f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)]
        lines.append("  ".join([first.strip().ljust(widths[0]), *others]))
        lines += [f"  {point}: {times}" for point, times in (row.points if row else {}).items()]
    return lines
