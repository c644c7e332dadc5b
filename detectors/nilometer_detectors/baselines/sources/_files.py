"""Opening a file that a user has named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nilometer_logger.errors import SettingError


def size_of(path: Path) -> int:
    """Tells how many bytes a file has.

    Raises:
        SettingError: if there is no such file.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "is a directory")
        return path.stat().st_size
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror or error}") from None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for reading.

    Raises:
        SettingError: if it cannot be opened or read.
    """
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror or error}") from None
