"""Files larger than memory: a baseline is built within a bound that the file is far beyond."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 24_000
WIDE = 2000  # characters of a text: 48 MB in all
LIMIT = 24 * 2**20

# What is loaded and allocated before is not the file's fault: what may be added is bounded, address space and all.
CODE = """
import resource, sys
from pathlib import Path
import numpy, nilometer_detectors.cli.baseline
from nilometer_detectors.baselines.build import ColumnOptions, build, infer
from nilometer_detectors.baselines.sources import open_source
path = Path(sys.argv[1])
if path.suffix == ".parquet":
    import pyarrow.parquet
    pyarrow.set_cpu_count(1), pyarrow.set_io_thread_count(1)
    pyarrow.parquet.read_table(sys.argv[3])  # starts its threads and its allocator, whose room is reserved at once
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv[2]),) * 2)
source = open_source(path)
baseline = build(source, infer(source, ColumnOptions()), 1000)
print(baseline.rows, [column.type for column in baseline.features])
"""


def write_csv(path: Path) -> Path:
    """Writes a table of 48 MB as CSV."""
    with path.with_suffix(".csv").open("w") as file:
        file.write("x,note\n")
        for row in range(ROWS):
            file.write(f"{row / 7},{'a b' * (WIDE // 3)}{row}\n")
    return path.with_suffix(".csv")


def write_requests(path: Path) -> Path:
    """Writes the same as requests."""
    with path.with_suffix(".jsonl").open("w") as file:
        for row in range(ROWS):
            file.write(f'{{"instances": [{{"x": {row / 7}, "note": "{"a b" * (WIDE // 3)}{row}"}}]}}\n')
    return path.with_suffix(".jsonl")


def write_parquet(path: Path) -> Path:
    """Writes the same as Parquet, in row groups as large as a table of this kind wants."""
    table = pa.table({"x": np.arange(ROWS) / 7, "note": [f"{'a b' * (WIDE // 3)}{row}" for row in range(ROWS)]})
    pq.write_table(table, path.with_suffix(".parquet"), row_group_size=1000, compression="none", use_dictionary=False)
    return path.with_suffix(".parquet")


def write_npz(path: Path) -> Path:
    """Writes numbers of 48 MB in all as arrays."""
    values = np.random.default_rng(1).normal(size=(3_000_000,))
    np.savez(path.with_suffix(".npz"), x=values, y=values)
    return path.with_suffix(".npz")


@pytest.mark.parametrize("write", [write_csv, write_requests, write_parquet, write_npz])
def test_a_file_larger_than_memory_makes_a_baseline(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    """With 24 MB of address space left, a file of 48 MB is read to its end."""
    path = write(tmp_path / "data")
    assert path.stat().st_size >= 2 * LIMIT * 0.9
    pq.write_table(pa.table({"x": ["a"]}), tmp_path / "small.parquet")
    command = [sys.executable, "-c", CODE, str(path), str(LIMIT), str(tmp_path / "small.parquet")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows, types = ("3000000", "['numeric', 'numeric']") if path.suffix == ".npz" else ("24000", "['numeric', 'text']")
    assert done.stdout == f"{rows} {types}\n"
