"""The artefact: written whole, read to the bit, and refused where it is not what it was."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.baselines import baseline as module
from nilometer_detectors.baselines.baseline import Baseline
from nilometer_logger.errors import SettingError
from tests.judging import INF, NAN, baseline_of, normal
from tests.unit.references import csv_file, made

VERSION_1 = Path(__file__).parents[2] / "data" / "baseline-version-1"  # of TABLE


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """An artefact on disk."""
    made(csv_file(tmp_path), predictions=["class"]).save(tmp_path / "baseline")
    return tmp_path / "baseline"


def test_the_reference_is_sorted_and_finite() -> None:
    """What tests compare a window with is in order, without missing values."""
    baseline = baseline_of([[3.0], [NAN], [1.0], [INF], [2.0], [-INF]], predictions=[6, 5, 4, 3, 2, NAN])
    assert baseline.reference(0).tolist() == [1.0, 2.0, 3.0]
    assert baseline.reference(0, "response").tolist() == [2.0, 3.0, 4.0, 5.0, 6.0]


def test_the_sorted_reference_stands_in_the_artefact(artefact: Path, tmp_path: Path) -> None:
    """Loading sorts nothing: each column stands sorted beside the sample, and gives the same reference."""
    built, loaded = made(csv_file(tmp_path), predictions=["class"]), Baseline.load(artefact)
    assert loaded.sorted_samples is not None
    for place in range(4):
        assert loaded.reference(place).tolist() == built.reference(place).tolist()
        assert np.shares_memory(loaded.reference(place), loaded.sorted_samples[0])
    assert loaded.reference(0, "response").tolist() == [0.0, 1.0, 1.0, 2.0]


def test_an_artefact_comes_back_as_it_was(artefact: Path, tmp_path: Path) -> None:
    """What was written is read to the bit, with the same digest."""
    built, loaded = made(csv_file(tmp_path), predictions=["class"]), Baseline.load(artefact)
    assert loaded.digest == built.digest
    assert (loaded.features, loaded.predictions, loaded.rows) == (built.features, built.predictions, 4)
    assert loaded.feature_sample.tobytes() == built.feature_sample.tobytes()


def test_an_artefact_is_two_files_and_no_pickle(artefact: Path) -> None:
    """An artefact is JSON that a person can read, and arrays that numpy reads without pickle."""
    assert sorted(path.name for path in artefact.iterdir()) == ["arrays.npz", "baseline.json"]
    assert json.loads((artefact / "baseline.json").read_text())["features"][0]["name"] == "length"
    with np.load(artefact / "arrays.npz", allow_pickle=False) as arrays:
        assert arrays["features"].dtype == np.float64


def test_an_artefact_can_be_replaced(artefact: Path) -> None:
    """Saving over a baseline replaces it whole, and leaves nothing beside it."""
    beside = {path.name for path in artefact.parent.iterdir()}
    baseline_of(normal(10)).save(artefact)
    assert Baseline.load(artefact).digest == baseline_of(normal(10)).digest
    assert {path.name for path in artefact.parent.iterdir()} == beside


def test_something_else_is_not_replaced(tmp_path: Path) -> None:
    """A directory that is no baseline is never overwritten."""
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(SettingError, match="is no baseline"):
        baseline_of(normal(10)).save(tmp_path)
    with pytest.raises(SettingError, match="is no baseline"):
        baseline_of(normal(10)).save(tmp_path / "precious.txt")
    assert (tmp_path / "precious.txt").read_text() == "mine"


@pytest.mark.parametrize(("bound", "message"), [("MOST_BYTES", "fewer rows"), ("MOST_DOCUMENT_BYTES", "fewer columns")])
def test_what_could_not_be_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, message: str
) -> None:
    """A baseline that is larger than a worker reads is refused when it is built, with what helps."""
    monkeypatch.setattr(module, bound, 100)
    with pytest.raises(SettingError, match=message):
        baseline_of(normal(10)).save(tmp_path / "base")
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("content", ["[" * 100_000, '{"format": ' * 100_000, '{"version": ' + "1" * 10**6, "\0", ""])
def test_a_document_that_is_none_is_refused(artefact: Path, content: str) -> None:
    """Nesting without end, numbers without end and nothing are damage, told in a line of bounded length."""
    (artefact / "baseline.json").write_text(content)
    with pytest.raises(SettingError, match=r"baseline\.json: is (damaged|no baseline)") as raised:
        Baseline.load(artefact)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("name", ["baseline.json", "arrays.npz"])
def test_a_huge_file_is_refused_by_its_size(artefact: Path, name: str) -> None:
    """Three sparse gigabytes in the place of a baseline's file cost no memory."""
    os.truncate(artefact / name, 3 * 2**30)
    with pytest.raises(SettingError, match=f"{name}: has 3,221,225,472 bytes"):
        Baseline.load(artefact)


def damaged(artefact: Path, **changes: Any) -> None:
    """Changes fields of an artefact's document."""
    path = artefact / "baseline.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 3}, "newer nilometer"),
        ({"version": "1"}, "is damaged"),
        ({"version": 0}, "is damaged"),
        ({"format": "other"}, "is no baseline"),
        ({"rows": 5}, "digest does not match"),
        ({"digest": "sha256:0"}, "digest does not match"),
        ({"features": "none"}, "is damaged"),
        ({"extra": 1}, "is damaged"),
    ],
)
def test_a_changed_document_is_refused(artefact: Path, changes: dict[str, Any], message: str) -> None:
    """A newer version, damage and any change are told apart, with the file and the way out."""
    damaged(artefact, **changes)
    with pytest.raises(SettingError, match=message) as error:
        Baseline.load(artefact)
    assert str(artefact) in str(error.value)
    assert "nilometer baseline" in str(error.value)


@pytest.mark.parametrize("name", ["baseline.json", "arrays.npz"])
@pytest.mark.parametrize("content", [None, b"", b"\x00", b"{", b"[1]", b"PK\x03\x04 but not really"])
def test_a_broken_file_is_refused(artefact: Path, name: str, content: bytes | None) -> None:
    """A missing or broken file is refused by its name, without a traceback."""
    if content is None:
        (artefact / name).unlink()
    else:
        (artefact / name).write_bytes(content)
    with pytest.raises(SettingError, match=name):
        Baseline.load(artefact)


def test_changed_arrays_are_refused(artefact: Path) -> None:
    """Arrays that are not those of the document are found out by the digest."""
    with np.load(artefact / "arrays.npz") as archive:
        arrays = dict(archive)
    for name, array in arrays.items():
        np.savez(artefact / "arrays.npz", **{**arrays, name: array + 1})
        with pytest.raises(SettingError, match="digest does not match"):
            Baseline.load(artefact)
    np.savez(artefact / "arrays.npz", **arrays, **{"prepared/ks/extra": np.zeros(1)})
    with pytest.raises(SettingError, match="digest does not match"):
        Baseline.load(artefact)


@pytest.mark.parametrize("name", ["features", "predictions", "sorted_features", "sorted_predictions"])
def test_missing_arrays_are_refused(artefact: Path, name: str) -> None:
    """An array that is not there, or is of another type, is damage and no traceback."""
    with np.load(artefact / "arrays.npz") as archive:
        arrays = dict(archive)
    for damage in ({}, {name: np.zeros(4)}, {name: arrays[name].astype(np.float32)}):
        kept = {other: array for other, array in arrays.items() if other != name}
        np.savez(artefact / "arrays.npz", **kept, **damage)
        with pytest.raises(SettingError, match=f"is damaged .{name} is no matrix"):
            Baseline.load(artefact)


def test_an_artefact_of_version_1_is_read() -> None:
    """What an older nilometer wrote has samples and no more: it is read, and keeps its digest, which monitors carry."""
    baseline = Baseline.load(VERSION_1)
    assert baseline.version == 1
    assert baseline.prepared == {}
    assert baseline.digest == json.loads((VERSION_1 / "baseline.json").read_text())["digest"]
    assert baseline.reference(0).tolist() == [1.0, 2.5, 4.0]


def test_a_baseline_of_version_1_is_written_as_it_was(tmp_path: Path) -> None:
    """Saved again, it is the same baseline of the same version."""
    Baseline.load(VERSION_1).save(tmp_path / "again")
    assert (tmp_path / "again" / "baseline.json").read_bytes() == (VERSION_1 / "baseline.json").read_bytes()
    assert Baseline.load(tmp_path / "again").digest == Baseline.load(VERSION_1).digest


def test_pickled_arrays_are_never_loaded(artefact: Path) -> None:
    """An array of objects would run code when it is loaded, so it is refused."""
    np.savez(artefact / "arrays.npz", features=np.array([{}], dtype=object), predictions=np.zeros((4, 1)))
    with pytest.raises(SettingError, match=r"arrays\.npz"):
        Baseline.load(artefact)
