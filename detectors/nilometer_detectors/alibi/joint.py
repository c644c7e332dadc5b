"""alibi-detect's drift detectors that judge all columns at once by a model that they train on each window.

alibi-detect under a stream has traps, and this is where they are shut off:

* its default backend is TensorFlow: this is scikit-learn's, the one of a plain install, and an argument that it ignores
  is refused;
* the split into rows to train on and to test on, and most models, draw from numpy's global generator, whatever its
  `seed` says: it is seeded for each window;
* a model is a Python object, and artefacts that hold one are pickles: a monitor names one of `MODELS`;
* a detector may go on training from window to window: each window gets a new one.

Rows are encoded as for our own joint tests: in standard deviations, categories as numbers, what is missing at the mean.
"""

import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from nilometer_detectors.alibi.library import arguments_of, class_of, number_of, refused, seeded, takes, why_not
from nilometer_detectors.detector import Context, InvalidDetector, Parameters
from nilometer_detectors.drift.base.joint import JointDistance, JointDrift, JointParameters
from nilometer_logger.rows import Floats

Model = Literal["ExtraTreesClassifier", "GradientBoostingClassifier", "LogisticRegression", "RandomForestClassifier"]
MODELS: Mapping[Model, str] = MappingProxyType(
    {
        "ExtraTreesClassifier": "sklearn.ensemble",
        "GradientBoostingClassifier": "sklearn.ensemble",
        "LogisticRegression": "sklearn.linear_model",
        "RandomForestClassifier": "sklearn.ensemble",
    }
)


class AlibiJointParameters(JointParameters):
    """Our parameters; any other is one of the detector's constructor."""

    model_config = ConfigDict(extra="allow")

    model: Model = Field(
        default="LogisticRegression",
        description="scikit-learn's, with its own defaults; the others see more than lines can tell apart, and cost "
        "ten times as much or more",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="of the split into training and test, and of the model")


class AlibiJoint(JointDrift[AlibiJointParameters]):
    """A detector of alibi-detect that trains a classifier to tell the window's rows from the baseline's.

    Source: Van Looveren et al., "Alibi Detect: algorithms for outlier, adversarial and drift detection", version 0.13,
    after Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017. Distance and p-value are its own,
    from the classifier's answers on rows that it was not trained on.

    A column's contribution is what the distance loses without the column; that trains one
    more model for each column, where there is drift. `classifier` gives an exact p-value from all rows.

    With `of: both`, name a model that sees more than straight lines can tell apart: to logistic regression a prediction
    that falls with a feature where it rose looks the same.
    """

    Parameters: ClassVar[type[Parameters]] = AlibiJointParameters

    def __init__(self, parameters: AlibiJointParameters, context: Context) -> None:
        """Tries the detector on a part of the baseline.

        Raises:
            ExtraMissing: if alibi-detect is not installed.
            InvalidDetector: as for every joint test, or if it does not take the parameters.
        """
        super().__init__(parameters, context)
        self._make = class_of(context.type)
        self._arguments = arguments_of(self._make, parameters.model_extra or {}, self.Parameters)
        try:
            made = self._made(self.reference)
            self.compare(self.reference[: parameters.min_rows], np.arange(len(self.owners)))
        except Exception as error:
            raise refused(error) from error
        inner = type(getattr(made, "_detector", made))
        for given, name in zip(parameters.model_extra or {}, self._arguments, strict=True):
            if not takes(inner, name):
                raise InvalidDetector("has no effect with models of scikit-learn: leave it out", given)

    def _made(self, reference: Floats) -> Any:
        parameters = self.parameters
        model = getattr(import_module(MODELS[parameters.model]), parameters.model)()
        fixed = {"backend": "sklearn", "model": model, "p_val": self._level, "seed": parameters.seed}
        own = {name: value for name, value in fixed.items() if takes(self._make, name)}
        return self._make(reference, **own, **self._arguments)

    def compare(self, window: Floats, numbers: NDArray[np.intp]) -> JointDistance:
        """Trains a model on some of the rows and tests it on others.

        Raises:
            ArithmeticError: if the test gives no number, which would else count as no drift.
        """
        with seeded(self.parameters.seed):
            said = self._made(self.reference[:, numbers]).predict(window[:, numbers])["data"]
        found = JointDistance(number_of(said, "distance"), number_of(said, "p_val"))
        if math.isnan(found.p_value):
            raise ArithmeticError("the test gave no p-value")
        return found

    def contributions(self, window: Floats, columns: Sequence[NDArray[np.intp]]) -> Floats:
        """Takes one column after the other away."""
        numbers = np.concatenate(columns)
        whole = self.compare(window, numbers).distance
        others = [np.setdiff1d(numbers, column) for column in columns]
        return np.array([whole - self.compare(window, other).distance for other in others])

    @classmethod
    def why_not(cls, name: str) -> str:
        """Says why a detector of that name is not carried."""
        return why_not(name)
