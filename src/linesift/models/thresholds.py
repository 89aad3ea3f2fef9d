"""What is kept of a page: a bound for lines, one for pages, and the bounds that have names."""

from typing import NamedTuple


class Threshold(NamedTuple):
    """What is kept: lines from a probability on, of pages that have one surer line at least.

    Parameters
    ----------
    line : float, 0 to 1
        Probability of content from which a line is kept.
    page : float, 0 to 1
        A page without a line this sure has no article: nothing of it is kept.
    """

    line: float
    page: float = 0.0


class Preset(NamedTuple):
    """How a named threshold is chosen.

    Parameters
    ----------
    beta : float
        How many times recall counts as much as precision.
    lost : float, 0 to 1
        Share of the articles that may be lost in order that pages without one give nothing.
    """

    beta: float
    lost: float


PRESETS = {
    "precision": Preset(0.5, 0.02),
    "balanced": Preset(1.0, 0.0),
    "recall": Preset(2.0, 0.0),
}
"""The named thresholds; what they cost and save stands in `experiments/LOG.md`."""
