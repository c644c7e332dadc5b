"""The 150 measured iris flowers that come with scikit-learn, and nothing else of it.

The file is read where it lies in the package: importing scikit-learn would cost each process 3 s and 150 MB.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from nilometer_logger.errors import ExtraMissing

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
CLASSES = ("setosa", "versicolor", "virginica")

Row = tuple[float, ...]
"""Four measurements of one flower in the order of `FEATURES`, in centimetres."""


@dataclass(frozen=True)
class Flower:
    """One flower: what was measured, and what it is (an index into `CLASSES`)."""

    measurements: Row
    label: int


def flowers() -> tuple[Flower, ...]:
    """Returns the 150 flowers, in scikit-learn's order.

    Raises:
        ExtraMissing: if scikit-learn is not installed.
    """
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise ExtraMissing("The demo", "demo")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "iris.csv"
    with path.open(newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)  # the first line has the numbers of rows and features, and the classes
    return tuple(Flower(tuple(float(value) for value in row[:4]), int(row[4])) for row in rows)


def write_training_set(path: Path, training_set: Sequence[Flower] | None = None) -> None:
    """Writes the flowers as a CSV file that `nilometer baseline` reads; `class` is 0, 1 or 2, as the model answers."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*FEATURES, "class"])
        for flower in training_set if training_set is not None else flowers():
            writer.writerow([*flower.measurements, flower.label])
