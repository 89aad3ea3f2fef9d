"""Learn a site from a few labelled pages, on top of a trained model."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, LABELS, UNSURE
from linesift.models.features import Floats
from linesift.models.model import LineModel
from linesift.models.model_file import load_model
from linesift.models.prediction import NOISE, LinePredictor
from linesift.models.site_model import BITS, GROUPS, Evidence, SiteModel, evidence, log_odds
from linesift.reading.page import Page
from linesift.training.estimator import LineEstimator, label_arrays

_STEPS = 100  # of the optimiser, at most; it needs some dozens


class SiteClassifier(LineEstimator):
    r"""Corrects a trained model by labelled pages of one site, or of a few alike.

    X is a sequence of pages and y one label array per page, as for `LineClassifier`. Pages
    with markup are learned from with and without it.

    Parameters
    ----------
    base : str, optional
        File of the model to build on; the shipped one by default.
    strength : float
        How far the labelled lines may move it; 0 leaves it as it is.

    Attributes
    ----------
    model_ : SiteModel
    thresholds_ : dict of str to (float, float, float)
        Those of the model below.
    classes_ : ndarray of str
        The labels.

    Examples
    --------
    >>> from linesift import read_text
    >>> page = read_text("Rain fell on the old town all day, they said.\nOur app\nTop")
    >>> model = SiteClassifier().fit([page], [["content", "other", "navigation"]])
    >>> model.predict([page])[0].tolist()
    ['content', 'other', 'navigation']
    """

    def __init__(self, *, base: str | None = None, strength: float = 1.0) -> None:
        self.base = base
        self.strength = strength

    def reference(self) -> LinePredictor:
        """Return the model that is built on: what is learned is measured against it."""
        return load_model(self.base)

    def fit(self, X: Sequence[Page], y: Sequence[npt.ArrayLike]) -> "SiteClassifier":
        """Learn from labelled pages, as `LineClassifier.fit` takes them.

        Raises
        ------
        ValueError
            Content or noise is not labelled, a label array has another length than its
            page, or the model below is a rule or a model of a site itself.
        """
        base = self.reference()
        if not isinstance(base, LineModel):
            raise ValueError(
                f"{self.base}: expected a model trained on many sites, got {type(base).__name__}"
            )
        pages, labels = _in_both_forms(X, y)
        known = labels != UNSURE
        _check_both_sides(labels[known])
        batch, judged, features, _ = base.judge(pages)
        content, kinds = log_odds(judged)
        seen = _Rows(evidence(base, batch, features), self.strength)
        n_columns = base.n_columns + 1
        weights = np.zeros((n_columns + (GROUPS << BITS), len(LABELS)))
        is_noise = (labels == CONTENT).astype(int) ^ 1
        both = np.column_stack([content, np.zeros(len(content))])
        # From two pages columns learn what is content on those two (see the LOG).
        by_side = seen.correction(both, is_noise, np.flatnonzero(known), first=base.n_columns)
        weights[:, CONTENT] = by_side[:, 0] - by_side[:, 1]
        noise = np.flatnonzero(known & (labels != CONTENT))
        if len(noise):
            kind = np.searchsorted(NOISE, labels[noise])
            weights[:, NOISE] = seen.correction(kinds[noise], kind, noise)
        learned: Floats = (weights * self.strength).astype(np.float32)
        self.model_ = SiteModel(base, learned[:n_columns], learned[n_columns:])
        self.classes_, self.thresholds_ = np.array(LABELS), base.thresholds_
        return self


def _check_both_sides(labels: npt.NDArray[np.int8]) -> None:
    """Raise a ValueError unless there are lines that are content and lines that are not."""
    if not len(labels):
        raise ValueError("no line is labelled; label some lines of the site first")
    is_content = labels == CONTENT
    if is_content.all():
        raise ValueError("every labelled line is content; label lines around the article too")
    if not is_content.any():
        raise ValueError("no labelled line is content; label a page with an article too")


def _in_both_forms(
    X: Sequence[Page], y: Sequence[npt.ArrayLike]
) -> tuple[list[Page], npt.NDArray[np.int8]]:
    """Return each page as it is and without its markup, and the labels of all lines."""
    pages, shown = [], [np.empty(0, np.int8)]
    for page, one in zip(X, label_arrays(X, y), strict=True):
        forms = [page] if page.markup is None else [page, page.without_markup()]
        pages += forms
        shown += [one] * len(forms)
    return pages, np.concatenate(shown)


class _Rows:
    """Evidence as a sparse matrix, and corrections learned from some of its rows."""

    def __init__(self, seen: Evidence, strength: float) -> None:
        from scipy.sparse import csr_matrix, hstack

        n_rows = len(seen.columns)
        shape = (n_rows, GROUPS << BITS)
        tokens = csr_matrix((seen.values, (seen.rows, seen.tokens)), shape=shape)
        self._matrix = (hstack([csr_matrix(seen.columns), tokens]) * strength).tocsr()

    def correction(
        self,
        before: npt.NDArray[np.float64],
        classes: npt.NDArray[np.integer],
        rows: npt.NDArray[np.intp],
        first: int = 0,
    ) -> npt.NDArray[np.float64]:
        """Return weights that correct scores: multinomial log loss, L2 towards no correction.

        Parameters
        ----------
        before : ndarray of shape (n_lines or n_rows, n_classes)
            Scores to be corrected, of all lines or of the rows.
        classes : ndarray of shape (n_lines or n_rows,)
        rows : ndarray of shape (n_rows,)
            Lines to learn from.
        first : int
            Evidence before it is not looked at.
        """
        from scipy.optimize import minimize

        if len(before) != len(rows):
            before, classes = before[rows], classes[rows]
        matrix = self._matrix[rows]
        used = np.unique(matrix.indices)
        used = used[used >= first]
        matrix, n_classes = matrix[:, used], before.shape[1]
        target = np.eye(n_classes)[classes]

        def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
            weights = flat.reshape(-1, n_classes)
            scores = before + matrix @ weights
            scores -= scores.max(axis=1, keepdims=True)
            log_total = np.log(np.exp(scores).sum(axis=1, keepdims=True))
            slope = matrix.T @ (np.exp(scores - log_total) - target) + weights
            value = ((log_total - scores) * target).sum() + 0.5 * (flat @ flat)
            return float(value), slope.ravel()

        found = minimize(
            loss,
            np.zeros(len(used) * n_classes),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": _STEPS},
        )
        weights = np.zeros((self._matrix.shape[1], n_classes))
        weights[used] = found.x.reshape(-1, n_classes)
        return weights
