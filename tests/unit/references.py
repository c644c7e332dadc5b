"""Reference data on disk, and baselines made of them as the command does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nilometer_detectors.baselines.baseline import Baseline, BaselineColumn
from nilometer_detectors.baselines.build import SAMPLE, ColumnOptions, Inferred, build, infer
from nilometer_detectors.baselines.sources import open_source

TABLE = """\
length,colour,ripe,weight,class
1.0,red,true,,0
2.5,green,FALSE,10,1
4.0,,true,nan,1
,red,True,30,2
"""


def csv_file(directory: Path, text: str = TABLE) -> Path:
    """Writes a CSV file."""
    path = directory / "data.csv"
    path.write_text(text, encoding="utf-8")
    return path


def looked_at(path: Path, **wishes: Any) -> Inferred:
    """Tells what the columns of a file are."""
    return infer(wishes.pop("source", None) or open_source(path), ColumnOptions(**wishes))


def made(path: Path, categorical: Sequence[str] = (), sample: int = SAMPLE, **wishes: Any) -> Baseline:
    """Makes a baseline of a file."""
    types = wishes.pop("types", {}) | dict.fromkeys(categorical, "categorical")
    source = wishes.pop("source", None) or open_source(path)
    return build(source, infer(source, ColumnOptions(types=types, **wishes)), sample)


def column(baseline: Baseline, name: str) -> BaselineColumn:
    """Returns what a baseline says of a column."""
    return next(column for column in (*baseline.features, *baseline.predictions) if column.name == name)
