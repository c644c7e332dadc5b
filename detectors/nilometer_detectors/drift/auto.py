"""The test that suits each column."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from nilometer_detectors.detector import Context, Parameters
from nilometer_detectors.drift.base.columns import ColumnDrift, Measured
from nilometer_detectors.drift.base.contract import Needs, Window
from nilometer_detectors.drift.base.deciding import ColumnTestParameters
from nilometer_detectors.drift.base.effective import Input
from nilometer_detectors.drift.base.samples import SampleParameters
from nilometer_detectors.drift.chi2 import Chi2
from nilometer_detectors.drift.fet import FET
from nilometer_detectors.drift.ks import KS
from nilometer_logger.rows import Column, ColumnType

_TESTS: Mapping[str, type[ColumnDrift[Any, Any]]] = {"ks": KS, "fet": FET, "chi2": Chi2}


class AutoParameters(ColumnTestParameters, SampleParameters):
    """The parameters of `auto`: those that all of its tests have."""


class Auto(ColumnDrift[AutoParameters, Any]):
    """Judges each column by the test that suits its type and what the baseline has of it.

    * `fet`, Fisher's exact test, for two values: boolean columns, and categorical ones of two categories; it is exact at
      any size;
    * `chi2` for other categorical columns, which pools the categories that a window is too small for;
    * `ks` for numbers and lengths of texts, of which there are at least two in the baseline's sample; it is exact with ties;
    * `chi2` over the bins for numbers of which the baseline has a histogram and no sample.

    The finding says of each column which test it was (`test`). All p-values are corrected together, as those of one test.
    """

    Parameters: ClassVar[type[Parameters]] = AutoParameters
    judges: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "boolean", "categorical", "text"})
    by_default: ClassVar[frozenset[ColumnType]] = judges

    def __init__(self, parameters: AutoParameters, context: Context) -> None:
        """Chooses a test for each column.

        Raises:
            Refused: if there is no baseline, nothing to judge, or a column that the baseline says too little of.
        """
        super().__init__(parameters, context)
        baseline = self.baseline(context)
        sizes = [len(baseline.reference(place, self.half)) for place in self.places]
        chosen = [_test_for(self.schema.columns[place], size) for place, size in zip(self.places, sizes, strict=True)]
        self._parts: dict[str, tuple[ColumnDrift[Any, Any], list[int]]] = {}
        for test in dict.fromkeys(chosen):
            columns = [column for column, other in enumerate(chosen) if other == test]
            given = {
                "features": [self.names[column] for column in columns],
                "of": self.of,
                "minRows": parameters.min_rows,
            }
            if test == "ks":
                given["sampleSize"] = parameters.sample_size
            kind = _TESTS[test]
            part = kind(kind.Parameters.model_validate(given), replace(context, type=test))
            self._parts[test] = part, columns

    def needs(self) -> Needs:
        """Asks for what its tests need."""
        needs = [part.needs() for part, _ in self._parts.values()]
        statistics = self.order.union(*(each.statistics for each in needs))
        return Needs(self.of, statistics, max(each.sample for each in needs), self.parameters.min_rows)

    def inputs(self, window: Window) -> Sequence[Input[Any]]:
        """Gives what each column's test reads of it."""
        found: dict[int, Input[Any]] = {}
        for part, columns in self._parts.values():
            found.update(zip(columns, part.inputs(window), strict=True))
        return [found[column] for column in range(len(self.places))]

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Any]]) -> Measured:
        """Tests each column by its test."""
        distances, p_values = np.empty(len(columns)), np.empty(len(columns))
        facts: list[Mapping[str, object]] = [{}] * len(columns)
        for test, (part, ours) in self._parts.items():
            at = [index for index, column in enumerate(columns) if column in ours]
            if not at:
                continue
            measured = part.measure([ours.index(columns[index]) for index in at], [inputs[index] for index in at])
            distances[at], p_values[at] = measured.distances, measured.known
            for index, said in zip(at, measured.facts or [{}] * len(at), strict=True):
                facts[index] = {"test": test, **said}
        return Measured(distances, p_values, facts)


def _test_for(column: Column, sampled: int) -> str:
    """Chooses the test of a column, of which the baseline's sample has some values."""
    if column.type == "boolean" or (column.type == "categorical" and len(column.categories) == 2):
        return "fet"
    return "ks" if column.type != "categorical" and sampled >= 2 else "chi2"
