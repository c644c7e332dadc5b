"""Many payloads become few tables: those with the same columns and the same datatype are one, whatever lies between.

So whatever is done to a table afterwards is done once for all inferences of a run that a client writes alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.decoding.payload._table import Payload


@dataclass
class Alike:
    """Payloads with the same columns.

    Attributes:
        names: of the columns; None where they are told by position only.
        width: the number of columns.
        members: the places of the payloads among all, ascending.
        payloads: the payloads.
    """

    names: tuple[str, ...] | None
    width: int
    members: list[int] = field(default_factory=list)
    payloads: list[Payload] = field(default_factory=list)

    @cached_property
    def table(self) -> NDArray[np.generic]:
        """The payloads' tables one below the other; shape (rows of all, width)."""
        if len(self.payloads) == 1:
            return self.payloads[0].table
        cells: Sequence[Any] = [payload.cells for payload in self.payloads]
        if type(cells[0]) is bytes:
            return np.frombuffer(bytearray().join(cells)).reshape(-1, self.width)
        return np.concatenate(cells)


def alike(payloads: Sequence[Payload]) -> list[Alike]:
    """Sorts payloads by their columns and datatype, in the order in which each first comes."""
    found: dict[tuple[object, ...], Alike] = {}
    start = 0
    names: object = None
    width, kind = -1, None  # of no payload
    for place, payload in enumerate(payloads):
        cells = payload.cells
        other = None if type(cells) is bytes else cells.dtype  # type: ignore[union-attr]
        same = payload.width == width and other is kind
        if same and (payload.names is names or payload.names == names):
            continue  # hardly ever is one unlike the one before
        if place:
            _add(found, payloads, start, place)
        start, names, width, kind = place, payload.names, payload.width, other
    if payloads:
        _add(found, payloads, start, len(payloads))
    return list(found.values())


def _add(found: dict[tuple[object, ...], Alike], payloads: Sequence[Payload], start: int, end: int) -> None:
    """Adds payloads with the same columns, that follow one another, to those found."""
    first = payloads[start]
    kind = None if isinstance(first.cells, bytes) else first.cells.dtype
    group = found.setdefault((first.names, first.width, kind), Alike(first.names, first.width))
    group.members.extend(range(start, end))
    group.payloads.extend(payloads[start:end])
