"""Read text, HTML, bytes and files into pages.

What becomes of HTML `linesift.reading.html` says.
"""

import codecs
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from resiliparse.parse.encoding import detect_encoding
from selectolax.lexbor import LexborHTMLParser

from linesift.reading.hints import page_hints
from linesift.reading.html import visible_lines
from linesift.reading.nesting import bounded
from linesift.reading.page import MOST_LINES, Markup, Page
from linesift.reading.text import split_lines

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
    lines = visible_lines(tree, data)
    if tree.root is not None:
        language = language or (tree.root.attributes.get("lang") or "")[:2].lower()
    heading = tree.css_first("head > title")
    title = " ".join(heading.text().split()) if heading is not None else ""
    return Page(
        page_id,
        tuple(lines.texts),
        tuple(range(1, len(lines.texts) + 1)),
        site,
        language,
        Markup(tuple(lines.link_share), tuple(lines.paths), title, page_hints(data)),
    )


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
