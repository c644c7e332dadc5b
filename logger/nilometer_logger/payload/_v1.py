"""KServe's v1 protocol: ``{"instances": […]}`` asked, ``{"predictions": […]}`` answered.

An instance is a list of values, one value, or an object of named values. The columns of objects are all names that one
of them has; a name that another lacks is null there.
"""

from typing import Any

from nilometer_logger.errors import PayloadError
from nilometer_logger.kserve import Half
from nilometer_logger.payload._table import Payload, kind, to_table

# A body of a megabyte may hold a hundred thousand objects without a name in common: ten thousand million cells.
_MOST_CELLS = 1_000_000


def decode(document: dict[str, Any]) -> Payload:
    """Decodes a v1 document, which has `instances` or `predictions`.

    Raises:
        PayloadError: if its rows do not make a table.
    """
    key, half = _half(document)
    rows = document[key]
    if not isinstance(rows, list):
        raise PayloadError(f"{key} is {kind(rows)}, not a list of rows")
    if rows and isinstance(rows[0], dict):
        return _named(key, half, rows)
    return Payload(half, None, to_table(rows, key))


def _half(document: dict[str, Any]) -> tuple[str, Half]:
    return ("predictions", "response") if "predictions" in document else ("instances", "request")


def _named(key: str, half: Half, rows: list[Any]) -> Payload:
    strange = [row for row in rows if not isinstance(row, dict)]
    if strange:
        raise PayloadError(f"{key} mix objects with {kind(strange[0])}")
    names = tuple(dict.fromkeys(str(name) for row in rows for name in row))
    if len(names) * len(rows) > _MOST_CELLS:
        raise PayloadError(f"{key} are {len(rows)} objects with {len(names)} different names: that is no table")
    table = to_table([[row.get(name) for name in names] for row in rows], key)
    if table.shape[1] != len(names):
        raise PayloadError(f"{key} hold lists under a name: a name needs a single value")
    return Payload(half, names, table)
