"""The reference of a drift detector that alibi-detect saved, read without running anything that stands in it.

alibi-detect's own `load_detector` unpickles whatever its `config.toml` names. Here the file is read as data, by a list of
what may stand in it; anything else is refused, pickled functions and models above all, and so is an array that lies
outside of the directory, by whatever path or link. alibi-detect need not be installed.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.baselines.npz import FAULTS
from nilometer_detectors.baselines.table import CHUNK, Cells, Chunk, Source, SourceColumn
from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Floats, label

CONFIG = "config.toml"
_DETECTORS = ("KSDrift", "CVMDrift", "ChiSquareDrift", "TabularDrift")
_TAKEN = frozenset({"name", "x_ref", "categories_per_feature", "p_val", "correction", "update_x_ref"})
# What says nothing of the reference.
_PASSED_OVER = frozenset(
    {"alternative", "preprocess_at_init", "x_ref_preprocessed", "input_shape", "data_type", "n_features", "meta"}
)
_PICKLED = (".dill", ".pkl", ".pickle", ".joblib")
_NONE = "None"  # as alibi-detect writes it


class AlibiSource(Source):
    """A directory that alibi-detect's `save_detector` wrote for KSDrift, CVMDrift, ChiSquareDrift or TabularDrift.

    Args:
        directory: with `config.toml` in it.
        names: of the columns, which alibi-detect does not know; else x0, x1, ….

    Raises:
        SettingError: if it holds anything but the reference of one of these detectors.
    """

    def __init__(self, directory: Path, names: Sequence[str] = ()) -> None:
        super().__init__(str(directory))
        self._directory = directory
        config = self._config()
        self._values = self._reference(config["x_ref"])
        self.size, width = self._values.shape
        given = list(names) or [f"x{place}" for place in range(width)]
        if len(set(given)) != width:
            raise SettingError(f"{directory}: its reference has {width} columns, and there are {len(set(given))} names")
        categories = self._categories(config, width)
        self._columns = [
            SourceColumn(
                name, type="categorical" if place in categories else None, categories=categories.get(place, ())
            )
            for place, name in enumerate(given)
        ]
        self.remarks.append(
            f"{config['name']} judged with pValue: {config.get('p_val')} and correction: {config.get('correction')}; a "
            "monitor may say the same"
        )
        if config.get("update_x_ref", _NONE) != _NONE:
            self.remarks.append("update_x_ref is left out: a baseline never takes up what it judges")

    def _config(self) -> dict[str, Any]:
        path = self._directory / CONFIG
        try:
            config = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SettingError(f"{self._directory}: is a directory without {CONFIG}: name a file") from None
        except OSError as error:
            raise SettingError(f"{path}: cannot be read: {error.strerror or error}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingError(f"{path}: is no TOML: {error}") from None
        if config.get("name") not in _DETECTORS:
            raise SettingError(f"{path}: name is {config.get('name')!r}: only {', '.join(_DETECTORS)} are read")
        pickled = next((text for text in _texts(config) if text.lower().endswith(_PICKLED)), None)
        if pickled is not None:
            raise SettingError(f"{path}: names {pickled!r}: what is pickled runs code, so it is never read")
        for name, value in config.items():
            if name not in _TAKEN | _PASSED_OVER and value != _NONE:
                raise SettingError(f"{path}: {name} is {value!r}: it changes what the reference means, and is not read")
        if not isinstance(config.get("x_ref"), str):
            raise SettingError(f"{path}: x_ref is {config.get('x_ref')!r}: the name of an .npy file is expected")
        return config

    def _reference(self, name: str) -> NDArray[np.generic]:
        """Maps the array into memory, so that no more of it is there than is looked at."""
        path = self._directory / name
        inside = path.resolve().is_relative_to(self._directory.resolve())
        if Path(name).is_absolute() or ".." in Path(name).parts or not inside or path.suffix != ".npy":
            raise SettingError(
                f"{self._directory / CONFIG}: x_ref is {name!r}: an .npy file inside of the directory is expected"
            )
        try:
            values: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
        except FAULTS as error:
            raise SettingError(f"{path}: cannot be read: {error}") from None
        if values.ndim == 1:
            values = values[:, np.newaxis]
        if values.ndim != 2 or values.dtype.kind not in "biufU" or not values.size:
            raise SettingError(
                f"{path}: is {values.dtype} of shape {values.shape}: a table of numbers or texts is expected"
            )
        return values

    def _categories(self, config: Mapping[str, Any], width: int) -> dict[int, tuple[str, ...]]:
        """Tells the categorical columns and, where they are declared, their categories: a list, or how many from 0 on."""
        declared = config.get("categories_per_feature", _NONE)
        if not isinstance(declared, Mapping):
            return dict.fromkeys(range(width), ()) if config["name"] == "ChiSquareDrift" else {}
        found = {}
        for place, categories in declared.items():
            listed = range(categories) if type(categories) is int and categories <= 1000 else categories
            if (
                not place.isdecimal()
                or int(place) >= width
                or not (listed == _NONE or isinstance(listed, range | list))
            ):
                raise SettingError(
                    f"{self._directory / CONFIG}: categories_per_feature.{place} is {categories!r}: the place of a "
                    "column, and how many categories it has or which, are expected"
                )
            found[int(place)] = () if listed == _NONE else tuple(str(label(each)) for each in listed)
        return found

    def chunks(self) -> Iterator[Chunk]:
        """Reads the reference."""
        for start in range(0, self.size, CHUNK):
            block = self._values[start : start + CHUNK]
            cells = [Cells(_plain(values)) for values in block.T]
            yield Chunk(dict(zip(self._columns, cells, strict=True)), len(block), len(block))


def _plain(values: NDArray[np.generic]) -> Floats | list[object]:
    if values.dtype == np.float32:
        # By its shortest decimal, because 0.1 in a request is 0.1 and not the float32 nearest to it.
        return values.astype(str).astype(np.float64)
    return values.astype(np.float64) if values.dtype.kind in "iuf" else values.tolist()


def _texts(value: Any) -> Iterator[str]:
    """Gives all texts in a document, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
