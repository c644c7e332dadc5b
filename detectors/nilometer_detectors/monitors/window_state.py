"""What a monitor keeps of one window, written as bytes for the snapshot: a summary of each half, and what joins them.

Version 3 of those bytes is MessagePack:

    [3, [kinds, array, array, …], [kinds, array, array, …], [size, array, array, …]]

first the half of features, then that of predictions, then the samples of both halves that can be joined, as
`JoinedSample.dump` gives them; nothing stands there where no detector asks for them. `kinds` has a bit for each statistic
that is kept, the lowest for the first of `summary.KINDS`; what another monitor keeps is refused by it. The arrays are
those that `Statistic.state` names, of one statistic after the other, each as `statistics.packing` writes it; a half
without rows has none. One row of 20 features with histograms of 20 bins takes some 260 bytes, 200 rows take 1.3 KB.

A later version raises `VERSION` and is told by it, since the version stands first in all of them. Version 2, which has no
third list, is read as well, and so is version 1 (see `statistics.version1`).
"""

from collections.abc import Sequence
from typing import Self

import msgspec

from nilometer_detectors.drift.base.contract import Window
from nilometer_detectors.statistics.base import version1
from nilometer_detectors.statistics.base.contract import OBJECT_BYTES
from nilometer_detectors.statistics.joined_sample import JoinedSample
from nilometer_detectors.statistics.summary import KINDS, Summary
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Rows

VERSION = 3

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_version = msgspec.msgpack.Decoder(int).decode
_decode_arrays = msgspec.msgpack.Decoder(list[int | bytes]).decode


class WindowState:
    """A window's rows, summed up.

    Args:
        features: an empty summary of the rows of requests.
        predictions: an empty summary of the rows of responses.
        joining: empty samples of both halves, where a detector asks for them.
    """

    __slots__ = ("window",)

    def __init__(self, features: Summary, predictions: Summary, joining: JoinedSample | None = None) -> None:
        self.window = Window(features, predictions, joining)

    def update(self, rows: Rows) -> None:
        """Takes a block of rows of either half."""
        half = self.window.features if rows.half == "request" else self.window.predictions
        half.update(rows)
        if self.window.joining is not None:
            self.window.joining.update(rows)

    def merge(self, other: Self) -> None:
        """Takes all that another state of the same monitor has taken; the other is left as it is."""
        self.window.features.merge(other.window.features)
        self.window.predictions.merge(other.window.predictions)
        if self.window.joining is not None and other.window.joining is not None:
            self.window.joining.merge(other.window.joining)

    def memory_bytes(self, rows: int) -> int:
        """Tells what a state takes of memory once it has taken so many rows, of either half, from above."""
        window = self.window
        joining = 0 if window.joining is None else window.joining.memory_bytes(rows)
        return window.features.memory_bytes(rows) + window.predictions.memory_bytes(rows) + joining + OBJECT_BYTES

    def dump(self) -> bytes:
        """Writes the state."""
        window = self.window
        joining = [] if window.joining is None else window.joining.dump()
        return _encode([VERSION, _written(window.features), _written(window.predictions), joining])

    def load(self, blob: bytes) -> None:
        """Takes the place of the state that was written.

        Raises:
            StateError: if the bytes are not of this monitor's states.
        """
        try:
            first, features, predictions, *rest = _decode(blob)
            version = _decode_version(first)
            if version in (2, VERSION):
                _restore(self.window.features, features)
                _restore(self.window.predictions, predictions)
            elif version == 1:
                self.window.features.load(version1.read(features))
                self.window.predictions.load(version1.read(predictions))
            else:
                raise StateError(f"the state of a window is of version {version}; this nilometer reads 1 to {VERSION}")
            self._restore_joining(rest, version)
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            raise StateError(f"the state of a window cannot be read: {error}") from None

    def _restore_joining(self, rest: Sequence[msgspec.Raw], version: int) -> None:
        if len(rest) != (version == VERSION):
            raise ValueError("it has more parts or fewer than its version says")
        joining, written = self.window.joining, [part for each in rest for part in _decode_arrays(each)]
        if (joining is not None) != bool(written):
            raise StateError("the state of a window holds other samples of both halves, not what its monitor keeps")
        if joining is not None:
            joining.restore(written)


def _kinds(summary: Summary) -> int:
    """Gives a bit for each statistic that is kept."""
    return sum(1 << place for place, kind in enumerate(KINDS) if kind in summary.kinds)


def _written(summary: Summary) -> list[int | bytes]:
    return [_kinds(summary), *summary.dump()]


def _restore(summary: Summary, half: msgspec.Raw) -> None:
    kinds, *arrays = _decode_arrays(half)
    if kinds != _kinds(summary):
        raise StateError("the state of a window holds other statistics, not what its monitor keeps")
    if not all(isinstance(array, bytes) for array in arrays):
        raise ValueError("an array is a number")
    summary.restore([array for array in arrays if isinstance(array, bytes)])
