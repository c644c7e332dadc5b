"""Findings that are too large are shortened: pure code, told how many bytes there may be.

The verdict stays, and all that is said of the window as a whole. Of the columns, the worst are kept whole, the worst
first, as many as fit; the others are counted. `shortened` in the body says so:

    {"bytes": 1834921, "features": {"columns": 3072, "shown": 1702, "notShown": {"drift": 0, "ok": 1370, "notJudged": 0}},
     "whole": "nilometer replay inferences --monitor FILE --from 2026-11-23T20:59:45Z"}

`bytes` is the size of the whole body, `notShown` is there for drift only, and `whole` is what prints the whole finding
for as long as the events are kept. The worst are, for drift, those that drift, then those that were not judged, by
p-value, or by distance as a multiple of its threshold where there is none; for statistics those with the most missing
and infinite values; for outliers those with the highest score. Columns alike keep the order of the schema. Where
requests and responses are too large together, each half has its share.

Where that is not enough, because names or reasons are long, texts, lists and attributes are cut as well (`cut` says to
how many characters and entries), and at last only single values are left. An attribute that is cut ends in a hash of
the whole, so that what was different stays different. Something fits always.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.times import format_time, parse_time

MOST_BLAMED = 100
"""So many features are named as to blame for an outlying row."""

_HALVES = ("features", "predictions")
_SHORTENED_BYTES = 1024
# How many characters of a text, entries of a list or an object, and characters of an attribute are left: more and more
# is cut. The last are such that the rest is smaller than any topic's limit.
_BOUNDS: Sequence[tuple[int, int, int] | None] = (None, (4096, 1000, 1024), (256, 100, 256), (64, 20, 64))
_HASH_CHARACTERS = 16

_Columns = Mapping[str, msgspec.Raw]
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Facts(msgspec.Struct, rename="camel"):
    """What is said of a column that tells how bad it is; anything may be anything."""

    drift: Any = False
    p_value: Any = None
    distance: Any = None
    threshold: Any = None
    score: Any = 0.0
    missing: Any = 0
    infinite: Any = 0


_decode_facts = msgspec.json.Decoder(_Facts).decode


def fit(event: CloudEvent, most_bytes: int) -> CloudEvent:
    """Makes a finding fit.

    Args:
        event: a finding.
        most_bytes: what its data, and the names and values of its attributes, may take together. Below some 8 KB the
            shortest form is given.

    Returns:
        The same event where it fits, and otherwise a shorter one with the same id and verdict.
    """
    if _size(event.attributes, event.data) <= most_bytes:
        return event
    try:
        body = _decode(event.data)
    except msgspec.MsgspecError:  # nobody's findings; but what cannot be read can still be said to be there
        body = {}
    for bounds in _BOUNDS:
        shorter = _shortened(event, body, most_bytes, bounds)
        if _size(shorter.attributes, shorter.data) <= most_bytes:
            return shorter
    return _least(event, body)


def worst(features: Mapping[str, Mapping[str, object]]) -> dict[str, Mapping[str, object]]:
    """Chooses the features that are named as to blame for a row: all, or the `MOST_BLAMED` with the highest scores."""
    if len(features) <= MOST_BLAMED:
        return dict(features)
    ordered = sorted(features, key=lambda name: -_number(features[name].get("score"), float("inf")))
    return {name: features[name] for name in ordered[:MOST_BLAMED]}


def _shortened(
    event: CloudEvent, body: Mapping[str, msgspec.Raw], most_bytes: int, bounds: tuple[int, int, int] | None
) -> CloudEvent:
    halves = {name: columns for name in _HALVES if (columns := _columns(body.get(name)))}
    head: dict[str, Any] = {name: value for name, value in body.items() if name not in halves}
    attributes, cut = event.attributes, {}
    if bounds is not None:
        characters, entries, attribute_characters = bounds
        head = {name: _bounded(msgspec.json.decode(value), characters, entries) for name, value in head.items()}
        attributes = _cut_attributes(attributes, attribute_characters)
        cut = {"cut": {"characters": characters, "entries": entries}}
    room = most_bytes - _size(attributes, msgspec.json.encode(head)) - _SHORTENED_BYTES
    shown: dict[str, dict[str, msgspec.Raw]] = {}
    told: dict[str, object] = {}
    for name in sorted(halves, key=lambda name: _bytes_of(halves[name])):
        facts = {column: _facts_of(raw) for column, raw in halves[name].items()}
        shown[name] = _chosen(halves[name], facts, room // (len(halves) - len(shown)))
        room -= _bytes_of(shown[name])
        about: dict[str, object] = {"columns": len(facts), "shown": len(shown[name])}
        if event.attributes.get("type", "").endswith(".drift"):
            about["notShown"] = _counted([facts[column] for column in facts if column not in shown[name]])
        told[name] = about
    shortened = {"bytes": len(event.data), **told, **cut, **_reference(body)}
    halves_shown = {name: shown[name] for name in halves}
    return CloudEvent(attributes, msgspec.json.encode({**head, **halves_shown, "shortened": shortened}))


def _chosen(columns: _Columns, facts: Mapping[str, _Facts], room: int) -> dict[str, msgspec.Raw]:
    """Chooses the worst columns, as many as fit."""
    if _bytes_of(columns) <= room:
        return dict(columns)
    chosen: dict[str, msgspec.Raw] = {}
    for name in sorted(columns, key=lambda name: _badness(facts[name])):
        size = _bytes_of({name: columns[name]})
        if size <= room:
            chosen[name] = columns[name]
            room -= size
    return chosen


def _badness(facts: _Facts) -> tuple[float, ...]:
    """Orders columns, the worst first."""
    judged = {True: 0, None: 1}.get(facts.drift, 2) if facts.drift in (True, False, None) else 2
    distance, threshold = _number(facts.distance, float("inf")), _number(facts.threshold, 0.0)
    if facts.p_value is None and threshold > 0:
        distance /= threshold
    ruined = _number(facts.missing, 0.0) + _number(facts.infinite, 0.0)
    return (judged, _number(facts.p_value, 0.0), -distance, -_number(facts.score, float("inf")), -ruined)


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) else otherwise


def _counted(facts: Sequence[_Facts]) -> dict[str, int]:
    drifting = sum(one.drift is True for one in facts)
    unjudged = sum(one.drift is None for one in facts)
    return {"drift": drifting, "ok": len(facts) - drifting - unjudged, "notJudged": unjudged}


def _columns(value: msgspec.Raw | None) -> _Columns | None:
    if value is None:
        return None
    try:
        return _decode(value)
    except msgspec.MsgspecError:
        return None


def _facts_of(column: msgspec.Raw) -> _Facts:
    try:
        return _decode_facts(column)
    except msgspec.MsgspecError:
        return _Facts()


def _bytes_of(columns: _Columns) -> int:
    """Counts the bytes that columns take in JSON; each name as `msgspec` writes it, with quotes, colon and comma."""
    return sum(len(msgspec.json.encode(name)) + len(column) + 2 for name, column in columns.items())


def _bounded(value: Any, characters: int, entries: int) -> Any:
    """Cuts texts, lists and objects, however deep."""
    match value:
        case str():
            return value if len(value) <= characters else value[:characters] + "…"
        case list():
            return [_bounded(one, characters, entries) for one in value[:entries]]
        case dict():
            kept = list(value.items())[:entries]
            return {_bounded(name, characters, entries): _bounded(one, characters, entries) for name, one in kept}
    return value


def _cut_attributes(attributes: Mapping[str, str], characters: int) -> dict[str, str]:
    return {name: _cut(value, characters) for name, value in attributes.items()}


def _cut(value: str, characters: int) -> str:
    if len(value) <= characters:
        return value
    digest = hashlib.sha256(value.encode()).hexdigest()[:_HASH_CHARACTERS]
    return f"{value[: characters - _HASH_CHARACTERS - 1]}…{digest}"


def _least(event: CloudEvent, body: Mapping[str, msgspec.Raw]) -> CloudEvent:
    """Keeps single values only, those of the window among them."""
    characters, entries, attribute_characters = _BOUNDS[-1] or (0, 0, 0)
    kept: dict[str, object] = {}
    for name, raw in list(body.items())[:entries]:
        value = _bounded(msgspec.json.decode(raw), characters, entries)
        if name in ("window", "detector") and isinstance(value, dict):
            kept[name] = {key: one for key, one in value.items() if not isinstance(one, dict | list)}
        elif not isinstance(value, dict | list):
            kept[_bounded(name, characters, entries)] = value
    shortened = {"bytes": len(event.data), "cut": {"characters": characters, "entries": entries}, **_reference(body)}
    attributes = _cut_attributes(event.attributes, attribute_characters)
    return CloudEvent(attributes, msgspec.json.encode({**kept, "shortened": shortened}))


def _reference(body: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    """Says what prints the whole finding: a replay that begins before the window, or with the row."""
    try:
        if "window" in body:
            window = msgspec.json.decode(body["window"], type=dict[str, str])
            start, end = parse_time(window["start"]), parse_time(window["end"])
            moment = format_time(start - max(end - start, 0))
        else:
            moment = msgspec.json.decode(body["time"], type=str)
    except (msgspec.MsgspecError, KeyError, ValueError, OverflowError):
        return {}
    return {"whole": f"nilometer replay inferences --monitor FILE --from {moment}"}


def _size(attributes: Mapping[str, str], data: bytes) -> int:
    return len(data) + sum(len(name) + len(value.encode()) for name, value in attributes.items())
