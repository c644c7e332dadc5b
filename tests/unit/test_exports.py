"""A package's public names are all that others may use of it, and all that they use."""

import ast
from pathlib import Path
from types import ModuleType

import pytest

import nilometer_logger
from nilometer_logger import cloudevents, kafka
from nilometer_logger.decoding import payload
from nilometer_logger.engine import windows
from nilometer_logger.ingest import authentication

PACKAGES = [authentication, cloudevents, windows, kafka, payload]
SOURCES = list(Path(nilometer_logger.__file__).parent.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Returns the names that a file imports, each with its module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def order(name: str) -> tuple[int, str]:
    """Sorts constants first, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_names_are_sorted_and_there(package: ModuleType) -> None:
    """Each public name is listed once, in order, and can be imported."""
    assert package.__all__ == sorted(set(package.__all__), key=order)
    assert all(hasattr(package, name) for name in package.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_list_is_complete(package: ModuleType) -> None:
    """What the package takes from its modules, it takes to give away."""
    taken = {name.rpartition(".")[2] for name in imports(Path(package.__file__))}

    assert set(package.__all__) == taken


@pytest.mark.parametrize("package", PACKAGES)
def test_private_modules_are_used_by_their_own_package_only(package: ModuleType) -> None:
    """Nobody reaches behind the public names."""
    folder = Path(package.__file__).parent
    outside = [path for path in SOURCES if folder not in path.parents]

    assert [path for path in outside if any(f"{package.__name__}._" in name for name in imports(path))] == []
