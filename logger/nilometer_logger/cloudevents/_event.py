"""The CloudEvent value, and what makes one: the required attributes, the version, the names."""

import re
from collections.abc import Callable, Mapping
from typing import AnyStr

import msgspec

from nilometer_logger.errors import EventError

REQUIRED = ("specversion", "id", "source", "type")

_NAME = re.compile(r"[a-z0-9]+", re.ASCII)
_MOST_NAMES = 1024
_LONGEST_NAME = 64


class CloudEvent(
    msgspec.Struct,
    frozen=True,
    array_like=True,  # a pair in our own records, without a step between
    forbid_unknown_fields=True,
    gc=False,  # an event holds texts and bytes: nothing that could lead back to it
):
    """One event.

    Attributes:
        attributes: context attributes and extensions as text, `datacontenttype` among them.
        data: the body, byte for byte.
    """

    attributes: dict[str, str]
    data: bytes

    def __getitem__(self, name: str) -> str:
        """Returns an attribute; KeyError where the event has none of that name."""
        return self.attributes[name]


def check(attributes: Mapping[str, str], prefix: str = "") -> None:
    """Checks that attributes make a CloudEvent 1.0 (CloudEvents 1.0.2, section "Context Attributes").

    Args:
        attributes: by their CloudEvents names.
        prefix: what the transport puts before a name, for the message.

    Raises:
        EventError: naming everything that is missing or wrong.
    """
    missing = [prefix + name for name in REQUIRED if not attributes.get(name)]
    if missing:
        raise EventError(f"not a CloudEvent: {', '.join(missing)} missing or empty")
    if attributes["specversion"] != "1.0":
        raise EventError(f"{prefix}specversion is {attributes['specversion']!r}; only 1.0 is understood")
    for name in attributes:
        check_name(name, prefix)


def check_required(attributes: Mapping[str, str], prefix: str = "") -> None:
    """Does what `check` does, and fast, for attributes whose names are right and whose values are not empty."""
    if attributes.get("specversion") != "1.0" or not (
        "id" in attributes and "source" in attributes and "type" in attributes
    ):
        check(attributes, prefix)


def check_name(name: str, prefix: str = "") -> str:
    """Checks and returns the name of an attribute.

    Raises:
        EventError: if CloudEvents allows no such name (section "Attribute Naming Convention").
    """
    if not _NAME.fullmatch(name):
        raise EventError(f"{prefix}{name[:_LONGEST_NAME]} is no attribute name: lower-case letters and digits only")
    if name == "data":
        raise EventError(f"{prefix}data is no attribute name: it is what the JSON format calls the body")
    return name


class Names(dict[AnyStr, str]):
    """Remembers which attribute a header or member carries, so that a name is looked at once and not with every event.

    It is bounded, because names come from outside: one too many, or one too long, is looked at every time.

    Args:
        read: tells a name's attribute; empty where it carries none.
    """

    def __init__(self, read: Callable[[AnyStr], str]) -> None:
        super().__init__()
        self._read: Callable[[AnyStr], str] = read

    def __missing__(self, key: AnyStr) -> str:
        name = self._read(key)
        if len(self) < _MOST_NAMES and len(key) <= _LONGEST_NAME:
            self[key] = name
        return name


def text_of(header: str, name: str, raw: bytes) -> str:
    """Reads a header's value that is not UTF-8.

    Returns:
        What a client claimed as the content type: nothing depends on it, so no event is lost for it.

    Raises:
        EventError: if it is any other attribute.
    """
    if name == "datacontenttype":
        return raw.decode("latin-1")
    raise EventError(f"header {header} is not UTF-8: {raw[:40]!r}")
