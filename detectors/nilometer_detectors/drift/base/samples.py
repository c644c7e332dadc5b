"""Column by column, on a sample of a window's values, against the baseline's values, which stand sorted."""

from collections.abc import Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.detector import Context, InvalidDetector
from nilometer_detectors.drift.base.columns import ColumnDrift
from nilometer_detectors.drift.base.contract import DriftParameters, Needs, Window
from nilometer_detectors.drift.base.effective import Input
from nilometer_detectors.kernels.ragged import Ragged, pack, pack_sorted
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.rows import Floats


class SampleParameters(DriftParameters):
    """The parameters of detectors that read a sample."""

    sample_size: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        validate_default=True,
        description="how many rows of a window are tested at most; not fewer than minRows",
    )

    @field_validator("sample_size")
    @classmethod
    def _enough(cls, sample_size: int, info: ValidationInfo) -> int:
        if sample_size < info.data.get("min_rows", 0):
            raise ValueError(f"smaller than minRows ({info.data['min_rows']}), so nothing would ever be judged")
        return sample_size


S = TypeVar("S", bound=SampleParameters)


def references_of(baseline: Baseline, half: Half, places: Sequence[int], names: Sequence[str]) -> list[Floats]:
    """Gives the baseline's values of some columns, ascending.

    Raises:
        InvalidDetector: if a column has fewer than two.
    """
    references = [baseline.reference(place, half) for place in places]
    for name, reference in zip(names, references, strict=True):
        if len(reference) < 2:
            raise InvalidDetector(
                f"the baseline has fewer than two usable values of {name!r}: name the features to judge without it"
            )
    return references


def sample_inputs(half: Summary, size: int, places: Sequence[int]) -> list[Input[Floats]]:
    """Gives the finite values of some columns in a window's sample, in the order of the rows' hashes."""
    values = half.sample(size)[:, places]
    finite = np.isfinite(values)
    counts = np.add.reduce(finite, axis=0, dtype=np.int64).tolist()
    return [
        Input(values[finite[:, place], place], count, len(values) - count, count) for place, count in enumerate(counts)
    ]


class SampleDrift(ColumnDrift[S, Floats]):
    """A detector that reads values.

    Attributes:
        references: of each judged column, the baseline's values, ascending, finite, at least two.
    """

    def __init__(self, parameters: S, context: Context) -> None:
        """Takes the columns' values from the baseline.

        Raises:
            InvalidDetector: if there is no baseline, nothing to judge, or a column with fewer than two values in it.
        """
        super().__init__(parameters, context)
        self.references = references_of(self.baseline(context), self.half, self.places, self.names)

    def try_once(self) -> None:
        """Measures a little of the baseline against itself, so that kernels are compiled before the first window."""
        self.measure([0], [Input(self.references[0][:2].copy(), 2, 0, 2)])

    def needs(self) -> Needs:
        """Asks for a sample of rows."""
        parameters = self.parameters
        return Needs(self.of, self.order, sample=parameters.sample_size, min_rows=parameters.min_rows)

    def inputs(self, window: Window) -> Sequence[Input[Floats]]:
        """Gives the finite values of each judged column, in the order of the rows' hashes."""
        return sample_inputs(window.half(self.of), self.parameters.sample_size, self.places)

    @cached_property
    def _packed(self) -> Ragged:
        return pack(self.references)

    def packed(self, columns: Sequence[int]) -> Ragged:
        """Gives the references of some columns for a kernel: those of all columns are packed once."""
        if len(columns) == len(self.references):
            return self._packed
        return pack([self.references[column] for column in columns])


def sorted_values(inputs: Sequence[Input[Floats]]) -> Ragged:
    """Gives the values of some columns for a kernel, each ascending."""
    return pack_sorted([each.values for each in inputs])
