"""Boosted trees: fitted by scikit-learn on columns of few values, applied as bit masks.

With sample weights scikit-learn looks for the borders of its bins by a weighted
percentile per border, which takes ten times as long as growing the trees. Where a
column has no more distinct values than there are bins, it takes the midpoints between
them instead. So each value is replaced by the nearest of a few quantiles: the midpoints
are then the very borders at which the replacement changes, and a tree grown on the
replaced values splits the raw ones in the same way.

Applied, a tree is not walked from node to node. All its splits are asked at once; each
that sends a row to the right strikes out the leaves on its left, and the first leaf that
is left is the row's (Lucchese et al. 2015, QuickScorer). That is a comparison and an "or"
per split, over all trees and many rows in one array operation: half the time that
scikit-learn's own walk takes, in plain numpy, with the same result.

Even so trees cost far more per line than a network does, so they are asked only about the
lines that a network is unsure of.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.models.features import Floats
from linesift.models.shapes import check_arrays, check_bounded

MOST_LEAVES = 32
"""Leaves of a tree at most: one bit each."""

_MOST_TREES = 10_000  # all of them are asked at once
_MOST_VALUES = 255  # bins of HistGradientBoostingClassifier, without the one for NaN
_SAMPLE = 50_000
_BLOCK = 512  # rows whose columns stay in a core's cache
_L2 = 1.0  # keeps leaves of a few odd lines from speaking loudly


@dataclass(frozen=True)
class Trees:
    """Boosted trees, each split and each leaf beside those of the other trees.

    Parameters
    ----------
    n_columns : int
        Of the features.
    columns : ndarray of shape (n_splits, n_trees), int32
        Which column a split looks at; plus `n_columns` where unknown values go right.
    borders : ndarray of shape (n_splits, n_trees), float32
        Values above it go right.
    struck : ndarray of shape (n_splits, n_trees), uint32
        The leaves that a row cannot reach when it goes right, a bit each. Zero where a tree
        has fewer splits.
    values : ndarray of shape (n_splits + 1, n_trees), float64
        Of each leaf, from left to right.
    baseline : ndarray of shape (n_outputs,), float64
        The trees speak for the outputs in turn, beginning with this.
    """

    n_columns: int
    columns: npt.NDArray[np.int32]
    borders: Floats
    struck: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float64]
    baseline: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        sizes = check_arrays(
            self,
            columns=(np.int32, "splits", "trees"),
            borders=(np.float32, "splits", "trees"),
            struck=(np.uint32, "splits", "trees"),
            values=(np.float64, "leaves", "trees"),
            baseline=(np.float64, "outputs"),
        )
        if not 1 <= sizes["leaves"] == sizes["splits"] + 1 <= MOST_LEAVES:
            raise ValueError(f"Trees: {sizes['leaves']} leaves do not fit {sizes['splits']} splits")
        if not sizes["outputs"] or sizes["trees"] % sizes["outputs"]:
            raise ValueError(f"Trees: {sizes['trees']} trees, {sizes['outputs']} outputs")
        if sizes["trees"] > _MOST_TREES:
            raise ValueError(f"Trees: expected up to {_MOST_TREES} trees, got {sizes['trees']}")
        check_bounded(self, "values", "baseline")
        if not isinstance(self.n_columns, int):
            raise ValueError(f"Trees.n_columns: expected a whole number, got {self.n_columns!r}")
        if (self.columns < 0).any() or (self.columns >= 2 * self.n_columns).any():
            raise ValueError(f"Trees.columns: expected 0 to {2 * self.n_columns - 1}")
        if (self.struck >> np.uint32(sizes["splits"])).any():
            raise ValueError("Trees.struck: a split leaves no leaf")

    @property
    def n_outputs(self) -> int:
        """Scores per row."""
        return len(self.baseline)

    def scores(self, features: Floats) -> npt.NDArray[np.float64]:
        """Return the log-odds of two classes, or one score per class.

        Parameters
        ----------
        features : ndarray of shape (n_rows, n_columns), float32
            Finite, or NaN where a value is unknown.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
        """
        result = np.empty((len(features), len(self.baseline)))
        n_trees = len(self.values[0])
        first = np.arange(n_trees)[:, None]
        values = self.values.ravel()
        for start in range(0, len(features), _BLOCK):
            rows = slice(start, start + _BLOCK)
            found = values[self._leaves(features[rows]) * n_trees + first]
            total = np.zeros((len(self.baseline), found.shape[1]))
            # Tree by tree: numpy's own sum of a single row takes another order than of many.
            for step in found.reshape(-1, *total.shape):
                total += step
            result[rows] = total.T + self.baseline
        return result

    def _leaves(self, features: Floats) -> npt.NDArray[np.intp]:
        """Return the leaf of each row in each tree, of shape (n_trees, n_rows)."""
        rows = np.ascontiguousarray(features.T)
        unknown = np.isnan(rows)
        # An unknown value is smaller than any border, and in the second half larger.
        rows = np.concatenate([rows, rows])
        rows[: self.n_columns][unknown] = -np.inf
        rows[self.n_columns :][unknown] = np.inf
        struck = np.zeros((self.columns.shape[1], rows.shape[1]), np.uint32)
        for column, border, leaves in zip(self.columns, self.borders, self.struck, strict=True):
            goes_right = rows[column] > border[:, None]
            struck |= goes_right * leaves[:, None]
        return np.bitwise_count(struck & ~(struck + np.uint32(1))).astype(np.intp)


def fit_trees(
    features: Floats,
    classes: npt.NDArray[np.integer],
    weight: Floats,
    *,
    trees: int,
    leaves: int,
    least: int,
    seed: int,
) -> Trees:
    """Return trees grown by gradient boosting on log loss.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_columns), float32
        From `quantised`.
    classes : ndarray of shape (n_rows,)
        0 and 1, or more.
    weight : ndarray of shape (n_rows,)
        How much each row counts.
    trees : int
        Per output.
    leaves : int
        Of a tree, at most; no more than `MOST_LEAVES`.
    least : int
        Rows that a leaf holds, at least.
    seed : int
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    if not 2 <= leaves <= MOST_LEAVES:
        raise ValueError(f"leaves: expected 2 to {MOST_LEAVES}, got {leaves}")
    features = features.copy()
    # scikit-learn cannot bin a column that holds nothing.
    features[0, np.isnan(features).all(axis=0)] = 0
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        max_leaf_nodes=leaves,
        min_samples_leaf=least,
        l2_regularization=_L2,
        early_stopping=False,
        random_state=seed,
    )
    return masked(model.fit(features, classes, sample_weight=weight))


def masked(model: Any) -> Trees:
    """Return the trees of a fitted HistGradientBoostingClassifier.

    Its nodes are no public part of scikit-learn; the tests hold them to what it predicts.
    """
    n_columns = model.n_features_in_
    grown = [_splits(tree.nodes, n_columns) for step in model._predictors for tree in step]
    most = max(len(values) for _, values in grown)
    columns, struck = np.zeros((most - 1, len(grown)), np.int32), np.zeros((most - 1, len(grown)))
    borders, leaf_values = np.zeros(columns.shape, np.float32), np.zeros((most, len(grown)))
    for tree, (splits, values) in enumerate(grown):
        leaf_values[: len(values), tree] = values
        for place, (column, border, leaves) in enumerate(splits):
            columns[place, tree] = column
            borders[place, tree] = border
            struck[place, tree] = leaves
    baseline = model._baseline_prediction.ravel()
    return Trees(n_columns, columns, borders, struck.astype(np.uint32), leaf_values, baseline)


def _splits(
    nodes: npt.NDArray[Any], n_columns: int, at: int = 0, first: int = 0
) -> tuple[list[tuple[int, np.float32, int]], list[float]]:
    """Return the splits of a tree from a node on, and the values of its leaves from `first` on."""
    node = nodes[at]
    if node["is_leaf"]:
        return [], [node["value"]]
    left, left_values = _splits(nodes, n_columns, node["left"], first)
    middle = first + len(left_values)
    right, right_values = _splits(nodes, n_columns, node["right"], middle)
    column = node["feature_idx"] + (0 if node["missing_go_to_left"] else n_columns)
    own = (column, _single(node["num_threshold"]), (1 << middle) - (1 << first))
    return [own, *left, *right], left_values + right_values


def _single(border: float) -> np.float32:
    """Return the largest finite number in single precision that is no larger.

    So values in single precision lie above the one if and only if above the other.
    """
    single = np.float32(min(border, float(np.finfo(np.float32).max)))
    return np.nextafter(single, np.float32(-np.inf)) if single > border else single


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
