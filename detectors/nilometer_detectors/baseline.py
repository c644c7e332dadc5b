"""The baseline: what a stream looks like when all is well, computed once from reference data.

An artefact is a directory with two files:

* `baseline.json`: version, digest, schema, and the statistics and histogram of each column: what a person wants to read;
* `arrays.npz`: samples of rows, as plain numpy arrays. Nothing is pickled, and nothing pickled is ever loaded.

The digest covers what the files say and not their bytes, so that a copy, however it was compressed, is the same
baseline. It is checked on loading, and findings and window states carry it by way of the monitor's digest.
"""

import hashlib
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Column, ColumnType, Floats, Schema

FORMAT = "nilometer-baseline"
VERSION = 1
DOCUMENT, ARRAYS = "baseline.json", "arrays.npz"
_SHOWN = 6  # categories in a line
_AGAIN = "build it again: nilometer baseline DATA.csv --out DIR"


class BaselineColumn(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the reference data say about one column.

    Attributes:
        name: of the column.
        type: of its values.
        categories: of a categorical column.
        count: usable values.
        missing: the others.
        mean: of the usable values; like the next three, null for a categorical column.
        stddev: the sample standard deviation; null for fewer than two values as well.
        min: the smallest value.
        max: the largest value.
        edges: of the histogram's bins; empty for a categorical column.
        counts: of the bins, or of the categories.
    """

    name: str
    type: ColumnType
    categories: tuple[str, ...] = ()
    count: int
    missing: int
    mean: float | None = None
    stddev: float | None = None
    min: float | None = None
    max: float | None = None
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


class _Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What stands in `baseline.json`."""

    format: str
    version: int
    digest: str = ""
    rows: int
    features: tuple[BaselineColumn, ...]
    predictions: tuple[BaselineColumn, ...]


@dataclass(frozen=True)
class Baseline:
    """What is normal.

    Attributes:
        rows: of the reference data.
        features: the columns of a request.
        predictions: the columns of a response; may be empty.
        feature_sample: shape (sampled rows, features); missing values are NaN.
        prediction_sample: the same rows' predictions, shape (sampled rows, predictions).
    """

    rows: int
    features: tuple[BaselineColumn, ...]
    predictions: tuple[BaselineColumn, ...]
    feature_sample: Floats
    prediction_sample: Floats

    @cached_property
    def feature_schema(self) -> Schema:
        """The columns of a request."""
        return _schema(self.features)

    @cached_property
    def prediction_schema(self) -> Schema:
        """The columns of a response."""
        return _schema(self.predictions)

    @cached_property
    def digest(self) -> str:
        """Of all that the baseline says, such as ``sha256:5f2c…``."""
        digest = hashlib.sha256(msgspec.json.encode(self._document()))
        for array in (self.feature_sample, self.prediction_sample):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return f"sha256:{digest.hexdigest()}"

    def reference(self, place: int, of: Literal["features", "predictions"] = "features") -> Floats:
        """Gives the usable values of one column's sample, ascending: what tests compare a window with."""
        return (self._references if of == "features" else self._prediction_references)[place]

    @cached_property
    def _references(self) -> tuple[Floats, ...]:
        return _ordered(self.feature_sample)

    @cached_property
    def _prediction_references(self) -> tuple[Floats, ...]:
        return _ordered(self.prediction_sample)

    def _document(self, digest: str = "") -> _Document:
        return _Document(
            format=FORMAT,
            version=VERSION,
            digest=digest,
            rows=self.rows,
            features=self.features,
            predictions=self.predictions,
        )

    def save(self, directory: Path) -> None:
        """Writes the artefact: all of it, or nothing.

        Args:
            directory: made, with its parents; a baseline that stands there is replaced.

        Raises:
            SettingError: if the directory cannot be written, or holds something else.
        """
        if (
            directory.exists()
            and not (directory / DOCUMENT).is_file()
            and (directory.is_file() or any(directory.iterdir()))
        ):
            raise SettingError(f"{directory}: exists and is no baseline: choose another directory")
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as temporary:
                new = Path(temporary, "new")
                new.mkdir()
                document = msgspec.json.encode(self._document(self.digest))
                (new / DOCUMENT).write_bytes(msgspec.json.format(document, indent=2) + b"\n")
                np.savez_compressed(new / ARRAYS, features=self.feature_sample, predictions=self.prediction_sample)
                if directory.exists():
                    # A directory cannot be renamed onto a full one: the old one steps aside for that moment.
                    directory.rename(Path(temporary, "old"))
                new.rename(directory)
        except OSError as error:
            raise SettingError(f"{directory}: cannot be written: {error.strerror or error}") from None

    @classmethod
    def load(cls, directory: Path) -> "Baseline":
        """Reads an artefact.

        Raises:
            SettingError: if it is missing, damaged, of a newer version, or its contents are not those of its digest;
                naming the file and what helps.
        """
        document = _read_document(directory / DOCUMENT)
        arrays = _read_arrays(directory / ARRAYS)
        baseline = cls(
            rows=document.rows,
            features=document.features,
            predictions=document.predictions,
            feature_sample=arrays["features"],
            prediction_sample=arrays["predictions"],
        )
        if baseline.digest != document.digest:
            raise SettingError(f"{directory}: was changed after it was built (its digest does not match); {_AGAIN}")
        return baseline


def _ordered(sample: Floats) -> tuple[Floats, ...]:
    """Sorts each column once, for all detectors, and leaves out what is not finite."""
    ordered = np.sort(sample, axis=0)  # NaN goes to the end
    return tuple(np.ascontiguousarray(column[np.isfinite(column)]) for column in ordered.T)


def _schema(columns: Sequence[BaselineColumn]) -> Schema:
    return Schema(tuple(Column(column.name, column.type, column.categories) for column in columns))


def _read_document(path: Path) -> _Document:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SettingError(f"{path}: there is no baseline; {_AGAIN}") from None
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        head = msgspec.json.decode(content, type=dict[str, Any])
        if head.get("format") != FORMAT:
            raise SettingError(f"{path}: is no baseline (its format is {head.get('format')!r}); {_AGAIN}")
        version = head.get("version")
        if isinstance(version, int) and version > VERSION:
            raise SettingError(
                f"{path}: was written by a newer nilometer (version {version}; this one reads {VERSION}): upgrade, "
                f"or {_AGAIN}"
            )
        return msgspec.json.decode(content, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SettingError(f"{path}: is damaged ({error}); {_AGAIN}") from None


def _read_arrays(path: Path) -> dict[str, Floats]:
    try:
        # Opened here, because numpy leaves a file open that turns out to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ("features", "predictions")}
    except FileNotFoundError:
        raise SettingError(f"{path}: is missing; {_AGAIN}") from None
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise SettingError(f"{path}: is damaged ({error}); {_AGAIN}") from None
    for name, array in arrays.items():
        if array.dtype != np.float64 or array.ndim != 2:
            raise SettingError(f"{path}: is damaged ({name} is no matrix of numbers); {_AGAIN}")
    return arrays


def describe(baseline: Baseline) -> str:
    """Writes a baseline as a table for a terminal, a line a column."""
    head = ("", "column", "type", "count", "missing", "mean", "stddev", "min", "max", "categories")
    lines: list[tuple[str, ...]] = [head]
    for half, columns in (("feature", baseline.features), ("prediction", baseline.predictions)):
        for column in columns:
            counted = (half, column.name, column.type, str(column.count), str(column.missing))
            moments = (column.mean, column.stddev, column.min, column.max)
            measured = tuple("" if value is None else f"{value:.6g}" for value in moments)
            some = ", ".join(column.categories[:_SHOWN]) + (", …" if len(column.categories) > _SHOWN else "")
            lines.append((*counted, *measured, some))
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join(
        [f"{baseline.rows} rows, {len(baseline.feature_sample)} in the sample, {baseline.digest}", "", *table]
    )
