"""Probabilities, their log-odds, and the mean of two judgements."""

import numpy as np
import numpy.typing as npt

Probability = npt.NDArray[np.float64]

_SUREST = 1e-6  # no probability is nearer to 0 or 1


def logit(probability: npt.NDArray[np.floating]) -> Probability:
    """Return log-odds, bounded as those of `expit`."""
    bounded = np.clip(probability.astype(np.float64), _SUREST, 1 - _SUREST)
    return np.log(bounded / (1 - bounded))


def expit(score: npt.NDArray[np.floating]) -> Probability:
    """Return the probability of log-odds, never quite 0 or 1.

    >>> expit(np.array([-1e9, 0.0, 3.0])).round(3).tolist()
    [0.0, 0.5, 0.953]
    """
    probability = 1 / (1 + np.exp(-np.clip(score.astype(np.float64), -50, 50)))
    return np.clip(probability, _SUREST, 1 - _SUREST)


def softmax(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the probability of each class, of shape (n_rows, n_classes).

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_outputs)
        One per class; of two classes only the log-odds of the second.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0]])).tolist(), softmax(np.array([[0.0]])).tolist()
    ([[0.5, 0.5]], [[0.5, 0.5]])
    """
    if scores.shape[1] == 1:
        scores = np.column_stack([np.zeros(len(scores), scores.dtype), scores])
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def mean_judgement(one: Probability, other: Probability) -> Probability:
    """Return the probability of the mean of two log-odds; the first where the second is unknown.

    >>> mean_judgement(np.array([0.9, 0.9]), np.array([0.1, np.nan])).round(3).tolist()
    [0.5, 0.9]
    """
    mean = expit((logit(one) + logit(np.nan_to_num(other, nan=0.5))) / 2)
    return np.where(np.isnan(other), one, mean)


def is_unsure(probability: npt.NDArray[np.floating], margin: float) -> npt.NDArray[np.bool_]:
    """Return where a probability is further than the margin from both 0 and 1.

    >>> is_unsure(np.array([0.01, 0.3, 0.99]), 0.05).tolist()
    [False, True, False]
    """
    return (probability > margin) & (probability < 1 - margin)
