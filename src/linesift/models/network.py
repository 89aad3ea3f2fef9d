"""Networks of one hidden layer over columns of all scales, some of them unknown.

Fitted by scikit-learn, applied by a matrix product: a microsecond or two per line. What a
matrix product says of a row depends, in its last bits, on where in the matrix the row
stands, on the library and on the machine. Here columns and weights are whole numbers,
rounded so that no sum of their products can reach 2**24: such sums are exact in single
precision, in whatever order they are taken. So a line gets the same numbers in any batch and
with any number of threads. On another machine the columns may differ in their last bits, for
logarithms do, and the numbers with them.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linesift.models.features import Floats
from linesift.models.shapes import check_arrays, check_bounded

_BLOCK = 1024  # rows whose columns and hidden layer stay in a core's cache
_OUTLIERS = 0.005  # share of values at both ends of a column that are cut to the same
_SAMPLE = 50_000  # rows that the scale of a column is read from
_FLAT = 1e-3  # spread under which a column says nothing
_STEPS = 128  # whole numbers per standard deviation of a column
_EXACT = 1 << 24  # whole numbers below it have a float32 of their own
_LEAST_REACH = 1e-3  # what the columns can move a unit by, at least
_LEAST_SCALE = 1e-12
_MOST_UNITS = 4096
_BATCH = 512
_LEAST_UPDATES = 200  # of the weights, however few the rows


@dataclass(frozen=True)
class Network:
    """One hidden layer, and one score per output.

    Parameters
    ----------
    scale, shift : ndarray of shape (n_columns,), float32
        A column times its scale, minus its shift, is rounded to whole numbers. The mean
        becomes 0, and so does an unknown value: it speaks for nothing.
    lowest, highest : ndarray of shape (n_columns,), float32
        Whole numbers beyond these are cut.
    hidden_weights : ndarray of shape (n_columns, n_hidden), float32
        Whole numbers.
    hidden_scale, hidden_bias : ndarray of shape (n_hidden,), float32
        Turn the sums into what the hidden units see.
    output_weights : ndarray of shape (n_outputs, n_hidden), float32
    output_bias : ndarray of shape (n_outputs,), float32
    """

    scale: Floats
    shift: Floats
    lowest: Floats
    highest: Floats
    hidden_weights: Floats
    hidden_scale: Floats
    hidden_bias: Floats
    output_weights: Floats
    output_bias: Floats

    def __post_init__(self) -> None:
        sizes = check_arrays(
            self,
            scale=(np.float32, "columns"),
            shift=(np.float32, "columns"),
            lowest=(np.float32, "columns"),
            highest=(np.float32, "columns"),
            hidden_weights=(np.float32, "columns", "units"),
            hidden_scale=(np.float32, "units"),
            hidden_bias=(np.float32, "units"),
            output_weights=(np.float32, "outputs", "units"),
            output_bias=(np.float32, "outputs"),
        )
        if sizes["units"] > _MOST_UNITS:
            raise ValueError(f"Network: expected up to {_MOST_UNITS} units, got {sizes['units']}")
        bounded = ("scale", "hidden_scale", "hidden_bias", "output_weights", "output_bias")
        check_bounded(self, *bounded)
        if not (self.hidden_scale >= _LEAST_SCALE).all():
            raise ValueError(f"Network.hidden_scale: expected numbers from {_LEAST_SCALE} on")
        for name in ("lowest", "highest", "hidden_weights"):
            if (getattr(self, name) % 1 != 0).any():
                raise ValueError(f"Network.{name}: expected whole numbers")
        largest = np.maximum(np.abs(self.lowest), np.abs(self.highest)).astype(np.float64)
        if (largest @ np.abs(self.hidden_weights) >= _EXACT).any():
            raise ValueError("Network.hidden_weights: their sums are too large to be exact")

    @property
    def n_columns(self) -> int:
        """Columns of the features."""
        return len(self.scale)

    @property
    def n_outputs(self) -> int:
        """Scores per row."""
        return len(self.output_bias)

    def scores(self, features: Floats) -> Floats:
        """Return the log-odds of two classes, or one score per class.

        Parameters
        ----------
        features : ndarray of shape (n_rows, n_columns), float32
            NaN where a value is unknown.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs), float32
        """
        result = np.empty((len(features), len(self.output_bias)), np.float32)
        # The scale is positive, so it may as well be applied after the corner at zero.
        bias = self.hidden_bias / self.hidden_scale
        output_weights = self.output_weights * self.hidden_scale
        for start in range(0, len(features), _BLOCK):
            rows = slice(start, start + _BLOCK)
            hidden = self._sums(features[rows])
            hidden += bias
            np.maximum(hidden, 0, out=hidden)
            for output, weights in enumerate(output_weights):
                # A sum per row, always in the same order; a matrix product would not be.
                result[rows, output] = np.einsum("ij,j->i", hidden, weights)
        return result + self.output_bias

    def standardised(self, features: Floats) -> Floats:
        """Return columns in standard deviations from their mean; unknown ones are zero."""
        return self._whole(features, np.arange(self.n_columns)) / np.float32(_STEPS)

    def _sums(self, features: Floats) -> Floats:
        """Return the whole sums of weighted columns, of shape (n_rows, n_hidden)."""
        # Plain text leaves a quarter of the columns unknown; what they add is zero.
        unknown = np.flatnonzero(np.isnan(features[0]))
        unknown = unknown[np.isnan(features.T[unknown]).all(axis=1)]
        known = np.delete(np.arange(self.n_columns), unknown)
        return self._whole(features, known) @ self.hidden_weights[known]

    def _whole(self, features: Floats, known: npt.NDArray[np.intp]) -> Floats:
        """Return some columns as whole numbers, zero where they are unknown."""
        columns = features.T[known].T
        columns *= self.scale[known]
        columns -= self.shift[known]
        np.rint(columns, out=columns)
        # Twice as fast as clip and isnan.
        np.maximum(columns, self.lowest[known], out=columns)
        np.minimum(columns, self.highest[known], out=columns)
        np.copyto(columns, 0, where=columns != columns)
        return columns


def fit_network(
    features: Floats,
    classes: npt.NDArray[np.integer],
    weight: Floats,
    *,
    hidden: int,
    alpha: float,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> Network:
    """Return a network fitted by Adam on log loss.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_columns), float32
        NaN where a value is unknown.
    classes : ndarray of shape (n_rows,)
        0 and 1, or more.
    weight : ndarray of shape (n_rows,)
        How much each row counts.
    hidden : int
        Units of the hidden layer.
    alpha : float
        Strength of the L2 penalty.
    epochs : int
        Passes over the rows; more when the rows are few.
    learning_rate : float
        Of Adam.
    seed : int
        Order of the rows and first weights.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    low, high, mean, spread = _scales(features[:: max(len(features) // _SAMPLE, 1)])
    scaled = np.clip(features, low, high)
    scaled -= mean
    scaled /= spread
    np.nan_to_num(scaled, copy=False, nan=0.0)
    batch = min(_BATCH, len(scaled))
    updates = -(-len(scaled) // batch)
    epochs = max(epochs, -(-_LEAST_UPDATES // updates))
    scale = (_STEPS / spread).astype(np.float32)
    lowest, highest = np.rint((low - mean) * scale), np.rint((high - mean) * scale)
    model = MLPClassifier(
        (hidden,),
        alpha=alpha,
        batch_size=batch,
        learning_rate_init=learning_rate,
        max_iter=epochs,
        tol=0,
        n_iter_no_change=epochs,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # So many passes and no more is what is wanted.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaled, classes, sample_weight=weight)
    hidden_weights, hidden_scale = _whole_weights(
        model.coefs_[0] / _STEPS, np.maximum(-lowest, highest)
    )
    return Network(
        scale,
        mean * scale,
        lowest,
        highest,
        hidden_weights,
        hidden_scale,
        model.intercepts_[0].astype(np.float32),
        np.ascontiguousarray(model.coefs_[1].T, np.float32),
        model.intercepts_[1].astype(np.float32),
    )


def _whole_weights(weights: Floats, largest: Floats) -> tuple[Floats, Floats]:
    """Return weights as whole numbers, as large as exact sums allow, and the scale of each unit.

    Parameters
    ----------
    weights : ndarray of shape (n_columns, n_hidden)
    largest : ndarray of shape (n_columns,)
        Largest whole number, without sign, that a column can hold.
    """
    room = _EXACT - 1 - largest.sum() / 2  # a weight may be half a step too large
    telling = np.where(largest[:, None] > 0, weights.astype(np.float64), 0)
    # The penalty may shrink all weights of a unit to nothing; they need no finer steps.
    reach = np.maximum(largest @ np.abs(telling), _LEAST_REACH)
    factor = room / reach
    return np.rint(telling * factor).astype(np.float32), (1 / factor).astype(np.float32)


def _scales(sample: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return bounds, mean and spread of each column; a column without values has spread inf."""
    known = ~np.isnan(sample).all(axis=0)
    low, high = np.zeros((2, sample.shape[1]), np.float32)
    mean, spread = np.zeros(len(low), np.float32), np.full(len(low), np.inf, np.float32)
    low[known], high[known] = np.nanquantile(
        sample[:, known], [_OUTLIERS, 1 - _OUTLIERS], axis=0
    ).astype(np.float32)
    cut = np.clip(sample[:, known], low[known], high[known])
    mean[known] = np.nanmean(cut, axis=0, dtype=np.float64)
    deviation = np.nanstd(cut, axis=0, dtype=np.float64)
    spread[known] = np.where(deviation > _FLAT, deviation, np.inf)
    return low, high, mean, spread
