"""Which texts stand in others: a page that is learned from must not be one that is scored."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from linesift.reading.text import words
from linesift.reading.tokens import sorted_distinct

SHARED = 0.2
"""Share of a text's runs of four words that stand in one other, above which it is copied."""
_RUN = 4
_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Runs = npt.NDArray[np.uint64]


def stands_in(
    texts: Sequence[Iterable[str]], others: Sequence[Iterable[str]]
) -> npt.NDArray[np.bool_]:
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
    copied = np.zeros(len(texts), bool)
    runs_of_others = [_runs(other) for other in others]
    runs = np.concatenate([np.zeros(0, np.uint64), *runs_of_others])
    owners = np.repeat(np.arange(len(others)), [len(one) for one in runs_of_others])
    order = np.argsort(runs)
    runs, owners = runs[order], owners[order]
    for i, text in enumerate(texts):
        mine = _runs(text)
        first = np.searchsorted(runs, mine)
        there = np.take(runs, first, mode="clip") == mine if len(runs) else np.zeros(0, bool)
        if there.sum() <= SHARED * len(mine):  # all others together hold too little of it
            continue
        last = np.searchsorted(runs, mine[there], "right")
        shared = [owners[a:b] for a, b in zip(first[there], last, strict=True)]
        copied[i] = np.bincount(np.concatenate(shared)).max() > SHARED * len(mine)
    return copied


def _runs(text: Iterable[str]) -> Runs:
    """Return a hash of each run of four words in a text, of all of it if it is shorter."""
    hashes = [hash(word) for paragraph in text for word in words(paragraph)]
    tokens = np.array(hashes, np.int64).view(np.uint64)
    count = max(len(tokens) - _RUN + 1, min(len(tokens), 1))
    runs = np.zeros(count, np.uint64)
    for offset in range(min(_RUN, len(tokens))):
        runs = runs * _FACTOR + tokens[offset : offset + count]
    return sorted_distinct(runs) if count else runs
