"""The arrays of a statistic's state as few bytes, and back.

Every array is one run of bytes. The first byte says how the rest is written:

| first byte | the rest                                                                                              |
|------------|-------------------------------------------------------------------------------------------------------|
| 0          | nothing: all is zero                                                                                  |
| 1          | nothing: the bytes are those of the last array before it that is not zero (min and max of one row)    |
| 2          | the elements as they are, little-endian                                                               |
| 16 + w     | counts: each in w = 1, 2, 4 or 8 bytes                                                                |
| 32 + w     | counts, mostly zero: the places of the others, each in as many bytes as the last place of the array   |
|            | needs, 1, 2 or 4; then those counts, each in w bytes                                                  |

Shape and type are not written: the reader knows them from its own empty statistic, and damaged bytes do not fit them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.contract import Layout, Statistic

_ZEROS, _SAME, _PLAIN, _DENSE, _SPARSE = 0, 1, 2, 16, 32
_AS_ZEROS, _AS_SAME, _AS_PLAIN = bytes([_ZEROS]), bytes([_SAME]), bytes([_PLAIN])
_COUNTED = (np.dtype(np.int64), np.dtype(np.uint8))
_UNSIGNED: dict[int, np.dtype[Any]] = {
    1: np.dtype("u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}


def pack(statistics: Sequence[Statistic]) -> list[bytes]:
    """Writes the states of some statistics, one array after the other."""
    packed: list[bytes] = []
    before = b""
    for statistic in statistics:
        for name, array in statistic.state().items():
            data = array.tobytes()
            if name in statistic.grows:
                packed.append(_AS_PLAIN + data)
            elif data == bytes(len(data)):
                packed.append(_AS_ZEROS)
                continue
            elif data == before:
                packed.append(_AS_SAME)
            elif array.dtype in _COUNTED:
                packed.append(_counts(array.ravel()))
            else:
                packed.append(_AS_PLAIN + data)
            before = data
    return packed


def _counts(counts: NDArray[Any]) -> bytes:
    """Writes counts, in the shorter of two ways."""
    width = _width(int(np.maximum.reduce(counts)))
    places = np.flatnonzero(counts)
    place = _width(len(counts) - 1)
    if len(places) * (place + width) < len(counts) * width:
        found = counts[places].astype(_UNSIGNED[width]).tobytes()
        return bytes([_SPARSE + width]) + places.astype(_UNSIGNED[place]).tobytes() + found
    return bytes([_DENSE + width]) + counts.astype(_UNSIGNED[width]).tobytes()


def _width(largest: int) -> int:
    """Gives how many bytes a number needs: 1, 2, 4 or 8."""
    return 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4 if largest < 1 << 32 else 8


def unpack(kinds: Sequence[type[Statistic]], layout: Layout, packed: Sequence[bytes]) -> tuple[Statistic, ...]:
    """Makes the statistics that `pack` wrote.

    Raises:
        ValueError: if the bytes are not those of these statistics over this layout.
        StateError: likewise.
    """
    rest = iter(packed)
    before: NDArray[Any] = np.empty(0)
    statistics: list[Statistic] = []
    for kind in kinds:
        statistic = kind(layout)
        state: dict[str, NDArray[Any]] = {}
        for (name, fresh), data in zip(statistic.state().items(), rest, strict=False):
            state[name] = _array(data, fresh, before, grows=name in kind.grows)
            if data != _AS_ZEROS:
                before = state[name]
        if len(state) < len(statistic.state()):
            raise ValueError("there is less than its statistics")
        statistic.restore(state)
        statistics.append(statistic)
    if next(rest, None) is not None:
        raise ValueError("there is more than its statistics")
    return tuple(statistics)


def _array(data: bytes, fresh: NDArray[Any], before: NDArray[Any], *, grows: bool) -> NDArray[Any]:
    """Reads an array of the type of a fresh one, and of its shape, or with more rows than it has where it grows."""
    form = data[0] if data else -1
    if form == _PLAIN:
        plain = np.frombuffer(data, fresh.dtype, offset=1)
        return plain.reshape(-1, *fresh.shape[1:]) if grows else plain.reshape(fresh.shape)
    if form == _ZEROS:
        return np.zeros(fresh.shape, fresh.dtype)
    if form == _SAME:
        return np.frombuffer(before.tobytes(), fresh.dtype).reshape(fresh.shape)
    if form - _DENSE in _UNSIGNED:
        return np.frombuffer(data, _UNSIGNED[form - _DENSE], offset=1).astype(fresh.dtype).reshape(fresh.shape)
    if form - _SPARSE in _UNSIGNED:
        return _spread(data, form - _SPARSE, fresh)
    raise ValueError(f"an array starts with byte {form}")


def _spread(data: bytes, width: int, fresh: NDArray[Any]) -> NDArray[Any]:
    """Reads counts that are mostly zero."""
    place = _width(fresh.size - 1)
    count = (len(data) - 1) // (place + width)
    places = np.frombuffer(data, _UNSIGNED[place], count, offset=1)
    counts = np.zeros(fresh.size, fresh.dtype)
    if count and int(places.max()) >= fresh.size:
        raise ValueError("a count stands outside its array")
    counts[places] = np.frombuffer(data, _UNSIGNED[width], offset=1 + count * place)
    return counts.reshape(fresh.shape)
