"""alibi-detect itself: imported when it is asked for, its classes found by name, their arguments told apart.

* `load_detector` runs code out of the artefact: it is never called; what is normal comes from our baseline.
* Arguments that are data, functions or hidden state are not a monitor's to give. A detector that updates its reference
  absorbs slow drift, so `updateXRef` is none of its parameters.
* Whatever draws random numbers there draws them from numpy's global generator, which has no seed of its own: all that
  may draw is called within `seeded`, by one thread at a time.
* On a read-only file system numba finds no place for its cache, and the import fails: `NUMBA_CACHE_DIR` gives it one.

Versions 0.13 and 0.11.4, the last one under the Apache licence, are carried alike.
"""

import inspect
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from threading import RLock
from typing import Any

import numpy as np
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.problems import unknown_field
from nilometer_logger.errors import ExtraMissing

_NOT_GIVEN = frozenset(
    {
        "backend",  # the one that needs nothing more: scikit-learn's
        "categories_per_feature",  # the baseline knows them
        "correction",  # ours means the same
        "data_type",
        "device",
        "input_shape",
        "n_features",
        "n_jobs",  # threads add in any order, and the same rows must get the same bits
        "p_val",
        "preprocess_at_init",
        "preprocess_fn",
        "retrain_from_scratch",  # otherwise a verdict would depend on the windows before
        "t_max",  # follows from the windows, as what is remembered does
        "threshold",
        "update_x_ref",
        "verbose",
        "x_ref",
        "x_ref_preprocessed",
    }
)

_GENERATOR = RLock()  # held by who draws from numpy's global generator


def class_of(kind: str) -> Any:
    """Finds a detector's class, or what stands in its place where packages are missing.

    Args:
        kind: such as ``alibi.KSDrift``.

    Raises:
        ExtraMissing: if alibi-detect is not installed.
        InvalidDetector: if it cannot be imported, or has no such detector.
    """
    name = kind.partition(".")[2]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what its dependencies deprecate is not our users' to mend
            found = _found(name)
    except ImportError as error:
        raise ExtraMissing(f"detector {kind}", "alibi") from error
    except RuntimeError as error:
        raise InvalidDetector(
            f"alibi-detect cannot be imported ({error}): where the file system is read-only, point NUMBA_CACHE_DIR to "
            "a directory that can be written"
        ) from error
    if found is None:
        raise InvalidDetector(f"the installed alibi-detect has no {name}", "detector")
    return found


def _found(name: str) -> Any:
    """Looks a name up; None where it is none of a detector."""
    with _unsaid("transformers"):  # advises whoever has no PyTorch to install it
        from alibi_detect import cd, od  # noqa: PLC0415 - it is heavy, and not always there

    logging.getLogger("alibi_detect").setLevel(logging.ERROR)  # it warns of defaults that are meant
    for module in (cd, od):
        if name in vars(module):
            return vars(module)[name]
    for each in iter_modules(od.__path__, f"{od.__name__}."):
        # The newer outlier detectors stand in modules of their own, not exported.
        if each.name.rpartition(".")[2].startswith("_"):
            found = vars(import_module(each.name)).get(name)
            if inspect.isclass(found) and found.__module__ == each.name:
                return found
    return None


@contextmanager
def _unsaid(name: str) -> Iterator[None]:
    """Keeps a logger silent, whatever level its library gives it meanwhile."""

    def nothing(_: logging.LogRecord) -> bool:
        return False

    logger = logging.getLogger(name)
    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


def takes(make: Any, argument: str) -> bool:
    """Tells whether a constructor has an argument."""
    return argument in inspect.signature(make).parameters


def arguments_of(make: Any, given: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Checks a constructor's arguments and gives them its names.

    Args:
        make: the constructor.
        given: by the names that a monitor writes.
        model: of the parameters that are ours.

    Raises:
        InvalidDetector: if there is no such argument, or its value is no number, text or truth value.
    """
    known = {
        to_camel(name): name
        for name, parameter in inspect.signature(make).parameters.items()
        if name not in _NOT_GIVEN and not callable(parameter.default)
    }
    for name, value in given.items():
        if name not in known:
            fields = [field.alias or field_name for field_name, field in model.model_fields.items()]
            raise InvalidDetector(unknown_field(name, [*fields, *known]), name)
        if not isinstance(value, str | int | float | bool):
            raise InvalidDetector(f"is {value!r}: expected a number, a text or a truth value", name)
    return {known[name]: value for name, value in given.items()}


def number_of(said: Mapping[str, Any], name: str) -> float:
    """Takes a number out of what was said: an array of one, or a number."""
    return float(np.ravel(said[name])[0])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Lets what draws from numpy's global generator draw the same numbers every time, and leaves it as it was.

    A worker builds monitors in a thread beside those that judge: whoever comes second waits.
    """
    with _GENERATOR:
        before = np.random.get_state()  # noqa: NPY002 - it is this very generator that alibi-detect draws from
        np.random.seed(seed)  # noqa: NPY002
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as what newer versions of numpy deprecate
                yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


def refused(error: Exception) -> InvalidDetector:
    """Says that alibi-detect refuses something, in one line."""
    return InvalidDetector(f"alibi-detect refuses it: {type(error).__name__}: {' '.join(str(error).split())}")


def why_not(kind: str) -> str:
    """Says in one line why no detector of that name is carried; nothing where alibi-detect has none either.

    Raises:
        ExtraMissing: if alibi-detect is not installed.
        InvalidDetector: if it cannot be imported.
    """
    try:
        make = class_of(kind)
    except InvalidDetector as error:
        if error.parameter == "detector":
            return ""
        raise
    try:
        with seeded(0):
            make(**_nothing(make))
    except ImportError as error:
        lacking = " ".join(str(error).split())  # which names what it needs
        return f"it is not carried, because a plain install of alibi-detect cannot run it: {lacking}"
    except Exception:  # noqa: BLE001,S110 - it was made of nothing: only what it lacks was to be found out
        pass
    if takes(make.predict, "t"):
        return (
            "it judges a series by itself: a row's score depends on those that come after it, when its finding has long "
            "left, and none on a baseline, so no window of it can be said to drift; take alibi.CVMDriftOnline, cusum or "
            "adwin for changes of a stream, and ecod or mahalanobis for its outliers"
        )
    functions = _functions(inspect.signature(make).parameters.values())
    if functions:
        return f"it needs {' and '.join(functions)}, a function in memory, and a monitor is text: judge the predictions"
    return "it fits none of our contracts"


def _nothing(make: Any) -> dict[str, None]:
    """Gives a constructor nothing for all that it cannot do without."""
    try:
        parameters = inspect.signature(make).parameters
    except (ValueError, TypeError, ImportError):
        return {}  # it stands in for a class whose packages are missing
    return {name: None for name, each in parameters.items() if each.default is inspect.Parameter.empty}


def _functions(parameters: Iterable[inspect.Parameter]) -> list[str]:
    """Names the arguments without a default that are functions."""
    return [
        each.name
        for each in parameters
        if each.default is inspect.Parameter.empty and "Callable" in str(each.annotation)
    ]
