"""The lines of an HTML page as people see them, by a walk over the parsed tree.

A block element or a `<br>` ends a line, white space collapses, and what a browser would not
show gives no line. With every line go its link share and its path of tags, classes and ids.

- Where the source stands as it was typed (`<pre>`, `<textarea>` and their like), each of its
  lines is one, with its indentation.
- Inline elements beside each other do not run together: where one ends and another begins,
  a space parts two words, but not the letters of a word (`<span>T</span><span>he</span>`), nor
  what formatting (`<b>`, `<sub>`, `<wbr>`) or code splits. Links beside each other that are as
  long as headlines give a line each.
- A row of a table of data is one line; `linesift.reading.tables` says which tables are.
- Text that a click reveals is text: `<details>`, `hidden="until-found"`, and hidden elements
  that a control outside of menus opens (`aria-controls`, `aria-expanded`), that are regions
  with a heading (`role="region"`, `aria-labelledby`) or tabs (`role="tabpanel"`). Closed dialogs
  and menus are not.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser, LexborNode

from linesift.reading.tables import Line, Table
from linesift.reading.text import count_ideographs

# Kinds of elements. All from _BLOCK on end a line; the odd ones matter to all that is in them.
_UNSEEN, _BREAK, _FORMATTING, _INLINE, _BLOCK, _DIALOG, _ROW, _CELL, _CAPTION = range(0, 18, 2)
_CODE, _LINK, _TABLE, _PRE = 5, 7, 17, 19
_TAGS = {
    _UNSEEN: "applet audio canvas datalist embed frame head iframe map math meta noembed noframes"
    " noscript object param script select source style svg template title track video -comment",
    _BREAK: "br",
    _FORMATTING: "abbr acronym b bdi bdo big cite del dfn em font i ins mark nobr q rb rp rt rtc"
    " ruby s small strike strong sub sup u wbr",
    _CODE: "code kbd samp tt var",
    _LINK: "a",
    _BLOCK: "address article aside blockquote body button center dd details dir div dl dt fieldset"
    " figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hr html label legend li main"
    " menu nav ol option p section summary tbody tfoot thead ul",
    _DIALOG: "dialog",
    _ROW: "tr",
    _CELL: "td th",
    _CAPTION: "caption",
    _TABLE: "table",
    _PRE: "listing plaintext pre textarea xmp",
}
_KINDS = {tag: kind for kind, tags in _TAGS.items() for tag in tags.split()}

# What the walk is in, as bits.
_IN_LINK, _IN_CODE, _IN_PRE = 1, 2, 4
# What stands between the last text of a line and the next, as bits.
_ENDED, _BEGAN, _LINK_ENDED, _FORMATTING_ENDED, _BETWEEN_LINKS = 1, 2, 4, 8, 16

_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")
_SPACE = re.compile(r"\s")
_TAB = 8  # columns, as in browsers
# Characters of a link that the next link does not share its line with, by its place in a line.
_FIRST_HEADLINE, _HEADLINE = 25, 40
_PATH_DEPTH = 16
_NAME_LENGTH = 80

# Categories of Unicode: closing and opening brackets and quotes, currencies, pictures.
_ENDS, _BEGINS = frozenset(("Pe", "Pf", "So")), frozenset(("Ps", "Pi", "Sc", "So"))

_CONTROLS = "[aria-controls][aria-expanded]"
_MENU_TAGS = frozenset(("nav", "menu", "dialog", "select"))
_MENU_ROLES = frozenset(
    "alertdialog banner combobox dialog listbox menu menubar navigation search toolbar tree".split()
)
_MENUS = ",".join(("nav", "menu", *(f"[role={role}]" for role in sorted(_MENU_ROLES))))


def visible_lines(tree: LexborHTMLParser, data: bytes) -> "Lines":
    r"""Return the lines of a parsed page.

    Parameters
    ----------
    tree : LexborHTMLParser
    data : bytes
        The HTML that it was parsed from, in UTF-8.

    Examples
    --------
    >>> html = b"<p>One<p>Two <b>bo</b>ld<pre>a\n  b</pre>"
    >>> visible_lines(LexborHTMLParser(html), html).texts
    ['One', 'Two bold', 'a', '  b']
    """
    lines = Lines()
    if tree.root is not None:
        _walk(tree.root, lines, _Revealed(tree, data))
    return lines


class Lines:
    """Lines under construction: text is added piece by piece until a block ends it.

    Attributes
    ----------
    texts, link_share, paths : list
        Of each line that has ended; see `linesift.reading.page.Markup`.
    """

    __slots__ = (
        *("texts", "link_share", "paths", "elements", "has_text", "seam", "tables"),
        *("_pieces", "_linked", "_depth", "_lowest", "_path", "_verbatim"),
        *("_link_start", "_has_other", "_are_headlines", "_spelt"),
    )

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.link_share: list[float] = []
        self.paths: list[str] = []
        self.elements: list[str] = []  # open elements, outermost first
        self.has_text = False  # whether the line under construction has any
        self.seam = 0  # what ended and began since the last text of the line
        self.tables: list[Table] = []  # open ones, outermost first
        self._pieces: list[str] = []
        self._linked = 0
        self._depth = 0  # of the element that holds the whole line so far
        self._lowest = 0  # depth the walk came down to since the line began
        self._path = ""
        self._verbatim = False  # whether white space stays as it is
        self._link_start = 0  # the piece that the last link of a run begins with
        self._has_other = False  # whether the line has text outside of links
        self._spelt = 0  # pieces up to the last letter that goes on a word
        self._are_headlines = False  # whether links of the run before were told apart

    def add(self, text: str, within: int) -> None:
        """Append a run of text, not all white space, that stands in the innermost open element."""
        if not self.has_text:
            self.has_text = True
            self._depth = self._lowest = len(self.elements)
            self._path = " ".join(self.elements[-_PATH_DEPTH:])
        else:
            if self._lowest < self._depth:
                self._depth = self._lowest
                self._path = " ".join(self.elements[: self._depth][-_PATH_DEPTH:])
            if self.seam:
                if self.seam & _BETWEEN_LINKS or (self.seam & _BEGAN and self._runs_together(text)):
                    self._pieces.append(" ")
                self.seam = 0
        self._pieces.append(text)
        if within & _IN_LINK:
            self._linked += len("".join(text.split()))
        else:
            self._has_other = True

    def add_verbatim(self, text: str, within: int) -> None:
        """Append text whose white space stays, line by line."""
        for count, part in enumerate(_LINE_END.split(text)):
            if count:
                self.end()
            if part and not part.isspace():
                self.add(part, within)
                self._verbatim = True
            else:
                self._pieces.append(part)

    def add_space(self) -> None:
        """Append white space to a line that has text."""
        self._pieces.append(" ")

    def leave(self, kind: int) -> None:
        """Note that the innermost open element, an inline one, was left while a line has text."""
        if self._lowest > len(self.elements):
            self._lowest = len(self.elements)
        if kind >= _INLINE:
            self.seam |= _ENDED | _LINK_ENDED if kind == _LINK else _ENDED
        elif kind == _FORMATTING:
            self.seam |= _FORMATTING_ENDED

    def meet(self, kind: int) -> None:
        """Note that an inline element begins where another has ended."""
        self.seam |= _BEGAN
        if kind == _LINK and self.seam & _LINK_ENDED:
            self.seam |= _BETWEEN_LINKS  # tags such as "#one#two", too
        if kind == _LINK and self.seam & _LINK_ENDED and not self._has_other:
            if self._are_headlines or self._last_is_headline():
                self.flush()
                self._are_headlines = True
            self._link_start = len(self._pieces)

    def _last_is_headline(self) -> bool:
        text = " ".join("".join(self._pieces[self._link_start :]).split())
        least = _HEADLINE if self._link_start else _FIRST_HEADLINE
        if len(text) >= least or 2 * len(text) < least or text.isascii():
            return len(text) >= least
        return len(text) + count_ideographs(text) >= least

    def _runs_together(self, text: str) -> bool:
        """Tell whether the last text and this one would look like one word and are two."""
        before = self._pieces[-1]
        if not (_ends_part(before[-1]) and _begins_part(text[0])):
            return False
        if not self.seam & _ENDED and len(before) == 1 and before.isalpha():
            return False  # a letter that is formatted by itself
        # An initial, or words whose letters stand in elements of their own.
        is_spelt = before.isupper() or self._spelt == len(self._pieces)
        if len(before) == 1 and is_spelt and text[0].islower() and not self.seam & _LINK_ENDED:
            self._spelt = len(self._pieces) + 1
            return False
        return True

    def flush(self) -> None:
        """End the line, which has text."""
        line = "".join(self._pieces)
        line = _as_typed(line) if self._verbatim else " ".join(line.split())
        self.texts.append(line)
        self.link_share.append(self._linked / (len(line) - line.count(" ")))
        self.paths.append(self._path)
        self._pieces = []
        self._linked = self._link_start = self._spelt = self.seam = 0
        self.has_text = self._verbatim = self._has_other = self._are_headlines = False

    def end(self) -> None:
        """End the line, which may have no text but white space."""
        if self.has_text:
            self.flush()
        self._pieces = []

    def begin_part(self, kind: int, name: str, attributes: Mapping[str, str | None]) -> None:
        """Note that a row, a cell or a caption of a table begins."""
        if not self.tables:
            return
        table, start = self.tables[-1], len(self.texts)
        if kind == _ROW:
            path = " ".join([*self.elements[1 - _PATH_DEPTH :], name])
            table.add_row(start, path)
        elif kind == _CELL:
            marked = "scope" in attributes or "headers" in attributes
            table.add_cell(start, name.startswith("th"), marked)
        elif kind == _CAPTION:
            table.add_caption(start)

    def open_table(self, role: str) -> None:
        """Note that a table begins."""
        if self.tables:
            self.tables[-1].holds_table = True
        self.tables.append(Table(len(self.texts), role))

    def close_table(self) -> None:
        """Put the rows of the innermost table on a line each if it is one of data."""
        table = self.tables.pop()
        start = table.start
        columns = self.texts[start:], self.link_share[start:], self.paths[start:]
        rows = table.rows_as_lines([Line(*line) for line in zip(*columns, strict=True)])
        if rows is not None:
            self.texts[start:] = [row.text for row in rows]
            self.link_share[start:] = [row.link_share for row in rows]
            self.paths[start:] = [row.path for row in rows]


def _ends_part(character: str) -> bool:
    """Tell whether what ends so is a part by itself: "Lamp", "(Civil)", "Really?"."""
    return _in_word(character) or unicodedata.category(character) in _ENDS


def _begins_part(character: str) -> bool:
    """Tell whether what begins so is one: "lamp", "(Civil)", "$29", "#tag"."""
    return _in_word(character) or unicodedata.category(character) in _BEGINS or character in "#@"


def _in_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _as_typed(line: str) -> str:
    """Return a line with its indentation; tabs become spaces."""
    return _SPACE.sub(" ", line.expandtabs(_TAB)).rstrip()


def _walk(root: LexborNode, lines: Lines, revealed: "_Revealed") -> None:
    """Visit the tree in document order without recursion: pages nest without limit."""
    # Half of all nodes are white space between elements: what they meet here is kept short.
    stack: list[tuple[LexborNode | None, int, int]] = []
    elements, kind_of = lines.elements, _KINDS.get
    node: LexborNode | None = root
    within = 0
    while node is not None or stack:
        if node is None:
            node, within, kind = stack.pop()
            elements.pop()
            if kind < _BLOCK:
                if lines.has_text:
                    lines.leave(kind)
                continue
            if lines.has_text:
                lines.flush()
            if kind >= _TABLE:
                lines.close_table() if kind == _TABLE else lines.end()
            continue
        tag = node.tag or ""
        if tag == "-text":
            if within >= _IN_PRE:
                lines.add_verbatim(node.text_content or " ", within)
            elif not node.is_empty_text_node and not (text := node.text_content or " ").isspace():
                lines.add(text, within)
            elif lines.has_text:
                lines.add_space()
        elif (kind := kind_of(tag, _INLINE)) > _BREAK:
            child = node.first_child
            if child is not None or kind >= _BLOCK:
                attributes = node.attributes
                if not attributes:
                    name = tag
                elif (
                    "hidden" in attributes
                    or ((style := attributes.get("style")) and _HIDDEN_STYLE.search(style))
                ) and not revealed.holds(node, attributes):
                    node = node.next
                    continue
                else:
                    name = _named(tag, attributes.get("class"), attributes.get("id"))
                if kind >= _BLOCK:
                    if lines.has_text:
                        lines.flush()
                    if kind > _BLOCK:
                        if kind == _DIALOG and "open" not in attributes:
                            node = node.next
                            continue
                        lines.begin_part(kind, name, attributes)
                elif lines.seam and kind >= _INLINE and within <= _IN_LINK:
                    lines.meet(kind)
                if child is not None:
                    stack.append((node.next, within, kind))
                    if kind & 1:
                        within |= _IN_LINK if kind == _LINK else _entered(kind, attributes, lines)
                    elements.append(name)
                    node = child
                    continue
        elif kind == _BREAK:
            lines.end()
        node = node.next
    if lines.has_text:
        lines.flush()


def _entered(kind: int, attributes: Mapping[str, str | None], lines: Lines) -> int:
    """Note that code, a table or text as typed begins; return what the walk is in now."""
    if kind == _TABLE:
        lines.open_table(attributes.get("role") or "")
        return 0
    if kind == _PRE:
        lines.end()
        return _IN_PRE
    return _IN_CODE


class _Revealed:
    """Hidden elements that a click shows and that are no menus.

    The tree is searched for their controls once something hidden is met that may have one.
    """

    def __init__(self, tree: LexborHTMLParser, data: bytes) -> None:
        self._tree = tree
        self._data = data
        self._controls: bytes | None = None  # what the attributes of controls hold, and more
        self._ids: frozenset[str] | None = None

    def holds(self, node: LexborNode, attributes: Mapping[str, str | None]) -> bool:
        """Tell whether a hidden element is one of these."""
        is_found = (attributes.get("hidden") or "").strip().lower() == "until-found"
        if is_found and not _HIDDEN_STYLE.search(attributes.get("style") or ""):
            return not _in_menu(node)
        role = attributes.get("role")
        is_region = role == "tabpanel" or (role == "region" and "aria-labelledby" in attributes)
        if not is_region and not self._is_controlled(attributes.get("id") or ""):
            return False
        return not _in_menu(node) and node.css_first(_MENUS) is None

    def _is_controlled(self, identifier: str) -> bool:
        if self._controls is None:
            _, *found = self._data.split(b"aria-controls")
            self._controls = b"\n".join(one[:_NAME_LENGTH] for one in found)
        if not identifier or identifier.encode("utf-8", "replace") not in self._controls:
            return False
        if self._ids is None:
            self._ids = frozenset(
                one
                for control in self._tree.css(_CONTROLS)
                if not _opens_menu(control)
                for one in (control.attributes.get("aria-controls") or "").split()
            )
        return identifier in self._ids


def _opens_menu(control: LexborNode) -> bool:
    popup = control.attributes.get("aria-haspopup", "false")
    return popup != "false" or _in_menu(control)


def _in_menu(node: LexborNode) -> bool:
    """Tell whether an element is a menu or stands in one, or in the header of the site."""
    header = False
    above: LexborNode | None = node
    while above is not None:
        tag = above.tag
        if tag in _MENU_TAGS or above.attributes.get("role") in _MENU_ROLES:
            return True
        if tag in ("article", "main"):
            return False
        header = header or tag == "header"
        above = above.parent
    return header


@lru_cache(maxsize=65536)
def _named(tag: str, classes: str | None, identifier: str | None) -> str:
    """Return an element as one word of a path: `tag.class.class#id`."""
    name = tag
    if words := (classes or "")[:_NAME_LENGTH].split():
        name += "." + ".".join(words)
    if words := (identifier or "")[:_NAME_LENGTH].split():
        name += "#" + "-".join(words)
    return name
