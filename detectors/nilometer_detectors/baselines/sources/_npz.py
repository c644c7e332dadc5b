"""Arrays of numpy: one a column, or one matrix whose columns are named beside it.

Nothing pickled is ever read: an array of Python objects is refused, whatever it holds. The arrays of a file are read
from the disk a thousand rows at a time, because a reference may be larger than memory.
"""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from nilometer_detectors.baselines.npz import FAULTS
from nilometer_detectors.baselines.sources._files import opened, size_of
from nilometer_detectors.baselines.table import CHUNK, Cells, Chunk, Source, SourceColumn
from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Floats

NAMES = "names"
"""The array that names the columns of a matrix, where the file holds one."""


@dataclass(frozen=True)
class _Array:
    """An array in a file, of which only the header was read."""

    name: str
    shape: tuple[int, ...]
    type: np.dtype[np.generic]
    by_column: bool  # as numpy writes a transposed matrix, such as that of a data frame


class NpzSource(Source):
    """A file that `numpy.savez` or `numpy.savez_compressed` wrote.

    It holds arrays of one dimension and of the same length, by the names of the columns; or one matrix of shape (rows,
    columns), whose columns are named by the array `names` beside it or by whoever reads it, and else x0, x1, ….

    Args:
        path: of the file.
        names: of the columns of a matrix.

    Raises:
        SettingError: if it is no such file, or holds something else.
    """

    def __init__(self, path: Path, names: Sequence[str] = ()) -> None:
        super().__init__(str(path))
        self._path = path
        size_of(path)
        with opened(path) as file, self._archive(file) as archive:
            found = [self._header(archive, entry) for entry in archive.namelist()]
            self._arrays = [array for array in found if array.name != NAMES or len(array.shape) != 1]
            matrix = any(len(array.shape) == 2 for array in self._arrays)
            written = [] if names or len(found) == len(self._arrays) or not matrix else self._named(archive)
            if not matrix:
                self._arrays = found
        self.size = self._checked(matrix=matrix)
        if matrix:
            width = self._arrays[0].shape[1]
            given = list(names) or written or [f"x{place}" for place in range(width)]
            if len(set(given)) != width:
                raise SettingError(f"{path}: has a matrix of {width} columns, and {len(set(given))} names for them")
            self._columns = [SourceColumn(name) for name in given]
        else:
            self._columns = [SourceColumn(array.name) for array in self._arrays]

    def _archive(self, file: IO[bytes]) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(file)
        except zipfile.BadZipFile:
            raise SettingError(f"{self.name}: is no file that numpy.savez wrote") from None

    def _header(self, archive: zipfile.ZipFile, entry: str) -> _Array:
        name = entry.removesuffix(".npy")
        with self._entry(archive, name) as file:
            shape, fortran, kind = _shape(file)
        if kind.hasobject:
            raise SettingError(f"{self.name}: array {name!r} holds pickled objects, which are never read")
        if kind.kind not in "biufU" or len(shape) not in (1, 2):
            raise SettingError(
                f"{self.name}: array {name!r} is {kind} of shape {shape}: columns (rows,) or a matrix (rows, columns) "
                "of numbers, truth values or text are expected"
            )
        return _Array(name, shape, kind, fortran and len(shape) == 2)

    @contextmanager
    def _entry(self, archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
        try:
            with archive.open(f"{name}.npy") as file:
                yield file
        except FAULTS as error:
            raise SettingError(f"{self.name}: array {name!r} cannot be read: {error}") from None

    def _named(self, archive: zipfile.ZipFile) -> list[str]:
        with self._entry(archive, NAMES) as file:
            return [str(name) for name in np.load(file, allow_pickle=False)]

    def _checked(self, *, matrix: bool) -> int:
        """Checks that the arrays make one table, and tells how many rows it has."""
        shapes = ", ".join(f"{array.name} {array.shape}" for array in self._arrays) or "nothing"
        if not self._arrays or (matrix and len(self._arrays) > 1):
            raise SettingError(
                f"{self.name}: holds {shapes}: columns (rows,), or one matrix (rows, columns), are expected"
            )
        lengths = {array.shape[0] for array in self._arrays}
        if len(lengths) > 1:
            raise SettingError(f"{self.name}: its columns differ in length: {shapes}")
        [rows] = lengths
        if not rows:
            raise SettingError(f"{self.name}: has no rows")
        return rows

    def chunks(self) -> Iterator[Chunk]:
        """Reads the arrays side by side."""
        with opened(self._path) as file, self._archive(file) as archive:
            strands = [strand for array in self._arrays for strand in self._strands(archive, array)]
            for blocks in zip(*strands, strict=True):
                cells = [Cells(_plain(values)) for block in blocks for values in block.T]
                yield Chunk(dict(zip(self._columns, cells, strict=True)), len(blocks[0]), len(blocks[0]))

    def _strands(self, archive: zipfile.ZipFile, array: _Array) -> Iterator[Iterator[NDArray[np.generic]]]:
        """Gives the parts of an array that lie one after the other in the file, each as blocks of (rows, columns)."""
        width = int(np.prod(array.shape[1:]))
        if not array.by_column:
            yield self._blocks(archive, array, width, 0)
        else:
            yield from (self._blocks(archive, array, 1, place) for place in range(width))

    def _blocks(self, archive: zipfile.ZipFile, array: _Array, width: int, place: int) -> Iterator[NDArray[np.generic]]:
        rows = array.shape[0]
        with self._entry(archive, array.name) as file:
            _shape(file)
            if place:
                file.seek(place * rows * array.type.itemsize, 1)
            for start in range(0, rows, CHUNK):
                count = min(CHUNK, rows - start)
                size = count * width * array.type.itemsize
                if len(content := file.read(size)) < size:
                    raise EOFError("it ends too early")
                yield np.frombuffer(content, dtype=array.type).reshape(count, width)


def _shape(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Reads the header of an array: shape, whether it lies by columns, and type."""
    version = npy.read_magic(file)  # type: ignore[no-untyped-call]
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    found: tuple[tuple[int, ...], bool, np.dtype[np.generic]] = read(file)  # type: ignore[no-untyped-call]
    return found


def _plain(values: NDArray[np.generic]) -> Floats | list[object]:
    return values.astype(np.float64) if values.dtype.kind in "iuf" else values.tolist()
