"""Pages that other extractors are tested on, with the text that these should give.

Two kinds: postlight/parser has CSS selectors of the article for each of its pages, in
JavaScript; Readability and its ports have the article as HTML. Captions and bylines that stand
in it are taken out: they are no part of an article here.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from linesift.labelling.documents import Document, address_of, site_of
from linesift.reading.page import Page
from linesift.reading.readers import decode, read_html

_LEAST_TEXT = 200  # characters of gold text; less is a video, a picture, a post of a line
_MOST_LINKS = 0.4  # of the gold text; what has more is a list of goods, or of other articles
_LEAST_PAGE = 5_000  # bytes; smaller ones were made up to test one thing
_COPY = "second copy of a page"
_IS_ARTICLE = re.compile(rb"""<meta[^>]{1,200}og:type[^>]{1,20}content=["']?article""", re.I)

# --- postlight/parser

_NO_ARTICLES = frozenset(
    "bookwalker.jp clinicaltrials.gov genius.com jvndb.jvn.jp pastebin.com twitter.com"
    " www.linkedin.com www.reddit.com www.youtube.com".split()
)
"""Hosts whose pages are songs, posts, trials: what is content there, others may see otherwise."""
_TOO_WIDE = frozenset(("fandom.wikia.com",))
"""Hosts whose selectors keep half the page."""

_BOXES = frozenset(("aside", "button", "nav"))
_NAMES_OF_BOXES = frozenset(
    "ad ads advert advertisement advertising attribution author byline caption captions comments"
    " consent cookie credit credits newsletter outbrain promo recirc recommended related share"
    " sharing social sponsor sponsored subscribe subscription taboola tags".split()
)
_LARGEST_BOX = 0.1  # of the text; what is larger has its name for another reason
_NAMED = f"[class], [id], {', '.join(sorted(_BOXES))}"
_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?<=[(,:=\[])[ ]?(?P<regex>/(?![*/])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n])+/[a-z]*)
    |(?P<string>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)
    |(?P<word>[\w$]+)
    |(?P<mark>[{}\[\]:,])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

Selector = str | list[str]


def read_parser(folder: Path) -> Iterator[Document]:
    """Yield the pages of postlight/parser, their articles found by its selectors."""
    rules = {
        path.parent.name: literals(path.read_text(encoding="utf-8"))
        for path in sorted((folder / "src" / "extractors" / "custom").glob("*/index.js"))
    }
    for path in sorted((folder / "fixtures").glob("*.html")):
        host = path.stem.partition("--")[0]
        document = Document(
            page_id=f"parser/{path.stem}", html=(path.read_bytes(),), gold=(), site=site_of(host)
        )
        if host in _NO_ARTICLES:
            yield replace(document, left_out="no article")
        elif host in _TOO_WIDE:
            yield replace(document, left_out="selectors find too much")
        elif host not in rules:
            yield replace(document, left_out="no selectors")
        else:
            yield _selected(document, rules[host])


def _selected(document: Document, rules: dict[str, Any]) -> Document:
    """Return a page of postlight/parser with the text that its selectors find."""
    tree = LexborHTMLParser(decode(document.html[0]))
    title = _first_text(tree, rules.get("title.selectors", []))
    nodes = _first_match(tree, rules.get("content.selectors", []))
    if not nodes:
        return replace(document, title=title, left_out="selectors find nothing")
    captions = [name for name, tag in rules.items() if tag == "figcaption"]
    captions = [name.removeprefix("content.transforms.") for name in captions]
    bylines = [one for one in rules.get("author.selectors", []) if isinstance(one, str)]
    cleaned = [_joined(one) for one in rules.get("content.clean", [])]
    unwanted = [*cleaned, "figcaption", *captions, *bylines]
    html = "".join(f"<div>{node.html}</div>" for node in nodes)
    page = _page_without(_without_boxes(html), unwanted)
    if sum(map(len, page.lines)) < _LEAST_TEXT:
        return replace(document, title=title, left_out="selectors find too little")
    if _share_in_links(page) > _MOST_LINKS:
        return replace(document, title=title, left_out="selectors find lists of links")
    leads = [one for one in rules.get("dek.selectors", []) if isinstance(one, str)]
    gold = _with_lead(page.lines, _first_text(tree, leads), document.html[0])
    return replace(document, gold=gold, title=title)


def literals(script: str) -> dict[str, Any]:
    r"""Return the strings and lists of strings in the object that a script exports, by their paths.

    Read are just these: code, numbers and what else stands there is passed over.

    >>> literals("export const A = { content: { selectors: ['p', ['.a', '.b']], n: 1 },\n"
    ...          "  title: { format: 'x', /* none */ } };")
    {'content.selectors': ['p', ['.a', '.b']], 'title.format': 'x'}
    """
    found: dict[str, Any] = {}
    path: list[str] = []
    name = last = ""
    tokens = _tokens(script)
    for kind, text in tokens:
        if text == "{" and kind == "mark":
            path.append(name)
            name = ""
        elif text == "}" and kind == "mark":
            del path[-1:]
        elif text == ":" and kind == "mark":
            name = last
        elif text == "[" and kind == "mark":
            found[".".join([*path[1:], name])] = _list(tokens)
            name = ""
        elif text == "," and kind == "mark":
            name = ""
        elif kind == "string" and name:
            found[".".join([*path[1:], name])] = text
        last = text
    return found


def _tokens(script: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(script):
        kind, text = match.lastgroup or "", match[0]
        if kind == "string":
            yield kind, _ESCAPE.sub(r"\1", text[1:-1])
        elif kind in ("word", "mark"):
            yield kind, text


def _list(tokens: Iterator[tuple[str, str]]) -> list[Any]:
    """Return the strings and lists of strings up to the bracket that closes a list."""
    items: list[Any] = []
    depth = 0  # of braces: code
    for kind, text in tokens:
        if kind == "mark" and text in "{}":
            depth += 1 if text == "{" else -1
        elif depth:
            continue
        elif kind == "mark" and text == "[":
            items.append(_list(tokens))
        elif kind == "mark" and text == "]":
            return items
        elif kind == "string":
            items.append(text)
    return items


def _joined(selector: Selector) -> str:
    return selector if isinstance(selector, str) else ", ".join(selector)


def _first_match(tree: LexborHTMLParser, selectors: Iterable[Selector]) -> list[LexborNode]:
    """Return the elements of the first selector that finds text; of a list all must find some."""
    for selector in selectors:
        several = [selector] if isinstance(selector, str) else selector
        if all(_css(tree, one) for one in several):
            nodes = _outermost(_css(tree, _joined(selector)))
            if any(node.text().strip() for node in nodes):
                return nodes
    return []


def _css(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    try:
        return tree.css(selector)
    except SelectolaxError:  # what only their engine understands
        return []


def _outermost(nodes: list[LexborNode]) -> list[LexborNode]:
    """Return the elements that stand in none of the others."""
    chosen = {node.mem_id for node in nodes}

    def inside(node: LexborNode) -> bool:
        above = node.parent
        while above is not None:
            if above.mem_id in chosen:
                return True
            above = above.parent
        return False

    return [node for node in nodes if not inside(node)]


def _with_lead(gold: tuple[str, ...], lead: str, html: bytes) -> tuple[str, ...]:
    """Return the text with the lead in front, which they keep apart, if the page shows it."""
    if not lead or lead in gold or lead not in read_html(html).lines:
        return gold
    return (lead, *gold)


def _first_text(tree: LexborHTMLParser, selectors: Iterable[Selector]) -> str:
    for selector in selectors:
        if isinstance(selector, str):
            text = next((node.text() for node in _css(tree, selector)), "")
        else:  # an attribute; they rename those of <meta> before they look
            named = selector[0].replace("[name=", "[property=")
            nodes = [*_css(tree, selector[0]), *_css(tree, named)]
            text = next((node.attributes.get("content") or "" for node in nodes), "")
        if text.strip():
            return " ".join(text.split())
    return ""


def _page_without(html: str, selectors: Iterable[str]) -> Page:
    """Return the lines of HTML without some elements."""
    tree = LexborHTMLParser(html)
    for selector in selectors:
        for node in _css(tree, selector):
            node.decompose()
    return read_html(tree.html or "")


def _share_in_links(page: Page) -> float:
    """Return how much of the text of an HTML page stands in lines that are mostly link, 0 to 1."""
    sizes = np.array([len(line) for line in page.lines])
    in_links = np.asarray(page.markup.link_share if page.markup else ()) > 0.5
    return float(sizes[in_links].sum() / max(sizes.sum(), 1))


def _without_boxes(html: str) -> str:
    """Return the HTML of an article without the boxes in it that say by a name what they are.

    Selectors of the article mostly keep what stands between its paragraphs.
    """
    tree = LexborHTMLParser(html)
    most = _LARGEST_BOX * len(tree.text())
    for node in tree.css(_NAMED):
        names = " ".join(node.attributes.get(key) or "" for key in ("class", "id"))
        words = {word.lower() for word in _NAME.findall(names)}
        if (node.tag in _BOXES or words & _NAMES_OF_BOXES) and len(node.text()) < most:
            node.decompose()
    return tree.html or ""


# --- Readability and its ports

_COPIES = frozenset("herald-sun-1-xml-lang 001-bad-language 001-xml-lang".split())
"""Pages of the ports that are pages of Readability with another head."""

_THREADS = frozenset(("mumsnet",))
"""Pages of a forum, who wrote when between the posts."""

_SITES = {
    "001": "perriault.net",
    "archive-of-our-own": "archiveofourown.org",
    "clean-links": "vcu.edu",
    "daringfireball-1": "daringfireball.net",
    "ebb-org": "ebb.org",
    "gmw": "gmw.cn",
    "hukumusume": "hukumusume.com",
    "ietf-1": "ietf.org",
    "keep-tabular-data": "factorio.com",
    "lwn-1": "lwn.net",
    "mercurial": "aragost.com",
    "qq": "qq.com",
    "uses-getfirstelementchild-function": "seattlethunderbirds.com",
    "v8-blog": "v8.dev",
    "webmd-1": "webmd.com",
    "webmd-2": "webmd.com",
    "youth": "youth.cn",
}
"""Sites of the pages that do not say theirs."""


def read_readability(folder: Path) -> Iterator[Document]:
    """Yield the test pages of Readability or of a port of it."""
    seen: set[tuple[str, ...] | None] = set()
    for source in sorted(folder.glob("**/test-pages/*/source.html")):
        document = _accepted(source.parent, folder.name)
        if not document.left_out and document.gold in seen:
            document = replace(document, left_out=_COPY)
        seen.add(document.gold)
        yield document


def _accepted(folder: Path, corpus: str) -> Document:
    """Return a test page with the text that a person accepted."""
    html = (folder / "source.html").read_bytes()
    facts = json.loads(decode((folder / "expected-metadata.json").read_bytes()))
    expected = decode((folder / "expected.html").read_bytes())
    byline = " ".join((facts.get("byline") or "").split())
    gold = tuple(one for one in _page_without(expected, ["figcaption"]).lines if one != byline)
    left_out = ""
    if len(html) < _LEAST_PAGE or "lorem ipsum" in " ".join(gold).lower():
        left_out = "made up as a test"
    elif folder.name in _COPIES:
        left_out = _COPY
    elif folder.name in _THREADS:
        left_out = "no article"
    elif sum(map(len, gold)) < _LEAST_TEXT:
        left_out = "too little text"
    lead = " ".join((facts.get("excerpt") or "").split())
    is_article = _IS_ARTICLE.search(html) or facts.get("publishedTime")
    return Document(
        page_id=f"{corpus}/{folder.name}",
        html=(html,),
        gold=_with_lead(gold, lead, html),
        title=facts.get("title") or "",
        site=site_of(address_of(html)) or _SITES.get(folder.name, f"{folder.name}.{corpus}"),
        page_type="article" if is_article else "",
        left_out=left_out,
    )
