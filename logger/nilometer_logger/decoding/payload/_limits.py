"""How much one body may hold, and how much may be decoded before anything else happens.

What a body takes in memory is decided by the values in it, and not by its bytes: 31 KB of gzip may hold 1.6 million
rows. So rows and cells are bounded, before objects are made of them wherever that can be told from the bytes.

*Work* is measured in cells. What came as it is costs none: a record of Kafka bounds it. What was compressed costs its
cells, and a cell for every 16 bytes that it inflated to, whether anything came of it or not. A stage that decodes many
bodies stops when it has done the work of the largest body that is allowed, and goes on when that has been used.
"""

from dataclasses import dataclass

from nilometer_logger.decoding.payload._table import Payload
from nilometer_logger.errors import PayloadError

# What a body may inflate to: as much as the largest record.
INFLATED_BOUND = 16 * 2**20
# A text, and what is kept of one that a column has no number for, takes some four times the memory of a number.
TEXT_CELLS = 4
_BYTES_A_CELL = 16
# A document may hold more values than its table has cells: lists around them, shapes, names, parameters.
_OTHER_VALUES = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one body.

    Attributes:
        rows: the most rows.
        cells: the most cells, of which one in a table with texts counts as `TEXT_CELLS`; also the work that is done at
            a time.
        inflated_bytes: the most bytes that a compressed body may inflate to.
    """

    rows: int = 100_000
    cells: int = 500_000
    inflated_bytes: int = INFLATED_BOUND

    @property
    def small_bytes(self) -> int:
        """The most bytes of a body that cannot hold too much: each row or cell takes one at least."""
        return min(self.rows, self.cells)

    @property
    def most_values(self) -> int:
        """The most values in a document: cells, lists around them, and all that is no row."""
        return self.cells + 2 * self.rows + _OTHER_VALUES

    def check(self, payload: Payload) -> Payload:
        """Returns the payload.

        Raises:
            PayloadError: if it holds too much.
        """
        if payload.rows > self.rows:
            raise PayloadError(
                f"the body has {payload.rows} rows: {self.rows} is the most (--max-event-rows); send them in several requests"
            )
        if (cells := cells_of(payload)) > self.cells:
            texts = f", a cell in a table with texts counted as {TEXT_CELLS}" if _has_texts(payload) else ""
            raise PayloadError(
                f"the body has {payload.rows} rows of {payload.width} columns, {cells} cells{texts}: {self.cells} is the most "
                "(--max-event-cells); send them in several requests"
            )
        return payload

    def check_document(self, body: bytes) -> None:
        """Bounds the values in a document from above, before a parser makes an object of each.

        Raises:
            PayloadError: if there may be too many.
        """
        if len(body) <= 2 * self.cells:  # a value and what parts it from the next
            return
        if body.count(b",") + body.count(b"[") + body.count(b"{") > self.most_values:
            raise PayloadError(
                f"the body holds more than {self.most_values} values: {self.cells} cells is the most (--max-event-cells); send them in "
                "several requests"
            )

    def work(self, payload: Payload, inflated_bytes: int) -> int:
        """Tells the work that a compressed body was."""
        return cells_of(payload) + inflated_bytes // _BYTES_A_CELL


def cells_of(payload: Payload) -> int:
    """Counts the cells of a payload."""
    return payload.rows * payload.width * (TEXT_CELLS if _has_texts(payload) else 1)


def _has_texts(payload: Payload) -> bool:
    return not isinstance(payload.cells, bytes) and payload.cells.dtype == object


DEFAULT_LIMITS = Limits()
