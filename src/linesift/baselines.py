"""Rules that anybody could write, to measure a trained model against.

The best run of lines by punctuation is untuned and has no parameters to fit; it beats
some extractors that see the HTML. A model that does not leave it far behind is not
worth its file.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from linesift.features import Floats
from linesift.labels import CONTENT, LABELS, OTHER
from linesift.metrics import PRESETS
from linesift.model import LinePredictor
from linesift.page import Page
from linesift.text import words

_ENDS = tuple(".!?…。！？؟।")
_CLOSING = "\"'»”’“)]›」』"
_WORDS = 5


class RunRule(LinePredictor, BaseEstimator):
    """The one contiguous run of lines with the largest sum of signed lengths.

    A line counts by its length: positive if it ends as a sentence does and has at least
    five words, negative otherwise.

    Examples
    --------
    >>> page = Page("p", ("Menu", "It rained all day long.", "More", "Cold it was too, they say."),
    ...             (1, 2, 3, 4))
    >>> RunRule().predict_proba([page])[0][:, 0].tolist()
    [0.0, 1.0, 1.0, 1.0]
    """

    thresholds_ = dict.fromkeys(PRESETS, (0.5, 0.0))

    def fit(self, X: Sequence[Page], y: Any = None) -> "RunRule":
        """Learn nothing: the rule is what it is."""
        return self

    def predict_proba(self, X: Sequence[Page]) -> list[Floats]:
        """Return 1 for `content` inside the run and for `other` outside it, per page."""
        return [self._page(page) for page in X]

    def _page(self, page: Page) -> Floats:
        gains = [len(line) if _is_sentence(line) else -len(line) for line in page.lines]
        best, start, end = 0, 0, 0
        total, begin = 0, 0
        for i, gain in enumerate(gains):
            if total <= 0:
                total, begin = 0, i
            total += gain
            if total > best:
                best, start, end = total, begin, i + 1
        proba = np.zeros((len(gains), len(LABELS)), np.float32)
        proba[:, OTHER] = 1
        proba[start:end, OTHER] = 0
        proba[start:end, CONTENT] = 1
        return proba


def _is_sentence(line: str) -> bool:
    return line.rstrip(_CLOSING + " ").endswith(_ENDS) and len(words(line)) >= _WORDS
