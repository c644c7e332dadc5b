"""KServe's v1 protocol: ``{"instances": […]}`` asked, ``{"predictions": […]}`` answered.

An instance is a list of values, one value, or an object of named values. The names of the columns are those of the
first object; one that another object lacks is null there.
"""

from typing import Any

from nilometer_logger.errors import PayloadError
from nilometer_logger.kserve import Half
from nilometer_logger.payload._table import Payload, kind, to_table


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
    table = to_table([[row.get(name) for name in names] for row in rows], key)
    return Payload(half, names, table)
