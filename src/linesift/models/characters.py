"""What each character is to the columns of a line: tables over code points.

What no script has is what no column sees. So sentences end with the marks that Unicode
calls sentence terminals, of all scripts, and a script without capitals is neither upper
nor lower case.
"""

import re
import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from linesift.reading.page import BASIC_PLANE, IDEOGRAPHS_BEYOND, OTHERS_BEYOND
from linesift.reading.scripts import (
    IDEOGRAPHS_OF_PLANE,
    LIKE_KHMER,
    LIKE_THAI,
    SENTENCE_ENDS,
    letters_and_marks,
)

LETTER, UPPER, LOWER, DIGIT, SPACE, PUNCTUATION, IDEOGRAPH = (1 << k for k in range(7))
END, COMMA, CLOSING, SEPARATOR, SYMBOL, COLON, DASH = (1 << k for k in range(7, 14))
THAI, KHMER = 1 << 14, 1 << 15
"""Scripts like these; their vowel signs and tone marks have this bit, but are no letters."""
WORD = LETTER | DIGIT
UNSPACED = IDEOGRAPH | THAI | KHMER
"""Scripts that put no space between words."""
LINE_FEED = 10

_CHARACTERS = {
    COMMA: ",;،、，；؛\u037e\u0387\u055d\u07f8\u104a\u1363\u1364\u1802\u1808\u2e41\u2e4c"
    "\u2e4e\u2e4f\ua4fe\ua60d\ua6f5\ufe50\ufe51\ufe54\uff64",
    SEPARATOR: "|/\\•·»›→>▶►■●*«‹<←~",
    SYMBOL: "@©®#™+=%$€£₽₴¥&_",
    COLON: ":：\u1365\u1366\u17d6\u1804\ufe55",
    DASH: "-–—−",
    CLOSING: "\"'＂＇",
    # In Armenian marks of question and exclamation stand inside the word.
    LETTER: "\u055b\u055c\u055e",
}
_CLOSING_KINDS = ("Pe", "Pf", "Pi")  # what opens in one language closes in another: »so«, „so“


@cache
def class_table() -> npt.NDArray[np.uint16]:
    """Return the classes of each code point of the basic plane as bits."""
    table = np.zeros(BASIC_PLANE, np.uint16)
    bits = {"Lu": LETTER | UPPER, "Lt": LETTER | UPPER, "Ll": LETTER | LOWER}
    bits |= {"Lm": LETTER, "Lo": LETTER, "Mn": LETTER, "Mc": LETTER}
    bits |= {"Nd": DIGIT, "Nl": DIGIT, "No": DIGIT, "Zs": SPACE, "Cc": SPACE}
    bits |= dict.fromkeys(_CLOSING_KINDS, PUNCTUATION | CLOSING)
    category = unicodedata.category
    for code in range(BASIC_PLANE):
        kind = category(chr(code))
        table[code] = bits.get(kind, PUNCTUATION if kind[0] in "PS" else 0)
    characters = "".join(map(chr, range(BASIC_PLANE)))
    for bit, some in ((IDEOGRAPH, IDEOGRAPHS_OF_PLANE), (END, SENTENCE_ENDS)):
        for found in re.finditer(f"[{some}]+", characters):
            table[found.start() : found.end()] |= bit
    for bit, some in ((THAI, LIKE_THAI), (KHMER, LIKE_KHMER)):
        letters, marks = letters_and_marks(some)
        table[[ord(one) for one in letters]] |= bit
        table[[ord(one) for one in marks]] = bit
    for bit, some in _CHARACTERS.items():
        for character in some:
            table[ord(character)] |= bit
    table[LINE_FEED] = 0
    # Georgian has capitals for whole words in titles alone, and no sentence begins with one.
    table[0x10D0:0x1100] &= ~np.uint16(LOWER)
    table[OTHERS_BEYOND] = PUNCTUATION | SYMBOL  # emoji and the like
    table[IDEOGRAPHS_BEYOND] = LETTER | IDEOGRAPH
    return table


@cache
def fold_table() -> npt.NDArray[np.uint16]:
    """Return what n-grams see of each code point: lower case, one digit, one white space."""
    table = np.arange(BASIC_PLANE, dtype=np.uint16)
    classes = class_table()
    for code in np.flatnonzero(classes & UPPER).tolist():
        lower = chr(code).lower()
        if len(lower) == 1:
            table[code] = ord(lower)
    table[(classes & DIGIT) > 0] = ord("0")
    table[(classes & SPACE) > 0] = ord(" ")
    table[LINE_FEED] = LINE_FEED
    return table
