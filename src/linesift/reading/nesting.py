"""HTML that a parser would take long over, written anew so that it does not.

A parser that follows the standard keeps a stack of open elements, looks through it at
almost every tag, and opens `<b>` and its like again in every paragraph until they are
closed. A page of some hundred kilobytes that closes nothing takes it minutes. Browsers
bound the depth of a tree; the parser in use does not. So where elements are many, those
that may be open at a time are counted first, and where these are too many, the page is
written anew: no element deeper than `DEEPEST`, each closed inside the one that holds it, and
none of those that only change how letters look. The count may be too high and never too low:
an element that is not surely closed counts as open.
"""

import re
from collections import Counter
from html import escape, unescape
from itertools import islice

import numpy as np
import numpy.typing as npt

DEEPEST = 512
"""Elements open at a time, as in browsers; what lies deeper stands beside the deepest."""
_FEW = 4000  # elements that are parsed soon however they nest, if as few end tags are there
_MOST_COPIES = 100_000  # elements that opening again may add to a page
_MOST_ATTRIBUTES = 500  # of a tag, each compared with those before it
_STRIDE = 8192  # bytes; a tag shorter than two has not too many attributes
_MANY_NAMES = 1000  # what looks like names of attributes in one stretch without ">"
_MOST_ROOTS = 16  # <body> and <html>: the attributes of all go to the first
_REACH = 10  # innermost open elements among which an end tag finds its own

_FORMATTING = frozenset("b big code em font i nobr s small strike strong tt u".split())
_VOID = frozenset(
    "area base basefont bgsound br col embed frame hr image img input keygen link meta param"
    " source track wbr".split()
)
_BLOCKS = frozenset(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure"
    " footer form h1 h2 h3 h4 h5 h6 header hgroup hr li dd dt listing main menu nav ol p plaintext"
    " pre search section summary ul xmp".split()
)
"""Their start tags close a paragraph, their end tags whatever is open inside them."""
_TABLE = frozenset("caption colgroup table tbody td tfoot th thead tr".split())
_ROOTS = frozenset(("html", "head", "body"))
_FOREIGN = frozenset(("svg", "math"))
# HTML inside a drawing or formula, or the end of it: that is not followed any further.
_BREAKS_OUT = (
    (_BLOCKS - {"form"})
    | _FORMATTING
    | _ROOTS
    | frozenset("annotation-xml br embed foreignobject img meta ruby span sub sup table".split())
)
_SCOPES = frozenset(
    "applet button caption html marquee object ol select table td template th ul".split()
)
_SPECIAL = _BLOCKS | _TABLE | _SCOPES | frozenset("frameset noscript optgroup option".split())
_TABLES = frozenset(("table", "template"))
_ITEMS = _SPECIAL - {"address", "div", "p"}
# What a start tag ends among the innermost elements, and what keeps it from that.
_ENDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    **dict.fromkeys(_BLOCKS, (frozenset(("p",)), _SCOPES)),
    "li": (frozenset(("li",)), _ITEMS),
    **dict.fromkeys(("dd", "dt"), (frozenset(("dd", "dt")), _ITEMS)),
    **dict.fromkeys(("td", "th"), (frozenset(("td", "th")), _TABLES)),
    "tr": (frozenset(("tr",)), _TABLES),
    "tbody": (frozenset(("tbody", "tfoot", "thead")), _TABLES),
    "option": (frozenset(("option",)), _SPECIAL),
    "a": (frozenset(("a",)), _SPECIAL),
}

# Tags as the standard reads them. No part gives back what it has read: time is linear.
_S = r"[\t\n\f\r ]"
_ATTRIBUTE = (
    rf"[^\t\n\f\r />][^\t\n\f\r />=]*+(?:{_S}*+={_S}*+"
    r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >"'][^\t\n\f\r >]*+)?+)?+"""
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_REST = rf"((?:[\t\n\f\r /]++|{_ATTRIBUTE})*+)(?:>|\Z)"
_RAW = "script|style|textarea|title|xmp|iframe|noembed|noframes"
_TOKEN = re.compile(
    rf"<(?:({_RAW})(?=[\t\n\f\r />]){_REST}((?:[^<]++|<(?!/\1[\t\n\f\r />]))*+)"
    rf"|(/?+[a-z][^\t\n\f\r />]*+){_REST}"
    r"|(!--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>)?+)|[!?][^>]*+>?+|/(?![a-z])[^>]*+>?+))",
    re.IGNORECASE,
)
"""Name, rest and content of a raw element; name and rest of a tag; or what is neither."""
_NAMES = re.compile(rb"""[\t\n\f\r /"'][^\t\n\f\r /"'=]""")
_FORMATTED = re.compile(
    rf"<({'|'.join(sorted(_FORMATTING))})([\t\n\f\r />])".encode(), re.IGNORECASE
)
"""Name, and what tells of attributes as far as one can tell."""
_START = re.compile(rb"<[a-zA-Z]")
_LONG_SPACE = 64  # characters between "=" and a value that may be more
_SPACES = "\t\n\f\r "
_KEPT = frozenset(
    "aria-controls aria-expanded aria-haspopup aria-labelledby class headers hidden id open role"
    " scope style".split()
)
"""Attributes that tell of a line."""
_KEPT_RAW = {"title": "title", "textarea": "textarea", "xmp": "pre"}
"""Raw elements with text that is seen, and what holds it without being raw."""
_LEFT_OUT = _FORMATTING | _ROOTS | frozenset("frame frameset option optgroup plaintext".split())


def bounded(html: str, data: bytes) -> str | bytes:
    """Return HTML that is parsed in time by its length: as it is, but for pages made to hinder.

    Parameters
    ----------
    html : str
        Without NULs.
    data : bytes
        The same in UTF-8.

    Examples
    --------
    >>> bounded("<p>One<p>Two", b"<p>One<p>Two")
    b'<p>One<p>Two'
    >>> deep = "<div>" * 5000 + "text"
    >>> bounded(deep, deep.encode()).count("<div>")
    512
    """
    may_take_long = _has_many_elements(data) or _may_have_long_tag(data)
    return _rewritten(html) if may_take_long and _nests_deep(html) else data


# ----------------------------------------------------------------------- a first look


def _letters(names: str) -> npt.NDArray[np.bool_]:
    """Return which two bytes, low one first, begin one of these names, with what ends a name."""
    table = np.zeros(1 << 16, bool)
    for name in names.split():
        for first in {name[0], name[0].upper()}:
            seconds = {name[1], name[1].upper()} if len(name) > 1 else set("\t\n\f\r />")
            for second in seconds:
                table[ord(first) | ord(second) << 8] = True
    return table


_MAY_FORMAT = _letters(" ".join(sorted(_FORMATTING)))
_IS_LETTER = np.array([chr(byte).isalpha() and byte < 128 for byte in range(256)])


def _has_many_elements(data: bytes) -> bool:
    """Tell whether elements are so many that it matters how they nest."""
    codes = np.frombuffer(data, np.uint8)
    marks = np.flatnonzero(codes[:-2] == ord("<"))
    first = codes[marks + 1]
    is_start = _IS_LETTER[first]
    starts, first = marks[is_start], first[is_start]
    if len(starts) > _FEW or len(marks) > 2 * _FEW:
        return True
    pairs = first | codes[starts + 2].astype(np.uint16) << 8
    formatting = starts[_MAY_FORMAT[pairs]]
    most = len(starts) * len(formatting)
    return most > _MOST_COPIES and len(starts) * _unlike(data, formatting) > _MOST_COPIES


def _unlike(data: bytes, formatting: npt.NDArray[np.intp]) -> int:
    """Return how many the parser may open again: of equal ones it is no more than three."""
    found = [named for at in formatting.tolist() if (named := _FORMATTED.match(data, at))]
    bare = {named[1].lower() for named in found}
    return sum(named[2] != b">" for named in found) + 3 * len(bare)


def _may_have_long_tag(data: bytes) -> bool:
    """Tell whether a tag may have thousands of attributes; scripts look so at times.

    A long tag holds one of the places a stride apart, and goes on from there for another.
    """
    values = _Values(data)
    end = before = 0  # the last ">" and the last place
    while (place := before + _STRIDE) < len(data):
        end = max(end, data.rfind(b">", before, place))
        start = _START.search(data, max(end, before - 1), place)
        if start or values.may_hold(end):
            begin = start.start() if start else end
            end = values.end_of_tag(place)
            if end - place > _STRIDE:
                if next(islice(_NAMES.finditer(data, begin, end), _MANY_NAMES, None), None):
                    return True
                place = end
        before = place
    return False


class _Values:
    """The values in quotes, looked for from one place to a later one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._last = {b'"': 0, b"'": 0}
        self._upto = 0

    def may_hold(self, at: int) -> bytes:
        """Return the quote that may have opened a value that is open here: the last before it."""
        for quote, last in self._last.items():
            self._last[quote] = max(last, self._data.rfind(quote, self._upto, at))
        self._upto = max(at, self._upto)
        return next((quote for quote, last in self._last.items() if self._opens(last)), b"")

    def _opens(self, at: int) -> bool:
        before = self._data[max(at - _LONG_SPACE, 0) : at]
        return bool(before) and before.rstrip()[-1:] in b"="

    def end_of_tag(self, at: int) -> int:
        """Return where a tag ends, or later, if this is in one."""
        for _ in range(_MANY_NAMES):
            if (end := self._data.find(b">", at)) < 0:
                break
            if not (quote := self.may_hold(end)):
                return end
            if (at := self._data.find(quote, end)) < 0:
                break
        return len(self._data)


# ------------------------------------------------------------------ counting what is open


class _Open:
    """The elements that may be open, as tags come.

    What its own end tag closes is closed for the parser too, or was before. What another tag
    closes with it, is as a rule; but the parser may not heed that tag, so this is counted.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.foreign: list[int] = []  # where drawings and formulas begin
        self.doubtful = 0  # elements closed by others, which the parser may have left open
        self.left = 0  # elements of appearance that were closed by others, to be opened again

    def start(self, name: str) -> None:
        """Open an element, after what it closes by its kind."""
        if not self.foreign and name in _ENDS:
            self._close(*_ENDS[name])
        if name in _FOREIGN:
            self.foreign.append(len(self.names))
        self.names.append(name)

    def end(self, name: str) -> None:
        """Close what an end tag surely closes."""
        if not self.names:
            return
        if self.foreign and self.names[self.foreign[-1]] == name:
            self.doubtful += len(self.names) - self.foreign[-1] - 1
            del self.names[self.foreign.pop() :]
        elif self.names[-1] == name:
            self.names.pop()
        elif not self.foreign:
            barrier = _TABLES if name in _TABLE else _SCOPES if name in _BLOCKS else _SPECIAL
            self._close(frozenset((name,)), barrier)

    def _close(self, ended: frozenset[str], barrier: frozenset[str]) -> None:
        """Close the innermost element of these names with all inside it, if none stands between."""
        names = self.names
        for back in range(1, min(_REACH, len(names)) + 1):
            if names[-back] in ended:
                self.doubtful += back - 1
                self.left += sum(one in _FORMATTING for one in names[len(names) - back + 1 :])
                del names[-back:]
                return
            if names[-back] in barrier:
                return


def _nests_deep(html: str) -> bool:
    """Tell whether the parser may hold too many elements open, or open too many again."""
    opened = _Open()
    copies = options = roots = 0
    for count, (raw, raw_rest, content, tag, rest, neither) in enumerate(_TOKEN.findall(html)):
        name = (raw or tag).lower()
        bare = name.removeprefix("/")
        if raw:
            if _hides(name, content, bool(opened.foreign) or "select" in opened.names[-_REACH:]):
                return True
        elif opened.foreign and (bare in _BREAKS_OUT or neither.startswith("![CDATA[")):
            return True
        elif bare != name:
            opened.end(bare)
        elif bare in _ROOTS:
            roots += 1
        elif tag and bare not in _VOID and not (opened.foreign and _closes_itself(rest)):
            options += bare == "option"
            opened.start(bare)
        copies += opened.left
        if (
            len(opened.names) > DEEPEST
            or opened.doubtful > _FEW
            or copies > _MOST_COPIES + 10 * count
        ):
            return True
        if len(rest) + len(raw_rest) > _MOST_ATTRIBUTES and _crowded(rest or raw_rest):
            return True
    return roots > _MOST_ROOTS or options > _FEW


def _crowded(rest: str) -> bool:
    return sum(1 for _ in _ATTRIBUTES.finditer(rest)) > _MOST_ATTRIBUTES


def _closes_itself(rest: str) -> bool:
    """Tell whether a tag ends with a slash that belongs to no value."""
    return rest.endswith("/") and not [rest[:0], *_ATTRIBUTES.findall(rest)][-1].endswith("/")


def _hides(name: str, content: str, elsewhere: bool) -> bool:
    """Tell whether the content of a raw element may be tags to the parser, or end elsewhere.

    A script ends later if a script begins in a comment in it; in a drawing or a list of
    options nothing is raw.
    """
    if name == "script" and "<!--" in (open_comment := content.rpartition("-->")[2]):
        return "<script" in open_comment.lower()
    return elsewhere and "<" in content


# ---------------------------------------------------------------------------- writing anew


class _Written:
    """HTML under construction in which every element ends inside the one that holds it."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._names: list[str] = []
        self._open: Counter[str] = Counter()
        self._beyond: Counter[str] = Counter()  # start tags left out, whose end tags may come

    def start(self, name: str, rest: str) -> None:
        """Open an element, or end a line where it would stand too deep."""
        if self._names and name in _ENDS and self._names[-1] in _ENDS[name][0]:
            self.end(self._names[-1])
        if len(self._names) < DEEPEST:
            self._names.append(name)
            self._open[name] += 1
            self.pieces.append(_tag(name, rest))
        else:
            self._beyond[name] += 1
            self.pieces.append("<br>" if name in _SPECIAL else "")

    def end(self, name: str) -> None:
        """Close an element and all in it; an end tag without a start tag is left out."""
        if self._beyond[name]:
            self._beyond[name] -= 1
            self.pieces.append("<br>" if name in _SPECIAL else "")
        elif self._open[name]:
            innermost = ""
            while innermost != name:
                innermost = self._names.pop()
                self._open[innermost] -= 1
                self.pieces.append(f"</{innermost}>")


def _rewritten(html: str) -> str:
    """Return the same text in elements that nest well and not too deep."""
    written = _Written()
    at = 0
    for token in _TOKEN.finditer(html):
        written.pieces.append(html[at : token.start()])
        at = token.end()
        raw, _, content, tag, rest, _ = token.groups(default="")
        name = (raw or tag).lower()
        bare = name.removeprefix("/")
        if raw and bare in _KEPT_RAW:
            text = content.replace("<", "&lt;")  # in a drawing it would be tags
            written.pieces.append("<{0}>{1}</{0}>".format(_KEPT_RAW[bare], text))
        elif raw or not bare or bare in _LEFT_OUT:
            continue
        elif bare in _VOID:
            written.pieces.append(_tag(bare, rest) if bare == name else "")
        elif bare != name:
            written.end(bare)
        else:
            written.start(bare, rest)
            if _closes_itself(rest) and bare not in _SPECIAL:
                written.end(bare)
    return "".join([*written.pieces, html[at:]])


def _tag(name: str, rest: str) -> str:
    """Return a start tag with those attributes that count here."""
    kept: dict[str, str] = {}
    for attribute in _ATTRIBUTES.findall(rest):
        key, _, value = attribute.partition("=")
        value = value.strip(_SPACES)
        if value[:1] in ("'", '"'):
            value = value[1:].removesuffix(value[0])
        kept.setdefault(key.strip(_SPACES).lower(), unescape(value))
    said = "".join(f' {key}="{escape(kept[key])}"' for key in kept if key in _KEPT)
    return f"<{name}{said}>"
