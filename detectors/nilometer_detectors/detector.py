"""What outlier and drift detectors have in common: a name, typed parameters, and what they are built from.

A detector is one file and one entry point of the group `nilometer.detectors`; a monitor finds it by the entry point's
name. It keeps no state of its own: everything it knows comes from its parameters and the baseline, so that the same
rows always get the same answer, in the worker, in a replay and in a test.
"""

from abc import ABC
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, TypeVar

from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from nilometer_detectors.baselines.thresholds import Calibration
from nilometer_logger.errors import SettingError
from nilometer_logger.rows import ColumnType, Schema

if TYPE_CHECKING:
    from nilometer_detectors.baselines.baseline import Baseline

Kind = Literal["outlier", "drift"]


class Strict(BaseModel):
    """A part of a declaration: camelCase names, no unknown fields, no silent conversions, no NaN and no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel, allow_inf_nan=False)


T = TypeVar("T")


def _distinct(entries: list[T]) -> list[T]:
    for place, entry in enumerate(entries):
        if entry in entries[:place]:
            raise ValueError(f"names {entry!r} twice: once is enough")
    return entries


Distinct = Annotated[list[T], AfterValidator(_distinct), Field(json_schema_extra={"uniqueItems": True})]
"""A list in which an entry means nothing more when it stands there twice, which hints at a slip of the pen."""


class Parameters(Strict):
    """The parameters that every detector takes."""

    features: Distinct[str] | None = Field(
        default=None, min_length=1, description="the features to judge; by default all that the detector can judge"
    )


P = TypeVar("P", bound=Parameters)


class InvalidDetector(SettingError):
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
        predictions: the columns of a response; empty where the monitor watches none.
        windows_per_day: how many windows start in a day; None for windows of rows.
        calibration: the thresholds of a detector whose threshold is to be the calibrated one; None for any other.
    """

    name: str
    type: str
    features: Schema
    baseline: "Baseline | None"
    predictions: Schema = field(default_factory=lambda: Schema(()))
    windows_per_day: float | None = None
    calibration: Calibration | None = None


class Detector(ABC, Generic[P]):
    """The base of all detectors.

    Class attributes:
        kind: whether it judges rows or windows.
        judges: the types of the columns that it can judge.
        by_default: those that it judges where the monitor names none. A boolean column, for one, is discrete, which
            tests of numbers judge badly. A text is judged by its length.
        Parameters: the model of its parameters.
        calibrates: whether its `threshold`, where it has one, may be found on reference data for a rate of false alarms.
    """

    kind: ClassVar[Kind]
    calibrates: ClassVar[bool] = False
    judges: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "boolean", "text"})
    by_default: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "text"})
    Parameters: ClassVar[type[Parameters]]

    def __init__(self, parameters: P, context: Context) -> None:
        """Builds the detector.

        Raises:
            InvalidDetector: if parameters, columns and baseline do not fit together.
        """
        self.parameters = parameters
        self.name = context.name
        self.type = context.type
        self.calibration = context.calibration

    @classmethod
    def prepare(cls, baseline: "Baseline") -> Mapping[str, NDArray[Any]]:  # noqa: ARG003 - for those who need it
        """Computes what of the detector depends on the baseline alone and costs too much to compute at every start.

        `nilometer baseline` calls it once for every installed detector and keeps the arrays in the artefact. It must
        give the same arrays for the same baseline.

        Returns:
            Arrays of numbers, truth values or text, by a name of the detector's choice; nothing by default.

        Raises:
            InvalidDetector: if the detector can do nothing with such a baseline.
            ExtraMissing: if it needs packages that are not installed.
        """
        return {}

    @classmethod
    def prepared(cls, context: Context) -> Mapping[str, NDArray[Any]]:
        """Gives what `prepare` made of the baseline: out of the artefact, or made now where that does not hold it.

        Raises:
            InvalidDetector: if there is no baseline, or one that the detector can do nothing with.
        """
        baseline = baseline_of(context)
        found = baseline.prepared.get(context.type)
        return cls.prepare(baseline) if found is None else found

    @classmethod
    def why_not(cls, name: str) -> str:  # noqa: ARG003 - for adapters
        """Says of an adapter's library why one of its detectors is not carried.

        Args:
            name: that no entry point has, such as ``alibi.MMDDrift``.

        Returns:
            A line that names the remedy; nothing where the library has no such detector either.
        """
        return ""

    def __repr__(self) -> str:
        """Such as ``ZScore('range')``."""
        return f"{type(self).__name__}({self.name!r})"


def columns_of(
    names: Sequence[str] | None,
    schema: Schema,
    *,
    detector: str,
    judges: Collection[ColumnType],
    by_default: Collection[ColumnType],
    of: str = "features",
) -> tuple[int, ...]:
    """Tells which columns a detector judges.

    Args:
        names: those that the monitor names; None for all of a type that is judged by default.
        schema: of the half that is judged.
        detector: its type, for the message.
        judges: the types of the columns that it can judge.
        by_default: those that it judges without being asked. A boolean column, for one, is discrete, which tests of
            numbers judge badly.
        of: what the columns are called.

    Returns:
        Their places in the schema, ascending.

    Raises:
        InvalidDetector: if a name is none of a column, or of one that cannot be judged, or if nothing is left to judge.
    """
    columns = {column.name: (place, column.type) for place, column in enumerate(schema.columns)}
    if names is None:
        places = [place for place, kind in columns.values() if kind in by_default]
        if not places:
            raise InvalidDetector(f"{detector} judges {' and '.join(sorted(by_default))} {of}, and the schema has none")
        return tuple(places)
    for name in names:
        if name not in columns:
            raise InvalidDetector(f"{name!r} is none of the {of}; there are {', '.join(columns)}", "features")
        if (kind := columns[name][1]) not in judges:
            raise InvalidDetector(
                f"{name!r} is {kind}, and {detector} judges {' and '.join(sorted(judges))} columns", "features"
            )
    return tuple(sorted({columns[name][0] for name in names}))


def baseline_of(context: Context) -> "Baseline":
    """Gives the baseline that a detector needs.

    Raises:
        InvalidDetector: if the monitor has none.
    """
    if context.baseline is None:
        raise InvalidDetector(
            f"{context.type} compares with a baseline: give spec.baseline.path (nilometer baseline DATA.csv --out DIR)"
        )
    return context.baseline


def can_be_calibrated(kind: type[Detector[Any]]) -> bool:
    """Tells whether a detector has a threshold that may be found on reference data."""
    return kind.calibrates and "threshold" in kind.Parameters.model_fields
