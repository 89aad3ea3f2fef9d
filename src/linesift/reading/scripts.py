"""What scripts differ in: spaces between words, marks at the end of a sentence.

Sets of characters are written as in a class of a regular expression.
"""

import re
import unicodedata

IDEOGRAPHS_OF_PLANE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Of the basic plane, kana among them: no spaces between words, and each says much."""
IDEOGRAPHS = f"{IDEOGRAPHS_OF_PLANE}\U00020000-\U0003ffff"

# Unicode's line breaking class SA: complex context, South East Asian.
LIKE_THAI = "\u0e01-\u0e4e\u0e81-\u0edf\u1950-\u1974\u1980-\u19df\u1a20-\u1aad\uaa80-\uaadf"
"""Thai, Lao and Tai scripts: no spaces between words, and no full stop either."""
LIKE_KHMER = "\u1000-\u109f\u1780-\u17dd\ua9e0-\ua9fe\uaa60-\uaa7f"
"""Khmer and Burmese: no spaces between words; signs stand around each letter."""

# Unicode's property Sentence_Terminal without the Burmese comma, the ellipsis, and marks
# of Hebrew, Thai, Tibetan and Khmer that end a verse or a paragraph.
SENTENCE_ENDS = (
    "!.?\u0589\u05c3\u061d-\u061f\u06d4\u0700-\u0702\u07f9\u0837\u0839\u083d\u083e\u0964\u0965"
    "\u0e5a\u0e5b\u0f0d-\u0f12\u104b\u1362\u1367\u1368\u166e\u1735\u1736\u17d4\u17d5\u17da"
    "\u1803\u1809\u1944\u1945\u1aa8-\u1aab\u1b5a\u1b5b\u1b5e\u1b5f\u1b7d\u1b7e\u1c3b\u1c3c\u1c7e"
    "\u1c7f\u2026\u203c\u203d\u2047-\u2049\u2e2e\u2e3c\u2e53\u2e54\u3002\ua4ff\ua60e\ua60f\ua6f3"
    "\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d-\uaa5f\uaaf0\uaaf1\uabeb\ufe52\ufe56"
    "\ufe57\uff01\uff0e\uff1f\uff61"
)


def letters_and_marks(characters: str) -> tuple[str, str]:
    r"""Return the letters of a set of characters, and the marks that combine with a letter.

    >>> letters_and_marks("\u0e32-\u0e34.1")
    ('าำ', 'ิ')
    """
    found = re.findall(f"[{characters}]", "".join(map(chr, range(0x10000))))
    kinds = [unicodedata.category(character)[0] for character in found]
    letters, marks = (
        "".join(one for one, kind in zip(found, kinds, strict=True) if kind == wanted)
        for wanted in "LM"
    )
    return letters, marks
