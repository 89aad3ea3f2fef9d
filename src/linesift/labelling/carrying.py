"""Carry hand labels over to the lines of pages that are read in another way than when labelled.

Of a line that was labelled only a hash is known. So the old lines are looked for in the text
of the new ones: where hashes agree in order, a line is the same; between such lines, the words
of the new lines are put together again, with and without a space where the reader may have
put one or ended a line since, until a hash agrees. A new line takes the label of the old
lines that it was part of or is made of. What cannot be told is `unsure`, and said.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import chain, combinations, islice
from typing import NamedTuple

from linesift.labelling.hand_labels import line_hash
from linesift.labelling.labels import UNSURE
from linesift.reading.page import Page
from linesift.reading.tables import PARTED

_MOST_WORDS = 400  # of an old line that is looked for
# Ways to put spaces between so many words, and between those of a line that may be an old one.
_MOST_TRIED, _MOST_TRIED_OF_LINE = 500, 70_000
_WORDS_MEET = re.compile(r"\w\s\w")
_BAR = PARTED.strip()


class Carried(NamedTuple):
    """Labels of the lines of a page, and what could not be told.

    Parameters
    ----------
    lines : dict
        By line number: label code and hash of the line.
    unplaced : tuple of int
        Numbers of new lines that are in no old line and made of none, or only in part.
    disagreeing : tuple of int
        Numbers of new lines that are made of old lines with different labels.
    lost : tuple of int
        Numbers of old lines that are in no new line.
    """

    lines: dict[int, tuple[int, str]]
    unplaced: tuple[int, ...]
    disagreeing: tuple[int, ...]
    lost: tuple[int, ...]


class _Word(NamedTuple):
    text: str
    line: int
    may_join: bool  # to the word before, without a space


def carry_labels(old: Mapping[int, tuple[int, str]], page: Page) -> Carried:
    """Return the labels of a page for its lines as they are read now.

    Parameters
    ----------
    old : mapping
        By line number: label code and hash of each line as it was read then.
    page : Page
        The page as it is read now.

    Examples
    --------
    >>> old = {1: (0, line_hash("Bread")), 2: (0, line_hash("2.10")), 3: (2, line_hash("ab"))}
    >>> carried = carry_labels(old, Page("p", ("Bread | 2.10", "a b", "new"), (1, 2, 3)))
    >>> [label for label, _ in carried.lines.values()], carried.unplaced
    ([0, 2, -1], (3,))
    """
    numbers = sorted(old)
    hashes = [old[number][1] for number in numbers]
    sources: list[set[int]] = [set() for _ in page.lines]
    whole = [True] * len(page.lines)
    marks = [line_hash(line) for line in page.lines]
    for kind, low, high, first, last in SequenceMatcher(
        None, hashes, marks, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            for k in range(last - first):
                sources[first + k].add(low + k)
        else:
            _match_words(hashes, range(low, high), page.lines, range(first, last), sources, whole)
    lines, unplaced, disagreeing = {}, [], []
    for k, number in enumerate(page.numbers):
        labels = {old[numbers[source]][0] for source in sources[k]}
        label = labels.pop() if len(labels) == 1 and whole[k] else UNSURE
        if not sources[k] or not whole[k]:
            unplaced.append(number)
        elif labels and label == UNSURE:
            disagreeing.append(number)
        lines[number] = label, marks[k]
    found = set().union(*sources)
    lost = tuple(number for k, number in enumerate(numbers) if k not in found)
    return Carried(lines, tuple(unplaced), tuple(disagreeing), lost)


def _match_words(
    hashes: Sequence[str],
    old: range,
    lines: Sequence[str],
    new: range,
    sources: list[set[int]],
    whole: list[bool],
) -> None:
    """Look for old lines in the words of new ones; note of each new line what it is made of."""
    words = _words(lines, new)
    at, following = 0, old.start
    while at < len(words):
        found = _first_piece(
            words, at, {hashes[k]: k for k in reversed(range(following, old.stop))}
        )
        if found is not None:
            end, source = found
            for word in words[at:end]:
                sources[word.line].add(source)
            at, following = end, source + 1
        elif words[at].text == _BAR:
            at += 1
        else:  # go on where a piece may begin
            whole[words[at].line] = False
            at += 1
            while at < len(words) and not (
                words[at].line != words[at - 1].line or words[at - 1].text == _BAR
            ):
                at += 1


def _words(lines: Sequence[str], new: range) -> list[_Word]:
    found: list[_Word] = []
    for k in new:
        for count, text in enumerate(lines[k].split()):
            before = found[-1].text if found else ""
            meet = _WORDS_MEET.fullmatch(f"{before[-1:]} {text[0]}") is not None
            found.append(_Word(text, k, count == 0 or meet))
    return found


def _first_piece(words: Sequence[_Word], at: int, old: dict[str, int]) -> tuple[int, int] | None:
    """Return where an old line ends that begins with a word, and which one; of several the first.

    It ends in the line that it begins in, or with a later one.
    """
    expected = min(old.values(), default=-1)
    best: tuple[int, int] | None = None
    for end in range(at + 1, min(at + _MOST_WORDS, len(words)) + 1):
        ends_line = end == len(words) or words[end].line != words[end - 1].line
        if not ends_line and words[end - 1].line != words[at].line:
            continue
        starts_line = not at or words[at - 1].line != words[at].line
        is_line = starts_line and ends_line and words[end - 1].line == words[at].line
        for text in _put_together(words[at:end], is_line):
            source = old.get(line_hash(text))
            if source is not None and (best is None or source < best[1]):
                best = end, source
                if source == expected:
                    return best
    return best


def _put_together(words: Sequence[_Word], whole_line: bool) -> Iterator[str]:
    """Yield ways in which words may have been one line: few spaces left out, or few left."""
    places = [k for k, word in enumerate(words) if k and word.may_join]
    few = chain.from_iterable(combinations(places, count) for count in range(len(places) + 1))
    many = _MOST_TRIED_OF_LINE if whole_line else _MOST_TRIED
    for kept in islice(few, many):
        for joined in (kept, set(places).difference(kept)):
            yield "".join(
                word.text if not k or k in joined else f" {word.text}"
                for k, word in enumerate(words)
            )
