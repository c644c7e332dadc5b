"""The detector in examples/, written and installed as a user would: by its entry point, from outside the package."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nilometer_detectors.monitors.files.loader import load_monitor
from nilometer_detectors.registry import available
from tests.judging import STREAM, baseline_of, closed, rows_of, schema_of

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "detector"
SCHEMA = schema_of("numeric", "numeric")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example, installed into a directory of its own, and a baseline beside its monitor."""
    place = tmp_path_factory.mktemp("installed")
    source = place / "source"
    source.mkdir()
    for file in ("pyproject.toml", "nilometer_stuck.py", "monitor.yaml"):
        (source / file).write_bytes((EXAMPLE / file).read_bytes())
    uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps", "--target", place / "site"]
    subprocess.run([*uv, source], check=True, env=os.environ | {"VIRTUAL_ENV": sys.prefix})
    values = np.random.default_rng(1).normal(60, 5, (500, 2))
    baseline_of(values, SCHEMA).save(source / "baselines" / "boiler")
    sys.path.insert(0, str(place / "site"))
    yield source
    sys.path.remove(str(place / "site"))
    sys.modules.pop("nilometer_stuck", None)


@pytest.mark.parametrize(("stuck", "verdict"), [(False, "ok"), (True, "drift")])
def test_a_detector_from_outside_judges_windows(installed: Path, stuck: bool, verdict: str) -> None:
    """A monitor finds it by its name, and its finding looks like that of any other detector."""
    assert "stuck" in available()
    monitor = load_monitor(installed / "monitor.yaml")
    values = np.random.default_rng(2).normal(60, 5, (200, 2))
    if stuck:
        values[100:, 1] = 60.0
    state, memory = monitor.open(), monitor.remember()
    state.update(rows_of(values, SCHEMA))
    stream = STREAM._replace(inference_service="boiler")
    _, finding = monitor.close(stream, closed(), state, memory)
    assert (finding["detector"], finding["verdict"]) == ("sensors", verdict)


def test_its_parameters_are_checked(installed: Path) -> None:
    """A mistake in one of its parameters is told as one of any other detector is."""
    file = installed / "wrong.yaml"
    file.write_text((installed / "monitor.yaml").read_text().replace("0.3", "3"))
    with pytest.raises(Exception, match=r"spec\.drift\[0\]\.threshold is 3: expected at most 1"):
        load_monitor(file)
