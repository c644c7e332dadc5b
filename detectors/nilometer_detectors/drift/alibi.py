"""alibi-detect's drift detectors that test feature by feature, behind our contract.

A detector is named as there, after a dot: `alibi.KSDrift`. Nothing here knows one detector from another: each entry
point of that form is one more that is carried, and its parameters are those of its constructor, in camelCase
(`alternative`); `pValue` and `correction` are ours and mean the same.

alibi-detect under a stream has traps, and this is where they are shut off:

* one NaN makes a p-value NaN and silences a test: it is given finite values only, a feature at a time, because the
  features of a window lack different rows; a p-value that is NaN all the same is said, and never counts as no drift;
* it compares a float32 reference with a float64 window, in which 0.1 differs from 0.1: both sides are float64;
* CVMDrift takes a column that is the same constant on both sides for drift (p = 6e-8 at 100 rows): such a column is
  answered here, with distance 0 and p-value 1;
* constructors accept what predictions then fail on: a trial prediction is part of building;
* a detector that updates its reference absorbs slow drift and has hidden state: `updateXRef` is refused;
* `load_detector` runs code from the artefact: it is never called; the reference is the baseline's.

Importing it takes 5 seconds and 270 MB, and its licence allows production use to few: so it is imported only when a
monitor asks for one of its detectors.
"""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from nilometer_detectors.detector import Context, Parameters, Refused
from nilometer_detectors.drift.columns import Measured
from nilometer_detectors.drift.deciding import PValueParameters
from nilometer_detectors.drift.effective import Input
from nilometer_detectors.drift.samples import SampleDrift, SampleParameters
from nilometer_detectors.problems import unknown_field
from nilometer_logger.errors import ExtraMissing
from nilometer_logger.rows import Floats

_OURS = frozenset(
    {
        "self",
        "x_ref",
        "p_val",
        "correction",
        "x_ref_preprocessed",
        "preprocess_at_init",
        "preprocess_fn",
        "update_x_ref",
        "n_features",
        "input_shape",
        "data_type",
    }
)


class AlibiParameters(PValueParameters, SampleParameters):
    """Our parameters; any other is one of the detector's constructor."""

    model_config = ConfigDict(extra="allow")

    @property
    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments, as a monitor writes them."""
        return dict(self.model_extra or {})


class AlibiDrift(SampleDrift[AlibiParameters]):
    """A test by feature of alibi-detect: its distances and p-values, our corrections and verdicts.

    Source: Van Looveren et al., "Alibi Detect: algorithms for outlier, adversarial and drift detection", version 0.13.
    Distances and p-values are float32 there, so they are given with that precision. The reference is sorted anew at
    every window: `ks` gives the same p-values without that.
    """

    Parameters: ClassVar[type[Parameters]] = AlibiParameters

    def __init__(self, parameters: AlibiParameters, context: Context) -> None:
        """Builds one detector of alibi-detect for each feature.

        Raises:
            ExtraMissing: if alibi-detect is not installed.
            Refused: if it does not take the parameters.
        """
        super().__init__(parameters, context)
        make = _class_of(context.type)
        arguments = _arguments(make, parameters.arguments)
        try:
            self._detectors = [make(reference[:, np.newaxis], **arguments) for reference in self.references]
            some = self.references[0][: parameters.min_rows]
            self.measure([0], [Input(some, len(some), 0, len(some))])
        except Exception as error:
            raise Refused(f"alibi-detect refuses it: {type(error).__name__}: {error}") from error

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Floats]]) -> Measured:
        """Tests columns against their references."""
        distances, p_values = np.zeros(len(columns)), np.ones(len(columns))
        for place, (column, each) in enumerate(zip(columns, inputs, strict=True)):
            if not _same_constant(self.references[column], each.values):
                said = self._detectors[column].predict(each.values[:, np.newaxis])["data"]
                distances[place], p_values[place] = _first(said, "distance"), _first(said, "p_val")
        return Measured(distances, p_values)


def _first(said: Mapping[str, Any], name: str) -> float:
    """Takes a number out of what was said: an array of one, or a number."""
    return float(np.ravel(said[name])[0])


def _same_constant(reference: Floats, values: Floats) -> bool:
    """Tells whether a column is the same constant on both sides."""
    return bool(reference[0] == reference[-1] and (values == reference[0]).all())


def _class_of(kind: str) -> Any:
    """Imports a detector's class.

    Args:
        kind: such as ``alibi.KSDrift``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what its dependencies deprecate is not our users' to mend
            from alibi_detect import cd  # noqa: PLC0415 - see above: it is heavy, and not always there
    except ImportError as error:
        raise ExtraMissing(f"detector {kind}", "alibi") from error
    except RuntimeError as error:
        raise Refused(
            f"alibi-detect cannot be imported ({error}): where the file system is read-only, point NUMBA_CACHE_DIR to "
            "a directory that can be written"
        ) from error
    name = kind.partition(".")[2]
    made = getattr(cd, name, None)
    if made is None:
        raise Refused(f"the installed alibi-detect has no {name}", "detector")
    return made


def _arguments(make: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Checks the constructor's arguments and gives them its names."""
    known = {to_camel(name): name for name in inspect.signature(make).parameters if name not in _OURS}
    for name, value in given.items():
        if name not in known:
            fields = [field.alias or field_name for field_name, field in AlibiParameters.model_fields.items()]
            raise Refused(unknown_field(name, [*fields, *known]), name)
        if not isinstance(value, str | int | float | bool):
            raise Refused(f"is {value!r}: expected a number, a text or a truth value", name)
    return {known[name]: value for name, value in given.items()}
