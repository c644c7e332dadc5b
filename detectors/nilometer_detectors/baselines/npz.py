"""Arrays out of an `.npz` file, without ever running what stands in it.

numpy's format can hold pickled objects, and unpickling runs code: such arrays are refused, whoever wrote them.
"""

import math
import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.problems import cut
from nilometer_detectors.regular_file import open_regular, shown
from nilometer_logger.errors import SettingError

FAULTS = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    TypeError,
    AttributeError,
    SyntaxError,  # numpy evaluates a header as a literal of Python
    MemoryError,
    NotImplementedError,
    RuntimeError,
    tokenize.TokenError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged file raises."""


MOST_BYTES = 512 * 2**20
"""Of all arrays of a file; half of what a worker of the manifests may have."""
_MOST_DIRECTORY_BYTES = 2**20
_PIECE_BYTES = 2**20
_END = struct.Struct("<4s4H2LH")
_ZIP64 = b"PK\x06\x07"


def read_arrays(path: Path, remedy: str) -> dict[str, NDArray[Any]]:
    """Reads all arrays of a file.

    Nothing is taken at its word: what the archive lists, and what each array says of its shape, is added up and compared
    before there is memory for it.

    Args:
        path: of the `.npz` file.
        remedy: what to do about a file that cannot be read; the end of each message.

    Raises:
        SettingError: if the file is missing, damaged or too large, or holds pickled objects.
    """
    try:
        with open_regular(path, MOST_BYTES) as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                total = sum(member.file_size for member in members)
                if total > MOST_BYTES:
                    raise SettingError(
                        f"{shown(path)}: its arrays have {total:,} bytes; {MOST_BYTES:,} are the most that are read"
                    )
                return {member.filename.removesuffix(".npy"): _read_array(archive, member) for member in members}
    except FileNotFoundError:
        raise SettingError(f"{shown(path)}: is missing; {remedy}") from None
    except FAULTS as error:
        raise SettingError(f"{shown(path)}: is damaged ({cut(str(error), 200)}); {remedy}") from None


def _check_directory(file: BinaryIO) -> None:
    """Checks the size of an archive's list of members, all of which `zipfile` reads into memory.

    Raises:
        ValueError: if it is no archive, or lists more than any of ours.
    """
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - (_END.size + len(_ZIP64) + 2**16 + 16)))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < _END.size:
        raise ValueError("is no archive")
    if _END.unpack_from(tail, end)[5] > _MOST_DIRECTORY_BYTES or tail[:end][-20:].startswith(_ZIP64):
        raise ValueError("lists more members than a baseline has")
    file.seek(0)


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Reads one array, whose header must say as many bytes as follow it.

    Raises:
        ValueError: if it does not, or holds objects.
    """
    formats: Any = np.lib.format
    with archive.open(member) as opened:
        stream: Any = opened
        version = formats.read_magic(stream)
        readers = {(1, 0): formats.read_array_header_1_0, (2, 0): formats.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"array format {version[0]}.{version[1]} is unknown")
        shape, fortran_order, dtype = readers[version](stream)
        if dtype.hasobject or not dtype.itemsize:
            raise ValueError("an array of objects or of nothing is not read")
        if math.prod(shape) * dtype.itemsize != member.file_size - stream.tell():
            raise ValueError(f"{cut(member.filename, 60)} says that it is larger or smaller than it is")
        array: NDArray[Any] = np.empty(shape, dtype, order="F" if fortran_order else "C")
        room = array.reshape(-1, order="A").view(np.uint8).data
        while room:
            count = stream.readinto(room[:_PIECE_BYTES])
            if not count:
                raise EOFError(f"{cut(member.filename, 60)} ends early")
            room = room[count:]
    return array
