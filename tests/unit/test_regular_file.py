"""Files that users name: what is no regular file, or is too large, is refused before a byte is read."""

import os
from pathlib import Path

import pytest

from nilometer_detectors.regular_file import read_regular, shown
from nilometer_logger.errors import SettingError


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    """Up to the bound, by a link as well, as ConfigMaps are mounted."""
    (tmp_path / "file").write_bytes(b"12345678")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 8) == b"12345678"


def test_a_huge_file_costs_nothing(tmp_path: Path) -> None:
    """Its size is said beside the bound; of three sparse gigabytes none is read into memory."""
    path = tmp_path / "huge.yaml"
    path.touch()
    os.truncate(path, 3 * 2**30)
    with pytest.raises(SettingError, match=r"huge\.yaml: has 3,221,225,472 bytes; 2 MiB is the most"):
        read_regular(path, 2 * 2**20)


def test_a_file_that_lies_about_its_size_is_read_to_the_bound() -> None:
    """The kernel's own files say that they have no bytes."""
    assert Path("/proc/self/status").stat().st_size == 0
    with pytest.raises(SettingError, match="has more than 100 bytes"):
        read_regular(Path("/proc/self/status"), 100)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    """A pipe without a writer is not waited for, and a device that never ends is not read."""
    os.mkfifo(tmp_path / "pipe.yaml")
    for path, what in (
        (tmp_path / "pipe.yaml", "no regular file"),
        (Path("/dev/zero"), "no regular"),
        (tmp_path, "a dir"),
    ):
        with pytest.raises(SettingError, match=f"cannot be read: is {what}"):
            read_regular(path, 100)


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 300])
def test_a_path_that_cannot_be_is_told(tmp_path: Path, name: str) -> None:
    """A NUL, half a surrogate pair and a name too long are a sentence each, which can be printed."""
    with pytest.raises(SettingError, match="cannot be read") as raised:
        read_regular(tmp_path / name, 100)
    assert str(raised.value).isprintable()


def test_what_is_missing_is_told_apart(tmp_path: Path) -> None:
    """The caller says what helps where there is no file."""
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", 100)


def test_a_path_is_shown_without_what_moves_a_terminal() -> None:
    """A file's name may hold anything but a slash and NUL."""
    assert shown(Path("a\n\x1b[31m\udcff.yaml")) == r"a\n\x1b[31m\udcff.yaml"
