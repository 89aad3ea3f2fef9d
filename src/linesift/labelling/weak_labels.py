"""Label the lines of a page from its gold text and its markup.

The gold text tells which lines are content. It says nothing of the kinds of noise, so
those come from link shares and from what authors of pages call their blocks: weaker
labels, which hand labels outrank. Lines that cannot be told are left out, not guessed.

Gold texts have habits. Most leave out lists, tables and subheads of their own article, so such
lines inside the article's container are doubtful, not noise. On listings
and collections the gold text is the cards, each of which is a teaser of another page.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from linesift.labelling.alignment import align
from linesift.labelling.labels import (
    CONTENT,
    NAVIGATION,
    OF_CARDS,
    OTHER,
    RELATED,
    UNSURE,
    LabelArray,
)
from linesift.reading.page import Page
from linesift.reading.text import words

COVERED = 0.75
"""Share of a line's words from which it stands in the gold text."""
FOUND = 0.80
"""Share of the gold text below which a page is broken: its gold stands elsewhere."""
_UNCOVERED = 0.40

_HEADLINE_WORDS = 5
_HEADLINE_CHARACTERS = 25
_MOSTLY_LINK = 0.5
_PARTLY_LINK = 0.2
_PROSE_WORDS = 15
_SMALL_GAP = 0.05
_SHORT = 40
_TEASER = 200  # characters of the longest line that may stand between two headlines
_LIST_OF_HEADLINES = 0.2  # share of headlines among the links of a list of other articles
_SEPARATORS = re.compile(r"[|>»·]")
_NAMES_OF_KIND = {
    RELATED: "related recommend recommended recommendations recirc popular trending latest similar"
    " teaser teasers headlines headline-list readmore readalso mostread mostpopular morenews"
    " promo-list river outbrain taboola articles posts newest recent hot",
    NAVIGATION: "nav navbar navigation menu submenu breadcrumb breadcrumbs crumb crumbs pathway"
    " position pagination pager tag tags tagcloud topics footer masthead toolbar topbar sitemap"
    " login search lang languages categories sections archive calendar",
    OTHER: "comment comments disqus share sharing social socials author byline date time timestamp"
    " caption credit cookie consent gdpr ad ads advert newsletter subscribe weather copy copyright"
    " legal poll rating stars twitter timeline job jobs sponsor sponsored promo promotion",
}
_KIND_OF_NAME = {name: kind for kind, names in _NAMES_OF_KIND.items() for name in names.split()}
_PARTS_OF_LISTS = frozenset("comment comments author byline date time timestamp".split())
"""Names of what stands in lists of headlines and in menus as well as beside the article."""

_LISTS = frozenset(("ul", "ol", "dl", "table", "tbody", "nav"))
_PARTS = frozenset("li dd dt tr td th caption pre h2 h3 h4 h5 h6".split())
"""Elements of an article that gold texts leave out; captions of pictures are noise anyway."""
_OF_LINES = _PARTS | {"p", "h1"}
"""Elements that hold a line, or a few, instead of an article."""
_CONTAINER = 0.7  # share of the content that stands in the article's container
_LINKED_PART = 0.3  # link share from which an item of a list rather leads elsewhere
_CARDS = 3  # lines in one place of the tree that make it a list of cards
_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


@dataclass(frozen=True)
class WeakLabels:
    """Labels of one page.

    Parameters
    ----------
    labels : ndarray of shape (n_lines,), int8
        Index into `linesift.labelling.labels.LABELS`, or `UNSURE`.
    found : float, 0 to 1
        Share of the article on which page and gold text agree: of the gold text, what
        was found; of the prose in the element that holds it, what the gold text has.
        Under `FOUND` the page is broken.
    heading : int or None
        Position of the line that is the article's heading although the gold text leaves
        it out.
    """

    labels: LabelArray
    found: float
    heading: int | None


def label_page(page: Page, gold: Sequence[str], title: str = "", page_type: str = "") -> WeakLabels:
    """Return labels of an HTML page from its gold text.

    Parameters
    ----------
    page : Page
        Read from HTML.
    gold : sequence of str
        Paragraphs of the article.
    title : str
        Its title where the data set knows it. Gold texts mostly leave it out, and it
        is content where it stands as heading.
    page_type : str
        One of `linesift.labelling.labels.PAGE_TYPES`, or empty where it is not known.
    """
    found = align(gold, page.lines)
    labels = noise_labels(page)
    labels[found.coverage >= _UNCOVERED] = UNSURE
    labels[found.repeated] = UNSURE
    labels[found.coverage >= COVERED] = CONTENT
    if page_type in OF_CARDS:
        return WeakLabels(_label_cards(page, labels), found.found, None)
    heading = _label_titles(page, labels, title)
    share = found.found * _mark_left_out(page, labels)
    if page.markup is not None:
        labels[_parts_left_out(page, labels)] = UNSURE
    return WeakLabels(labels, share, heading)


def _label_cards(page: Page, labels: LabelArray) -> LabelArray:
    """Return the labels of a page whose gold text is its cards: those are `related`.

    A gold line is part of a card where several stand in the same place of the tree, and so is
    one beside them that is there only in part, or once more. What stands alone may be the
    page's heading or its introduction, so it is doubtful.
    """
    gold = labels == CONTENT
    paths = list(page.markup.paths) if page.markup else [""] * len(labels)
    in_place = Counter(path for path, is_gold in zip(paths, gold, strict=True) if is_gold)
    of_card = np.array([in_place[path] >= _CARDS for path in paths], bool)
    doubtful = gold | (labels == UNSURE)
    return np.where(doubtful, np.where(of_card, RELATED, UNSURE), labels).astype(np.int8)


def _parts_left_out(page: Page, labels: LabelArray) -> npt.NDArray[np.bool_]:
    """Tell which items, cells and subheads the gold text left out of its article.

    They stand between two lines of content, in the container that most of it shares, do not
    lead elsewhere, and no element around them inside the container is called like noise.
    """
    left_out = np.zeros(len(labels), bool)
    content = np.flatnonzero(labels == CONTENT)
    if len(content) < 2:
        return left_out
    paths = page.markup.paths  # type: ignore[union-attr]
    container = _container([paths[i] for i in content], [len(page.lines[i]) for i in content])
    inside = f"{container} "
    for i in range(content[0], content[-1]):
        if labels[i] in (CONTENT, UNSURE) or not paths[i].startswith(inside):
            continue
        below = paths[i][len(inside) :]
        tags = {_tag(element) for element in below.split(" ")}
        linked = page.markup.link_share[i] >= _LINKED_PART  # type: ignore[union-attr]
        left_out[i] = bool(tags & _PARTS) and not linked and _kind_of_path(below)[0] == UNSURE
    return left_out


def _container(paths: Sequence[str], sizes: Sequence[int]) -> str:
    """Return the innermost element around lines in which most of the content stands.

    Paragraphs and the like are no such element: most articles are nothing but paragraphs in
    one place of the tree.

    >>> _container(["body main div p", "body main div ul li", "body p"], [50, 40, 10])
    'body main div'
    """
    within: dict[str, int] = {}
    for path, size in zip(paths, sizes, strict=True):
        elements = path.split(" ")
        elements.pop()  # that of the line itself, such as a <div> for each paragraph
        while elements and _tag(elements[-1]) in _OF_LINES:
            elements.pop()
        for depth in range(1, len(elements) + 1):
            prefix = " ".join(elements[:depth])
            within[prefix] = within.get(prefix, 0) + size
    least = _CONTAINER * sum(sizes)
    return max((p for p, size in within.items() if size >= least), key=len, default="")


def _tag(element: str) -> str:
    return re.split(r"[.#]", element, maxsplit=1)[0]


def _mark_left_out(page: Page, labels: LabelArray) -> float:
    """Mark prose that the gold text leaves out of the article as doubtful; return the share it has.

    Some gold texts stop after the first paragraphs, at a paywall or a picture. Long lines
    in the very element that holds most of the content are not noise then. One or two of
    them are a disclaimer; more than a few percent of the article are a gap in the gold.
    """
    if page.markup is None:
        return 1.0
    sizes = np.array([len(line) for line in page.lines])
    is_content = labels == CONTENT
    by_path: dict[str, int] = {}
    for path, size in zip(np.array(page.markup.paths)[is_content], sizes[is_content], strict=True):
        by_path[path] = by_path.get(path, 0) + int(size)
    if not by_path:
        return 1.0
    body = max(by_path, key=lambda path: by_path[path])
    is_prose = np.array([len(words(line)) >= _PROSE_WORDS for line in page.lines])
    is_prose &= np.asarray(page.markup.link_share) < _PARTLY_LINK
    left_out = is_prose & (np.array(page.markup.paths) == body) & (labels >= 0) & ~is_content
    gap = sizes[left_out].sum() / sizes[is_content].sum()
    if gap < _SMALL_GAP or left_out.sum() < 2:
        return 1.0
    first, last = np.flatnonzero(left_out)[[0, -1]]
    between = np.arange(len(labels))
    labels[(between >= first) & (between <= last) & ~is_content] = UNSURE
    return float(1 / (1 + gap))


def _label_titles(page: Page, labels: LabelArray, title: str) -> int | None:
    """Mark the heading as content and doubtful copies of it as such; return where it is."""
    content = np.flatnonzero(labels == CONTENT)
    if not len(content):
        return None
    first = int(content[0])
    markup_title = page.markup.title if page.markup else ""
    titles = [tokens for tokens in (words(title), words(markup_title)) if tokens]
    copies = [
        i
        for i in range(len(page.lines))
        if labels[i] != CONTENT and _is_title(words(page.lines[i]), titles, _heading(page, i))
    ]
    if any(i < first and _heading(page, i) for i in copies):
        best = max(i for i in copies if i < first and _heading(page, i))
    else:
        exact = [i for i in copies if i < first and words(page.lines[i]) in titles]
        best = max(exact, default=-1)
    for i in copies:
        labels[i] = CONTENT if i == best else UNSURE
    heading = words(page.lines[best] if best >= 0 else page.lines[first])
    for i in range(first + 1, len(page.lines)):
        # The heading once more is a caption or a share box; to keep it would repeat it.
        if labels[i] == UNSURE and words(page.lines[i]) == heading:
            labels[i] = OTHER
    for i in range(first):  # a main heading that no title explains might be the article's
        if labels[i] != CONTENT and _heading(page, i) == "h1" and i != best:
            labels[i] = UNSURE
    return best if best >= 0 else None


def heading_lines(page: Page, labels: LabelArray) -> npt.NDArray[np.bool_]:
    """Tell which lines are the article's heading: title or main heading where the content opens.

    Gold texts disagree whether it is part of the article, and so do extractors.

    Parameters
    ----------
    page : Page
    labels : ndarray of shape (n_lines,), int8

    Examples
    --------
    >>> from linesift.reading.page import Markup
    >>> page = Page("p", ("Home", "Old bridge opens", "It rained."), (1, 2, 3),
    ...             markup=Markup((1.0, 0.0, 0.0), ("a", "h1", "p")))
    >>> heading_lines(page, np.array([NAVIGATION, CONTENT, CONTENT])).tolist()
    [False, True, False]
    """
    found = np.zeros(len(page.lines), bool)
    titles = [words(page.markup.title)] if page.markup and page.markup.title else []
    for i in np.flatnonzero(labels == CONTENT).tolist():
        heading = _heading(page, i)
        if heading != "h1" and not _is_title(words(page.lines[i]), titles, heading):
            break
        found[i] = True
    return found


def _is_title(tokens: list[str], titles: list[list[str]], heading: str) -> bool:
    """Tell whether a line is the title: equal, or a heading that opens or fills it."""
    if len(tokens) < 2:
        return False
    for title in titles:
        if tokens == title:
            return True
        shared = len(set(tokens) & set(title))
        if heading and shared >= 0.8 * len(set(tokens)) and len(tokens) >= 3:
            return True
    return False


def _heading(page: Page, line: int) -> str:
    """Return the heading element that a line stands in, or an empty string."""
    if page.markup is None:
        return ""
    for element in reversed(page.markup.paths[line].split(" ")[-3:]):
        if (tag := _tag(element)) in _HEADINGS:
            return tag
    return ""


def noise_labels(page: Page) -> LabelArray:
    """Return the kind of noise that each line would be, by its markup.

    Mostly link and a headline: `related`. A short link, or one in menu, header or footer:
    `navigation`. The rest is `other`. Then blocks are made whole: the links of one list
    are all of one kind, and what stands between related headlines, or between the
    entries of a menu, belongs to them.
    """
    if page.markup is None:
        return np.full(len(page.lines), OTHER, np.int8)
    labels = np.empty(len(page.lines), np.int8)
    settled = np.zeros(len(page.lines), bool)
    for i, (line, share, path) in enumerate(
        zip(page.lines, page.markup.link_share, page.markup.paths, strict=True)
    ):
        labels[i], settled[i] = _noise_label(line, share, *_kind_of_path(path))
    _label_lists(page, labels, settled)
    return _join_blocks(page, labels, settled)


def _noise_label(line: str, link_share: float, kind: int, name: str) -> tuple[int, bool]:
    """Return the kind of a line by itself, and whether its block cannot change it."""
    if kind == OTHER:
        return OTHER, name not in _PARTS_OF_LISTS
    is_menu = len(_SEPARATORS.findall(line)) >= 2
    if link_share > _PARTLY_LINK and (kind == NAVIGATION or is_menu):
        return NAVIGATION, True
    if kind == RELATED:
        return RELATED, True
    if link_share > _MOSTLY_LINK:
        return RELATED if _is_headline(line) else NAVIGATION, False
    return OTHER, False


def _is_headline(line: str) -> bool:
    count = len(words(line))
    # Ideographs count one a character.
    return (count >= _HEADLINE_WORDS and len(line) >= _HEADLINE_CHARACTERS) or (
        count >= 2 * _HEADLINE_WORDS
    )


def _label_lists(page: Page, labels: LabelArray, settled: npt.NDArray[np.bool_]) -> None:
    """Give all links of a list one kind: some headlines among them make it one of articles."""
    lists: dict[str, list[int]] = {}
    for i, (path, share) in enumerate(zip(page.markup.paths, page.markup.link_share, strict=True)):  # type: ignore[union-attr]
        if share > _MOSTLY_LINK and not settled[i] and labels[i] != OTHER:
            lists.setdefault(_list_of(path), []).append(i)
    for lines in lists.values():
        if len(lines) > 1:
            share = float(np.mean([_is_headline(page.lines[i]) for i in lines]))
            labels[lines] = RELATED if share >= _LIST_OF_HEADLINES else NAVIGATION


@lru_cache(maxsize=65536)
def _list_of(path: str) -> str:
    """Return the path of the list or table that an element stands in, or of its grandparent."""
    elements = path.split(" ")
    for size in range(len(elements), max(len(elements) - 5, 0), -1):
        if _tag(elements[size - 1]) in _LISTS:
            return " ".join(elements[:size])
    return " ".join(elements[:-2])


def _join_blocks(page: Page, labels: LabelArray, settled: npt.NDArray[np.bool_]) -> LabelArray:
    """Give dates, sections and headings of a list of headlines or of a menu its label."""
    joined = labels.copy()
    related, menu = labels == RELATED, labels == NAVIGATION
    for i in np.flatnonzero((labels == OTHER) & ~settled).tolist():
        size = len(page.lines[i])
        is_heading = bool(_heading(page, i))
        is_heading |= size < _SHORT and not re.search(r"\d", page.lines[i])
        heads = is_heading and related[i + 1 : i + 2].any() and related[i + 1 : i + 4].sum() > 1
        if size < _TEASER and (_is_between(related, i) or heads):
            joined[i] = RELATED
        elif (
            size < _SHORT
            and _kind_of_path(page.markup.paths[i])[0] != OTHER  # type: ignore[union-attr]
            and (_is_between(menu, i) or menu[i + 1 : i + 4].sum() > 1)
        ):
            joined[i] = NAVIGATION
    return joined


def _is_between(mask: npt.NDArray[np.bool_], line: int) -> bool:
    """Tell whether one of two lines above and one of two below are of a kind."""
    return bool(mask[max(line - 2, 0) : line].any() and mask[line + 1 : line + 3].any())


@lru_cache(maxsize=65536)
def _kind_of_path(path: str) -> tuple[int, str]:
    """Return the kind of noise that the nearest telling element names, and the name.

    The last name of an element tells: `recent-comments` are comments. `UNSURE` if none does.
    """
    for element in reversed(path.split(" ")):
        for name in reversed(_NAME.findall(element)):
            kind = _KIND_OF_NAME.get(name.lower())
            if kind is not None:
                return kind, name.lower()
    return UNSURE, ""
