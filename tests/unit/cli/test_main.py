"""What the command line says of a mistake."""

import sys
from pathlib import Path

import pytest

from nilometer_detectors.cli import main


@pytest.mark.parametrize("hidden", ["\x9b2J", "\u202e", "\u2066"])
def test_a_message_commands_no_terminal(
    hidden: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It quotes files of others: what a terminal could obey is replaced, and every problem keeps a line of its own."""
    files = [tmp_path / f"{name}.yaml" for name in "ab"]
    for file in files:
        file.write_text(f'apiVersion: "{hidden}"\nkind: "x{hidden}"\n', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["nilometer", "validate", *map(str, files)])

    with pytest.raises(SystemExit) as ended:
        main()

    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1
    assert all(line.isprintable() for line in lines)
    assert {name for line in lines for name in map(str, files) if name in line} == set(map(str, files))
