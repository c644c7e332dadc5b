"""What a monitor remembers of one stream from window to window.

Three things: how the last windows were judged, for detectors whose drift must persist; the arrays of online detectors;
and how many findings each outlier detector has made since a window closed. All are bounded. As bytes, version 2 is
MessagePack:

    [2, {detector: [recent, {array: [type, shape, bytes]}, failed]}, {outlier detector: tally}]

`recent` lists whether each of the last judged windows showed drift, the newest last; `failed` says how an online
detector failed since its last finding, and is empty otherwise; a tally is that of `outlier_tally`. Version 1 had no
tallies, and is read.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.drift.base.contract import AnyDriftDetector, DriftResult, Verdict, Window
from nilometer_detectors.drift.base.online import Memory, OnlineDrift
from nilometer_detectors.monitors.outlier_tally import Rest, Tally, read
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Rows

VERSION = 2
_OLDEST = 1

Report = Callable[[str, Exception], None]
_Array = tuple[str, list[int], bytes]
_Written = dict[str, tuple[list[bool], dict[str, _Array], str]]


class StreamMemory:
    """What some drift detectors remember of one stream; satisfies `nilometer_logger.engine.protocol.Memory`.

    Args:
        detectors: of one monitor.
        report: is told of a detector that fails.
    """

    __slots__ = ("_failed", "_online", "_recent", "_report", "_tallies")

    def __init__(self, detectors: Sequence[AnyDriftDetector], report: Report) -> None:
        self._report = report
        self._failed: dict[str, str] = {}
        self._tallies: dict[str, Tally] = {}
        self._online: dict[str, tuple[OnlineDrift[Any], Memory]] = {
            each.name: (each, each.begin()) for each in detectors if isinstance(each, OnlineDrift)
        }
        self._recent = {
            each.name: deque[bool](maxlen=each.parameters.persistence.of)
            for each in detectors
            if each.parameters.persistence
        }

    def update(self, rows: Rows) -> None:
        """Lets the online detectors take rows; one that fails begins anew, and its next finding says so."""
        for name, (detector, memory) in self._online.items():
            try:
                detector.take(memory, rows)
            except Exception as error:  # noqa: BLE001 - a detector that fails stops neither the rows nor the others
                self._report(name, error)
                self._failed[name] = f"the detector failed and began anew: {error!r}"
                self._online[name] = detector, detector.begin()

    def judge(self, detector: AnyDriftDetector, window: Window) -> DriftResult:
        """Lets a detector judge a closed window with what it remembers."""
        if detector.name not in self._online:
            return detector.judge(window)
        if reason := self._failed.pop(detector.name, ""):
            return DriftResult("nodata", reason)
        online, memory = self._online[detector.name]
        return online.judge_stream(memory, window)

    def persisting(self, detector: AnyDriftDetector, said: DriftResult) -> DriftResult:
        """Lets a verdict of drift stand only where enough of the last judged windows showed drift."""
        asked, recent = detector.parameters.persistence, self._recent.get(detector.name)
        if asked is None or recent is None or said.verdict == "nodata":
            return said
        recent.append(said.verdict == "drift")
        drifting = sum(recent)
        applied = {"persistence": {"atLeast": asked.at_least, "of": asked.of, "drifting": drifting}}
        verdict: Verdict = "drift" if drifting >= asked.at_least and said.verdict == "drift" else "ok"
        return replace(said, verdict=verdict, applied={**said.applied, **applied})

    def tally(self, detector: str) -> Tally:
        """Returns how many findings an outlier detector has made since a window closed."""
        return self._tallies.setdefault(detector, Tally())

    def end_tallies(self) -> dict[str, Rest]:
        """Begins to count anew, because a window closes; returns the rows that had no finding, by detector."""
        ended, self._tallies = self._tallies, {}
        return {name: tally.rest for name, tally in ended.items() if tally.rest is not None}

    def dump(self) -> bytes:
        """Writes the memory; nothing where there is nothing to remember."""
        names = {*self._online, *(name for name, recent in self._recent.items() if recent)}
        if not names and not self._tallies:
            return b""
        written = {
            name: [list(self._recent.get(name, ())), self._arrays(name), self._failed.get(name, "")]
            for name in sorted(names)
        }
        return msgspec.msgpack.encode([VERSION, written, self._tallies])

    def _arrays(self, name: str) -> dict[str, _Array]:
        if name not in self._online:
            return {}
        _, memory = self._online[name]
        return {key: (array.dtype.str, list(array.shape), array.tobytes()) for key, array in memory.items()}

    def load(self, blob: bytes) -> None:
        """Takes up the memory that was written.

        Raises:
            StateError: if the bytes are no memory of these detectors.
        """
        try:
            version, *parts = msgspec.msgpack.decode(blob)
            if version not in (_OLDEST, VERSION):
                raise StateError(
                    f"the memory of a stream is of version {version}; this nilometer reads {_OLDEST} to {VERSION}"
                )
            written, tallies = parts if version == VERSION else (*parts, {})
            self._tallies = read(tallies)
            for name, (recent, arrays, failed) in msgspec.convert(written, _Written).items():
                if name in self._recent:
                    self._recent[name].extend(recent)
                if name in self._online:
                    _restore(self._online[name][1], arrays)
                    self._failed.update({name: failed} if failed else {})
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise StateError(f"the memory of a stream cannot be read: {error}") from None


def _restore(memory: Memory, arrays: dict[str, _Array]) -> None:
    if arrays.keys() != memory.keys():
        raise ValueError(f"it holds {', '.join(arrays) or 'nothing'} where {', '.join(memory)} is expected")
    for name, (kind, shape, data) in arrays.items():
        fresh = memory[name]
        if kind != fresh.dtype.str or shape != list(fresh.shape):
            raise ValueError(
                f"{name} is {kind} of shape {shape}, and {fresh.dtype.str} of {list(fresh.shape)} is expected"
            )
        memory[name] = _array(data, fresh)


def _array(data: bytes, fresh: NDArray[Any]) -> NDArray[Any]:
    return np.frombuffer(data, fresh.dtype).reshape(fresh.shape).copy()
