"""Detectors by name, found through the entry points of the group `nilometer.detectors`.

Listing names imports nothing; a detector's module is imported when a monitor uses it. A name with a dot, such as
`alibi.KSDrift`, is a detector of another library behind an adapter: the part before the dot is the library's, so it
cannot collide with one of ours.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from nilometer_detectors.detector import Detector
from nilometer_logger.errors import ExtraMissing, SettingError

GROUP = "nilometer.detectors"


def available() -> Mapping[str, EntryPoint]:
    """Lists the entry points of all detectors that are installed, by name, without importing any."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def find(name: str) -> type[Detector[Any]]:
    """Imports a detector.

    Args:
        name: of its entry point.

    Raises:
        SettingError: if there is none of that name, or it cannot be imported; with names that are near.
        ExtraMissing: if it needs packages that are not installed.
    """
    entries = available()
    entry = entries.get(name)
    if entry is None:
        if reason := _why_not(name, entries):
            raise SettingError(reason)
        near = get_close_matches(name.lower(), entries, n=3, cutoff=0.5) or [
            known for known in entries if name.lower() in known.lower()
        ]
        meant = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(entries) or 'none'}"
        raise SettingError(f"there is no such detector; {meant}")
    return _load(entry)


def _why_not(name: str, entries: Mapping[str, EntryPoint]) -> str:
    """Asks the adapter of a library, where there is one, why it has no such detector."""
    library, dot, _ = name.partition(".")
    adapter = next((entry for known, entry in entries.items() if dot and known.startswith(f"{library}.")), None)
    return _load(adapter).why_not(name) if adapter else ""


def _load(entry: EntryPoint) -> type[Detector[Any]]:
    try:
        detector = entry.load()
    except ExtraMissing:
        raise
    except Exception as error:
        raise SettingError(f"{entry.value} cannot be imported: {type(error).__name__}: {error}") from error
    if not (isinstance(detector, type) and issubclass(detector, Detector)):
        raise SettingError(f"{entry.value} is no detector: it must be a class made from nilometer_detectors.detector")
    return detector
