"""A CSV table: a header, then a line a row."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from nilometer_detectors.baselines.sources._files import opened, size_of
from nilometer_detectors.baselines.table import CHUNK, Cells, Chunk, Source, SourceColumn, number_of
from nilometer_logger.errors import SettingError


class CsvSource(Source):
    """A file in UTF-8, separated by commas, quoted as in RFC 4180, whose first line names the columns.

    Args:
        path: of the file; it is read a line at a time.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), size_of(path))
        self._path = path

    def chunks(self) -> Iterator[Chunk]:
        """Reads the table."""
        with opened(self._path) as file:
            reader = csv.reader(self._lines(file), strict=True)
            try:
                names = [name.strip() for name in next(reader, [])]
                check_names(self.name, names)
                yield from self._chunks(reader, names, file.tell)
            except csv.Error as error:
                raise SettingError(f"{self.name}: line {reader.line_num}: {error}") from None

    def _lines(self, file: Iterable[bytes]) -> Iterator[str]:
        # Decoded here, because a text file that is iterated over does not tell how far it is.
        for number, line in enumerate(file, 1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                place = f"line {number}, byte {error.start + 1}"
                raise SettingError(f"{self.name}: is not UTF-8 ({place}): save it as UTF-8") from None

    def _chunks(self, reader: Iterator[list[str]], names: list[str], tell: Callable[[], int]) -> Iterator[Chunk]:
        columns = [SourceColumn(name) for name in names]
        whole = filter(None, self._checked(reader, len(names)))
        before = 0
        while rows := list(islice(whole, CHUNK)):
            cells = [Cells([cell.strip() for cell in column], written=True) for column in zip(*rows, strict=True)]
            yield Chunk(dict(zip(columns, cells, strict=True)), len(rows), tell() - before)
            before = tell()
        if not before:
            raise SettingError(f"{self.name}: has a header and no rows")

    def _checked(self, reader: Iterator[list[str]], width: int) -> Iterator[list[str]]:
        """Passes rows on, an empty line, such as the last one of many files, among them."""
        for row in reader:
            if row and len(row) != width:
                line = reader.line_num  # type: ignore[attr-defined] # it is a csv.reader
                raise SettingError(
                    f"{self.name}: line {line} has {len(row)} cells, and the header names {width} columns"
                )
            yield row


def check_names(file: str, names: Sequence[str]) -> None:
    """Checks a header.

    Raises:
        SettingError: if it does not name every column, each by another name.
    """
    if not names:
        raise SettingError(f"{file}: is empty; its first line must name the columns")
    for place, name in enumerate(names, 1):
        if not name:
            raise SettingError(f"{file}: column {place} has no name; the first line must name every column")
        number = number_of(name)
        if number is not None and not math.isnan(number):
            raise SettingError(f"{file}: column {place} is named {name!r}: the first line must name the columns")
        if name in names[: place - 1]:
            raise SettingError(f"{file}: two columns are named {name!r}")
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise SettingError(f"{file}: has one column, {names[0]!r}: separate the cells by commas")
