"""YAML of users, bounded in every direction in which a file can grow."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from nilometer_detectors.monitors.files import yaml as yamlfile
from nilometer_detectors.monitors.files.yaml import MOST_BYTES, MOST_DEPTH, MOST_NODES, parse_yaml, read_yaml
from nilometer_logger.errors import SettingError

FILE = Path("monitor.yaml")


def refusal(text: str) -> str:
    """Returns why a text is refused, on one line of bounded length."""
    with pytest.raises(SettingError) as raised:
        parse_yaml(text.encode(), FILE)
    said = str(raised.value)
    assert len(said) < 400
    assert said.isprintable()
    return said


def laughs(levels: int, each: int = 10) -> str:
    """Returns a list of aliases of a list of aliases, and so on."""
    lines = [f"a0: &a0 [{', '.join('x' * each)}]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * each)}]" for level in range(1, levels)]
    return "\n".join(lines) + "\n"


def test_aliases_of_aliases_are_refused_where_they_pass_the_bound() -> None:
    """A few lines that stand for billions of nodes are refused with the line, the bound and the remedy."""
    said = refusal(laughs(10))
    assert said.startswith("monitor.yaml: line 6, column ")
    assert f"more than {MOST_NODES:,} nodes, each alias (*name) counted as what it stands for: write" in said


def test_anchors_work() -> None:
    """What is said once may be used in several places."""
    assert parse_yaml(laughs(4).encode(), FILE)["a3"][0][0] == [["x"] * 10] * 10
    shared = parse_yaml(b"a: &a {x: [1, 2]}\nb: *a\nc: [*a, *a]\n", FILE)
    assert shared == {"a": {"x": [1, 2]}, "b": {"x": [1, 2]}, "c": [{"x": [1, 2]}] * 2}


@pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000])
def test_depth_is_bounded(text: str) -> None:
    """Nesting, however it is written, is refused at the level too many, and no recursion ends the process."""
    said = refusal(text)
    assert f"nested too deeply: {MOST_DEPTH} levels" in said
    assert said.startswith("monitor.yaml: line 1, column ")


def test_the_deepest_that_is_read() -> None:
    """The bound is far beyond any monitor, and what keeps it is read."""
    document = parse_yaml(("[" * MOST_DEPTH + "]" * MOST_DEPTH).encode(), FILE)
    for _ in range(MOST_DEPTH - 1):
        [document] = document
    assert document == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "1" * 1_000_000, "line 1, column 4: is a number of 1,000,000 digits; 400 are the most"),
        ("a: !!int " + ":".join(["1"] * 100_000), "is a number of 199,999 digits"),
        ("a: !!int 1:30", "'1:30' is no number"),
        ("a: !!float x", "'x' is no number"),
        ("a: *" + "b" * 100_000, "found undefined alias"),
        ("? " + "k" * 100_000 + "\n: 1\n? " + "k" * 100_000 + "\n: 1\n", "stands here and in line 1"),
        ("a: !" + "t" * 100_000 + " 1", "could not determine a constructor"),
        ("---\na: 1\n" * 1000, "holds 1000 documents; one is expected"),
        ('a: "\\ud800"', r"'\ud800' is no text"),
    ],
)
def test_what_is_refused_is_told_with_its_place(text: str, message: str) -> None:
    """Endless numbers, names, tags and documents are a sentence each."""
    assert message in refusal(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("007", 7),
        ("089", 89),
        ("-12", -12),
        ("1e-4", 1e-4),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("+.Inf", float("inf")),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
    ],
)
def test_numbers_are_those_of_the_core_schema(text: str, value: Any) -> None:
    """A leading zero makes no octal number, and neither colon nor underscore makes one at all."""
    assert parse_yaml(text.encode(), FILE) == value


def test_not_a_number_is_one() -> None:
    """`.nan` is the float."""
    value = parse_yaml(b".NaN", FILE)
    assert value != value  # noqa: PLR0124


def test_a_wide_monitor_fits(tmp_path: Path) -> None:
    """10,000 columns with types and categories written out are read."""
    columns = [{"name": f"feature_{number:05}", "type": "numeric"} for number in range(10_000)]
    path = tmp_path / "wide.yaml"
    path.write_text("features:\n" + "".join(f"- {{name: {one['name']}, type: {one['type']}}}\n" for one in columns))
    assert path.stat().st_size < MOST_BYTES
    assert read_yaml(path) == {"features": columns}


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    """By its size, before it is read."""
    (tmp_path / "large.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(SettingError, match="2 MiB is the most that is read"):
        read_yaml(tmp_path / "large.yaml")


def test_the_bound_counts_what_yaml_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read has as many nodes as PyYAML itself would make of it, aliases expanded; one more is refused."""

    def count(node: Any) -> int:
        if isinstance(node, dict):
            return 1 + sum(count(key) + count(value) for key, value in node.items())
        return 1 + (sum(map(count, node)) if isinstance(node, list) else 0)

    text = f"{laughs(3)}b: &b {{x: [1, &c 2]}}\nd: [*b, *c]\n"
    monkeypatch.setattr(yamlfile, "MOST_NODES", count(yaml.safe_load(text)))
    parse_yaml(text.encode(), FILE)
    refusal(f"{text}e: 1\n")
    refusal("---\n" * 2000)
