"""How kernels are compiled: late, on a read-only file system as well, and with nothing but numpy's arithmetic."""

import importlib
import os
import pkgutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nilometer_detectors import kernels
from nilometer_detectors.kernels._jit import Kernel, kernel

SOURCE = '''
from nilometer_detectors.kernels._jit import kernel

@kernel("f8", "f8")
def ratio(a, b):
    """Divides."""
    return a / b

@kernel("f8[]", "f8[]=")
def halves(values, out):
    """Halves values."""
    for at in range(len(values)):
        out[at] = ratio(values[at], 2.0)
'''

USE = """
import sys, numpy, made
assert "numba" not in sys.modules
out = numpy.zeros(2)
made.halves(numpy.array([1.0, 3.0]), out)
print(out.tolist(), sum(made.halves.compiled().stats.cache_hits.values()))
"""


def used(directory: Path, cache: str) -> tuple[str, str]:
    """Calls a kernel of a file in a process of its own; returns its answer and how many kernels came from the cache."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "HOME": "/nonexistent", "PYTHONPATH": str(directory)}
    command = [sys.executable, "-B", "-c", USE]
    if not cache and os.geteuid() == 0:  # root writes where it may not: the kernel must refuse it
        command = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            f'mount --bind {directory} {directory} && mount -o remount,ro,bind {directory} && exec "$@"',
            "sh",
            *command,
        ]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no read-only mount can be made here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    answer, _, hits = done.stdout.strip().rpartition(" ")
    return answer, hits


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with a module of kernels."""
    directory = tmp_path / "source"
    directory.mkdir()
    (directory / "made.py").write_text(SOURCE)
    return directory


def test_importing_compiles_nothing() -> None:
    """Whoever imports the kernels, and calls none, does not pay for numba."""
    names = [f"nilometer_detectors.kernels.{module.name}" for module in pkgutil.iter_modules(kernels.__path__)]
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nprint('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_a_second_process_finds_what_was_compiled(source: Path, tmp_path: Path) -> None:
    """With a directory for the cache, only the first process compiles."""
    cache = str(tmp_path / "cache")
    assert used(source, cache) == ("[0.5, 1.5]", "0")
    assert used(source, cache) == ("[0.5, 1.5]", "1")


def test_a_read_only_file_system_compiles_in_memory(source: Path) -> None:
    """Where nothing can be written, the kernel works all the same."""
    source.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert used(source, "") == ("[0.5, 1.5]", "0")
    finally:
        source.chmod(stat.S_IRWXU)


def test_a_damaged_cache_is_no_obstacle(source: Path, tmp_path: Path) -> None:
    """What cannot be read in the cache is compiled in memory."""
    cache = tmp_path / "cache"
    used(source, str(cache))
    for file in cache.rglob("*.nb*"):
        file.write_bytes(b"damaged")
    assert used(source, str(cache)) == ("[0.5, 1.5]", "0")


def test_division_by_zero_is_as_in_numpy() -> None:
    """Nothing raises inside a kernel."""

    @kernel("f8", "f8")
    def ratio(a: float, b: float) -> float:
        return a / b

    assert ratio(1.0, 0.0) == np.inf
    assert np.isnan(ratio(0.0, 0.0))


def test_sums_are_in_order() -> None:
    """A sum is that of the values one after another, whatever could be vectorised."""

    @kernel("f8[]")
    def total(values: np.ndarray) -> float:
        found = 0.0
        for value in values:
            found += value
        return found

    values = np.random.default_rng(1).normal(size=10_001) * 1e8
    assert total(values) == np.cumsum(values)[-1]


def test_arrays_that_are_only_read_may_be_read_only() -> None:
    """A prepared reference can be protected against writing; what a kernel writes cannot."""

    @kernel("f8[]", "f8[]=")
    def copied(values: np.ndarray, out: np.ndarray) -> None:
        out[:] = values

    values, out = np.arange(3.0), np.zeros(3)
    values.setflags(write=False)
    copied(values, out)
    assert out.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(TypeError):
        copied(out, values)


def test_other_types_are_refused() -> None:
    """A kernel is compiled for one set of types, once."""

    @kernel("f8[]")
    def first(values: np.ndarray) -> float:
        return values[0]

    with pytest.raises(TypeError):
        first(np.array(["a"]))


def test_kernels_call_kernels_of_their_file_only() -> None:
    """A change of what a kernel calls changes the stamp under which the cache keeps the kernel."""
    for module in pkgutil.iter_modules(kernels.__path__):
        loaded = importlib.import_module(f"nilometer_detectors.kernels.{module.name}")
        for found in vars(loaded).values():
            if isinstance(found, Kernel) and found.__module__ == loaded.__name__:
                names = found.__wrapped__.__code__.co_names
                callees = [vars(loaded)[name] for name in names if isinstance(vars(loaded).get(name), Kernel)]
                assert {callee.__module__ for callee in callees} <= {loaded.__name__}
