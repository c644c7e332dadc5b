"""From the events of a record to inferences, or to the reason why one is none.

Every step is done for all events of the record before the next one begins, because what costs is the call: times become
numbers at once, and so do hashes. A step that cannot take an event as it takes the others takes it on its own
(`parse_times`, `payload.decode`), to the same end.

Compressed bodies may hold so much that not all of a record's are decoded at once; then only the first events are read,
and the caller asks again for the rest when it has used these.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.decoding.inferences._batch import Inferences
from nilometer_logger.decoding.inferences._halves import RequestsAndResponses
from nilometer_logger.decoding.inferences._record import Record
from nilometer_logger.decoding.inferences._times import parse_times
from nilometer_logger.decoding.payload import DEFAULT_LIMITS, NOTHING, Decoded, Limits, Payload, decode_all
from nilometer_logger.errors import FutureTimeError, PayloadError
from nilometer_logger.times import SECOND, format_time

_LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class DecodedInferences:
    """What events are.

    Attributes:
        inferences: those that have rows.
        streams: the stream of each, as a text.
        refused: why others must be set aside, by their places among all.
        count: how many of the events were read: the first ones, at least one.
        work: what the decoding was, in cells.
        empty: the stream of each that could be read and has no rows.
    """

    inferences: Inferences
    streams: list[str]
    refused: dict[int, PayloadError]
    count: int
    work: int
    empty: Sequence[str] = ()


def read_inferences(
    found: RequestsAndResponses, record: Record, future_bound: int, limits: Limits = DEFAULT_LIMITS
) -> DecodedInferences:
    """Decodes events of a record, as many of the first as may be decoded at a time.

    Args:
        found: the events; one at least.
        record: that they stand in.
        future_bound: how far an event's time may lie after the record's, in nanoseconds.
        limits: of a body, and of the work that is done at a time.
    """
    decoded = decode_all([event.data for event in found.events], limits)
    if (count := len(decoded.payloads)) < len(found.events):
        found = found.first(count)
    times, untimed = parse_times([event.attributes.time for event in found.events], record.timestamp)
    ids = [event.attributes.id for event in found.events]
    payloads, refused = _payloads(found, decoded, times, record.timestamp, future_bound)
    inferences = Inferences(
        ids,
        np.array([half == "request" for half in found.halves]),
        times,
        _identities(found, ids, times.tolist()),
        payloads,
        found.numbers,
        untimed,
    )
    rows = [payload.rows for payload in payloads]
    if 0 not in rows:
        return DecodedInferences(inferences, found.streams, refused, count, decoded.work)
    streams = list(compress(found.streams, rows))
    empty = [found.streams[place] for place, each in enumerate(rows) if not each and place not in refused]
    chosen = inferences.chosen(np.array(rows, dtype=np.bool_))
    return DecodedInferences(chosen, streams, refused, count, decoded.work, empty)


def _payloads(
    found: RequestsAndResponses, decoded: Decoded, times: NDArray[np.int64], arrival: int, future_bound: int
) -> tuple[list[Payload], dict[int, PayloadError]]:
    """Gives the bodies of the events; what must be set aside has no rows, and a reason by its place."""
    payloads, refused = decoded.payloads, decoded.refused
    if [payload.half for payload in payloads] != found.halves:
        for place, (payload, half) in enumerate(zip(payloads, found.halves, strict=True)):
            if payload.half not in {half, None}:
                refused[place] = PayloadError(f"a {half} event holds the body of a {payload.half}")
    for place in np.flatnonzero(times > min(arrival + future_bound, _LATEST)).tolist():
        refused[place] = _from_the_future(int(times[place]), arrival)
    for place in refused:
        payloads[place] = NOTHING
    return payloads, refused


def _from_the_future(time: int, arrival: int) -> FutureTimeError:
    ahead = (time - arrival) / SECOND
    return FutureTimeError(f"its time {format_time(time)} is {ahead:.0f} s after its arrival; set the sender's clock")


def _identities(found: RequestsAndResponses, ids: Iterable[str], times: Iterable[int]) -> NDArray[np.uint64]:
    """Hashes what tells events apart."""
    texts = [
        f"{stream}\0{name}\0{half}\0{time}"
        for stream, name, half, time in zip(found.streams, ids, found.halves, times, strict=True)
    ]
    again = [event.attributes.redriven for event in found.events]
    if any(again):  # sent again on purpose: no duplicate of what could not be used
        texts = [f"{text}\0{count}" if count else text for text, count in zip(texts, again, strict=True)]
    digests = b"".join([blake2b(text.encode(), digest_size=8).digest() for text in texts])
    return np.frombuffer(digests, ">u8").astype(np.uint64)
