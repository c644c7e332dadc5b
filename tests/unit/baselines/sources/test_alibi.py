"""The references of alibi-detect's detectors: what its own `save_detector` wrote, and what must never be read."""

import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.baselines.sources import open_source
from nilometer_logger.errors import SettingError
from tests.judging import normal
from tests.unit.references import looked_at, made

NUMBERS = normal(300, 3)
CODES = np.random.default_rng(1).integers(0, 3, (300, 2))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Detectors that alibi-detect has saved, by their names."""
    directory = tmp_path_factory.mktemp("saved")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from alibi_detect import cd  # noqa: PLC0415 - seconds, which only who runs this test should wait
        from alibi_detect.saving import save_detector  # noqa: PLC0415

        mixed = np.column_stack([NUMBERS[:, :1], CODES]).astype(np.float32)
        listed, counted = {1: [0, 1, 2], 2: [0, 1, 2, 7]}, {1: 3, 2: 5}
        detectors = {
            "ks": cd.KSDrift(NUMBERS.astype(np.float32), p_val=0.01),
            "cvm": cd.CVMDrift(NUMBERS, correction="fdr"),
            "chi2": cd.ChiSquareDrift(CODES),
            "tabular": cd.TabularDrift(mixed, categories_per_feature=listed),
            "counted": cd.TabularDrift(mixed, categories_per_feature=counted),
            "updated": cd.KSDrift(NUMBERS, update_x_ref={"last": 1000}),
            "preprocessed": cd.KSDrift(NUMBERS, preprocess_fn=np.abs),
            "fet": cd.FETDrift(CODES[:, :1] % 2, alternative="two-sided"),
        }
        for name, detector in detectors.items():
            save_detector(detector, directory / name)
    return directory


def test_the_reference_of_numbers_is_read(saved: Path) -> None:
    """KS and CVM give columns of numbers, named as the user says or x0, x1, …, and the parameters to go on with."""
    names = ["a", "b", "c"]
    inferred = looked_at(saved / "ks", source=open_source(saved / "ks", names))
    assert [(found.column.name, found.column.type) for found in inferred.features] == [(n, "numeric") for n in names]
    assert inferred.remarks == [
        "KSDrift judged with pValue: 0.01 and correction: bonferroni; a monitor may say the same"
    ]
    baseline = made(saved / "cvm")
    assert baseline.feature_schema.names == ("x0", "x1", "x2")
    assert np.sort(baseline.feature_sample, axis=0).tolist() == np.sort(NUMBERS, axis=0).tolist()


def test_float32_is_read_by_its_decimals(tmp_path: Path, saved: Path) -> None:
    """A reference of 0.1 in float32 is 0.1, as requests have it, and not the float32 that lies beside it."""
    shutil.copytree(saved / "ks", tmp_path / "ks")
    np.save(tmp_path / "ks" / "x_ref.npy", np.array([[0.1, 0.2, 0.3]] * 3, dtype=np.float32))
    assert made(tmp_path / "ks").feature_sample.tolist() == [[0.1, 0.2, 0.3]] * 3


def test_categories_are_read(saved: Path) -> None:
    """Chi-square has categories only; a table has them where it says so, those that never occurred among them."""
    chi2, tabular = made(saved / "chi2"), made(saved / "tabular")
    assert [(column.type, column.categories) for column in chi2.features] == [("categorical", ("0", "1", "2"))] * 2
    assert [column.type for column in tabular.features] == ["numeric", "categorical", "categorical"]
    assert [column.categories for column in tabular.features[1:]] == [("0", "1", "2"), ("0", "1", "2", "7")]
    assert tabular.features[2].counts[3] == 0
    assert made(saved / "counted").features[2].categories == ("0", "1", "2", "3", "4")


def test_a_reference_that_changes_is_told(saved: Path) -> None:
    """The reference is taken as it was saved; that it would have been updated is not."""
    assert "update_x_ref is left out" in looked_at(saved / "updated").remarks[1]


class Bomb:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        """Says what to run."""
        return (Path.touch, (Path("exploded"),))


def test_what_is_pickled_is_never_read(tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickled preprocessing function, reference or array is refused, and not one byte of it is run."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match=r"preprocess_fn/function\.dill.*never read"):
        open_source(saved / "preprocessed")
    for name in ("x_ref.dill", "x_ref.pkl", "x_ref.joblib", "x_ref.npy"):
        directory = tmp_path / name.replace(".", "-")
        shutil.copytree(saved / "ks", directory)
        config = (directory / "config.toml").read_text().replace("x_ref.npy", name)
        (directory / "config.toml").write_text(config)
        (directory / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(SettingError, match=name):
            open_source(directory)
    np.save(directory / "x_ref.npy", np.array([[Bomb()]], dtype=object), allow_pickle=True)
    with pytest.raises(SettingError, match=r"x_ref\.npy: cannot be read"):
        open_source(directory)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "name", ["../outside.npy", "/etc/outside.npy", "{outside}", "link.npy", "sub/../../outside.npy"]
)
def test_nothing_outside_is_read(tmp_path: Path, saved: Path, name: str) -> None:
    """A path that leads out of the directory, by dots, from the root or by a link, is refused."""
    directory = tmp_path / "detector"
    shutil.copytree(saved / "ks", directory)
    outside = tmp_path / "outside.npy"
    np.save(outside, NUMBERS)
    (directory / "sub").mkdir()
    (directory / "link.npy").symlink_to(outside)
    name = name.replace("{outside}", str(outside))
    config = (directory / "config.toml").read_text().replace("x_ref.npy", name)
    (directory / "config.toml").write_text(config)
    with pytest.raises(SettingError, match="inside of the directory is expected"):
        open_source(directory)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "KSDrift"', 'name = "MMDDrift"', "name is 'MMDDrift': only KSDrift, CVMDrift"),
        ('name = "KSDrift"', "nonsense", "is no TOML"),
        ('x_ref = "x_ref.npy"', "x_ref = 1", "x_ref is 1"),
        ('x_ref = "x_ref.npy"', 'x_ref = "none.npy"', "none.npy: cannot be read"),
        ('input_shape = "None"', 'kernel = "rbf"', "kernel is 'rbf': it changes what the reference means"),
        ('preprocess_fn = "None"', 'preprocess_fn = "@cd.preprocess"', "preprocess_fn is '@cd.preprocess'"),
        ('input_shape = "None"', "categories_per_feature = {9 = 3}", "categories_per_feature.9 is 3: the place"),
        ('input_shape = "None"', "categories_per_feature = {0 = 1000000000}", "categories_per_feature.0 is"),
    ],
)
def test_a_strange_configuration_is_refused(tmp_path: Path, saved: Path, old: str, new: str, message: str) -> None:
    """Whatever is not known to be harmless is refused by its name."""
    shutil.copytree(saved / "ks", tmp_path / "ks")
    config = (tmp_path / "ks" / "config.toml").read_text()
    assert old in config
    (tmp_path / "ks" / "config.toml").write_text(config.replace(old, new))
    with pytest.raises(SettingError, match=message):
        open_source(tmp_path / "ks")


def test_other_detectors_are_refused(saved: Path, tmp_path: Path) -> None:
    """A detector that is not on the list, and a directory that holds none, are told."""
    with pytest.raises(SettingError, match="name is 'FETDrift'"):
        open_source(saved / "fet")
    with pytest.raises(SettingError, match=r"is a directory without config\.toml"):
        open_source(tmp_path)
    with pytest.raises(SettingError, match="3 columns, and there are 2 names"):
        open_source(saved / "ks", ["a", "b"])
