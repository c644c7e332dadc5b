"""What every drift detector is: a function of a closed window's summaries, without memory.

What detectors have in common stands here: the columns that they judge, what they need of a window, how many rows are
too few, and what they answer. `columns` has the detectors that judge column by column, `online` those that remember.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.detector import Context, Detector, InvalidDetector, Parameters, Strict, baseline_of, columns_of
from nilometer_detectors.statistics.joined_sample import JoinedSample, told_apart
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.rows import Schema

Verdict = Literal["ok", "drift", "nodata"]
Of = Literal["features", "predictions", "both"]
_MOST_REASONS = 20


def listed(reasons: Sequence[str]) -> str:
    """Joins the first few reasons why columns were not judged; each is said of its column as well."""
    more = [f"and {len(reasons) - _MOST_REASONS} more columns"] if len(reasons) > _MOST_REASONS else []
    return "; ".join([*reasons[:_MOST_REASONS], *more])


def _one_half(of: Of) -> Of:
    if of == "both":
        raise ValueError(
            "each column is judged by itself, and says the same whether requests and responses are joined or not; take "
            "one detector of features and one of predictions, or one that judges all columns at once, such as "
            "classifier or mmd"
        )
    return of


OneHalf = Annotated[Of, AfterValidator(_one_half), WithJsonSchema({"enum": ["features", "predictions"]})]


@dataclass(frozen=True)
class Needs:
    """What a detector reads of a window; the monitor keeps just that, and nothing twice.

    Attributes:
        of: the half that it judges, or both.
        statistics: by the names that monitors use.
        sample: how many rows; 0 for none. Of both halves, how many of each, to be joined.
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
        joining: the samples of both halves that can be joined; None where no detector asks for them.
    """

    features: Summary
    predictions: Summary
    joining: JoinedSample | None = None

    def half(self, of: Of) -> Summary:
        """Gives one half; what joins both is in `joining`."""
        return self.predictions if of == "predictions" else self.features


@dataclass(frozen=True)
class DriftResult:
    """What a detector says about a window.

    Attributes:
        verdict: drift, ok, or nodata where nothing could be judged.
        reason: why there is no verdict, or none on some column; empty where all was judged.
        distance: how far the window lies from the baseline.
        p_value: how probable such a distance is without drift; None for detectors that know no probability.
        threshold: of the p-value, or else of the distance, after all corrections.
        columns: what it says about each column that it judges, by its name in the detector's schema, as JSON values;
            every judged column has `drift`: true, false, or null with a `reason`.
        applied: the corrections that went into the verdict, as JSON values.
        joined: how requests and responses met, as JSON values; empty for who judges one half.
    """

    verdict: Verdict
    reason: str = ""
    distance: float | None = None
    p_value: float | None = None
    threshold: float | None = None
    columns: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    applied: Mapping[str, object] = field(default_factory=dict)
    joined: Mapping[str, object] = field(default_factory=dict)


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

    of: OneHalf = Field(default="features", description="whether columns of requests or of responses are judged")
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


def _columns(context: Context, of: Of) -> Schema:
    if of == "both":
        return told_apart(context.features, context.predictions)
    return context.features if of == "features" else context.predictions


class DriftDetector(Detector[D]):
    """Judges windows.

    Stated answers: missing and infinite values are left out and counted; a column with too few others is not judged
    and says so, and the rest is; a window in which nothing can be judged gets the verdict nodata with the reason.

    Attributes:
        of: what it judges.
        half: the half that this is of; of both, where columns have a half each, it is that of requests.
        schema: the columns of that half; of both, those of requests and then those of responses.
    """

    kind: ClassVar[Literal["drift"]] = "drift"

    def __init__(self, parameters: D, context: Context) -> None:
        """Takes the columns of what it judges.

        Raises:
            InvalidDetector: if there are none.
        """
        super().__init__(parameters, context)
        self.of: Of = parameters.of
        self.half: Half = "response" if self.of == "predictions" else "request"
        if self.of != "features" and not len(context.predictions):
            raise InvalidDetector(
                f"is {self.of!r}, and the monitor has no predictions: name them in spec.schema or build the baseline "
                "with them",
                "of",
            )
        self.schema: Schema = _columns(context, self.of)

    def baseline(self, context: Context) -> Baseline:
        """Gives the baseline, which must have what is judged.

        Raises:
            InvalidDetector: if there is none, or one without predictions where those are judged.
        """
        baseline = baseline_of(context)
        if self.of != "features" and not baseline.predictions:
            raise InvalidDetector(
                f"is {self.of!r}, and the baseline has no predictions: build it with --prediction NAME, or from requests "
                "with their responses",
                "of",
            )
        return baseline

    def choose(self, context: Context) -> tuple[int, ...]:
        """Chooses the columns.

        Returns:
            Their places in the schema, ascending.

        Raises:
            InvalidDetector: as `columns_of` does.
        """
        return columns_of(
            self.parameters.features,
            self.schema,
            detector=context.type,
            judges=self.judges,
            by_default=self.by_default,
            of="columns" if self.of == "both" else self.of,
        )

    @abstractmethod
    def needs(self) -> Needs:
        """Tells what the detector reads of a window."""

    @abstractmethod
    def judge(self, window: Window) -> DriftResult:
        """Judges a closed window."""


AnyDriftDetector = DriftDetector[Any]
