"""What the estimators share: labels are checked, and the fitted model predicts."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from linesift.labelling.labels import CONTENT, LABELS, UNSURE, LabelArray, label_code
from linesift.models.prediction import LinePredictor, Predicted
from linesift.models.thresholds import Threshold
from linesift.reading.page import Page
from linesift.scoring.metrics import f1_score


class LineEstimator(LinePredictor, ClassifierMixin, BaseEstimator):
    """A predictor that is fitted to labelled pages; `fit` sets `model_`, which predicts."""

    model_: LinePredictor

    def predicted(self, X: Sequence[Page]) -> Predicted:
        """Return the probabilities of labels and page types."""
        check_is_fitted(self, "model_")
        return self.model_.predicted(X)

    def threshold(self, wanted: float | str = "balanced") -> Threshold:
        """Return what is kept at a threshold, as `LinePredictor.threshold` does."""
        check_is_fitted(self, "model_")
        return super().threshold(wanted)

    def score(
        self,
        X: Sequence[Page],
        y: Sequence[npt.ArrayLike],
        sample_weight: Sequence[float] | npt.NDArray[np.floating] | None = None,
    ) -> float:
        """Return the line F1 of kept lines, the mean over pages: 0 to 1.

        It is what `GridSearchCV` and `cross_val_score` compare by.

        Parameters
        ----------
        X : sequence of Page
        y : sequence of array-like
            True labels, as `fit` takes them; lines that are unsure do not count.
        sample_weight : array-like of shape (n_pages,), optional
            How much each page counts; all alike by default.
        """
        scores = []
        for truth, given in zip(label_arrays(X, y), self.predict(X), strict=True):
            known, kept, content = truth != UNSURE, given == LABELS[CONTENT], truth == CONTENT
            true, false, missed = kept & content, kept & ~content, ~kept & content
            counts = (np.array((known & one).sum(), float) for one in (true, false, missed))
            scores.append(f1_score(*counts))
        return float(np.average(scores, weights=sample_weight))


def label_arrays(X: Sequence[Page], y: Sequence[npt.ArrayLike]) -> list[LabelArray]:
    """Return the label codes of each page, as they are kept, from codes or from names.

    Raises
    ------
    ValueError
        There are more pages or fewer, an array has another length than its page, or holds
        what is no label.
    """
    if len(X) != len(y):
        raise ValueError(f"expected {len(X)} label arrays, got {len(y)}")
    given = [_codes(one, f"page {page.page_id!r}") for page, one in zip(X, y, strict=True)]
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


def _codes(labels: npt.ArrayLike, where: str) -> npt.NDArray[np.generic]:
    """Return an array of labels with codes for names; whatever else is in it stays."""
    array = np.asarray(labels)
    if array.dtype.kind != "U":
        return array
    return np.array([label_code(name, where) for name in array.tolist()], np.int8)
