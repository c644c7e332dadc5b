"""The kinds of files that reference data come in; each is read a thousand rows at a time.

| name ends with        | is                                                                    | module     |
|-----------------------|-----------------------------------------------------------------------|------------|
| `.parquet`, `.pq`     | Apache Parquet                                                        | `_parquet` |
| `.npz`                | numpy's arrays: one a column, or one matrix                           | `_npz`     |
| `.jsonl`, `.ndjson`   | KServe's requests, or CloudEvents as `nilometer events --output json` | `_requests`|
| a directory           | what alibi-detect's `save_detector` wrote                             | `_alibi`   |
| anything else         | CSV                                                                   | `_csv`     |
"""

from collections.abc import Sequence
from pathlib import Path

from nilometer_detectors.baselines.sources._alibi import AlibiSource
from nilometer_detectors.baselines.sources._csv import CsvSource
from nilometer_detectors.baselines.sources._npz import NpzSource
from nilometer_detectors.baselines.sources._parquet import ParquetSource
from nilometer_detectors.baselines.sources._requests import RequestSource, is_of
from nilometer_detectors.baselines.table import Source

__all__ = ["AlibiSource", "CsvSource", "NpzSource", "ParquetSource", "RequestSource", "is_of", "open_source"]


def open_source(path: Path, names: Sequence[str] = (), stream: str = "") -> Source:
    """Opens a file of reference data.

    Args:
        path: whose suffix tells what it is.
        names: of columns that the file tells by position only.
        stream: whose events are wanted, where a file holds those of several.

    Raises:
        SettingError: if the file cannot be read.
        ExtraMissing: if reading it needs a package that is not installed.
    """
    if path.is_dir():
        return AlibiSource(path, names)
    match path.suffix.lower():
        case ".parquet" | ".pq":
            return ParquetSource(path)
        case ".npz":
            return NpzSource(path, names)
        case ".jsonl" | ".ndjson":
            return RequestSource(path, names, stream)
        case _:
            return CsvSource(path)
