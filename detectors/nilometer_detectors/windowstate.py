"""What a monitor keeps of one window: a summary of each half, written as bytes for the snapshot."""

from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.drift.contract import Window
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Rows

VERSION = 1


class _Array(msgspec.Struct, array_like=True, frozen=True):
    """A numpy array as MessagePack."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class _State(msgspec.Struct, array_like=True, frozen=True):
    """A window's state as MessagePack; version first, so that it can be told whatever follows."""

    version: int
    features: dict[str, dict[str, _Array]]
    predictions: dict[str, dict[str, _Array]]


_decoder = msgspec.msgpack.Decoder(_State)


class WindowState:
    """A window's rows, summed up.

    Args:
        features: an empty summary of the rows of requests.
        predictions: an empty summary of the rows of responses.
    """

    def __init__(self, features: Summary, predictions: Summary) -> None:
        self.window = Window(features, predictions)

    def update(self, rows: Rows) -> None:
        """Takes a block of rows of either half."""
        half = self.window.features if rows.half == "request" else self.window.predictions
        half.update(rows)

    def merge(self, other: Self) -> None:
        """Takes all that another state of the same monitor has taken."""
        self.window.features.merge(other.window.features)
        self.window.predictions.merge(other.window.predictions)

    def dump(self) -> bytes:
        """Writes the state."""
        state = _State(VERSION, _packed(self.window.features), _packed(self.window.predictions))
        return msgspec.msgpack.encode(state)

    def load(self, blob: bytes) -> None:
        """Takes the place of the state that was written.

        Raises:
            StateError: if the bytes are not of this monitor's states.
        """
        try:
            state = _decoder.decode(blob)
            features, predictions = _unpacked(state.features), _unpacked(state.predictions)
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise StateError(f"the state of a window cannot be read: {error}") from None
        if state.version != VERSION:
            raise StateError(f"the state of a window is of version {state.version}; this nilometer reads {VERSION}")
        self.window.features.load(features)
        self.window.predictions.load(predictions)


def _packed(summary: Summary) -> dict[str, dict[str, _Array]]:
    return {
        kind: {name: _Array(array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}
        for kind, arrays in summary.state().items()
    }


def _unpacked(state: dict[str, dict[str, _Array]]) -> dict[str, dict[str, NDArray[Any]]]:
    return {
        kind: {name: np.frombuffer(a.data, dtype=np.dtype(a.dtype)).reshape(a.shape) for name, a in arrays.items()}
        for kind, arrays in state.items()
    }
