"""Can a classifier tell the window's rows from the baseline's?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.linalg import cho_factor, cho_solve

from nilometer_detectors.detector import Parameters
from nilometer_detectors.drift.base.joint import JointDistance, JointDrift, JointParameters
from nilometer_detectors.drift.base.permutations import PermutationParameters, deals, p_value
from nilometer_detectors.kernels.ranks import average_ranks
from nilometer_logger.rows import Floats

_NOTHING: Final = 1e-12  # a ridge that rounding alone could make: all rows are the same
_DIGITS: Final = 9  # of scores, between -1 and 1: rows that are the same must not differ by rounding


class ClassifierParameters(JointParameters, PermutationParameters):
    """The parameters of `classifier`, named as those of alibi-detect's `ClassifierDrift`."""

    n_folds: int = Field(
        default=5, ge=2, le=20, description="each fold's rows are scored by a classifier that learnt from the others"
    )

    @model_validator(mode="after")
    def _foldable(self) -> Self:
        if self.min_rows < self.n_folds or self.reference_size < self.n_folds:
            least = "minRows" if self.min_rows < self.n_folds else "referenceSize"
            raise ValueError(f"gives {least} smaller than nFolds ({self.n_folds}), so a fold could be without a row")
        return self


@dataclass(frozen=True)
class _Fold:
    """One fold's classifier.

    Attributes:
        tested: where the rows are that it scores, shape (tested,).
        trained: where the rows are that it learnt from, shape (trained,).
        smoother: makes scores of the labels that it learnt from, shape (tested, trained).
        factor: of the training rows' centred kernel with its ridge.
    """

    tested: NDArray[np.intp]
    trained: NDArray[np.intp]
    smoother: Floats
    factor: tuple[Floats, bool]


class Classifier(JointDrift[ClassifierParameters]):
    """The cross-validated AUC of a quadratic discriminant between window and baseline, and its permutation p-value.

    The classifier is least squares on the labels, which gives the direction of Fisher's discriminant (Hastie,
    Tibshirani and Friedman, "The elements of statistical learning", section 4.3), over all columns, their squares and
    their products: kernel ridge regression with

        k(u, v) = u·v / d + (u·v / d)²

    for rows of d numbers, centred on the training rows, with a ridge as large as the mean of the kernel's diagonal. So
    the columns weigh more than their products, and the cost does not grow with the number of products. It learns all
    labels by one factorisation, so that each permutation learns anew and is scored out of its folds for little: that
    makes the p-value exact (see `permutations`; Kim, Ramdas, Singh and Wasserman, "Classification accuracy as a proxy
    for two-sample testing", Annals of Statistics 2021).

    Folds are dealt in the order of the rows' hashes, window and baseline each by itself, and labels are permuted within
    folds. The AUC (the probability that a row of the window gets a higher score than one of the baseline, Mann and
    Whitney 1947) is the mean over the folds' pairs; 0.5 says that they cannot be told apart.

    A column's contribution is what the AUC loses where the column of the scored rows is set to the baseline's mean.

    O(N³) for N rows of window and baseline together, whatever the number of columns, and O(N²) a permutation.
    """

    Parameters: ClassVar[type[Parameters]] = ClassifierParameters

    def compare(self, window: Floats, numbers: NDArray[np.intp]) -> JointDistance:
        """Learns the true labels and permuted ones."""
        parameters = self.parameters
        _, kernel = _kernel(np.concatenate([self.reference, window])[:, numbers])
        strata, ours = self._dealt(len(window))
        folds = list(_folds(kernel, strata))
        blocks = deals(strata, ours, parameters.n_permutations, parameters.seed)
        aucs = np.concatenate([_auc(block, folds) for block in blocks])
        return JointDistance(float(aucs[0]), p_value(aucs))

    def _dealt(self, rows: int) -> tuple[NDArray[np.intp], Floats]:
        """Gives the fold and the true label of each row, those of the baseline first."""
        sizes = (len(self.reference), rows)
        strata = np.concatenate([np.arange(size, dtype=np.intp) % self.parameters.n_folds for size in sizes])
        return strata, np.repeat([0.0, 1.0], sizes)

    def contributions(self, window: Floats, columns: Sequence[NDArray[np.intp]]) -> Floats:
        """Takes one column after the other from the rows that are scored."""
        numbers = np.concatenate(columns)
        rows = np.concatenate([self.reference, window])
        products, kernel = _kernel(rows[:, numbers])
        strata, ours = self._dealt(len(window))
        lost = np.zeros(len(columns))
        pairs = 0.0
        for fold in _folds(kernel, strata):
            label, learnt = ours[fold.tested], ours[fold.trained]
            weights = cho_solve(fold.factor, learnt - learnt.mean())
            across = np.ix_(fold.tested, fold.trained)
            # Weights that sum to 0 make the scores' centring a constant, which changes no rank.
            weights -= weights.mean()
            scores = [kernel[across] @ weights]
            for column in columns:
                less = products[across] - rows[np.ix_(fold.tested, column)] @ rows[np.ix_(fold.trained, column)].T
                scores.append(_of_products(less, len(numbers)) @ weights)
            found = _larger(np.stack(scores, axis=1), np.repeat(label[:, np.newaxis], len(scores), axis=1))
            lost += found[0] - found[1:]
            pairs += _pairs(label)
        return lost / pairs


def _kernel(rows: Floats) -> tuple[Floats, Floats]:
    """Gives the products of all rows, and the kernel of them."""
    products = rows @ rows.T
    return products, _of_products(products, rows.shape[1])


def _of_products(products: Floats, width: int) -> Floats:
    scaled = products / width
    return scaled + scaled * scaled


def _folds(kernel: Floats, strata: NDArray[np.intp]) -> Iterator[_Fold]:
    """Trains the classifier of each fold, for any labels."""
    for fold in np.unique(strata):
        tested, trained = np.flatnonzero(strata == fold), np.flatnonzero(strata != fold)
        within, across = kernel[np.ix_(trained, trained)], kernel[np.ix_(tested, trained)]
        means = within.mean(axis=0)
        centred = within - means - means[:, np.newaxis] + means.mean()
        ridge = centred.trace() / len(trained)
        centred[np.diag_indices(len(trained))] += ridge if ridge > _NOTHING else 1.0
        factor = cho_factor(centred, lower=True, overwrite_a=True, check_finite=False)
        shifted = across - across.mean(axis=1)[:, np.newaxis] - means + means.mean()
        yield _Fold(tested, trained, cho_solve(factor, shifted.T, check_finite=False).T, factor)


def _auc(dealt: Floats, folds: Sequence[_Fold]) -> Floats:
    """Gives the AUC over all folds for many deals of labels, shape (deals,)."""
    larger, pairs = np.zeros(dealt.shape[1]), 0.0
    for fold in folds:
        learnt = dealt[fold.trained]
        label = dealt[fold.tested]
        larger += _larger(fold.smoother @ (learnt - learnt.mean(axis=0)), label)
        pairs += _pairs(label[:, 0])
    return larger / pairs


def _larger(scores: Floats, labels: Floats) -> Floats:
    """Counts the pairs in which the window's row has the higher score, half of those with equal ones: shape (deals,)."""
    ours = np.add.reduce(labels, axis=0)
    ranks = average_ranks(np.round(scores, _DIGITS))
    larger: Floats = np.einsum("ij,ij->j", ranks, labels) - ours * (ours + 1) / 2
    return larger


def _pairs(label: Floats) -> float:
    ours = float(np.add.reduce(label))
    return ours * (len(label) - ours)
