"""KServe's v1 protocol, which is TensorFlow Serving's: rows in `instances` and `predictions`, columns in `inputs`.

| written by | asked                              | answered                            |
|------------|------------------------------------|-------------------------------------|
| rows       | `{"instances": [row, …]}`          | `{"predictions": [row, …]}`         |
| columns    | `{"inputs": {"name": [value, …]}}` | `{"outputs": {"name": [value, …]}}` |
| columns    | `{"inputs": [row, …]}`             | `{"outputs": [row, …]}`             |

A row is a list of values (of any depth), one value, or an object of named values. The columns of objects are all names
that one of them has; a name that another lacks is null there. A list under a name is numbered columns, `name.0`, ….

There is no datatype in v1, so a text is a text: `"NaN"` is one as well, which a numeric column will take as missing and
a categorical one as a category. An object in place of the rows (`{"predictions": {…}}`) is no form of the protocol:
whether it were a row or columns would be a guess. The same holds for a single value.
"""

from typing import Any

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.decoding.payload._table import Payload, check_parts, side_by_side
from nilometer_logger.decoding.payload._values import kind, to_table
from nilometer_logger.errors import PayloadError

# A body of a megabyte may hold a hundred thousand objects without a name in common: ten thousand million cells.
MOST_CELLS = 1_000_000


def decode(document: dict[str, Any]) -> Payload:
    """Decodes a document by rows, which has `instances` or `predictions`.

    Raises:
        PayloadError: if its rows do not make a table.
    """
    half: Half = "response" if "predictions" in document else "request"
    key = "predictions" if half == "response" else "instances"
    rows = document[key]
    if not isinstance(rows, list):
        raise PayloadError(f"{key} is {kind(rows)}, not a list of rows")
    if rows and isinstance(rows[0], dict):
        return _objects(half, key, rows)
    return Payload.of_table(half, None, to_table(rows, key))


def decode_columns(half: Half, key: str, value: list[Any] | dict[str, Any]) -> Payload:
    """Decodes a document by columns.

    Args:
        half: of the document.
        key: `inputs` or `outputs`.
        value: what stands there: rows of the only tensor, or an object of named columns.

    Raises:
        PayloadError: if the columns do not make a table.
    """
    if isinstance(value, list):
        return Payload.of_table(half, None, to_table(value, key))
    if not value:
        raise PayloadError(f"{key} is an object without columns")
    check_parts(len(value), key)
    parts = []
    for number, (name, column) in enumerate(value.items()):
        place = f"column {number} of {key}"
        if not isinstance(column, list):
            raise PayloadError(f"{place} is {kind(column)}, not a list with a value for each row")
        parts.append((name, to_table(column, place)))
    return side_by_side(half, key, parts)


def _objects(half: Half, key: str, rows: list[Any]) -> Payload:
    others = [row for row in rows if not isinstance(row, dict)]
    if others:
        raise PayloadError(f"{key} mix objects with {kind(others[0])}")
    if rows[0].keys() == {"b64"}:
        raise PayloadError(f"{key} hold base64 bytes (b64), which are no columns")
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    if not names:
        raise PayloadError(f"{key} are {len(rows)} objects without names")
    if len(names) * len(rows) > MOST_CELLS:
        raise PayloadError(f"{key} are {len(rows)} objects with {len(names)} different names: that is no table")
    if any(isinstance(value, list) for row in rows for value in row.values()):
        check_parts(len(names), key)
        return side_by_side(half, key, [(name, to_table([row.get(name) for row in rows], key)) for name in names])
    return Payload.of_table(half, names, to_table([[row.get(name) for name in names] for row in rows], key))
