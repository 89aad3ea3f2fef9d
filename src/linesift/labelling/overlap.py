"""Which texts stand in others: a page that is learned from must not be one that is scored."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from linesift.labelling.labels import BoolArray
from linesift.reading.text import shingles, words

SHARED = 0.2
"""Share of a text's runs of four words that stand in one other, above which it is copied."""


def stands_in(texts: Sequence[Iterable[str]], others: Sequence[Iterable[str]]) -> BoolArray:
    """Tell of each text whether more than a fifth of it stands in one of some others.

    Parameters
    ----------
    texts, others : sequence of iterable of str
        Each text as its paragraphs.

    Returns
    -------
    copied : ndarray of shape (n_texts,), bool

    Examples
    --------
    >>> stands_in([["It rained all day, they said."], ["Cars must wait."]],
    ...           [["Weather", "It rained all day."]]).tolist()
    [True, False]
    """
    places: dict[int, list[int]] = defaultdict(list)
    for number, other in enumerate(others):
        for run in _runs(other):
            places[run].append(number)
    copied = np.zeros(len(texts), bool)
    for i, text in enumerate(texts):
        runs = _runs(text)
        shared = Counter(chain.from_iterable(places[run] for run in runs & places.keys()))
        copied[i] = max(shared.values(), default=0) > SHARED * len(runs)
    return copied


def _runs(text: Iterable[str]) -> set[int]:
    """Return the hashes of the runs of four words in a text."""
    tokens = [word for paragraph in text for word in words(paragraph)]
    return set(map(hash, shingles(tokens)))
