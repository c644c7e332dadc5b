"""What a worker imports: no more than its monitors need, because that is most of its memory and of its start."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.judging import baseline_of, declaration, normal, write

HEAVY = {
    "alibi_detect",
    "google.protobuf",
    "kserve",
    "kubernetes",
    "numba",
    "pandas",
    "pyarrow",
    "scipy.stats",
    "sklearn",
}

# The worker's modules, its monitors as it loads them, and a window of theirs from its first row to its findings.
WORK = """
import json, sys
from pathlib import Path
import nilometer_detectors.apps.worker
from nilometer_detectors.monitors.files.reloader import MonitorReloader
from tests.judging import STREAM, closed, normal, rows_of

[monitor] = MonitorReloader(Path(sys.argv[1])).monitors
state, memory, rows = monitor.open(), monitor.remember(), rows_of(normal(100))
state.update(rows)
memory.update(rows)
scored = monitor.score(STREAM, rows, monitor.remember())
found = monitor.close(STREAM, closed(), state, memory)
verdicts = {event.attributes["detector"]: event.attributes["verdict"] for event in found if "detector" in event.attributes}
print(json.dumps([sorted(set(sys.argv[2:]) & sys.modules.keys()), verdicts]))
"""


def worked(directory: Path, **detectors: Any) -> tuple[set[str], dict[str, str]]:
    """Lets a worker's monitor judge a window in a process of its own; returns the heavy modules, and each verdict."""
    baseline_of(normal(200)).save(directory / "base")
    write(directory / "monitor.yaml", declaration(schema=None, baseline={"path": "base"}, **detectors))
    command = [sys.executable, "-c", WORK, str(directory), *sorted(HEAVY)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    heavy, verdicts = json.loads(done.stdout.splitlines()[-1])
    return set(heavy), verdicts


def detector(name: str, **parameters: Any) -> dict[str, Any]:
    """Declares a detector that is named as its type."""
    return {"name": name, "detector": name, **parameters}


def test_values_outside_the_baseline_cost_no_compiler(tmp_path: Path) -> None:
    """A monitor of statistics and z-scores works with numpy alone."""
    heavy, verdicts = worked(tmp_path, outliers=[detector("zscore", threshold=4)])
    assert heavy == set()
    assert verdicts == {}


def test_our_own_detectors_take_numba_at_most(tmp_path: Path) -> None:
    """Judging with our kernels imports neither alibi-detect nor scikit-learn, nor the distributions of scipy.stats."""
    names = {"adwin", "classifier", "cusum", "cvm", "cvm_online", "ks", "mmd", "page_hinkley", "psi"}
    outliers = [detector("zscore", threshold=4), detector("mahalanobis")]
    heavy, verdicts = worked(tmp_path, outliers=outliers, drift=[detector(name) for name in sorted(names)])
    assert heavy == {"numba"}
    assert verdicts.keys() == names
    assert set(verdicts.values()) <= {"ok", "drift"}


def test_alibi_detect_would_be_seen(tmp_path: Path) -> None:
    """A monitor that asks for a detector of alibi-detect does import it, so its absence elsewhere means something."""
    pytest.importorskip("alibi_detect", reason="alibi-detect is not installed: nothing would be imported")
    heavy, _ = worked(tmp_path, drift=[detector("alibi.KSDrift")])
    assert "alibi_detect" in heavy
