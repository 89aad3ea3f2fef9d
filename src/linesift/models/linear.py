"""Linear models over hashed tokens: character n-grams of a line, words of its tag path.

Fitted by scikit-learn on sparse rows, applied by array operations: the score of a line
is the sum of its tokens' weights over the square root of their number. The weights of
all labels are small whole numbers side by side in one 64-bit number, so that one gather
and one sum give the scores of all, exactly, in whatever batch. `HashingVectorizer` does
the same at a fraction of the speed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import LABELS, LabelArray
from linesift.models.features import Floats
from linesift.models.packing import pack, sums
from linesift.models.shapes import check_arrays, check_bounded
from linesift.reading.tokens import Tokens, take_rows

_LARGEST = 127  # a weight, as a whole number


@dataclass(frozen=True)
class HashedLinear:
    """One linear score per label.

    Parameters
    ----------
    weights : ndarray of shape (n_buckets + 1,), int64
        Of each token, those of all labels packed; the last one, for no token, is zero.
    scale : ndarray of shape (n_labels,), float32
        What a weight of 1 stands for.
    intercept : ndarray of shape (n_labels,), float32
    """

    weights: npt.NDArray[np.int64]
    scale: Floats
    intercept: Floats

    def __post_init__(self) -> None:
        n_labels = len(LABELS)
        buckets = check_arrays(
            self,
            weights=(np.int64, "buckets"),
            scale=(np.float32, n_labels),
            intercept=(np.float32, n_labels),
        )["buckets"]
        if buckets != (1 << self.bits) + 1:
            raise ValueError(f"HashedLinear.weights: expected 2**k + 1 of them, got {buckets}")
        check_bounded(self, "scale", "intercept")

    @property
    def bits(self) -> int:
        """Hashes lie below `2 ** bits`."""
        return (len(self.weights) - 1).bit_length() - 1

    def scores(self, tokens: Tokens) -> Floats:
        """Return the log-odds of each label for each row, of shape (n_rows, n_labels)."""
        packed = self.weights[tokens.hashes[0]]
        for hashes in tokens.hashes[1:]:
            packed += self.weights[hashes]
        scores = sums(
            packed,
            tokens.starts,
            largest=_LARGEST * len(tokens.hashes),
            n_columns=len(self.intercept),
        ).astype(np.float32)
        scores *= self.scale
        scores /= np.sqrt(np.maximum(tokens.counts, 1))[:, None].astype(np.float32)
        return scores + self.intercept


def fit_hashed_linear(
    tokens: Tokens,
    rows: npt.NDArray[np.int64],
    labels: LabelArray,
    *,
    alpha: float,
    epochs: int,
    seed: int,
) -> HashedLinear:
    """Return linear models fitted one label against the rest.

    Parameters
    ----------
    tokens : Tokens
    rows : ndarray of shape (n_chosen,)
        The rows to learn from.
    labels : ndarray of shape (n_chosen,), int8
        Their labels.
    alpha : float
        Strength of the L2 penalty.
    epochs : int
        Passes over the rows.
    seed : int
        Order of the rows.
    """
    matrix = _matrix(take_rows(tokens, rows))
    weights = np.zeros((len(LABELS), tokens.no_token))
    intercept = np.full(len(LABELS), -10.0)  # a label never seen
    for label in range(len(LABELS)):
        target = labels == label
        if not target.any():
            continue
        if target.all():
            intercept[label] = 10
            continue
        model = _descent(alpha, seed, max_iter=epochs, tol=None).fit(matrix, target)
        weights[label], intercept[label] = model.coef_[0], model.intercept_[0]
    return _in_whole_numbers(weights, intercept)


class HashedLinearStream:
    """Linear models that learn from one set of rows after the other, each seen once.

    Parameters
    ----------
    bits : int
        Hashes lie below `2 ** bits`.
    alpha : float
        Strength of the L2 penalty.
    seed : int
        Order of the rows.
    """

    def __init__(self, bits: int, *, alpha: float, seed: int) -> None:
        self._no_token = 1 << bits
        self._models = [_descent(alpha, seed) for _ in LABELS]
        self._seen = np.zeros(len(LABELS), np.int64)

    def learn(
        self, tokens: Tokens, rows: npt.NDArray[np.int64], labels: LabelArray
    ) -> "HashedLinearStream":
        """Learn from some rows and their labels, of shape (n_chosen,) both."""
        matrix = _matrix(take_rows(tokens, rows))
        for label, model in enumerate(self._models if len(rows) else ()):
            model.partial_fit(matrix, labels == label, classes=[False, True])
            self._seen[label] += np.count_nonzero(labels == label)
        return self

    def learned(self) -> HashedLinear:
        """Return what has been learned so far."""
        weights = np.zeros((len(LABELS), self._no_token))
        intercept = np.full(len(LABELS), -10.0)
        for label in np.flatnonzero(self._seen):
            model = self._models[label]
            weights[label], intercept[label] = model.coef_[0], model.intercept_[0]
        return _in_whole_numbers(weights, intercept)


def _descent(alpha: float, seed: int, **options: Any) -> Any:
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(loss="log_loss", alpha=alpha, average=True, random_state=seed, **options)


def _in_whole_numbers(
    weights: npt.NDArray[np.float64], intercept: npt.NDArray[np.float64]
) -> HashedLinear:
    largest = np.abs(weights).max(axis=1) / _LARGEST
    scale = np.where(largest > 0, np.maximum(largest, np.finfo(np.float32).tiny), 1)
    scale = scale.astype(np.float32)
    # The last token is none, and says nothing.
    whole = np.pad(np.rint(weights / scale[:, None]), ((0, 0), (0, 1)))
    return HashedLinear(pack(whole), scale, intercept.astype(np.float32))


def _matrix(tokens: Tokens) -> Any:
    """Return the tokens as a sparse matrix, a row each, over the root of their number."""
    from scipy.sparse import csr_matrix

    hashes = np.stack(tokens.hashes, axis=1).ravel()
    hashes = hashes[hashes != tokens.no_token].astype(np.int32)
    values = np.repeat(1 / np.sqrt(np.maximum(tokens.counts, 1)), tokens.counts)
    starts = np.concatenate([[0], np.cumsum(tokens.counts)])
    shape = (len(tokens.counts), tokens.no_token)
    return csr_matrix((values.astype(np.float32), hashes, starts), shape=shape)
