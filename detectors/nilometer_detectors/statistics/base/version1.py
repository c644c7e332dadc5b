"""How version 1 wrote the state of a window: every array by the name of its statistic and its own.

Read only: `nilometer_detectors.monitors.window_state` writes a later version.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


class _Array(msgspec.Struct, array_like=True, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


_decoder = msgspec.msgpack.Decoder(dict[str, dict[str, _Array]])


def read(half: bytes) -> dict[str, dict[str, NDArray[Any]]]:
    """Reads one half of a state.

    Args:
        half: MessagePack.

    Returns:
        What `Statistic.state` would give, by the names of statistics.

    Raises:
        msgspec.MsgspecError, KeyError, TypeError, ValueError: if it is not of this version.
    """
    state: dict[str, dict[str, NDArray[Any]]] = {}
    for kind, arrays in _decoder.decode(half).items():
        named = {name: np.frombuffer(a.data, np.dtype(a.dtype)).reshape(a.shape) for name, a in arrays.items()}
        if kind == "Moments":
            named = _moments(named)
        elif kind == "Histogram":
            named = _histogram(named)
        state[kind] = named
    return state


def _moments(found: Arrays) -> dict[str, NDArray[Any]]:
    """Makes sums around an origin of a mean, what rounding cut off it, and the sum of squared deviations."""
    count = found["count"]
    rows = np.max(count, initial=0, keepdims=True)  # whatever else there was is not known to be
    residuals = found["residual"] * count
    squares = found["squares"] + residuals * found["residual"]
    return {"rows": rows, "absent": rows - count, "origin": found["mean"], "sums": np.stack([residuals, squares])}


def _histogram(found: Arrays) -> dict[str, NDArray[Any]]:
    """Makes bins of the counts at or above their edges."""
    bins = found["at_least"].copy()
    bins[:, :-1] -= found["at_least"][:, 1:]
    return {"bins": bins, "slots": found["slots"]}
