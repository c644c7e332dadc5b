"""What every drift detector is: a function of a closed window's summaries, without memory.

What detectors have in common stands here: the columns that they judge, what they need of a window, how many rows are
too few, and what they answer. `columns` has the detectors that judge column by column, `online` those that remember.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, model_validator

from nilometer_detectors.detector import Context, Detector, Parameters, Refused, Strict, columns_of
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.kserve import Half
from nilometer_logger.rows import Schema

Verdict = Literal["ok", "drift", "nodata"]
Of = Literal["features", "predictions"]


@dataclass(frozen=True)
class Needs:
    """What a detector reads of a window; the monitor keeps just that, and nothing twice.

    Attributes:
        of: the half that it judges.
        statistics: by the names that monitors use.
        sample: how many rows; 0 for none.
        min_rows: with fewer rows nothing is judged.
    """

    of: Of = "features"
    statistics: frozenset[str] = frozenset()
    sample: int = 0
    min_rows: int = 1


@dataclass(frozen=True)
class Window:
    """What a monitor knows of a closed window.

    Attributes:
        features: the summary of the rows of requests.
        predictions: the summary of the rows of responses.
    """

    features: Summary
    predictions: Summary

    def half(self, of: Of) -> Summary:
        """Gives one half."""
        return self.features if of == "features" else self.predictions


@dataclass(frozen=True)
class Judgement:
    """What a detector says about a window.

    Attributes:
        verdict: drift, ok, or nodata where nothing could be judged.
        reason: why there is no verdict, or none on some column; empty where all was judged.
        distance: how far the window lies from the baseline.
        p_value: how probable such a distance is without drift; None for detectors that know no probability.
        threshold: of the p-value, or else of the distance, after all corrections.
        columns: what it says about each column of the half that it judges, as JSON values; every judged column has
            `drift`: true, false, or null with a `reason`.
        applied: the corrections that went into the verdict, as JSON values.
    """

    verdict: Verdict
    reason: str = ""
    distance: float | None = None
    p_value: float | None = None
    threshold: float | None = None
    columns: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    applied: Mapping[str, object] = field(default_factory=dict)


class Persistence(Strict):
    """Drift must show in k of the last m judged windows before the verdict says so."""

    at_least: int = Field(ge=1, le=100, description="in how many of the last windows")
    of: int = Field(ge=1, le=100, description="how many windows are looked back upon, the last one included")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.at_least > self.of:
            raise ValueError(f"asks for {self.at_least} of {self.of} windows, which there never are")
        return self


class DriftParameters(Parameters):
    """The parameters that every drift detector takes."""

    of: Of = Field(default="features", description="whether columns of requests or of responses are judged")
    min_rows: int = Field(
        default=30, ge=1, le=1_000_000, description="a column with fewer values in a window is not judged"
    )
    min_distance: float = Field(
        default=0.0,
        ge=0,
        description="an effect smaller than this is no drift, however significant; in the unit of the distance",
    )
    persistence: Persistence | None = Field(
        default=None, description="in how many of the last windows drift must show; by default in one"
    )


D = TypeVar("D", bound=DriftParameters)


class DriftDetector(Detector[D]):
    """Judges windows.

    Stated answers: missing and infinite values are left out and counted; a column with too few others is not judged
    and says so, and the rest is; a window in which nothing can be judged gets the verdict nodata with the reason.

    Attributes:
        of: what it judges.
        half: the half that this is of.
        schema: the columns of that half.
    """

    kind: ClassVar[Literal["drift"]] = "drift"

    def __init__(self, parameters: D, context: Context) -> None:
        """Takes the columns of the half that it judges.

        Raises:
            Refused: if that half has none.
        """
        super().__init__(parameters, context)
        self.of: Of = parameters.of
        self.half: Half = "request" if self.of == "features" else "response"
        self.schema: Schema = context.features if self.of == "features" else context.predictions
        if not len(self.schema):
            raise Refused(
                "the monitor has no predictions: name them in spec.schema or build the baseline with them", "of"
            )

    def choose(self, context: Context) -> tuple[int, ...]:
        """Chooses the columns.

        Returns:
            Their places in the schema, ascending.

        Raises:
            Refused: as `columns_of` does.
        """
        return columns_of(
            self.parameters.features,
            self.schema,
            detector=context.type,
            judges=self.judges,
            by_default=self.by_default,
            of=self.of,
        )

    @abstractmethod
    def needs(self) -> Needs:
        """Tells what the detector reads of a window."""

    @abstractmethod
    def judge(self, window: Window) -> Judgement:
        """Judges a closed window."""


AnyDriftDetector = DriftDetector[Any]
