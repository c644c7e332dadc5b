"""Files that users name, read without trusting them: a regular file of a bounded size, and nothing else.

A path may lead to a pipe that never answers, a device that never ends, or a file larger than memory. What it is and how
long it is are asked before a byte is read; a file whose size is not true (as those of /proc) or that grows meanwhile is
read up to the bound.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nilometer_logger.errors import SettingError

_MIB = 2**20


@contextmanager
def open_regular(path: Path, most_bytes: int) -> Iterator[BinaryIO]:
    """Opens a regular file for reading, without ever waiting for a writer.

    Args:
        path: to the file, or a link to it.
        most_bytes: that it may have.

    Raises:
        FileNotFoundError: if there is none.
        SettingError: if it is no regular file, is too large or cannot be opened; naming it.
    """
    try:
        _check(path, os.stat(path), most_bytes)  # noqa: PTH116 - a device may act when it is opened
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL, or with what no path can hold
        raise SettingError(f"{shown(path)}: cannot be read: {_reason(error)}") from None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - of a descriptor
        _check(path, os.fstat(descriptor), most_bytes)
        yield file


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Reads a whole regular file.

    Args:
        path: to the file, or a link to it.
        most_bytes: that it may have.

    Raises:
        FileNotFoundError: if there is none.
        SettingError: if it is no regular file, is too large or cannot be read; naming it.
    """
    with open_regular(path, most_bytes) as file:
        try:
            content = file.read(most_bytes + 1)
        except OSError as error:
            raise SettingError(f"{shown(path)}: cannot be read: {_reason(error)}") from None
    if len(content) > most_bytes:
        raise SettingError(f"{shown(path)}: has more than {_size(most_bytes)}, which is the most that is read")
    return content


def shown(path: Path) -> str:
    """Writes a path for a message: what cannot be printed is escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(path))


def _check(path: Path, found: os.stat_result, most_bytes: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise SettingError(f"{shown(path)}: cannot be read: is {what}")
    if found.st_size > most_bytes:
        raise SettingError(f"{shown(path)}: has {found.st_size:,} bytes; {_size(most_bytes)} is the most that is read")


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _size(size_bytes: int) -> str:
    return f"{size_bytes // _MIB} MiB" if size_bytes >= _MIB else f"{size_bytes:,} bytes"
