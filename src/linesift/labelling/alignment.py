"""Find the gold text of an article in the lines of its page.

Gold texts are typed or cut out by people, so they rarely equal the page. And a bag
of words does not do: "News" stands in most articles. Hence lines are put in order:

1. runs of four words that a line shares with the gold text make candidates, each a
   stretch of a line at a stretch of the gold text;
2. the heaviest chain of candidates that goes forward in both texts is the article;
3. lines too short for that are placed where they continue the gold text beside a
   line already placed, or equal a whole gold line between two placed ones.

What is left that resembles the gold text is a second copy (a teaser, a caption, the
mobile version) and marked as such.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linesift.reading.text import words

_SHINGLE = 4
_COMMON = 16  # a shingle that stands in more places than this says nothing of where
_DRIFT = 2  # words inserted or lost within one candidate at a time
_GAP = 24  # words of the gold text that a line may skip within one candidate
_OVERLAP = 3  # words by which two neighbours on the chain may overlap
_JUMP_COST = 1.0  # words that a jump over 50 or more lines of the page costs

_Hit = tuple[int, int]


@dataclass(frozen=True)
class Alignment:
    """Where the gold text stands on a page.

    Parameters
    ----------
    coverage : ndarray of shape (n_lines,), 0 to 1
        Share of each line's words that were placed in the gold text.
    repeated : ndarray of shape (n_lines,), bool
        Lines that resemble the gold text but were not placed: second copies.
    found : float, 0 to 1
        Share of the words of the gold text that were found in the lines.
    """

    coverage: npt.NDArray[np.float64]
    repeated: npt.NDArray[np.bool_]
    found: float


@dataclass(frozen=True)
class _Candidate:
    line: int
    low: int  # first word in the gold text
    high: int  # one past the last
    covered: frozenset[int]  # words of the line


def align(gold: Sequence[str], lines: Sequence[str]) -> Alignment:
    """Return how far each line is covered by a gold text, in order.

    Parameters
    ----------
    gold : sequence of str
        Paragraphs of the gold text.
    lines : sequence of str
        Lines of the page.

    Examples
    --------
    >>> found = align(["One two three four five.", "Six."],
    ...               ["Menu", "One two three four five", "Six", "Seven", "Six"])
    >>> found.coverage.tolist(), found.repeated.tolist()
    ([0.0, 1.0, 1.0, 0.0, 0.0], [False, False, False, False, True])
    """
    paragraphs = [tokens for tokens in map(words, gold) if tokens]
    text = [word for paragraph in paragraphs for word in paragraph]
    tokens = [words(line) for line in lines]
    candidates = _candidates(text, tokens)
    chain = _heaviest_chain(candidates)
    covered: list[set[int]] = [set() for _ in lines]
    spans: dict[int, tuple[int, int]] = {}
    placed = np.zeros(len(text), bool)
    for link in chain:
        covered[link.line] |= link.covered
        low, high = spans.get(link.line, (link.low, link.high))
        spans[link.line] = (min(low, link.low), max(high, link.high))
        placed[link.low : link.high] = True
    for line, (low, high) in _place_short(text, paragraphs, tokens, spans).items():
        covered[line] = set(range(len(tokens[line])))
        placed[low:high] = True
    coverage = np.array(
        [len(c) / len(t) if t else 0.0 for c, t in zip(covered, tokens, strict=True)]
    )
    whole = {tuple(paragraph) for paragraph in paragraphs}
    resembling: dict[int, set[int]] = defaultdict(set)
    for candidate in candidates:
        resembling[candidate.line] |= candidate.covered
    repeated = np.array(
        [
            coverage[i] == 0 and (len(resembling[i]) >= 0.4 * len(t) > 0 or tuple(t) in whole)
            for i, t in enumerate(tokens)
        ],
        bool,
    )
    return Alignment(coverage, repeated, float(placed.mean()) if text else 0.0)


def _candidates(text: list[str], tokens: list[list[str]]) -> list[_Candidate]:
    """Return stretches of lines that share runs of words with the gold text."""
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i in range(len(text) - _SHINGLE + 1):
        places[tuple(text[i : i + _SHINGLE])].append(i)
    found = []
    for number, line in enumerate(tokens):
        hits = [
            (place, i)
            for i in range(len(line) - _SHINGLE + 1)
            for place in _few(places.get(tuple(line[i : i + _SHINGLE]), []))
        ]
        for group in _stretches(hits):
            covered = frozenset(i + k for _, i in group for k in range(_SHINGLE))
            found.append(_Candidate(number, group[0][0], group[-1][0] + _SHINGLE, covered))
    return found


def _stretches(hits: list[_Hit]) -> Iterator[list[_Hit]]:
    """Split hits (place in the gold text, place in the line) into stretches that run side by side.

    A phrase that the gold text repeats lies on another diagonal; without this split it
    would stretch a candidate over its neighbours' text and break the chain.
    """
    hits = sorted(hits, key=lambda hit: (hit[0] - hit[1], hit[0]))
    for diagonal in _split(hits, lambda one, two: two[0] - two[1] - (one[0] - one[1]) > _DRIFT):
        yield from _split(sorted(diagonal), lambda one, two: two[0] - one[0] > _GAP)


def _split(items: list[_Hit], apart: Callable[[_Hit, _Hit], bool]) -> Iterator[list[_Hit]]:
    start = 0
    for end in range(1, len(items) + 1):
        if end == len(items) or apart(items[end - 1], items[end]):
            yield items[start:end]
            start = end


def _few(places: list[int]) -> list[int]:
    return places if len(places) <= _COMMON else []


def _heaviest_chain(candidates: list[_Candidate]) -> list[_Candidate]:
    """Return the candidates that go forward in page and gold text with the most words."""
    if not candidates:
        return []
    order = sorted(candidates, key=lambda c: (c.line, c.low))
    line = np.array([c.line for c in order])
    low = np.array([c.low for c in order])
    high = np.array([c.high for c in order])
    weight = np.array([len(c.covered) for c in order], float)
    best = weight.copy()
    before = np.full(len(order), -1)
    for i in range(1, len(order)):
        # A chain that goes back on itself in the gold text would count words twice.
        fits = (high[:i] <= low[i] + _OVERLAP) & (low[:i] < low[i])
        if not fits.any():
            continue
        jump = np.minimum(np.maximum(line[i] - line[:i] - 1, 0), 50) / 50 * _JUMP_COST
        score = np.where(fits, best[:i] - jump, -np.inf)
        previous = int(np.argmax(score))
        if score[previous] > 0:
            best[i] = weight[i] + score[previous]
            before[i] = previous
    chain, link = [], int(np.argmax(best))
    while link >= 0:
        chain.append(order[link])
        link = int(before[link])
    return chain[::-1]


def _place_short(
    text: list[str],
    paragraphs: list[list[str]],
    tokens: list[list[str]],
    spans: dict[int, tuple[int, int]],
) -> dict[int, tuple[int, int]]:
    """Return gold spans of lines that the chain could not carry, mostly short ones."""
    starts = np.cumsum([0, *map(len, paragraphs)])[:-1].tolist()
    placed: dict[int, tuple[int, int]] = {}
    anchors = sorted(spans)
    for left, right in zip([None, *anchors], [*anchors, None], strict=True):
        low = spans[left][1] if left is not None else 0
        high = spans[right][0] if right is not None else len(text)
        first = left + 1 if left is not None else 0
        last = right if right is not None else len(tokens)
        between = range(first, last)
        if left is not None:
            for i in between:  # onwards from the line above, while the gold text goes on
                end = low + len(tokens[i])
                if not tokens[i] or end > high + _OVERLAP or tokens[i] != text[low:end]:
                    break
                placed[i] = (low, end)
                low, first = end, i + 1
        if right is not None:
            for i in reversed(range(first, last)):  # backwards from the line below
                start = high - len(tokens[i])
                if not tokens[i] or start < low or tokens[i] != text[start:high]:
                    break
                placed[i] = (start, high)
                high, last = start, i
        if not anchors:
            continue
        for i in range(first, last):  # whole gold lines, in order
            for k in range(bisect_left(starts, low), len(starts)):
                end = starts[k] + len(paragraphs[k])
                if end > high:
                    break
                if tokens[i] == paragraphs[k]:
                    placed[i] = (starts[k], end)
                    low = end
                    break
    return placed
