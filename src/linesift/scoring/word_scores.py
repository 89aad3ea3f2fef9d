"""WCXB's own measures: word F1 and snippets, computed as its published scores are.

They know nothing of lines and leave no headings out: the raw output of a system is held
against the gold text as the data set has it. A word is a run of letters, digits and
underscores in lower case, so Chinese and Japanese, which write no spaces, score by whole
phrases. The order of words does not count. Pages without gold text are no part of the
published scores; none of them is labelled.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linesift.labelling.documents import Document
from linesift.scoring.metrics import Array, Estimate, mean_score

_WORD = re.compile(r"\w+")


def word_f1(text: str, gold: str) -> float:
    """Return F1 over the words of two texts, counted as often as they stand.

    >>> word_f1("It rained all day", "It rained. All night")
    0.75
    """
    ours, theirs = (Counter(_WORD.findall(one.lower())) for one in (text, gold))
    total = ours.total() + theirs.total()
    return 2 * (ours & theirs).total() / total if total else 1.0


def share_found(snippets: Sequence[str], text: str) -> float:
    """Return the share of snippets that stand in a text, case aside; NaN where there are none.

    >>> share_found(["it rained", "it snowed"], "It rained all day.")
    0.5
    """
    if not snippets:
        return math.nan
    text = text.lower()
    return sum(one.lower() in text for one in snippets) / len(snippets)


@dataclass(frozen=True)
class WordScores:
    """What one system's raw outputs score on each page.

    Parameters
    ----------
    columns : dict of str to ndarray of shape (n_pages,)
        `word_f1`; `with`, the share of wanted snippets that are there; `without`, the share of
        unwanted ones that are not. NaN where a page has no such snippet.
    sites : list of str
        Of each page.
    """

    columns: dict[str, Array]
    sites: list[str]

    def estimates(self, chosen: npt.NDArray[np.bool_] | None = None) -> dict[str, Estimate]:
        """Return the means over the chosen pages that have the score, all by default."""
        return self._means(self.columns, chosen)

    def higher_than(self, other: "WordScores") -> dict[str, Estimate]:
        """Return by how much its scores are higher than another system's on the same pages."""
        if self.sites != other.sites:
            raise ValueError("only scores of the same pages can be compared")
        return self._means(
            {name: self.columns[name] - other.columns[name] for name in self.columns}
        )

    def _means(
        self, columns: dict[str, Array], chosen: npt.NDArray[np.bool_] | None = None
    ) -> dict[str, Estimate]:
        found = {}
        for name, values in columns.items():
            pages = np.flatnonzero(~np.isnan(values) & (True if chosen is None else chosen))
            if len(pages):
                found[name] = mean_score(values[pages], [self.sites[i] for i in pages])
        return found


def score_words(
    texts: Sequence[str], documents: Sequence[Document], sites: Sequence[str]
) -> WordScores:
    """Score the raw output of a system on each page.

    Parameters
    ----------
    texts : sequence of str
        What the system gave.
    documents : sequence of Document
        With the gold text and the snippets of the page.
    sites : sequence of str
        Of each page.
    """
    pages = list(zip(texts, documents, strict=True))
    columns = {
        "word_f1": [word_f1(text, "\n".join(one.gold or ())) for text, one in pages],
        "with": [share_found(one.wanted, text) for text, one in pages],
        "without": [1 - share_found(one.unwanted, text) for text, one in pages],
    }
    return WordScores({name: np.array(values) for name, values in columns.items()}, list(sites))
