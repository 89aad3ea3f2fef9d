"""What the estimators share: labels are checked, and the fitted model predicts."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from linesift.features import Floats
from linesift.labels import LABELS, UNSURE, LabelArray
from linesift.metrics import Threshold
from linesift.model import LinePredictor
from linesift.page import Page


class LineEstimator(LinePredictor, ClassifierMixin, BaseEstimator):
    """A predictor that is fitted to labelled pages; `fit` sets `model_`, which predicts."""

    model_: LinePredictor

    def predict_proba(self, X: Sequence[Page]) -> list[Floats]:
        """Return the probability of each label for each line, per page (n_lines, n_labels)."""
        check_is_fitted(self, "model_")
        return self.model_.predict_proba(X)

    def threshold(self, wanted: float | str = "balanced") -> Threshold:
        """Return what is kept at a threshold, as `LinePredictor.threshold` does."""
        check_is_fitted(self, "model_")
        return super().threshold(wanted)


def label_arrays(X: Sequence[Page], y: Sequence[npt.ArrayLike]) -> list[LabelArray]:
    """Return the label codes of each page, as they are kept.

    Raises
    ------
    ValueError
        There are more pages or fewer, an array has another length than its page, or holds
        what is no label code.
    """
    given = [np.asarray(one) for one in y]
    if len(X) != len(given):
        raise ValueError(f"expected {len(X)} label arrays, got {len(given)}")
    for page, one in zip(X, given, strict=True):
        if len(one) != len(page.lines):
            raise ValueError(
                f"page {page.page_id!r}: expected {len(page.lines)} labels, got {len(one)}"
            )
        odd = one[~np.isin(one, (UNSURE, *range(len(LABELS))))]
        if len(odd):
            raise ValueError(
                f"page {page.page_id!r}: expected label codes 0 to {len(LABELS) - 1}, or "
                f"{UNSURE} for unsure, got {odd[0]}"
            )
    return [one.astype(np.int8) for one in given]
