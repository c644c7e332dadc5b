"""What detectors compute of a baseline beforehand, so that a worker that loads it fits nothing.

Every detector that is installed is asked, because the baseline does not know which monitors will use it. A name with a
dot, such as `alibi.KSDrift`, is an adapter's: what it carries keeps no arrays of its own in our artefact.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.registry import available, find
from nilometer_logger.errors import NilometerError

_KINDS = "biufU"  # of numpy's types: truth values, numbers, text; an object would have to be pickled


def prepare(baseline: Baseline) -> tuple[Baseline, dict[str, str]]:
    """Lets every installed detector prepare what it needs.

    Args:
        baseline: what is normal.

    Returns:
        The same baseline with what was prepared; and the detectors that prepared nothing though they could have, by
        their type, with the reason.
    """
    prepared: dict[str, Mapping[str, NDArray[Any]]] = {}
    left_out: dict[str, str] = {}
    for name in available():
        if "." in name:
            continue
        try:
            arrays = find(name).prepare(baseline)
            _check(arrays)
        except NilometerError as error:
            left_out[name] = str(error)
        except Exception as error:  # noqa: BLE001 - a detector that fails takes the baseline from none of the others
            left_out[name] = f"the detector failed: {error!r}"
        else:
            if arrays:
                prepared[name] = arrays
    return replace(baseline, prepared=prepared), left_out


def _check(arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in _KINDS:
            raise TypeError(f"what it prepared as {name!r} is no array of numbers, truth values or text")
