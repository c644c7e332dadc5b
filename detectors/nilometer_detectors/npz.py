"""Arrays out of an `.npz` file, without ever running what stands in it.

numpy's format can hold pickled objects, and unpickling runs code: such arrays are refused, whoever wrote them.
"""

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.errors import SettingError

FAULTS = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    TypeError,
    AttributeError,
    SyntaxError,  # numpy evaluates a header as a literal of Python
    NotImplementedError,
    RuntimeError,
    tokenize.TokenError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged file raises."""


def read_arrays(path: Path, remedy: str) -> dict[str, NDArray[Any]]:
    """Reads all arrays of a file.

    Args:
        path: of the `.npz` file.
        remedy: what to do about a file that cannot be read; the end of each message.

    Raises:
        SettingError: if the file is missing, damaged, or holds pickled objects.
    """
    try:
        # Opened here, because numpy leaves a file open that turns out to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise SettingError(f"{path}: is missing; {remedy}") from None
    except FAULTS as error:
        raise SettingError(f"{path}: is damaged ({error}); {remedy}") from None
