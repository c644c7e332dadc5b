"""Requests and responses become inferences: the two halves of one id meet, whichever comes first."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.decoding.payload import Payload

MOST_WAITING = 10_000
MOST_WAITING_CELLS = 4_000_000


@dataclass(frozen=True)
class Table:
    """One half of an inference.

    Attributes:
        half: request or response.
        names: of its columns.
        payload: its rows.
    """

    half: Half
    names: tuple[str, ...]
    payload: Payload

    @property
    def cells(self) -> int:
        """How many values it holds."""
        return self.payload.rows * self.payload.width


Inference = tuple[Table, ...]


class Halves:
    """The halves that wait for each other, bounded in number and in cells.

    The two lie near each other in a log, so one that has waited for long is left out. Where no response has shown
    before the bound is reached, or the end, the log is one of requests, and each of them is an inference by itself.

    Attributes:
        unpaired: halves that were left out because the other never came.
        unlike: inferences that were left out because the response has another number of rows than the request.
    """

    def __init__(self) -> None:
        self.unpaired = 0
        self.unlike = 0
        self._waiting: OrderedDict[str, Table] = OrderedDict()
        self._cells = 0
        self._answered = False  # whether a response has shown
        self._alone = False  # whether requests are inferences by themselves

    def put(self, name: str, table: Table) -> Iterator[Inference]:
        """Takes a half, and gives the inferences that are whole by that.

        Args:
            name: the id of the inference.
            table: the half.
        """
        if self._alone:
            yield from self._of_requests(table)
            return
        self._answered |= table.half == "response"
        other = self._waiting.pop(name, None)
        if other is not None:
            self._cells -= other.cells
            if other.half != table.half:
                yield from self._joined(other, table)
                return
            self.unpaired += 1
        self._waiting[name] = table
        self._cells += table.cells
        if len(self._waiting) > MOST_WAITING or self._cells > MOST_WAITING_CELLS:
            yield from self._relieved()

    def end(self) -> Iterator[Inference]:
        """Gives what still waits, where that is an inference by itself."""
        if self._answered:
            self.unpaired += len(self._waiting)
        else:
            for table in self._waiting.values():
                yield (table,)

    def _relieved(self) -> Iterator[Inference]:
        if self._answered:
            _, oldest = self._waiting.popitem(last=False)
            self._cells -= oldest.cells
            self.unpaired += 1
        else:
            self._alone = True
            for table in self._waiting.values():
                yield (table,)
            self._waiting.clear()

    def _of_requests(self, table: Table) -> Iterator[Inference]:
        if table.half == "request":
            yield (table,)
        else:
            self.unpaired += 1

    def _joined(self, first: Table, second: Table) -> Iterator[Inference]:
        if first.payload.rows == second.payload.rows:
            yield (first, second)
        else:
            self.unlike += 1
