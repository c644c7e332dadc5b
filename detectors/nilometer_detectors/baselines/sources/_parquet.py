"""Apache Parquet, read by Apache Arrow, a batch of rows at a time."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from nilometer_detectors.baselines.sources._files import opened, size_of
from nilometer_detectors.baselines.table import CHUNK, Cells, Chunk, Source, SourceColumn
from nilometer_logger.errors import ExtraMissing, SettingError


class ParquetSource(Source):
    """A Parquet file; columns that hold neither numbers, truth values nor texts are left out, and said to be.

    Args:
        path: of the file; one row group at a time is in memory, which whoever wrote the file made that large.
        time: a column to be taken as the times of the rows: its numbers exactly, and timestamps as their text.

    Raises:
        ExtraMissing: if pyarrow is not installed.
        SettingError: if it is no Parquet file, or has nothing that can be read.
    """

    def __init__(self, path: Path, time: str = "") -> None:
        self._time = time
        size_of(path)
        with opened(path) as file:
            self._arrow = _arrow(path)
            parquet = self._read(path, file)
            super().__init__(str(path), parquet.metadata.num_rows)
            fields = list(parquet.schema_arrow)
        self._path = path
        self._names = [field.name for field in fields if field.name == time or self._fits(field.type)]
        self.remarks += [
            f"column {field.name!r} holds {field.type}, neither numbers nor texts: left out"
            for field in fields
            if field.name not in self._names
        ]
        if not self.size:
            raise SettingError(f"{path}: has no rows")
        if not self._names:
            raise SettingError(f"{path}: has no column of numbers, truth values or texts")
        if len(set(self._names)) < len(self._names):
            raise SettingError(f"{path}: two columns have one name")

    def _read(self, path: Path, file: Any) -> Any:
        try:
            return self._arrow.parquet.ParquetFile(file, page_checksum_verification=True)
        except self._arrow.ArrowException as error:
            raise SettingError(f"{path}: is no Parquet file, or a damaged one: {error}") from None

    def _fits(self, kind: Any) -> bool:
        types = self._arrow.types
        if types.is_dictionary(kind):
            return self._fits(kind.value_type)
        tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_string)
        return any(test(kind) for test in (*tests, types.is_large_string))

    def chunks(self) -> Iterator[Chunk]:
        """Reads the table."""
        with opened(self._path) as file:
            parquet = self._read(self._path, file)
            try:
                for batch in parquet.iter_batches(batch_size=CHUNK, columns=self._names):
                    arrays = zip(self._names, batch.columns, strict=True)
                    cells = {SourceColumn(name): self._cells(name, array) for name, array in arrays}
                    yield Chunk(cells, batch.num_rows, batch.num_rows)
            except self._arrow.ArrowException as error:
                raise SettingError(f"{self.name}: is damaged: {error}") from None

    def _cells(self, name: str, array: Any) -> Cells:
        kind = array.type
        if name == self._time:
            return Cells((array.cast("string") if self._arrow.types.is_temporal(kind) else array).to_pylist())
        if self._arrow.types.is_integer(kind) or self._arrow.types.is_floating(kind):
            return Cells(array.to_numpy(zero_copy_only=False).astype(np.float64))  # null is NaN there
        return Cells(array.to_pylist())


def _arrow(path: Path) -> Any:
    try:
        # Large, and not always there.
        for module in ("pyarrow.parquet", "pyarrow.types"):
            import_module(module)
        return import_module("pyarrow")
    except ImportError:
        raise ExtraMissing(f"reading {path}", "parquet") from None
