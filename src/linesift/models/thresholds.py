"""What is kept of a page: the lines that promise the best F-score, if it has an article at all."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Threshold(NamedTuple):
    """What is kept: lines from a probability on, of pages that are likely to have content.

    Parameters
    ----------
    line : float, 0 to 1
        Probability of content below which no line is kept.
    page, markup_page : float, 0 to 1
        Nothing is kept of a page whose chance of having any content is lower: of plain text,
        which tells less, and of pages whose markup is known.
    beta : float, optional
        If given, each page has a threshold of its own, not below `line`: the one that promises
        the best F-beta of its lines. Otherwise `line` is the threshold.
    """

    line: float
    page: float = 0.0
    markup_page: float = 0.0
    beta: float | None = None

    def of_page(self, probability: npt.NDArray[np.floating]) -> float:
        """Return the probability from which on lines of one page are kept.

        Lines from half of the best expected F1 on, and no others, make it as high as it can
        be (Lipton, Elkan and Naryanaswamy 2014); for F-beta it is a share of 1 / (1 + beta**2).
        So a page whose lines are told apart with ease has a higher threshold than one whose
        lines are all doubtful.

        Parameters
        ----------
        probability : ndarray of shape (n_lines,), 0 to 1
            Of content.

        Examples
        --------
        >>> balanced = Threshold(0.2, beta=1.0)
        >>> easy, hard = np.array([1.0, 1.0, 0.0]), np.array([0.6, 0.5, 0.4])
        >>> balanced.of_page(easy), round(balanced.of_page(hard), 2)
        (0.5, 0.33)
        """
        if self.beta is None or not len(probability):
            return self.line
        square = self.beta**2
        expected = np.sort(probability.astype(np.float64))[::-1].cumsum()
        kept = np.arange(1, len(expected) + 1)
        best = (expected / np.maximum(kept + square * expected[-1], _LEAST)).max()
        return max(self.line, float(best))


class Preset(NamedTuple):
    """How a named threshold is chosen.

    Parameters
    ----------
    beta : float
        How many times recall counts as much as precision (van Rijsbergen 1979).
    line : float, 0 to 1
        Probability below which no line is kept.
    lost : float, 0 to 1
        Share of the pages with content that may be lost in order that pages without give nothing.
    """

    beta: float
    line: float
    lost: float


PRESETS = {
    "precision": Preset(0.5, 0.4, 0.04),
    "balanced": Preset(1.0, 0.2, 0.015),
    "recall": Preset(2.0, 0.1, 0.0),
}
"""The named thresholds; what they cost and save stands in `experiments/LOG.md`."""
_LEAST = 1e-9  # so that nothing is divided by zero where no line has any chance
