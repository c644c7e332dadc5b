"""The baseline: what a stream looks like when all is well, computed once from reference data.

An artefact is a directory with two files:

* `baseline.json`: version, digest, schema, and the statistics and histogram of each column: what a person wants to read;
* `arrays.npz`: samples of rows, the same sorted by column, and what detectors have prepared, as plain numpy arrays.
  Nothing is pickled, and nothing pickled is ever loaded.

Version 1 of the format has the samples only; it is read as well, and then detectors prepare what they need when a
monitor is built.

The digest covers what the files say and not their bytes, so that a copy, however it was compressed, is the same
baseline. It is checked on loading, and findings and window states carry it by way of the monitor's digest.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from nilometer_detectors.baselines.npz import MOST_BYTES, read_arrays
from nilometer_detectors.baselines.thresholds import Calibration
from nilometer_detectors.problems import cut, shortened
from nilometer_detectors.regular_file import read_regular, shown
from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Column, ColumnType, Floats, Schema

FORMAT = "nilometer-baseline"
VERSION = 2
DOCUMENT, ARRAYS = "baseline.json", "arrays.npz"
Prepared = Mapping[str, Mapping[str, NDArray[Any]]]
MOST_DOCUMENT_BYTES = 64 * 2**20
"""Of `baseline.json`: 10,000 columns have some 20 MB, each calibrated detector adds as much."""
_HEADERS_BYTES = 2**20  # of arrays, with their names
_PREPARED = "prepared"  # arrays.npz names what detectors have prepared  prepared/TYPE/NAME
_AGAIN = "build it again: nilometer baseline DATA.csv --out DIR"


class BaselineColumn(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the reference data say about one column.

    Attributes:
        name: of the column.
        type: of its values.
        categories: of a categorical column.
        count: usable values.
        missing: the others, infinite ones among them.
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
    version: Annotated[int, msgspec.Meta(ge=1)]
    digest: str = ""
    rows: int
    features: tuple[BaselineColumn, ...]
    predictions: tuple[BaselineColumn, ...]
    calibrations: tuple[Calibration, ...] | UnsetType = UNSET


class _Head(msgspec.Struct, frozen=True):
    """What says whether `baseline.json` can be read at all; the rest is passed over."""

    format: Any = None
    version: Any = None


@dataclass(frozen=True)
class Baseline:
    """What is normal.

    Attributes:
        rows: of the reference data.
        features: the columns of a request.
        predictions: the columns of a response; may be empty.
        feature_sample: shape (sampled rows, features); missing values are NaN.
        prediction_sample: the same rows' predictions, shape (sampled rows, predictions).
        prepared: what detectors have computed of this baseline, by their type and by name.
        calibrations: the thresholds that were found on it.
        sorted_samples: of features and of predictions, as `ordered` gives it; None where it is still to be sorted.
        version: of the format that it was read in.
    """

    rows: int
    features: tuple[BaselineColumn, ...]
    predictions: tuple[BaselineColumn, ...]
    feature_sample: Floats
    prediction_sample: Floats
    prepared: Prepared = field(default_factory=dict)
    calibrations: tuple[Calibration, ...] = ()
    sorted_samples: tuple[Floats, Floats] | None = None
    version: int = VERSION

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
        for name, array in self._arrays():
            if self.version > 1:
                digest.update(f"{name}{array.dtype.str}".encode())
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return f"sha256:{digest.hexdigest()}"

    def _arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Gives all arrays by the names that they have in the artefact."""
        yield "features", self.feature_sample
        yield "predictions", self.prediction_sample
        if self.version > 1:
            yield from zip(("sorted_features", "sorted_predictions"), self._sorted, strict=True)
            for kind, arrays in sorted(self.prepared.items()):
                for name, array in sorted(arrays.items()):
                    yield f"{_PREPARED}/{kind}/{name}", array

    def reference(self, place: int, half: Half = "request") -> Floats:
        """Gives the usable values of one column's sample, ascending: what tests compare a window with.

        Args:
            place: of the column among the features or predictions.
            half: request for a feature, response for a prediction.
        """
        return self._references[half][place]

    @cached_property
    def _references(self) -> dict[Half, tuple[Floats, ...]]:
        features, predictions = self._sorted
        return {"request": _usable(features), "response": _usable(predictions)}

    @cached_property
    def _sorted(self) -> tuple[Floats, Floats]:
        return self.sorted_samples or (ordered(self.feature_sample), ordered(self.prediction_sample))

    def _document(self, digest: str = "") -> _Document:
        return _Document(
            format=FORMAT,
            version=self.version,
            digest=digest,
            rows=self.rows,
            features=self.features,
            predictions=self.predictions,
            calibrations=self.calibrations or UNSET,
        )

    def save(self, directory: Path) -> None:
        """Writes the artefact: all of it, or nothing.

        Args:
            directory: made, with its parents; a baseline that stands there is replaced.

        Raises:
            SettingError: if the directory cannot be written, holds something else, or would be too large to be read.
        """
        if (
            directory.exists()
            and not (directory / DOCUMENT).is_file()
            and (directory.is_file() or any(directory.iterdir()))
        ):
            raise SettingError(f"{directory}: exists and is no baseline: choose another directory")
        arrays = dict(self._arrays())
        if (size := sum(array.nbytes for array in arrays.values())) > MOST_BYTES - _HEADERS_BYTES:
            raise SettingError(
                f"{directory}: its arrays would have {size:,} bytes, and {MOST_BYTES:,} are the most that a worker reads: "
                "keep fewer rows (--sample) or columns"
            )
        document = msgspec.json.format(msgspec.json.encode(self._document(self.digest)), indent=2) + b"\n"
        if len(document) > MOST_DOCUMENT_BYTES:
            raise SettingError(
                f"{directory}: {DOCUMENT} would have {len(document):,} bytes, and {MOST_DOCUMENT_BYTES:,} are the most "
                "that a worker reads: keep fewer columns or calibrations"
            )
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as temporary:
                new = Path(temporary, "new")
                new.mkdir()
                (new / DOCUMENT).write_bytes(document)
                np.savez_compressed(new / ARRAYS, **arrays)
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
        arrays = read_arrays(directory / ARRAYS, _AGAIN)
        baseline = cls(
            rows=document.rows,
            features=document.features,
            predictions=document.predictions,
            feature_sample=_matrix(directory, arrays, "features"),
            prediction_sample=_matrix(directory, arrays, "predictions"),
            prepared=_prepared(arrays),
            calibrations=document.calibrations or (),
            sorted_samples=_sorted_samples(directory, arrays) if document.version > 1 else None,
            version=document.version,
        )
        if baseline.digest != document.digest:
            raise SettingError(f"{directory}: was changed after it was built (its digest does not match); {_AGAIN}")
        return baseline


def ordered(sample: Floats) -> Floats:
    """Sorts a sample by column.

    Args:
        sample: shape (rows, columns).

    Returns:
        Shape (columns, rows): each column's finite values, ascending, and NaN in the place of the others after them.
    """
    return np.sort(np.where(np.isfinite(sample), sample, np.nan).T, axis=1)


def _usable(values: Floats) -> tuple[Floats, ...]:
    """Cuts off what is not finite in what `ordered` gave."""
    counts = np.isfinite(values).sum(axis=1)
    return tuple(column[:count] for column, count in zip(values, counts, strict=True))


def _schema(columns: Sequence[BaselineColumn]) -> Schema:
    return Schema(tuple(Column(column.name, column.type, column.categories) for column in columns))


def _read_document(path: Path) -> _Document:
    try:
        content = read_regular(path, MOST_DOCUMENT_BYTES)
    except FileNotFoundError:
        raise SettingError(f"{shown(path)}: there is no baseline; {_AGAIN}") from None
    try:
        head = msgspec.json.decode(content, type=_Head)
        if head.format != FORMAT:
            raise SettingError(f"{path}: is no baseline (its format is {shortened(head.format)}); {_AGAIN}")
        version = head.version
        if isinstance(version, int) and version > VERSION:
            raise SettingError(
                f"{path}: was written by a newer nilometer (version {version}; this one reads {VERSION}): upgrade, "
                f"or {_AGAIN}"
            )
        return msgspec.json.decode(content, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SettingError(f"{path}: is damaged ({cut(str(error), 200)}); {_AGAIN}") from None


def _matrix(directory: Path, arrays: Mapping[str, NDArray[Any]], name: str) -> Floats:
    array = arrays.get(name)
    if array is None or array.dtype != np.float64 or array.ndim != 2:
        raise SettingError(f"{directory / ARRAYS}: is damaged ({name} is no matrix of numbers); {_AGAIN}")
    return array


def _sorted_samples(directory: Path, arrays: Mapping[str, NDArray[Any]]) -> tuple[Floats, Floats]:
    return _matrix(directory, arrays, "sorted_features"), _matrix(directory, arrays, "sorted_predictions")


def _prepared(arrays: Mapping[str, NDArray[Any]]) -> Prepared:
    prepared: dict[str, dict[str, NDArray[Any]]] = {}
    for path, array in arrays.items():
        place, _, rest = path.partition("/")
        if place == _PREPARED:
            kind, _, name = rest.partition("/")
            prepared.setdefault(kind, {})[name] = array
    return prepared
