"""Rules that anybody could write, to measure a trained model against.

The best run of lines by punctuation is untuned and has no parameters to fit; it beats
some extractors that see the HTML. A model that does not leave it far behind is not
worth its file. The line rules of two web corpora stand beside it.
"""

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, LABELS, OTHER
from linesift.models.features import Floats
from linesift.models.prediction import LinePredictor, Predicted, unknown_types
from linesift.models.thresholds import PRESETS
from linesift.reading.page import Page
from linesift.reading.scripts import SENTENCE_ENDS
from linesift.reading.text import words

_END = re.compile(f"[{SENTENCE_ENDS}]")
_CLOSING = "\"'»”’“)]›」』"
_WORDS = 5
_SHORT_LINE = 10  # words up to which a line is dropped for an invitation
_COUNTER = re.compile(
    r"(?<![\d.,])[\d.,]++\s*+(?:[km]\s*+)?(?:likes?|shares?|comments?|retweets?|reposts?|quotes?|bookmarks?"
    r"|upvotes?|downvotes?|downloads?|views?|followers?)",
    re.IGNORECASE,
)
_INVITATION = re.compile(
    r"^\W*sign[- ]?in\b|\bread more\W*$|\bitems? in (?:your )?(?:cart|basket)\b", re.IGNORECASE
)


class LineRule(LinePredictor):
    """A rule that keeps lines or not: sure of what it says, and nothing to learn."""

    thresholds_ = dict.fromkeys(PRESETS, (0.5, 0.0, 0.0))

    def fit(self, X: Sequence[Page], y: Any = None) -> "LineRule":
        """Learn nothing: the rule is what it is."""
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return no parameters: there are none. So scikit-learn can clone a rule."""
        return {}

    def predicted(self, X: Sequence[Page]) -> Predicted:
        """Return 1 for `content` of the kept lines and for `other` of the rest; no page types."""
        return Predicted([self._page(page) for page in X], unknown_types(len(X)))

    def _page(self, page: Page) -> Floats:
        kept = self._keeps(page.lines)
        proba = np.zeros((len(kept), len(LABELS)), np.float32)
        proba[:, CONTENT] = kept
        proba[:, OTHER] = ~kept
        return proba

    @abstractmethod
    def _keeps(self, lines: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Tell which lines of a page are kept."""


class RunRule(LineRule):
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

    def _keeps(self, lines: Sequence[str]) -> npt.NDArray[np.bool_]:
        gains = [len(line) if _is_sentence(line) else -len(line) for line in lines]
        best, start, end = 0, 0, 0
        total, begin = 0, 0
        for i, gain in enumerate(gains):
            if total <= 0:
                total, begin = 0, i
            total += gain
            if total > best:
                best, start, end = total, begin, i + 1
        place = np.arange(len(gains))
        return (place >= start) & (place < end)


class C4Rule(LineRule):
    """The line rule of C4 (Raffel et al. 2020, section 2.2), with marks of all languages.

    A line is kept if it ends as a sentence does, has at least five words, and does not
    speak of JavaScript. As published the rule knows only English marks.

    Examples
    --------
    >>> page = Page("p", ("Menu", "It rained all day long.", "Please switch on JavaScript here."),
    ...             (1, 2, 3))
    >>> C4Rule().predict_proba([page])[0][:, 0].tolist()
    [0.0, 1.0, 0.0]
    """

    def _keeps(self, lines: Sequence[str]) -> npt.NDArray[np.bool_]:
        kept = (_is_sentence(line) and "javascript" not in line.lower() for line in lines)
        return np.fromiter(kept, bool, len(lines))


class RefinedWebRule(LineRule):
    """The line rule of RefinedWeb (Penedo et al. 2023, appendix G.2).

    A line is dropped if most of its letters are capitals, if it is a number, a counter
    ("3 likes") or a single word, and if it is short and opens with an invitation to
    sign in, ends with "read more" or speaks of a basket.

    Examples
    --------
    >>> page = Page("p", ("Menu", "It rained all day", "3 likes", "TOP NEWS", "Read more..."),
    ...             (1, 2, 3, 4, 5))
    >>> RefinedWebRule().predict_proba([page])[0][:, 0].tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0]
    """

    def _keeps(self, lines: Sequence[str]) -> npt.NDArray[np.bool_]:
        return np.fromiter((not _is_web_noise(line) for line in lines), bool, len(lines))


def _is_sentence(line: str) -> bool:
    last = line.rstrip(_CLOSING + " ")[-1:]
    return _END.fullmatch(last) is not None and len(words(line)) >= _WORDS


def _is_web_noise(line: str) -> bool:
    tokens = words(line)
    capitals = sum(map(str.isupper, line))
    return (
        len(tokens) < 2
        or 2 * capitals > sum(map(str.isalpha, line))
        or not any(map(str.isalpha, line))
        or bool(_COUNTER.fullmatch(line.strip()))
        or (len(tokens) <= _SHORT_LINE and bool(_INVITATION.search(line)))
    )
