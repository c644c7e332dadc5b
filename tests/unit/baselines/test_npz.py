"""Arrays of a baseline: what an archive says of itself is checked before there is memory for it."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nilometer_detectors.baselines.npz import MOST_BYTES, read_arrays
from nilometer_logger.errors import SettingError


def header(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    """Returns the head of an array's file."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def bomb(path: Path) -> None:
    """Writes half a gigabyte and more that is almost nothing on disk."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("big.npy", "w") as member,
    ):
        member.write(header((MOST_BYTES // 8,)))
        for _ in range(MOST_BYTES // 2**22):
            member.write(bytes(2**22))


def lie(shape: tuple[int, ...], descr: str = "<f8") -> Callable[[Path], None]:
    """Returns what writes an array with 64 bytes and a head that says otherwise."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("big.npy", header(shape, descr) + bytes(64))

    return write


def crowd(path: Path) -> None:
    """Writes an archive that lists more members than a directory of a mebibyte holds."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number:05}.npy", b"")


def huge(path: Path) -> None:
    """Writes a sparse file."""
    path.touch()
    os.truncate(path, 3 * 2**30)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (bomb, r"its arrays have 536,871,0\d\d bytes; 536,870,912 are the most"),
        (lie((2**60,)), "says that it is larger or smaller than it is"),
        (lie((2**28,)), "says that it is larger or smaller than it is"),
        (lie((1,)), "says that it is larger or smaller than it is"),
        (lie((8,), "|O"), "of objects or of nothing"),
        (lie((2**60,), "|V0"), "of objects or of nothing"),
        (crowd, "lists more members"),
        (huge, "512 MiB is the most"),
        (lambda path: path.write_bytes(b"PK"), "is no archive"),
        (lambda path: path.write_bytes(b""), "is no archive"),
    ],
)
def test_what_is_no_baseline_s_is_refused(tmp_path: Path, write: Callable[[Path], object], message: str) -> None:
    """A bomb, a false shape, objects and a crowd of members are refused with the file and what helps."""
    path = tmp_path / "arrays.npz"
    write(path)
    with pytest.raises(SettingError, match=message):
        read_arrays(path, "build it again")


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    """Of every shape, order and kind that numpy writes without pickling, and writable as numpy's own reading gives them."""
    arrays = {
        "matrix": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "scalar": np.array(3.5),
        "empty": np.empty((0, 4)),
        "words": np.array(["red", "green"]),
        "truths": np.array([True, False]),
        "prepared/iforest/left": np.arange(4, dtype=np.int32),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "arrays.npz", **arrays)  # type: ignore[operator]
        read = read_arrays(tmp_path / "arrays.npz", "")
        assert read.keys() == arrays.keys()
        for name, array in arrays.items():
            assert read[name].dtype == array.dtype
            np.testing.assert_array_equal(read[name], array)
            assert read[name].flags.writeable
