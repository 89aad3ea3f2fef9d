r"""Lines as features see them: without what a converter or an editor added to the text.

The same page comes as Markdown or as bare text, indented or not, with one kind of space or
another. None of that says whether a line is the page's content, so none of it is counted:
labels stay the same however a page was converted. What is printed is the line as it came.

Marks are those that Markdown has, as html2text, inscriptis, markdownify, pandoc and
resiliparse write it. Numbers before the items of a list stay: text has them by itself too
("1. Mai", ranks), and n-grams see all digits as one. So does a dash without a space after it.
"""

import re
import sys
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from linesift.reading.text import UNSEEN

NOTHING_LEFT = "***"
"""What a line is seen as that has marks only: the break that articles have between sections."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")  # form feeds and tabs among them
_SPACE = 32

_LIST_MARKS = r"*+\-•◦▪▫‣⁃●○■□–"
_MARKED = re.compile(rf"[\\*_`\[<~]|\]\(|^[#>|:={_LIST_MARKS}]")
_MOST_ROUNDS = 4  # marks inside marks
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|\\$")
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,}(?=[^~]*$))(.*)")
_NO_TEXT = re.compile(
    rf"(?:[-*_=~+:|#>`] ?){{3,}}|[#>{_LIST_MARKS}]|##|:{{3,}} ?(?:\{{[^{{}}]*\}}|[\w-]*)"
    # Where a reference link leads.
    r"|\[[^\[\]]+\]: <?(?:https?:|mailto:|www\.|\.{0,2}/|#)\S*(?: [\"'(].*)?"
)
_LEADING = re.compile(rf"(?:#{{1,6}}|>|[{_LIST_MARKS}](?: \[[ xX]\])?) (?=\S)")
_AFTER_HEADING = re.compile(r"(?: #+)?(?: \{[.#][^{}]*\})?$")
_CODE = re.compile(r"(?<!`)(`+)(?!`)([^`]+)(?<!`)\1(?!`)")
_TARGET = (
    r"\( ?(?:<[^<>]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)(?: (?:\"[^\"]*\"|'[^']*'))? ?\)"
    r"(?:\{[.#][^{}]*\})?"
)
_TEXT = r"((?:[^\[\]]|\[[^\[\]]*\])*)\]"
# What an image shows is not text, and no other converter writes it.
_IMAGE = re.compile(rf"!\[{_TEXT}{_TARGET}")
_LINK = re.compile(rf"(?<!!)\[{_TEXT}{_TARGET}")
_LINKS_MEET = re.compile(r"(?<=\))(?=!?\[(?:[^\[\]]|!?\[[^\[\]]*\])*\]\()")
# A link around several blocks begins on one line and ends on another.
_OPENED = re.compile(r"^\[ ?(?=[^\[\]]*$)")
_CLOSED = re.compile(rf"^([^\[\]]*)\]{_TARGET}$")
# Icons are elements without text, and html2text writes them as emphasis of nothing.
_EMPTY = re.compile(r"(?<!\S)__(?=\s|$|[^\W\d_][^_]*$)")
# "[1][2]" are two notes, and "a[i][0]" is code.
_REFERENCE = re.compile(r"(?<![\w\])])!?\[((?![\d ]*\])[^\[\]]+)\]\[\d*\]")
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto):[^\s<>]*|[^\s<>@]+@[^\s<>@]+)>")
# A mark of emphasis touches the text that it is about, and no letter or digit outside of it:
# "5 * 3", "2**3", "*args" and snake_case stay. No text between marks holds the mark itself, so
# that a line of nothing but marks takes no more time than another. The mark stands first, and
# what may not stand before it after it: then the search goes from mark to mark.
_STARS = re.compile(
    r"(\*(?<![0-9A-Za-z_)*]\*)\*{0,2})(?=[^\s*])([^*]*)(?<=[^\s*])\1(?![0-9A-Za-z_*])"
)
_UNDERSCORES = re.compile(
    r"(_(?<!\w_)_{0,2})(?=[^\s_])((?:[^_]|(?<=[^\W_])_(?=[^\W_]))*)(?<=[^\s_])\1(?!\w|\(|\.\w)"
)
_STRIKES = re.compile(r"(?<![~\w])(~~)(?=[^\s~])([^~]*)(?<=[^\s~])\1(?![~\w])")
_INLINE = (
    *(("`", _CODE, r"\2"), (")[", _LINKS_MEET, " "), (")![", _LINKS_MEET, " ")),
    *(("[", _OPENED, ""), ("](", _CLOSED, r"\1")),
    *(("](", _IMAGE, ""), ("](", _LINK, r"\1"), ("][", _REFERENCE, r"\1")),
    *(("<", _AUTOLINK, r"\1"), ("~~", _STRIKES, r"\2")),
    *(("*", _STARS, r"\2"), ("_", _UNDERSCORES, r"\2"), ("__", _EMPTY, "")),
)
"""What a line with such a mark holds, its pattern, and what is left of it."""


def plain_lines(lines: Sequence[str]) -> list[str]:
    r"""Return the lines of a page as features see them, one for one and none of them empty.

    Parameters
    ----------
    lines : sequence of str
        Lines without a line feed.

    Examples
    --------
    >>> plain_lines(["## News ##", "* A **wet** [May](/may \"2021\")", "---", "5 * 3 \\* a_b"])
    ['News', 'A wet May', '***', '5 * 3 * a_b']
    >>> plain_lines(["```python", "    def f(*args):", "```"])
    ['***', 'def f(*args):', '***']
    """
    code = code_lines(lines)
    return [spaced(line) if k in code else plain_line(line) for k, line in enumerate(lines)]


def plain_line(line: str) -> str:
    """Return one line, which no fence makes code, as features see it.

    >>> plain_line("  > _It_ rained.")
    'It rained.'
    """
    line = spaced(line)
    for _ in range(_MOST_ROUNDS):
        if not _MARKED.search(line) or line == NOTHING_LEFT:
            break
        before, line = line, _unmarked(line)
        if line == before:
            break
    return line


def code_lines(lines: Sequence[str]) -> frozenset[int]:
    r"""Return the positions of the lines between two fences; a fence without another is none.

    >>> sorted(code_lines(["~~~", "*a", "~~~", "b", "```", "c"]))
    [1]
    """
    inside: list[int] = []
    start, fence = -1, ""
    for k, line in enumerate(lines):
        if not (found := _FENCE.fullmatch(line.strip())):
            continue
        if not fence:
            start, fence = k, found[1]
        elif found[1].startswith(fence) and not found[2]:
            inside += range(start + 1, k)
            fence = ""
    return frozenset(inside)


def marked_lines(
    codes: npt.NDArray[np.uint32], line_starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return which lines may have anything that features do not see: a cheap test.

    Parameters
    ----------
    codes : ndarray of shape (n_characters,), uint32
        Code points of all lines, each line followed by one line feed.
    line_starts : ndarray of shape (n_lines,)
        Where each line begins in `codes`.
    """
    anywhere, at_start = _suspects()
    found = anywhere.take(codes)
    found[:-1] |= (codes[:-1] == _SPACE) & (codes[1:] <= _SPACE)
    found[line_starts] |= at_start[codes[line_starts]]
    return np.unique(np.searchsorted(line_starts, np.flatnonzero(found), "right") - 1)


def spaced(line: str) -> str:
    r"""Return a line with single spaces, and without what takes no place.

    >>> spaced("\tso\u00adft\u00a0 hyphen")
    'soft hyphen'
    """
    line = UNSEEN.sub("", line)
    return " ".join(_CONTROLS.sub(" ", line).split()) or NOTHING_LEFT


def _unmarked(line: str) -> str:
    """Return a line without the outermost of its marks."""
    if "\\" in line:
        line = _ESCAPED.sub(r"\1", line)
    if _NO_TEXT.fullmatch(line) or _FENCE.fullmatch(line):
        return NOTHING_LEFT
    while leading := _LEADING.match(line):
        line = line[leading.end() :]
        if leading[0].startswith("#"):
            line = _AFTER_HEADING.sub("", line)
    for mark, pattern, left in _INLINE:
        if mark in line:
            line = pattern.sub(left, line)
    if len(line) > 1 and line[0] == line[-1] == "|":
        line = " | ".join(filter(None, map(str.strip, line.split("|"))))
    return " ".join(line.split()) or NOTHING_LEFT


@cache
def _suspects() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return of each code point whether it may change a line: anywhere in it, at its start."""
    anywhere = np.zeros(sys.maxunicode + 1, bool)
    characters = "".join(map(chr, range(0x10000)))
    for found in re.finditer(rf"\s|{_CONTROLS.pattern}|{UNSEEN.pattern}|[\\*_`\[\]<~]", characters):
        anywhere[found.start() : found.end()] = True
    anywhere[[ord("\n"), _SPACE]] = False
    at_start = anywhere.copy()
    for character in re.findall(rf"[ #>|:={_LIST_MARKS}]", characters):
        at_start[ord(character)] = True
    return anywhere, at_start
