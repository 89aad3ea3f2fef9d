"""Read text, HTML, bytes and files into pages.

HTML becomes lines by a walk over the parsed tree: a block element or a `<br>` ends
a line, white space collapses, and what a browser would not show gives no line. With
every line go its link share and its path of tags, classes and ids.
"""

import codecs
import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from resiliparse.parse.encoding import detect_encoding
from selectolax.lexbor import LexborHTMLParser, LexborNode

from linesift.reading.hints import page_hints
from linesift.reading.nesting import bounded
from linesift.reading.page import MOST_LINES, Markup, Page
from linesift.reading.text import split_lines

_BLOCKS = frozenset(
    "address article aside blockquote body br button caption center dd details dialog dir div dl"
    " dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hr html label"
    " legend li main menu nav ol option p pre section summary table tbody td tfoot th thead tr"
    " ul".split()
)
_UNSEEN = frozenset(
    "applet audio canvas datalist embed frame head iframe map math meta noembed noframes noscript"
    " object param script select source style svg template textarea title track video".split()
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_PATH_DEPTH = 16
_NAME_LENGTH = 80

_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# A declaration that can be read as ASCII is not in UTF-16, whatever it says.
_DECLARED = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*"
    rb"""["']?(?!utf[-_]?(?:16|32))([\w:.-]+)""",
    re.I,
)
# Of Python's encodings those that no page is in; the time of one grows by the square of the size.
_NO_CHARSETS = frozenset(("punycode", "unicode-escape", "raw-unicode-escape"))
_HTML = re.compile(
    r"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]|<\?xml[^>]{1,300}>\s*+<html", re.I
)
_TAG = re.compile(
    r"</?(?:div|p|a|span|br|table|td|ul|li|h[1-6]|article|section)(?:\s[^<>]*)?/?>", re.I
)
_NOT_TEXT = (b"%PDF", b"PK\x03\x04", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"\x1f\x8b")
_SNIFFED = 4096
_MOST_TAGS = 1_000_000  # of a page; a second for each 200,000


class ReadError(ValueError):
    """A file that cannot be read as a page; the message says why."""


def read_text(text: str | bytes, page_id: str = "", *, site: str = "", language: str = "") -> Page:
    r"""Return plain text as a page: each non-empty line is a line, its markup unknown.

    Parameters
    ----------
    text : str or bytes
        Bytes are decoded as `decode` does.
    page_id, site, language : str
        What is known of the page.

    Examples
    --------
    >>> page = read_text("Headline\n\nFirst paragraph.")
    >>> page.numbers, page.lines
    ((1, 3), ('Headline', 'First paragraph.'))
    """
    if isinstance(text, bytes):
        text = decode(text)
    numbered = split_lines(text.removeprefix("\ufeff"))
    lines = tuple([line for _, line in numbered])
    numbers = tuple([number for number, _ in numbered])
    return Page(page_id, lines, numbers, site, language)


def read_html(
    html: str | bytes,
    page_id: str = "",
    *,
    site: str = "",
    language: str = "",
    charset: str = "",
) -> Page:
    """Return the visible text of an HTML page, block by block, with its markup.

    Parameters
    ----------
    html : str or bytes
        Bytes are decoded as `decode` does.
    page_id, site, language : str
        What is known of the page; the language defaults to that of `<html lang>`.
    charset : str
        Encoding that the HTTP header names.

    Raises
    ------
    ReadError
        There are more than a million tags in it.

    Examples
    --------
    >>> page = read_html("<div class=menu><a href=/>Home</a></div><p>A <b>bold</b> word.")
    >>> page.lines
    ('Home', 'A bold word.')
    >>> page.markup.link_share, page.markup.paths
    ((1.0, 0.0), ('html body div.menu a', 'html body p'))
    """
    if isinstance(html, bytes):
        html = decode(html, charset)
    # Lexbor ends a document at a NUL; a browser drops the character.
    html = html.removeprefix("\ufeff").replace("\0", "")
    data = html.encode("utf-8", "replace")
    if (tags := data.count(b"<")) > _MOST_TAGS:
        raise ReadError(f"{tags:,} tags are too many for a page")
    tree = LexborHTMLParser(bounded(html, data))
    collector = _Lines()
    if tree.root is not None:
        _walk(tree.root, collector)
        language = language or (tree.root.attributes.get("lang") or "")[:2].lower()
    heading = tree.css_first("head > title")
    title = " ".join(heading.text().split()) if heading is not None else ""
    return Page(
        page_id,
        tuple(collector.lines),
        tuple(range(1, len(collector.lines) + 1)),
        site,
        language,
        Markup(tuple(collector.link_share), tuple(collector.paths), title, page_hints(data)),
    )


class _Lines:
    """Lines under construction: text is added piece by piece until a block ends it."""

    __slots__ = (
        *("lines", "link_share", "paths", "elements", "has_text"),
        *("_pieces", "_linked", "_depth", "_lowest", "_path"),
    )

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.link_share: list[float] = []
        self.paths: list[str] = []
        self.elements: list[str] = []  # open elements, outermost first
        self.has_text = False  # whether the line under construction has any
        self._pieces: list[str] = []
        self._linked = 0
        self._depth = 0  # of the element that holds the whole line so far
        self._lowest = 0  # depth the walk came down to since the line began
        self._path = ""

    def add(self, text: str, in_link: bool) -> None:
        """Append a run of text, not all white space, that stands in the innermost open element."""
        if not self.has_text:
            self.has_text = True
            self._depth = self._lowest = len(self.elements)
            self._path = self._ancestors()
        elif self._lowest < self._depth:
            self._depth = self._lowest
            self._path = self._ancestors()
        self._pieces.append(text)
        if in_link:
            self._linked += len("".join(text.split()))

    def add_space(self) -> None:
        """Append white space to a line that has text."""
        self._pieces.append(" ")

    def _ancestors(self) -> str:
        return " ".join(self.elements[max(self._depth - _PATH_DEPTH, 0) : self._depth])

    def leave(self) -> None:
        """Note that the innermost open element was left while a line has text."""
        if self._lowest > len(self.elements):
            self._lowest = len(self.elements)

    def flush(self) -> None:
        """End the line, which has text."""
        line = " ".join("".join(self._pieces).split())
        self.lines.append(line)
        self.link_share.append(self._linked / (len(line) - line.count(" ")))
        self.paths.append(self._path)
        self._pieces = []
        self._linked = 0
        self.has_text = False


def _walk(root: LexborNode, lines: _Lines) -> None:
    """Visit the tree in document order without recursion: pages nest without limit."""
    # Half of all nodes are white space between elements: what they meet here is kept short.
    stack: list[tuple[LexborNode | None, bool, bool]] = []
    node: LexborNode | None = root
    in_link = False
    while node is not None or stack:
        if node is None:
            node, in_link, ends_line = stack.pop()
            lines.elements.pop()
            if lines.has_text:
                lines.flush() if ends_line else lines.leave()
            continue
        tag = node.tag or ""
        if tag == "-text":
            text = node.text_content or " "
            if not text.isspace():
                lines.add(text, in_link)
            elif lines.has_text:
                lines.add_space()
        elif tag == "br":
            if lines.has_text:
                lines.flush()
        elif tag not in _UNSEEN:
            child = node.first_child
            ends_line = tag in _BLOCKS
            if child is not None or ends_line:  # comments are neither
                attributes = node.attributes
                if not attributes:
                    name = tag
                elif "hidden" in attributes or (
                    (style := attributes.get("style")) and _HIDDEN_STYLE.search(style)
                ):
                    node = node.next
                    continue
                else:
                    name = _named(tag, attributes.get("class"), attributes.get("id"))
                if ends_line and lines.has_text:
                    lines.flush()
                if child is not None:
                    stack.append((node.next, in_link, ends_line))
                    lines.elements.append(name)
                    in_link = in_link or tag == "a"
                    node = child
                    continue
        node = node.next
    if lines.has_text:
        lines.flush()


@lru_cache(maxsize=65536)
def _named(tag: str, classes: str | None, identifier: str | None) -> str:
    """Return an element as one word of a path: `tag.class.class#id`."""
    name = tag
    if words := (classes or "")[:_NAME_LENGTH].split():
        name += "." + ".".join(words)
    if words := (identifier or "")[:_NAME_LENGTH].split():
        name += "#" + "-".join(words)
    return name


def decode(data: bytes, charset: str = "") -> str:
    """Return bytes as text: by byte order mark, UTF-8, HTTP header, declaration, then by guess.

    Never fails: what no encoding explains becomes U+FFFD. UTF-8 goes before what is
    declared, because other encodings seldom read as UTF-8 and declarations are often wrong.

    >>> decode('<meta charset="windows-1251">Новости'.encode("cp1251"))
    '<meta charset="windows-1251">Новости'
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = _DECLARED.search(data, 0, _SNIFFED)
    for named in (charset, declared[1].decode("ascii", "replace") if declared else ""):
        # Pages that declare GB2312 use its superset as a rule; browsers read it so too.
        name = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252"}.get(
            named.lower(), named.lower()
        )
        try:
            is_charset = bool(name) and codecs.lookup(name).name not in _NO_CHARSETS
            text = data.decode(name, "replace") if is_charset else ""
        except (LookupError, ValueError):
            continue
        if text.count("\ufffd") * 50 < len(text):
            return text
    return data.decode(detect_encoding(data) or "utf-8", "replace")


def looks_like_html(text: str) -> bool:
    """Tell whether a text is HTML rather than plain text, from its first characters.

    >>> looks_like_html("<!DOCTYPE html><title>x"), looks_like_html("a < b > c")
    (True, False)
    """
    start = text[:_SNIFFED]
    if _HTML.search(start):
        return True
    return text.lstrip().startswith("<") and len(_TAG.findall(start)) >= 2


def read_bytes(data: bytes, page_id: str = "") -> Page:
    """Return bytes as a page: HTML or plain text, whichever the content is.

    Raises
    ------
    ReadError
        The bytes are neither (an image, an archive, a PDF), or more lines than a page has.
    """
    if data.startswith(_NOT_TEXT):
        raise ReadError("not text or HTML; give the text or HTML of the page")
    return read_string(decode(data), page_id)


def read_string(text: str, page_id: str = "") -> Page:
    r"""Return a string as a page: HTML or plain text, whichever the content is.

    Raises
    ------
    ReadError
        There are more lines or tags in it than a page has.

    Examples
    --------
    >>> read_string("<!doctype html><p>One<p>Two").lines, read_string("One\nTwo").markup
    (('One', 'Two'), None)
    """
    return checked(read_html(text, page_id) if looks_like_html(text) else read_text(text, page_id))


def checked(page: Page) -> Page:
    """Return a page that is not too long to be judged, or raise a `ReadError`."""
    if (count := len(page.lines)) > MOST_LINES:
        raise ReadError(f"{count:,} lines are too many for a page")
    return page


def read_page(path: str | Path) -> Page:
    """Return the page in a file, or on standard input for `-`.

    Raises
    ------
    ReadError
        The file cannot be opened, or is neither text nor HTML; the message says which.
    """
    name = str(path)
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(path).read_bytes()
    except OSError as error:
        raise ReadError(f"{error.strerror or error}") from error
    return read_bytes(data, name)


def page_files(path: str | Path) -> Iterator[str]:
    """Return the files that a path stands for: itself, or every file below a folder.

    Hidden files and folders are left out; the order is that of their names. A folder is
    walked as the files are asked for, so that no more than one listing a level is held.

    Raises
    ------
    ReadError
        There is no such file or folder.
    """
    if str(path) == "-":
        return iter(["-"])
    if path == "":  # as an unset variable gives it; as a Path it would be the folder at hand
        raise ReadError("no such file or folder")
    root = Path(path)
    if root.is_dir():
        return _files_below(root)
    if not root.exists():
        raise ReadError("no such file or folder")
    return iter([str(path)])


def _files_below(root: Path) -> Iterator[str]:
    """Yield the files below a folder, depth first; a folder that cannot be listed as itself."""
    levels = [iter(_names_in(root))]
    folders = [root]
    while levels:
        name = next(levels[-1], None)
        path = folders[-1] / (name or "")
        if name is None:
            levels.pop()
            folders.pop()
            continue
        try:
            if path.is_dir() and not path.is_symlink():  # a link may lead back up
                levels.append(iter(_names_in(path)))
                folders.append(path)
            elif path.is_file():
                yield "./-" if str(path) == "-" else str(path)  # alone it is standard input
        except OSError:
            yield str(path)  # whoever reads it meets the reason


def _names_in(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def read_pages(path: str | Path) -> Iterator[Page]:
    """Yield the pages of a file, of all files below a folder, or of standard input (`-`).

    Raises
    ------
    ReadError
        A file cannot be read; nothing after it is.
    """
    for file in page_files(path):
        yield read_page(file)
