"""A baseline in a terminal, and its schema for a monitor."""

from pathlib import Path
from textwrap import indent

import pytest
import yaml

from nilometer_detectors.baselines.describe import describe, histogram, schema_yaml
from nilometer_detectors.monitors.files.loader import load_monitor
from nilometer_logger.rows import Column
from tests.judging import baseline_of, declaration, normal, write
from tests.unit.references import csv_file, made


def test_a_baseline_can_be_read_in_a_terminal(tmp_path: Path) -> None:
    """A line a column: what it is, how much there is of it, and what it looks like."""
    text = describe(made(csv_file(tmp_path), predictions=["class"]))
    assert "4 rows" in text
    line = next(line for line in text.splitlines() if "length" in line)
    assert line.split()[:9] == ["feature", "length", "numeric", "3", "1", "2.5", "1.5", "1", "4"]
    assert "█" in line
    assert "green, red" in text


def test_it_says_what_is_prepared() -> None:
    """Whoever looks at a baseline sees which detectors need not be fitted."""
    assert "prepared for no detector" in describe(baseline_of(normal(10)))


@pytest.mark.parametrize(
    ("counts", "drawn"),
    [
        ((), ""),
        ((0, 0), "  "),
        ((8, 4, 1, 0), "█▄▁ "),
        ((1_000_000, 1), "█▁"),
        (tuple(range(80)), "".join("▁▁▁▁▁▂▂▂▂▂▃▃▃▃▃▄▄▄▄▄▅▅▅▅▅▆▆▆▆▆▇▇▇▇▇█████")),
    ],
)
def test_a_histogram_is_drawn_in_blocks(counts: tuple[int, ...], drawn: str) -> None:
    """A block is as high as its share of the largest; nothing that is there is drawn as nothing."""
    assert histogram(counts) == drawn


def test_names_cannot_move_the_cursor(tmp_path: Path) -> None:
    """Control characters of a column's name or category are not printed."""
    text = describe(made(csv_file(tmp_path, "a\x1b[2J\nx\x07\ny\n")))
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_long_name_does_not_widen_the_table(tmp_path: Path) -> None:
    """Names of columns and categories lose their middle where they are long, and are still told from each other."""
    kind, first, second = "k" * 32, "f" * 500 + "1", "f" * 500 + "2"
    rows = "".join(f"{number},{number},{'c' * 500}{number % 2}\n" for number in range(10))
    text = describe(made(csv_file(tmp_path, f"{first},{second},{kind}\n{rows}")))
    names = [line.split()[1] for line in text.splitlines() if line.startswith("feature")]
    assert names == ["f" * 16 + "…" + "f" * 14 + "1", "f" * 16 + "…" + "f" * 14 + "2", kind]
    assert {len(name) for name in names} == {32}
    assert f"{'c' * 16}…{'c' * 14}0, {'c' * 16}…{'c' * 14}1" in text
    assert max(map(len, text.splitlines())) < 200


COLUMNS = [
    Column("petal length"),
    Column("colour", "categorical", ("1e-4", "no", "true", 'a "b"', "żółw")),
    Column("note", "text"),
]


def test_the_schema_is_one_of_a_monitor(tmp_path: Path) -> None:
    """What is printed stands under spec as it is, and gives the same columns, whatever their categories look like."""
    text = yaml.safe_dump(declaration(schema=None)) + indent(schema_yaml(COLUMNS, [Column("class", "boolean")]), "  ")
    monitor = load_monitor(write(tmp_path / "monitor.yaml", text))
    assert list(monitor.features.columns) == COLUMNS
    assert monitor.predictions.columns == (Column("class", "boolean"),)


@pytest.mark.parametrize("hidden", ["\x9b2J", "\u202e", "\U000e0001", "\x7f"])
def test_a_schema_commands_no_terminal(hidden: str) -> None:
    """What is not printable in a name is escaped as YAML has it, and read again as it was."""
    text = schema_yaml([Column(f"a{hidden}", "categorical", (hidden, "é"))], [])
    assert all(line.isprintable() for line in text.split("\n"))
    assert yaml.safe_load(text)["schema"]["features"] == [
        {"name": f"a{hidden}", "type": "categorical", "categories": [hidden, "é"]}
    ]
