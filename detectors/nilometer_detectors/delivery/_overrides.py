"""The extensions that Knative's SinkBinding asks for in `K_CE_OVERRIDES`: ``{"extensions": {"name": "value"}}``.

They are put on every finding that leaves, so they are checked once, at the start. They may add attributes. They may not
change what nilometer itself writes: an `id` for all findings would make them duplicates of one another, and a `verdict`
or a `monitor` would mislead every Trigger that routes by it.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from nilometer_logger.cloudevents import check_name
from nilometer_logger.errors import EventError, SettingError

OURS = frozenset(
    {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"}
    | {"inferenceservicename", "namespace", "component", "endpoint", "monitor", "detector", "verdict", "severity"}
    | {"causationid", "partitionkey", "detectedtime"}
)
"""Attributes that say which finding it is, and what it says."""
_LOOKS = 'must look like {"extensions": {"name": "value"}}'
_MOST_EXTENSIONS = 50
_LONGEST_NAME = 64
_LONGEST_VALUE = 1024
_LONGEST_TEXT = 2**16
# CloudEvents allows neither in a String (section "Type System"): controls, halves of surrogate pairs, noncharacters.
_FORBIDDEN_CATEGORIES = ("Cc", "Cs")
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef]|["
    + "".join(chr(16 * 4096 * plane + 0xFFFE + last) for plane in range(17) for last in (0, 1))
    + "]"
)


def overrides(text: str) -> dict[str, str]:
    """Reads and checks the extensions.

    Args:
        text: as in the variable; empty where nothing is asked for.

    Raises:
        SettingError: naming the variable, the place in it, the value and what is expected.
    """
    if not text.strip():
        return {}
    if len(text) > _LONGEST_TEXT:
        raise _wrong("", f"has {len(text):,} characters; {_LONGEST_TEXT:,} are the most")
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _wrong("", f"is {_short(text)}, but {_LOOKS}: {reason}") from None
    extensions = document.get("extensions") if isinstance(document, dict) else document
    if extensions is None and isinstance(document, dict):
        return {}
    if not isinstance(extensions, dict):
        raise _wrong("", f"is {_short(text)}, but {_LOOKS}")
    if len(extensions) > _MOST_EXTENSIONS:
        raise _wrong("extensions", f"has {len(extensions)} names; {_MOST_EXTENSIONS} are the most")
    return {_name(name): _value(name, value) for name, value in extensions.items()}


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{_short(name)} stands in it twice")
        found[name] = value
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _name(name: str) -> str:
    try:
        check_name(name)
    except EventError:
        raise _wrong(
            "extensions", f"has the name {_short(name)}: expected lower-case letters and digits only, and not data"
        ) from None
    if len(name) > _LONGEST_NAME:
        raise _wrong("extensions", f"has the name {_short(name)}: expected at most {_LONGEST_NAME} characters")
    if name in OURS:
        raise _wrong(f"extensions.{name}", "cannot be overridden: it says which finding it is; choose another name")
    return name


def _value(name: str, value: Any) -> str:
    place = f"extensions.{name}"
    if not isinstance(value, str | int | float | bool):
        raise _wrong(place, f"is {_short(value)}: expected a text, a number, true or false")
    text = value if isinstance(value, str) else json.dumps(value)
    if not text or len(text) > _LONGEST_VALUE:
        raise _wrong(place, f"has {len(text):,} characters: expected 1 to {_LONGEST_VALUE:,}")
    bad = next((each for each in text if unicodedata.category(each) in _FORBIDDEN_CATEGORIES), None)
    bad = bad or ((found := _NONCHARACTER.search(text)) and found.group())
    if bad:
        raise _wrong(place, f"is {_short(value)}: expected no control characters, as {bad!a} is")
    return text


def _wrong(place: str, message: str) -> SettingError:
    at = f": {place}" if place else ""
    return SettingError(f"K_CE_OVERRIDES (--ce-overrides){at} {message}")


def _short(value: Any) -> str:
    text = (
        ascii(value[:101])
        if isinstance(value, str)
        else type(value).__name__
        if isinstance(value, list | dict)
        else ascii(value)
    )
    return text if len(text) <= 100 else f"{text[:99]}…"
