"""alibi-detect as a library: imported late, and one line that names the remedy for all that cannot be had of it."""

import builtins
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.alibi.columns import AlibiNumbers
from nilometer_detectors.alibi.library import class_of, seeded
from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.registry import available, find
from nilometer_logger.errors import ExtraMissing, SettingError
from tests.judging import baseline_of, detector_of, normal


@pytest.fixture
def import_fails(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Importing alibi-detect fails with the error that a test asks for."""
    original = builtins.__import__

    def without_alibi(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("alibi_detect"):
            raise request.param
        return original(name, *arguments, **named)

    for module in [name for name in sys.modules if name.split(".")[0] == "alibi_detect"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without_alibi)


@pytest.mark.usefixtures("import_fails")
@pytest.mark.parametrize("import_fails", [ImportError("alibi_detect")], indirect=True)
def test_a_missing_package_names_its_extra() -> None:
    """Without alibi-detect, one line names the extra that installs it, for detectors that are carried and others."""
    with pytest.raises(ExtraMissing, match=r"nilometer\[alibi\]"):
        detector_of(AlibiNumbers, "alibi.KSDrift", baseline_of(normal(50)))
    with pytest.raises(ExtraMissing, match=r"nilometer\[alibi\]"):
        find("alibi.MMDDrift")


@pytest.mark.usefixtures("import_fails")
@pytest.mark.parametrize("import_fails", [RuntimeError("cannot cache function")], indirect=True)
def test_a_read_only_file_system_names_the_remedy() -> None:
    """Where numba finds no place for its cache, the message names the variable that gives it one."""
    with pytest.raises(InvalidDetector, match="NUMBA_CACHE_DIR"):
        detector_of(AlibiNumbers, "alibi.KSDrift", baseline_of(normal(50)))


def test_finding_detectors_imports_nothing() -> None:
    """All detectors are found, alibi-detect's among them, without alibi-detect: only building one imports it."""
    code = (
        "import sys; from nilometer_detectors.registry import available, find; kinds = [find(n) for n in available()];"
        "assert any('Alibi' in k.__name__ for k in kinds); assert 'alibi_detect' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_its_dependencies_advise_is_not_said() -> None:
    """Nothing is printed above our own words: whether there is PyTorch is nothing to a monitor."""
    code = "from nilometer_detectors.alibi.library import class_of; class_of('alibi.KSDrift')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_every_detector_that_is_carried_is_there() -> None:
    """Each of our names is one that the installed alibi-detect has."""
    names = [name for name in available() if name.startswith("alibi.")]
    assert [class_of(name).__name__ for name in names] == [name.partition(".")[2] for name in names]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MMDDrift", r"tensorflow.*pip install alibi-detect\[tensorflow\]"),
        ("LSDDDrift", r"pip install alibi-detect\[tensorflow\]"),
        ("LearnedKernelDrift", r"pip install alibi-detect\[tensorflow\]"),
        ("ContextMMDDrift", r"pip install alibi-detect\[tensorflow\]"),
        ("SpotTheDiffDrift", r"pip install alibi-detect\[tensorflow\]"),
        ("MMDDriftOnline", r"pip install alibi-detect\[tensorflow\]"),
        ("LSDDDriftOnline", r"pip install alibi-detect\[tensorflow\]"),
        ("OutlierAE", r"pip install alibi-detect\[tensorflow\]"),
        ("OutlierVAE", r"pip install alibi-detect\[tensorflow\]"),
        ("OutlierProphet", r"pip install alibi-detect\[prophet\]"),
        ("KNN", r"pip install alibi-detect\[torch\]"),
        ("LOF", r"pip install alibi-detect\[torch\]"),
        ("PCA", r"pip install alibi-detect\[torch\]"),
        ("ClassifierUncertaintyDrift", "it needs model, a function in memory"),
        ("RegressorUncertaintyDrift", "it needs model, a function in memory"),
        ("SpectralResidual", "a row's score depends on those that come after it.*take alibi.CVMDriftOnline"),
        ("KSDrit", "did you mean"),
    ],
)
def test_what_is_not_carried_says_why(name: str, message: str) -> None:
    """For each detector of alibi-detect that is not carried, one line says why, or what to install."""
    with pytest.raises(SettingError, match=message) as raised:
        find(f"alibi.{name}")
    assert "\n" not in str(raised.value)


def test_a_seed_leaves_the_global_generator_as_it_was() -> None:
    """What is seeded draws the same numbers every time, and whoever draws after it draws what he would have drawn."""
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random(3).tolist()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    drawn = []
    for _ in range(2):
        with seeded(1):
            drawn.append(np.random.random())  # noqa: NPY002
    assert drawn[0] == drawn[1]
    assert np.random.random(3).tolist() == expected  # noqa: NPY002


def test_threads_draw_what_they_would_draw_alone() -> None:
    """Monitors are built in a thread beside those that judge: neither takes numbers out of the other's row."""

    def drawn(seed: int) -> list[float]:
        with seeded(seed):
            return [np.random.random() for _ in range(20_000)]  # noqa: NPY002

    alone = [drawn(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(drawn, range(4))) == alone
