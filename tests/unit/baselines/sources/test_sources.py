"""The files that reference data come in: whatever the format, the same data make the same baseline."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nilometer_detectors.baselines.sources import CsvSource, ParquetSource, open_source
from nilometer_logger.errors import ExtraMissing, SettingError
from tests.judging import NAN, normal
from tests.unit.references import column, looked_at, made

ROWS = 2500  # more than two chunks
X = np.round(normal(ROWS, 1).ravel(), 6)
X[7] = NAN
COLOURS = ["red" if place % 3 else "green" for place in range(ROWS)]
RIPE = [place % 2 == 0 for place in range(ROWS)]


def write_csv(path: Path) -> Path:
    """Writes the table as CSV."""
    lines = (f"{'' if np.isnan(x) else repr(x)},{c},{r}" for x, c, r in zip(X.tolist(), COLOURS, RIPE, strict=True))
    path = path.with_suffix(".csv")
    path.write_text("\n".join(["x,colour,ripe", *lines]))
    return path


def write_parquet(path: Path) -> Path:
    """Writes the table as Parquet, with nulls, a dictionary and a column that is neither numbers nor texts."""
    numbers = pa.array(X, from_pandas=True)
    moments = pa.array(range(ROWS), pa.timestamp("s"))
    table = {"x": numbers, "colour": pa.array(COLOURS).dictionary_encode(), "when": moments, "ripe": RIPE}
    pq.write_table(pa.table(table), path.with_suffix(".parquet"), row_group_size=700, write_page_checksum=True)
    return path.with_suffix(".parquet")


def write_npz(path: Path) -> Path:
    """Writes the table as arrays of one dimension."""
    np.savez(path.with_suffix(".npz"), x=X, colour=np.array(COLOURS), ripe=np.array(RIPE))
    return path.with_suffix(".npz")


def write_requests(path: Path) -> Path:
    """Writes the table as bodies of requests, a few rows each."""
    rows = [
        {"x": None if np.isnan(x) else x, "colour": c, "ripe": r}
        for x, c, r in zip(X.tolist(), COLOURS, RIPE, strict=True)
    ]
    lines = [json.dumps({"instances": rows[start : start + 7]}) for start in range(0, ROWS, 7)]
    path.with_suffix(".jsonl").write_text("\n".join(lines))
    return path.with_suffix(".jsonl")


@pytest.mark.parametrize("write", [write_parquet, write_npz, write_requests])
def test_every_format_makes_the_same_baseline(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    """Types, statistics and sample are the same whether the data come as CSV or in any other way."""
    expected = made(write_csv(tmp_path / "data"))
    found = made(write(tmp_path / "data"))
    assert found.features == expected.features
    assert found.feature_sample.tobytes() == expected.feature_sample.tobytes()
    assert found.digest == expected.digest


def test_a_column_that_parquet_alone_knows_is_pointed_out(tmp_path: Path) -> None:
    """A column of times or of lists is left out, and the user is told."""
    [remark] = looked_at(write_parquet(tmp_path / "data")).remarks
    assert remark == "column 'when' holds timestamp[ms], neither numbers nor texts: left out"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_matrix_is_read_by_rows_and_by_columns(tmp_path: Path, order: Any, save: Any) -> None:
    """Numpy writes a matrix as it lies in memory, a data frame's by columns: both are read, with or without names."""
    path, matrix = tmp_path / "data.npz", normal(ROWS, 3)
    save(path, values=np.asarray(matrix, order=order))
    positional, named = made(path), build_named(path, ["a", "b", "c"])
    save(path, values=np.asarray(matrix, order=order), names=np.array(["a", "b", "c"]))
    assert [found.name for found in positional.features] == ["x0", "x1", "x2"]
    assert made(path).digest == named.digest
    assert column(named, "c").mean == pytest.approx(matrix[:, 2].mean())
    assert named.feature_sample.tobytes() == positional.feature_sample.tobytes()


def build_named(path: Path, names: list[str]) -> Any:
    """Makes a baseline of a file whose columns the user names."""
    return made(path, source=open_source(path, names))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.array([{}], dtype=object)}, "'x' holds pickled objects, which are never read"),
        ({"x": np.zeros(3), "y": np.zeros(2)}, r"differ in length: x \(3,\), y \(2,\)"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(3)}, "one matrix .rows, columns., are expected"),
        ({"x": np.zeros((3, 2, 2))}, r"is float64 of shape \(3, 2, 2\)"),
        ({"x": np.zeros(3, dtype=complex)}, "is complex128"),
        ({"x": np.zeros(0)}, "has no rows"),
        ({"x": np.zeros((3, 2)), "names": np.array(["a"])}, "a matrix of 2 columns, and 1 names for them"),
        ({}, "holds nothing"),
    ],
)
def test_arrays_that_are_no_table_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    """What cannot be a table is told by the array, its type and its shape; nothing is unpickled."""
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(SettingError, match=message) as error:
        looked_at(tmp_path / "data.npz")
    assert "data.npz" in str(error.value)


@pytest.mark.parametrize("name", ["data.npz", "data.parquet", "data.jsonl"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 but not really"])
def test_a_broken_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """A file that is not what its name says is refused by its name."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingError, match=name):
        looked_at(tmp_path / name)


@pytest.mark.parametrize("write", [write_parquet, write_npz])
def test_a_damaged_file_is_refused(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    """Damage in the middle of a file, behind a head that is whole, is an error and no traceback."""
    path = write(tmp_path / "data")
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[100:middle] = bytes(middle - 100)
    path.write_bytes(content)
    with pytest.raises(SettingError, match=path.name):
        looked_at(path)


def test_parquet_without_its_extra_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is not installed, one line names the extra."""
    path = write_parquet(tmp_path / "data")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ExtraMissing, match="nilometer\\[parquet\\]"):
        open_source(path)


def test_pyarrow_is_imported_for_parquet_only() -> None:
    """Whoever reads CSV does not wait for pyarrow."""
    code = "import sys, nilometer_detectors.cli.baseline; print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", ["none.csv", "none.npz", "none.parquet", "none.jsonl"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    """A missing file is told in a sentence, whatever its format."""
    with pytest.raises(SettingError, match="No such file"):
        looked_at(tmp_path / name)


def test_progress_adds_up(tmp_path: Path) -> None:
    """What is told of the chunks that are read is the size of the source."""
    csv, parquet = CsvSource(write_csv(tmp_path / "data")), ParquetSource(write_parquet(tmp_path / "data"))
    for source in (
        csv,
        parquet,
        open_source(write_npz(tmp_path / "data")),
        open_source(write_requests(tmp_path / "d")),
    ):
        assert sum(chunk.read for chunk in source.chunks()) == source.size
