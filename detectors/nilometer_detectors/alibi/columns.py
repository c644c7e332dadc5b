"""alibi-detect's drift detectors that test column by column.

alibi-detect under a stream has traps, and this is where they are shut off:

* one NaN makes a p-value NaN and silences a test, or makes it fail for all columns: it is given finite values only, a
  column at a time, because the columns of a window lack different rows; a p-value that is NaN all the same is said, and
  never counts as no drift;
* it compares a float32 reference with a float64 window, in which 0.1 differs from 0.1: both sides are float64;
* CVMDrift takes a column that is the same constant on both sides for drift (p = 6e-8 at 100 rows): such a column is
  answered here, with distance 0 and p-value 1;
* a category that is declared and occurs on neither side is an error of the χ² test, for all columns: it is given the
  categories that the baseline has;
* constructors accept what predictions then fail on: a trial prediction is part of building;
* columns beyond those of the reference are ignored, one too few is an error: the columns are those of the schema.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import ConfigDict

from nilometer_detectors.alibi.library import arguments_of, class_of, number_of, refused, seeded, takes, why_not
from nilometer_detectors.detector import Context, InvalidDetector, Parameters
from nilometer_detectors.drift.base.columns import Measured
from nilometer_detectors.drift.base.contract import Window
from nilometer_detectors.drift.base.deciding import PValueParameters
from nilometer_detectors.drift.base.effective import Input
from nilometer_detectors.drift.base.samples import SampleDrift, SampleParameters
from nilometer_logger.rows import ColumnType, Floats, Schema

CODES: frozenset[ColumnType] = frozenset({"boolean", "categorical"})


class AlibiColumnParameters(PValueParameters, SampleParameters):
    """Our parameters; any other is one of the detector's constructor."""

    model_config = ConfigDict(extra="allow")


class AlibiNumbers(SampleDrift[AlibiColumnParameters]):
    """A test by column of alibi-detect: its distances and p-values, our corrections and verdicts.

    Source: Van Looveren et al., "Alibi Detect: algorithms for outlier, adversarial and drift detection", version 0.13.
    Distances and p-values are float32 there for most tests, so they are given with that precision. The reference is
    sorted or counted anew at every window, which `ks`, `cvm`, `chi2` and `fet` do once.
    """

    Parameters: ClassVar[type[Parameters]] = AlibiColumnParameters

    @classmethod
    def why_not(cls, name: str) -> str:
        """Says why a detector of that name is not carried."""
        return why_not(name)

    def __init__(self, parameters: AlibiColumnParameters, context: Context) -> None:
        """Builds one detector of alibi-detect for each column.

        Raises:
            ExtraMissing: if alibi-detect is not installed.
            InvalidDetector: if it does not take the parameters.
        """
        super().__init__(parameters, context)
        make = class_of(context.type)
        arguments = arguments_of(make, parameters.model_extra or {}, self.Parameters)
        kinds = [self.schema.columns[place].type for place in self.places]
        try:
            with seeded(0):
                self._detectors = [
                    make(reference[:, np.newaxis], **arguments, **_categories(make, kind, reference))
                    for kind, reference in zip(kinds, self.references, strict=True)
                ]
            for column, reference in enumerate(self.references):
                some = reference[: parameters.min_rows]
                self.measure([column], [Input(some, len(some), 0, len(some))])
        except Exception as error:
            raise refused(error) from error

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Floats]]) -> Measured:
        """Tests columns against their references."""
        distances, p_values = np.zeros(len(columns)), np.ones(len(columns))
        for place, (column, each) in enumerate(zip(columns, inputs, strict=True)):
            if not _same_constant(self.references[column], each.values):
                said = self._detectors[column].predict(each.values[:, np.newaxis])["data"]
                distances[place], p_values[place] = number_of(said, "distance"), number_of(said, "p_val")
        return Measured(distances, p_values)


class AlibiCategories(AlibiNumbers):
    """A test by column of alibi-detect that judges categories; all that the baseline has not seen are one."""

    judges: ClassVar[frozenset[ColumnType]] = CODES
    by_default: ClassVar[frozenset[ColumnType]] = CODES


class AlibiMixed(AlibiNumbers):
    """A test by column of alibi-detect that judges numbers and categories."""

    judges: ClassVar[frozenset[ColumnType]] = CODES.union(["numeric", "text"])
    by_default: ClassVar[frozenset[ColumnType]] = judges


class AlibiTruths(AlibiNumbers):
    """A test by column of alibi-detect that judges two values, 0 and 1: truth values, or two categories.

    It fails on a third value: an unseen category is left out and counted as missing. `chi2` and `fet` judge it.
    """

    judges: ClassVar[frozenset[ColumnType]] = CODES
    by_default: ClassVar[frozenset[ColumnType]] = frozenset({"boolean"})

    def choose(self, context: Context) -> tuple[int, ...]:
        """Chooses the columns.

        Raises:
            InvalidDetector: if one has more than two categories.
        """
        return of_two_values(self.schema, super().choose(context))

    def inputs(self, window: Window) -> Sequence[Input[Floats]]:
        """Gives the values of each column that are 0 or 1."""
        return [_truths(each) for each in super().inputs(window)]


def of_two_values(schema: Schema, places: tuple[int, ...]) -> tuple[int, ...]:
    """Gives the places of columns back, none of which has more than two categories.

    Raises:
        InvalidDetector: if one has.
    """
    for place in places:
        column = schema.columns[place]
        if len(column.categories) > 2:
            raise InvalidDetector(f"{column.name!r} has {len(column.categories)} categories, more than two", "features")
    return places


def _truths(each: Input[Floats]) -> Input[Floats]:
    values = each.values[(each.values == 0.0) | (each.values == 1.0)]
    return Input(values, len(values), each.missing + each.count - len(values), len(values))


def _categories(make: Any, kind: ColumnType, reference: Floats) -> dict[str, Any]:
    """Tells a test that wants to know which column is categorical; none is where it tests numbers."""
    if not takes(make, "categories_per_feature"):
        return {}
    return {"categories_per_feature": {0: np.unique(reference).astype(int).tolist()} if kind in CODES else {}}


def _same_constant(reference: Floats, values: Floats) -> bool:
    """Tells whether a column is the same constant on both sides."""
    return bool(reference[0] == reference[-1] and (values == reference[0]).all())
