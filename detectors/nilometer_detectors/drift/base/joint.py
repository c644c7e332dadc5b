"""Drift detectors that judge all columns at once, so that they see what no column shows by itself.

They compare the rows of a window's sample with rows of the baseline's, in the units of `standard`. A value that is
missing or infinite stands at the baseline's mean, in the window as in the baseline, and is counted: a row with a hole is
not lost, and a share of holes that has changed is a change too. A column with fewer than `minRows` usable values in a
window is left out of that window's test, and said.

With `of: both` a row is a request joined with its response (see `joining`), in the window as in the baseline. So it is
seen that predictions have come to follow from features in another way, which neither shows by itself: a model that was
silently replaced, or a relation that no longer holds. What is said is said of the inferences that were answered.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.detector import Context, InvalidDetector
from nilometer_detectors.drift.base.contract import DriftDetector, DriftResult, Needs, Of, Window, listed
from nilometer_detectors.drift.base.deciding import LevelParameters
from nilometer_detectors.drift.base.samples import SampleParameters
from nilometer_detectors.drift.base.standard import Categories, Standard
from nilometer_detectors.statistics.base.contract import plain
from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.rows import ColumnType, Floats

_TOGETHER = "judged together with the other columns"


class JointParameters(LevelParameters, SampleParameters):
    """The parameters of detectors that judge all columns at once."""

    of: Of = Field(
        default="features",
        description="whether columns of requests or of responses are judged; or both: requests joined with their "
        "responses, each pair as one row",
    )
    sample_size: int = Field(
        default=500,
        ge=2,
        le=2000,
        validate_default=True,
        description="how many rows of a window are tested at most; not fewer than minRows",
    )
    reference_size: int = Field(
        default=500, ge=2, le=2000, description="how many rows of the baseline they are compared with at most"
    )


@dataclass(frozen=True)
class JointDistance:
    """What a joint test found.

    Attributes:
        distance: between window and baseline.
        p_value: how probable such a distance is without drift.
    """

    distance: float
    p_value: float


J = TypeVar("J", bound=JointParameters)


class JointDrift(DriftDetector[J]):
    """A test of all columns at once.

    Attributes:
        places: of the judged columns in the schema.
        names: of the judged columns.
        reference: the baseline's rows, encoded, shape (reference rows, numbers).
        owners: of each number the place of its column among the judged ones, shape (numbers,).
    """

    judges: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "boolean", "categorical"})
    by_default: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "boolean", "categorical"})

    def __init__(self, parameters: J, context: Context) -> None:
        """Chooses the columns and encodes the baseline's rows.

        Raises:
            InvalidDetector: if there is no baseline, nothing to judge, a column of which it knows no value, fewer than two rows
                in it, or a level that the permutations cannot reach.
        """
        super().__init__(parameters, context)
        self.places = self.choose(context)
        self.names = tuple(self.schema.names[place] for place in self.places)
        self._level = parameters.level(context)
        known, sample = self._known(self.baseline(context))
        references = [known[place] for place in self.places]
        for name, reference in zip(self.names, references, strict=True):
            if not len(reference):
                raise InvalidDetector(
                    f"the baseline has no usable value of {name!r}: name the features to judge without it"
                )
        if len(sample) < 2:
            raise InvalidDetector("the baseline has fewer than two rows: build it from more")
        columns = [self.schema.columns[place] for place in self.places]
        self._numbers = [place for place, column in enumerate(columns) if column.type != "categorical"]
        self._standard = Standard([references[place] for place in self._numbers])
        self._categories = {
            place: Categories.of(references[place], len(column.categories))
            for place, column in enumerate(columns)
            if column.type == "categorical"
        }
        widths = [len(self._categories[place].shares) for place in self._categories]
        self.owners: NDArray[np.intp] = np.concatenate(
            [np.array(self._numbers, dtype=np.intp), np.repeat(np.array(list(self._categories), dtype=np.intp), widths)]
        )
        self.reference = self._encode(sample[: parameters.reference_size, self.places])

    def _known(self, baseline: Baseline) -> tuple[list[Floats], Floats]:
        """Gives the baseline's usable values of each column of the schema, ascending, and its rows.

        The baseline's samples of both halves are of the same rows, in the same order.
        """
        halves: dict[Of, tuple[Floats, Half]] = {
            "features": (baseline.feature_sample, "request"),
            "predictions": (baseline.prediction_sample, "response"),
        }
        asked = [halves[of] for of in halves if self.of in (of, "both")]
        references = [baseline.reference(place, half) for sample, half in asked for place in range(sample.shape[1])]
        return references, np.concatenate([sample for sample, _ in asked], axis=1)

    def _encode(self, values: Floats) -> Floats:
        """Encodes rows of the judged columns; what is missing stands at the baseline's mean, which is 0."""
        parts = [self._standard(values[:, self._numbers])]
        parts += [encode(values[:, place]) for place, encode in self._categories.items()]
        return np.nan_to_num(np.concatenate(parts, axis=1), copy=False)

    def needs(self) -> Needs:
        """Asks for a sample of rows."""
        parameters = self.parameters
        return Needs(self.of, sample=parameters.sample_size, min_rows=parameters.min_rows)

    @abstractmethod
    def compare(self, window: Floats, numbers: NDArray[np.intp]) -> JointDistance:
        """Compares a window with the baseline.

        Args:
            window: encoded rows, shape (rows, numbers of all judged columns), in the order of their hashes.
            numbers: which of the numbers take part, ascending.
        """

    @abstractmethod
    def contributions(self, window: Floats, columns: Sequence[NDArray[np.intp]]) -> Floats:
        """Tells how much of the distance is due to each column, in the unit of the distance.

        Args:
            window: as for `compare`.
            columns: the numbers of each column that takes part.

        Returns:
            Shape (columns,).
        """

    def judge(self, window: Window) -> DriftResult:
        """Judges a closed window."""
        size = self.parameters.sample_size
        if self.of != "both":
            half = window.half(self.of)
            return self._judged(half.sample(size), half.rows)
        if window.joining is None:
            raise TypeError("the window keeps no rows of both halves")
        joined = window.joining.join(size)
        result = replace(self._judged(joined.values, len(joined.values)), joined=joined.facts)
        if result.verdict != "nodata":
            return result
        alone = f"{joined.unpaired_requests} of requests and {joined.unpaired_responses} of responses"
        return replace(result, reason=f"{result.reason}; joined ones, and {alone} met no other half in the window")

    def _judged(self, values: Floats, rows: int) -> DriftResult:
        """Judges rows.

        Args:
            values: a sample, shape (rows, columns of the schema), in the order of their hashes.
            rows: how many there are in the window.
        """
        parameters, values = self.parameters, values[:, self.places]
        counts = np.isfinite(values).sum(axis=0).tolist()
        said: list[dict[str, object]] = [
            {"drift": None, "reason": _TOGETHER, "count": count, "missing": len(values) - count} for count in counts
        ]
        reasons = {
            place: f"{count} usable values, fewer than minRows ({parameters.min_rows})"
            for place, count in enumerate(counts)
            if count < parameters.min_rows
        }
        for place, reason in reasons.items():
            said[place]["reason"] = reason
        reason = listed([f"{self.names[place]}: {why}" for place, why in reasons.items()])
        if len(reasons) == len(said):
            if rows < parameters.min_rows:
                reason = f"{rows} rows, fewer than minRows ({parameters.min_rows})"
            return DriftResult("nodata", reason, columns=dict(zip(self.names, said, strict=True)))
        encoded = self._encode(values)
        judged = [place for place in range(len(said)) if place not in reasons]
        found = self.compare(encoded, np.flatnonzero(np.isin(self.owners, judged)))
        drift = found.p_value < self._level and found.distance >= parameters.min_distance
        if drift and len(judged) > 1:
            shares = self.contributions(encoded, [np.flatnonzero(self.owners == place) for place in judged])
            for place, share in zip(judged, shares.tolist(), strict=True):
                said[place]["contribution"] = plain(share)
        return DriftResult(
            verdict="drift" if drift else "ok",
            reason=reason,
            distance=plain(found.distance),
            p_value=found.p_value,
            threshold=self._level,
            columns=dict(zip(self.names, said, strict=True)),
            applied=parameters.applied(self._level),
        )
