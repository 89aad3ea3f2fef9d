"""Linear models over hashed tokens: character n-grams of a line, words of its tag path.

Fitted by scikit-learn on sparse rows, applied by array operations: the score of a line
is the sum of its tokens' weights over the square root of their number, one gather and
one `reduceat` for a whole batch. `HashingVectorizer` does the same at a fraction of the
speed.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linesift.features import Floats
from linesift.labels import LABELS, LabelArray

Hashes = npt.NDArray[np.uint32]
Starts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HashedLinear:
    """One linear score per label.

    Parameters
    ----------
    weights : ndarray of shape (n_labels, n_buckets), float16
        Half precision: scores differ in the fourth digit, the model file is half as large.
    intercept : ndarray of shape (n_labels,), float32
    """

    weights: npt.NDArray[np.float16]
    intercept: Floats

    def scores(self, hashes: Hashes, starts: Starts) -> Floats:
        """Return the log-odds of each label for each row, of shape (n_rows, n_labels).

        Parameters
        ----------
        hashes : ndarray of shape (n_tokens,)
            Tokens of all rows, one row after the other.
        starts : ndarray of shape (n_rows + 1,)
            Where those of each row begin.
        """
        sizes = np.diff(starts)
        scores = np.zeros((len(sizes), len(self.intercept)), np.float32)
        filled = sizes > 0
        if filled.any():
            for label in range(len(self.intercept)):
                gathered = self.weights[label].astype(np.float32)[hashes]
                scores[filled, label] = np.add.reduceat(gathered, starts[:-1][filled])
            scores[filled] /= np.sqrt(sizes[filled, None]).astype(np.float32)
        return scores + self.intercept


def take_rows(
    hashes: Hashes, starts: Starts, rows: npt.NDArray[np.integer]
) -> tuple[Hashes, Starts]:
    """Return the tokens of some rows only, in the same form.

    >>> take_rows(np.arange(5, dtype=np.uint32), np.array([0, 2, 2, 5]), np.array([2, 0]))
    (array([2, 3, 4, 0, 1], dtype=uint32), array([0, 3, 5]))
    """
    sizes = np.diff(starts)[rows]
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    token = np.arange(bounds[-1]) + np.repeat(starts[:-1][rows] - bounds[:-1], sizes)
    return hashes[token], bounds


def fit_hashed_linear(
    hashes: Hashes,
    starts: Starts,
    rows: npt.NDArray[np.int64],
    labels: LabelArray,
    *,
    bits: int,
    alpha: float,
    epochs: int,
    seed: int,
) -> HashedLinear:
    """Return linear models fitted one label against the rest.

    Parameters
    ----------
    hashes, starts
        Tokens as in `HashedLinear.scores`.
    rows : ndarray of shape (n_chosen,)
        The rows to learn from.
    labels : ndarray of shape (n_chosen,), int8
        Their labels.
    bits : int
        Tokens lie below `2 ** bits`.
    alpha : float
        Strength of the L2 penalty.
    epochs : int
        Passes over the rows.
    seed : int
        Order of the rows.
    """
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

    chosen, bounds = take_rows(hashes, starts, rows)
    sizes = np.diff(bounds)
    values = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
    matrix = csr_matrix((values, chosen.astype(np.int32), bounds), shape=(len(rows), 1 << bits))
    coefficients = np.zeros((len(LABELS), 1 << bits), np.float16)
    intercept = np.full(len(LABELS), -10, np.float32)  # a label never seen
    for label in range(len(LABELS)):
        target = labels == label
        if not target.any():
            continue
        if target.all():
            intercept[label] = 10
            continue
        model = SGDClassifier(
            loss="log_loss",
            alpha=alpha,
            average=True,
            max_iter=epochs,
            tol=None,
            random_state=seed,
        ).fit(matrix, target)
        coefficients[label] = model.coef_[0]
        intercept[label] = model.intercept_[0]
    return HashedLinear(coefficients, intercept)
