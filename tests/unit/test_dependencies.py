"""Each command has what it imports, from the extra that its error names."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(name: str, extras: frozenset[str]) -> set[str]:
    """Returns the distributions that one installs, its extras' among them."""
    seen: set[tuple[str, frozenset[str]]] = set()
    open_ones = [(canonicalize_name(name), extras)]
    while open_ones:
        found = open_ones.pop()
        if found in seen:
            continue
        seen.add(found)
        for line in requires(found[0]) or ():
            wanted = Requirement(line)
            chosen = {"", *found[1]}
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in chosen):
                open_ones.append((canonicalize_name(wanted.name), frozenset(wanted.extras)))
    return {name for name, _ in seen}


def loaded_files(module: str) -> list[Path]:
    """Returns the files of ours that importing a module loads, in a process of its own."""
    code = (
        f"import {module}, sys\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('nilometer_') and m.__file__), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return [Path(line) for line in done.stdout.splitlines()]


def imports_of(file: Path) -> Iterator[str]:
    """Yields the top-level names of the packages that a file imports as soon as it is loaded."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("nilometer_logger.ingest.server", "logger"),
        ("nilometer_logger.ingest.authentication._oidc", "logger"),
        ("nilometer_logger.ingest.redrive", "logger"),
        ("nilometer_detectors.apps.worker", "worker"),
        ("nilometer_detectors.delivery", "worker"),
        ("nilometer_detectors.apps.events", "worker"),
        ("nilometer_detectors.replay", "worker"),
        ("nilometer_detectors.demo.run", "demo"),
    ],
)
def test_an_extra_installs_what_its_command_imports(module: str, extra: str) -> None:
    """Whoever installs the extra, and nothing else, can start the command."""
    names = {name for file in loaded_files(module) for name in imports_of(file)}
    foreign = names - sys.stdlib_module_names - {"nilometer_logger", "nilometer_detectors"}
    found = packages_distributions()
    needed = {canonicalize_name(found[name][0]) for name in foreign}

    assert needed
    assert needed <= closure("nilometer", frozenset({extra}))
