"""Pure functions on strings: lines of a text, words as the scores count them.

Two texts that a reader would call the same should compare equal here, so words
are compared in Unicode compatibility form (NFKC) and case folded. Chinese, Japanese, Thai,
Lao, Khmer and Burmese write no spaces: each of their letters counts as one word. A vowel
sign belongs to its letter.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from linesift.reading.scripts import IDEOGRAPHS, LIKE_KHMER, LIKE_THAI, letters_and_marks

UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+"
)
"""Joiners, soft hyphens, marks of direction and of how an emoji is shown: what takes no place."""
# Joiners, places to break and marks of direction are part of how scripts are written.
_HARMLESS = frozenset("\t\n\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2060")
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))


def split_lines(text: str) -> list[tuple[int, str]]:
    r"""Return the non-empty lines of a text with their numbers, as an editor counts them.

    Only CR, LF and CRLF end a line: `str.splitlines` also breaks at form feeds and
    at U+2028, where editors do not. White space at the start of a line is part of it,
    since it says something in code; at its end it says nothing.

    >>> split_lines("one\r\n\n  three ")
    [(1, 'one'), (3, '  three')]
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    stripped = map(str.rstrip, text.split("\n"))
    return [(number, line) for number, line in enumerate(stripped, start=1) if line]


class _Patterns(NamedTuple):
    word: re.Pattern[str]
    stretch: re.Pattern[str]
    letter: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    """Return the patterns of words; made at the first use, since sets of marks take a while."""
    marks = "".join(letters_and_marks("\u0300-\uffff")[1])
    unspaced = "".join(letters_and_marks(LIKE_THAI + LIKE_KHMER)[0])
    letter = f"[{IDEOGRAPHS}]|[{unspaced}][{marks}]*"
    return _Patterns(
        re.compile(rf"{letter}|(?:[^\W_{IDEOGRAPHS}{unspaced}][{marks}]*)+"),
        re.compile(rf"\s*(?:{letter}|[^\s{IDEOGRAPHS}{unspaced}]+)\s*|\s+"),
        re.compile(letter),
    )


def words(text: str) -> list[str]:
    """Words of a text, NFKC and case folded; one a letter where no spaces are written.

    >>> words("ＡＢ, naïve: 日本 2021 हिन्दी")
    ['ab', 'naïve', '日', '本', '2021', 'हिन्दी']
    """
    text = UNSEEN.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return _patterns().word.findall(text)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text begin and end, marks and spaces with them.

    Every character belongs to one word; of Chinese, Japanese and Thai each letter is a word.

    >>> word_spans("It rained: 日本"), word_spans("")
    ([(0, 3), (3, 11), (11, 12), (12, 13)], [])
    """
    return [match.span() for match in _patterns().stretch.finditer(text)]


def is_ideograph(text: str) -> bool:
    """Tell whether a text is one letter of a script without spaces between words.

    >>> is_ideograph("日"), is_ideograph("a"), is_ideograph("日本")
    (True, False, False)
    """
    return _patterns().letter.fullmatch(text) is not None


def count_ideographs(text: str) -> int:
    """Return how many letters of such scripts a text has.

    >>> count_ideographs("日本 ab")
    2
    """
    return len(_patterns().letter.findall(text))


def visible(text: str) -> Iterator[tuple[str, bool]]:
    r"""Yield a text in pieces, characters that steer instead of show by their names.

    Of each piece it says whether it stands for such a character: a control, an override of
    direction, half of a surrogate pair, or one for private use.

    >>> list(visible("a\x1b[2J\u202eb"))
    [('a', False), ('U+001B', True), ('[2J', False), ('U+202E', True), ('b', False)]
    """
    start = 0
    for k, character in enumerate(text):
        if character.isprintable() or character in _HARMLESS:
            continue
        if unicodedata.category(character) in _UNSEEN:
            if start < k:
                yield text[start:k], False
            yield f"U+{ord(character):04X}", True
            start = k + 1
    if start < len(text):
        yield text[start:], False


def shingles(tokens: Sequence[str], size: int = 4) -> list[tuple[str, ...]]:
    """Return runs of `size` consecutive words; a shorter text is one run of all its words.

    >>> shingles(["a", "b", "c"], size=2)
    [('a', 'b'), ('b', 'c')]
    """
    if not tokens:
        return []
    last = max(len(tokens) - size, 0)
    return [tuple(tokens[start : start + size]) for start in range(last + 1)]
