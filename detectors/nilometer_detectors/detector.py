"""What outlier and drift detectors have in common: a name, typed parameters, and what they are built from.

A detector is one file and one entry point of the group `nilometer.detectors`; a monitor finds it by the entry point's
name. It keeps no state of its own: everything it knows comes from its parameters and the baseline, so that the same
rows always get the same answer, in the worker, in a replay and in a test.
"""

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Schema

if TYPE_CHECKING:
    from nilometer_detectors.baseline import Baseline

Kind = Literal["outlier", "drift"]


class Strict(BaseModel):
    """A part of a declaration: camelCase names, no unknown fields, no silent conversions, no NaN and no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel, allow_inf_nan=False)


class Parameters(Strict):
    """The parameters that every detector takes."""

    features: list[str] | None = Field(
        default=None, min_length=1, description="the features to judge; by default all that the detector can judge"
    )


P = TypeVar("P", bound=Parameters)


class Refused(SettingError):
    """A detector cannot be built as it was declared.

    Args:
        message: what is wrong and what helps.
        parameter: the parameter that is to blame, as the monitor writes it; None for the detector as a whole.
    """

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True)
class Context:
    """What a detector is built from, besides its parameters.

    Attributes:
        name: its name in the monitor.
        type: the entry point's name, such as ``ks``.
        features: the columns of a request.
        baseline: what is normal; None where the monitor has none.
    """

    name: str
    type: str
    features: Schema
    baseline: "Baseline | None"


class Detector(ABC, Generic[P]):
    """The base of all detectors.

    Class attributes:
        kind: whether it judges rows or windows.
        Parameters: the model of its parameters.
    """

    kind: ClassVar[Kind]
    Parameters: ClassVar[type[Parameters]]

    def __init__(self, parameters: P, context: Context) -> None:
        """Builds the detector.

        Raises:
            Refused: if parameters, columns and baseline do not fit together.
        """
        self.parameters = parameters
        self.name = context.name
        self.type = context.type

    @classmethod
    def prepare(cls, baseline: "Baseline") -> Mapping[str, NDArray[Any]]:  # noqa: ARG003 - for those who need it
        """Computes what of the detector depends on the baseline alone and costs too much to compute at every start.

        `nilometer baseline` calls it once for every installed detector and keeps the arrays in the artefact. It must
        give the same arrays for the same baseline.

        Returns:
            Arrays of numbers, truth values or text, by a name of the detector's choice; nothing by default.

        Raises:
            Refused: if the detector can do nothing with such a baseline.
            ExtraMissing: if it needs packages that are not installed.
        """
        return {}

    @classmethod
    def prepared(cls, context: Context) -> Mapping[str, NDArray[Any]]:
        """Gives what `prepare` made of the baseline: out of the artefact, or made now where that does not hold it.

        Raises:
            Refused: if there is no baseline, or one that the detector can do nothing with.
        """
        baseline = baseline_of(context)
        found = baseline.prepared.get(context.type)
        return cls.prepare(baseline) if found is None else found

    def __repr__(self) -> str:
        """Such as ``ZScore('range')``."""
        return f"{type(self).__name__}({self.name!r})"


def numeric_features(parameters: Parameters, context: Context) -> tuple[int, ...]:
    """Tells which features a detector of numbers judges.

    Args:
        parameters: its `features` name them; by default all of type numeric, and text by its length. A boolean one is
            judged only where it is named: as a number it is discrete, which such detectors judge badly.
        context: gives the schema.

    Returns:
        The places of the features in the schema, ascending.

    Raises:
        Refused: if a name is none of a feature, or of one that holds no numbers, or if nothing is left to judge.
    """
    columns = {column.name: (place, column.type) for place, column in enumerate(context.features.columns)}
    if parameters.features is None:
        places = [place for place, kind in columns.values() if kind in ("numeric", "text")]
        if not places:
            raise Refused(f"{context.type} judges numeric features, and the schema has none")
        return tuple(places)
    for name in parameters.features:
        if name not in columns:
            raise Refused(f"{name!r} is no feature; there are {', '.join(columns)}", "features")
        if columns[name][1] == "categorical":
            raise Refused(f"{name!r} is categorical, and {context.type} judges numbers", "features")
    return tuple(sorted({columns[name][0] for name in parameters.features}))


def baseline_of(context: Context) -> "Baseline":
    """Gives the baseline that a detector needs.

    Raises:
        Refused: if the monitor has none.
    """
    if context.baseline is None:
        raise Refused(
            f"{context.type} compares with a baseline: give spec.baseline.path (nilometer baseline DATA.csv --out DIR)"
        )
    return context.baseline


def names_of(schema: Schema, places: Sequence[int]) -> tuple[str, ...]:
    """Gives the names of some columns."""
    return tuple(schema.names[place] for place in places)
