"""The table: plain text, one section a scenario, and every figure with its target and whether it was met."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.benchmarks.turns import Row

_NAME_WIDTH = 42
_CELL_WIDTH = 8
_NOISE = 0.2  # cores busy with something else, beyond which CPU time an event is inflated as well
_HEADS = ("events/s", "CPU µs", "p50 ms", "p99 ms", "Kafka µs", "ev/rec", "kB/rec", "peak MB", "others")


@dataclass(frozen=True)
class Figure:
    """A figure that docs/explain/cost.md states.

    Attributes:
        name: what it tells.
        value: what was measured.
        unit: of the value.
        most: the target: the value should not exceed it.
        text: how to print a number; the unit comes behind it.
    """

    name: str
    value: float
    unit: str
    most: float
    text: str = ".1f"

    @property
    def met(self) -> bool:
        """Whether the target was met, as precisely as both are printed; NaN meets none."""
        return float(f"{self.value:{self.text}}") <= float(f"{self.most:{self.text}}")

    def line(self) -> str:
        """Makes the figure's line."""
        value, most = (f"{number:{self.text}}{self.unit}" for number in (self.value, self.most))
        return f"  {self.name:<72}{value:>10}   <= {most:<9} {'met' if self.met else 'missed'}"


@dataclass(frozen=True)
class Section:
    """A scenario's part of the table.

    Attributes:
        title: what was done.
        rows: what was measured, one line each.
        lines: other lines, as they are.
        figures: what docs/explain/cost.md states of it.
    """

    title: str
    rows: Sequence[Row] = ()
    lines: Sequence[str] = ()
    figures: Sequence[Figure] = field(default_factory=list)

    def text(self) -> list[str]:
        """Makes the section's lines."""
        heads = "".join(f"{head:>{_CELL_WIDTH + 1}}" for head in _HEADS) if self.rows else ""
        return [
            f"{self.title:<{_NAME_WIDTH}}{heads}",
            *(line for row in self.rows for line in _lines(row)),
            *(f"  {line}" for line in self.lines),
            *(figure.line() for figure in self.figures),
            *self._warning(),
        ]

    def _warning(self) -> list[str]:
        busy = max((row.best.neighbours() for row in self.rows), default=0.0)
        if busy < _NOISE:
            return []
        return [f"  neighbours kept up to {busy:.1f} cores busy: believe the ratios, and no other figure"]


def _lines(row: Row) -> list[str]:
    best, stored = row.best, row.stored
    cells = [
        f"{best.rate:,.0f}",
        f"{best.cpu_us():.1f}",
        f"{best.p50_ms:.2f}",
        f"{best.p99_ms:.2f}",
        _cell(best.cpu_us("Kafka")),
        _cell(stored.events_a_record if stored else math.nan),
        _cell(stored.value_bytes / stored.records / 1000 if stored else math.nan),
        _cell(row.peak_mb if row.peak_mb is not None else math.nan),
        f"{best.neighbours():.2f}",
    ]
    lines = [f"  {row.name:<{_NAME_WIDTH - 2}}" + "".join(f" {cell:>{_CELL_WIDTH}}" for cell in cells)]
    if best.statuses:
        lines.append(f"    not answered 200: {best.statuses}")
    if stored is not None:
        repeated = f", {stored.repeated()} of them more than once" if stored.repeated() else ""
        there = f"{row.acknowledged - row.missing:,} of {row.acknowledged:,} acknowledged events"
        lines.append(f"    read back from Kafka: {there}{repeated}")
    return lines


def _cell(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"
