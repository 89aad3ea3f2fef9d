"""Boosted trees at the speed that they allow: columns of few values, rows by the block.

With sample weights scikit-learn looks for the borders of its bins by a weighted
percentile per border, which takes ten times as long as growing the trees. Where a
column has no more distinct values than there are bins, it takes the midpoints between
them instead. So each value is replaced by the nearest of a few quantiles: the midpoints
are then the very borders at which the replacement changes, and a tree grown on the
replaced values splits the raw ones in the same way.

Trees cost far more per line than a network does, so they are asked only about the lines
that a network is unsure of.

A prediction goes through all rows once per tree. Blocks of rows that stay in a core's
cache are read from memory once, not once per tree: three times as fast.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.features import Floats

_MOST_VALUES = 255  # bins of HistGradientBoostingClassifier, without the one for NaN
_SAMPLE = 50_000
_BLOCK = 2_000  # rows of a few hundred columns: about a megabyte


def quantised(features: Floats) -> Floats:
    """Return columns of at most 255 distinct values, each value the nearest quantile.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_columns), float32

    Examples
    --------
    >>> column = np.arange(1000, dtype=np.float32)[:, None]
    >>> len(np.unique(quantised(column))), float(np.abs(quantised(column) - column).max())
    (255, 2.0)
    """
    result = np.empty(features.shape, np.float32, order="F")
    step = max(len(features) // _SAMPLE, 1)
    for k, column in enumerate(features.T):
        result[:, k] = _nearest(column, _representatives(column[::step], column))
    return result


def _representatives(sample: Floats, column: Floats) -> Floats:
    """Return the distinct values of a column if they are few, else quantiles of a sample."""
    known = sample[~np.isnan(sample)]
    distinct = np.unique(known)
    if len(distinct) > _MOST_VALUES:
        levels = np.linspace(0, 1, _MOST_VALUES)
        return np.unique(np.quantile(known, levels, method="nearest"))
    if len(sample) < len(column):
        distinct = np.unique(column[~np.isnan(column)])
        if len(distinct) > _MOST_VALUES:
            return distinct[np.linspace(0, len(distinct) - 1, _MOST_VALUES).astype(int)]
    return distinct


def _nearest(column: Floats, values: Floats) -> npt.NDArray[np.float32]:
    """Return the nearest of some ascending values for each row; NaN stays."""
    if not len(values):
        return column
    exact = values.astype(np.float64)
    borders = (exact[:-1] + exact[1:]) / 2  # as the trees put them
    found = values[np.searchsorted(borders, column)]
    return np.where(np.isnan(column), column, found)


def predict_proba(model: Any, features: Floats) -> npt.NDArray[np.float64]:
    """Return what `model.predict_proba` does, block by block.

    Parameters
    ----------
    model : HistGradientBoostingClassifier
        Fitted.
    features : ndarray of shape (n_rows, n_columns), float32
    """
    if not len(features):
        return np.empty((0, len(model.classes_)))
    starts = range(0, len(features), _BLOCK)
    return np.concatenate([model.predict_proba(features[k : k + _BLOCK]) for k in starts])


def is_unsure(probability: npt.NDArray[np.floating], margin: float) -> npt.NDArray[np.bool_]:
    """Return where a probability is further than the margin from both 0 and 1.

    >>> is_unsure(np.array([0.01, 0.3, 0.99]), 0.05).tolist()
    [False, True, False]
    """
    return (probability > margin) & (probability < 1 - margin)
