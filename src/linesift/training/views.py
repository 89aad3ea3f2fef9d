"""The forms in which training shows a page: with and without markup, whole and shortened.

A model that never met unknown markup collapses on it, and pages in use come in every
shape: a whole dump with a twentieth of content, a nearly clean text with one list of
headlines left, three sentences among the menus of a large site, text as any converter
writes it, and pages that hold no article at all.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import (
    CONTENT,
    OTHER,
    RELATED,
    UNSURE,
    LabelArray,
    LabelledPages,
)
from linesift.reading.page import Page

_REPEATED = 0.2  # share of plain-text views in which the heading stands a second time
_TITLED = 0.2  # share that begin with the title in the head of the page, as converters write it
_TEASER = 30  # characters of a line that may stand inside an article
_FEWEST = 4  # lines of an article that teasers are put into
_BLOCK = 8  # mean length in lines of the blocks of noise that are dropped together
_SHORT_ARTICLES = (2, 6)  # lines, from and up to, that are left of an article cut short
_WIDTHS = (66, 100)  # characters, from and up to, at which some converters wrap lines
_MOST_BREAKS = 3  # inside a line, where a converter takes each link for a line
_CELLS = " | "
_CELLS_APART = 0.25  # share of plain-text views in which each cell of a table is a line
_VERSES, _TABLE_CELLS = (22, 46), (8, 22)  # characters of a line, from and up to
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
)
"""What letters may be replaced by."""
_MOST_OF_RUN = 120  # lines that paragraphs are broken into


@dataclass(frozen=True)
class Shares:
    """How many of the training pages are shown in which form, each from 0 to 1.

    Parameters
    ----------
    shorten : float
        Of all views, those from which blocks of noise are dropped at random.
    teasers : float
        Of the plain-text views, those with headlines of other articles inside this one.
    cut : float
        Of all views, those of which only the first lines of the article are left.
    breaks : float
        Of the plain-text views, those whose lines are broken as other converters do: wrapped
        at a width, or at links and cells.
    runs : float
        Of all views, those whose article stands as a run of short lines: verses, or cells.
    letters : float
        Of the plain-text views, those whose letters are replaced at random, alike all over the
        page, as if it were in a language that nobody knows.
    without_article : float
        Of the pages in each form, those that are shown once more without their article.
    """

    shorten: float
    teasers: float
    cut: float
    breaks: float
    runs: float
    letters: float
    without_article: float


class TrainingViews(NamedTuple):
    """Pages in the forms that training shows.

    Parameters
    ----------
    labelled : LabelledPages
        Where the article was taken out, all lines are unsure: lines learn nothing of them.
    as_read : ndarray of shape (n_views,), bool
        Whether a view is the page as it was read, with or without its markup.
    has_content : ndarray of shape (n_views,), bool
        Whether a view has content: players, section fronts and error pages have none.
    source : ndarray of shape (n_views,), intp
        The page that each view shows.
    """

    labelled: LabelledPages
    as_read: npt.NDArray[np.bool_]
    has_content: npt.NDArray[np.bool_]
    source: npt.NDArray[np.intp]


class _View(NamedTuple):
    page: Page
    labels: LabelArray


def training_views(
    labelled: LabelledPages, shares: Shares, *, hide_markup: bool, seed: int
) -> TrainingViews:
    """Return every page once as plain text and, where its markup is known, once with it.

    Parameters
    ----------
    labelled : LabelledPages
        The pages to learn from.
    shares : Shares
    hide_markup : bool
        Whether pages with markup are shown without it too.
    seed : int
        What is drawn at random.
    """
    rng = np.random.default_rng(seed)
    views: list[_View] = []
    source: list[int] = []
    has_content: list[bool] = []
    for number, (page, y) in enumerate(zip(labelled.pages, labelled.labels, strict=True)):
        forms = [page, page.without_markup()] if page.markup and hide_markup else [page]
        for form in forms:
            view = _shown(form, page, y, shares, rng)
            if len(view.labels):
                views.append(view)
                source.append(number)
                has_content.append(bool((view.labels == CONTENT).any()))
            if rng.random() < shares.without_article:
                noise = np.flatnonzero((y != CONTENT) & (y != UNSURE))
                if len(noise) and (y == CONTENT).any():
                    unsure = np.full(len(noise), UNSURE, np.int8)
                    views.append(_View(form.select(noise), unsure))
                    source.append(number)
                    has_content.append(False)
    if shares.shorten and not any((view.labels > CONTENT).any() for view in views):
        # All noise fell away, as may happen with a few pages; there is nothing to learn then.
        whole = replace(shares, shorten=0)
        return training_views(labelled, whole, hide_markup=hide_markup, seed=seed)
    pages = [view.page for view in views]
    return TrainingViews(
        LabelledPages(
            pages,
            [view.labels for view in views],
            [labelled.corpus[k] for k in source],
            [labelled.gold[k] for k in source],
            [labelled.page_types[k] for k in source],
        ),
        np.array([p.lines == labelled.pages[k].lines for p, k in zip(pages, source, strict=True)]),
        np.array(has_content, bool),
        np.array(source, np.intp),
    )


def _shown(
    form: Page, page: Page, labels: LabelArray, shares: Shares, rng: np.random.Generator
) -> _View:
    """Return a page in one of its forms, changed at random."""
    keep = np.arange(len(labels))
    if rng.random() < shares.cut:
        keep = _cut_short(labels, rng)
    if rng.random() < shares.shorten:
        keep = keep[_drop_noise(labels[keep], rng)]
    plain = form.markup is None and bool(len(keep))
    if plain and rng.random() < shares.teasers:
        keep = _insert_teasers(page, labels, keep, rng)
    shown = labels[keep]
    if plain and rng.random() < _REPEATED:
        keep, shown = _repeat_heading(keep, shown, rng)
    view = _View(form.select(keep), shown)
    if rng.random() < shares.runs:
        view = _as_run(view, rng)
    elif plain and rng.random() < _CELLS_APART:
        if any(_CELLS in line for line in view.page.lines):
            view = _pieces(view, [_cells_of(line) for line in view.page.lines])
    elif plain and rng.random() < shares.breaks:
        link_share = page.markup.link_share if page.markup else (0.0,) * len(page.lines)
        view = _broken(view, [link_share[k] for k in keep], rng)
    if plain and page.markup and page.markup.title and rng.random() < _TITLED:
        pieces = [[line] for line in view.page.lines]
        titled = _pieces(view, [[page.markup.title, *pieces[0]], *pieces[1:]])
        titled.labels[0] = UNSURE
        view = titled
    if plain and rng.random() < shares.letters:
        view = _View(_in_other_letters(view.page, rng), view.labels)
    return view


def _as_run(view: _View, rng: np.random.Generator) -> _View:
    """Break the article below its heading into short lines that begin alike: verses or a table.

    Songs, tables and tickers are rare where gold texts are made; that they can be an article is
    learned from their form, whatever their words.
    """
    content = set(np.flatnonzero(view.labels == CONTENT)[1:].tolist())
    of_verses, as_rows = rng.random(2) < 0.5
    width = int(rng.integers(*(_VERSES if of_verses else _TABLE_CELLS)))
    room = _MOST_OF_RUN
    pieces: list[Sequence[str]] = []
    for number, line in enumerate(view.page.lines):
        parts: list[str] = [line]
        if number in content and room > 0:
            parts = textwrap.wrap(line, width, break_on_hyphens=False) or parts
            parts = [part[:1].upper() + part[1:] for part in parts]
            if not of_verses:
                parts = _cells(parts, rng)
                if as_rows or view.page.markup is not None:
                    parts = [_CELLS.join(parts[k : k + 4]) for k in range(0, len(parts), 4)]
            room -= len(parts)
        pieces.append(parts)
    run = _pieces(view, pieces)
    if of_verses or run.page.markup is None:
        return run
    broken = np.repeat([k in content for k in range(len(pieces))], [len(one) for one in pieces])
    paths = tuple(
        " ".join([*path.split(" ")[:-1], "table", "tbody", "tr"])
        if is_of_run and _CELLS in line
        else path
        for path, line, is_of_run in zip(
            run.page.markup.paths, run.page.lines, broken.tolist(), strict=True
        )
    )
    return _View(replace(run.page, markup=replace(run.page.markup, paths=paths)), run.labels)


def _cells(parts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return cells of a table: the parts without their marks, every third a number."""
    cells = []
    for number, part in enumerate(parts):
        cells.append(part.rstrip(".,;:") or part)
        if number % 2:
            places = rng.integers(1, 60, 3)
            form = ("{0}", "{0}:{1:02}.{2:02}", "{0},{1}", "{0}-{1}", "{0} %")[rng.integers(5)]
            cells.append(form.format(*places.tolist()))
    return cells


def _in_other_letters(page: Page, rng: np.random.Generator) -> Page:
    """Return a page with each letter replaced by another, capitals by capitals.

    Neighbours, lengths and marks stay, and so does which words are the same: what is learned
    from such pages holds in any language.
    """
    text = "\n".join(page.lines)
    found = sorted(
        {letter for letter in text.lower() if letter.isalpha() and letter.upper() != letter}
    )
    alphabet = _ALPHABETS[rng.integers(len(_ALPHABETS))]
    drawn = rng.permutation([alphabet[k % len(alphabet)] for k in range(len(found))])
    table = {ord(old): str(new) for old, new in zip(found, drawn, strict=True)}
    table |= {
        ord(old.upper()): str(new).upper()
        for old, new in zip(found, drawn, strict=True)
        if len(old.upper()) == 1
    }
    return replace(page, lines=tuple(text.translate(table).split("\n")))


def _broken(view: _View, link_share: Sequence[float], rng: np.random.Generator) -> _View:
    """Break lines as some converters do: all at one width, or around their links and cells."""
    lines = view.page.lines
    if rng.random() < 0.5:
        width = int(rng.integers(*_WIDTHS))
        wrapped = [textwrap.wrap(line, width, break_on_hyphens=False) or [line] for line in lines]
        return _pieces(view, wrapped)
    pieces = []
    for line, share in zip(lines, link_share, strict=True):
        cells = _cells_of(line)
        if len(cells) > 1:
            pieces.append(cells)
        elif 0 < share < 1 and (words := line.split())[1:]:
            breaks = rng.integers(1, len(words), rng.integers(1, _MOST_BREAKS + 1))
            parts = np.split(np.array(words, object), np.unique(breaks))
            pieces.append([" ".join(part) for part in parts])
        else:
            pieces.append([line])
    return _pieces(view, pieces)


def _cells_of(line: str) -> list[str]:
    """Return the cells of a row of a table; a line that is none is all in one."""
    return [cell for cell in line.split(_CELLS) if cell.strip()] or [line]


def _pieces(view: _View, pieces: Sequence[Sequence[str]]) -> _View:
    """Return a page with each line in pieces; each has the label and the markup of the line."""
    sizes = [len(line) for line in pieces]
    lines = tuple(piece for line in pieces for piece in line)
    page = view.page.select(np.repeat(np.arange(len(sizes)), sizes))
    page = replace(page, lines=lines, numbers=tuple(range(1, len(lines) + 1)))
    return _View(page, np.repeat(view.labels, sizes))


def _repeat_heading(
    keep: npt.NDArray[np.intp], labels: LabelArray, rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], LabelArray]:
    """Put the first line of the article once more a few lines below, as a caption would."""
    content = np.flatnonzero(labels == CONTENT)
    if len(content) < 2:
        return keep, labels
    at = min(int(content[0]) + int(rng.integers(2, 6)), len(keep))
    return np.insert(keep, at, keep[content[0]]), np.insert(labels, at, OTHER)


def _insert_teasers(
    page: Page, labels: LabelArray, keep: npt.NDArray[np.intp], rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Put one or two headlines of other articles between the lines of this one."""
    content = np.flatnonzero(labels[keep] == CONTENT)
    related = np.flatnonzero(labels == RELATED)
    teasers = [k for k in related if len(page.lines[k]) >= _TEASER]
    if len(content) < _FEWEST or not teasers:
        return keep
    n = int(rng.integers(1, 3))
    return np.insert(keep, rng.choice(content[1:], n), rng.choice(teasers, n))


def _cut_short(labels: LabelArray, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return the positions that stay when the article ends after its first lines."""
    content = np.flatnonzero(labels == CONTENT)
    left = int(rng.integers(_SHORT_ARTICLES[0], _SHORT_ARTICLES[1] + 1))
    if len(content) <= left:
        return np.arange(len(labels))
    gone = np.isin(labels, (CONTENT, UNSURE))
    gone[: content[left]] = False
    return np.flatnonzero(~gone)


def _drop_noise(labels: LabelArray, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return the positions that stay when random blocks of noise are dropped."""
    is_noise = labels != CONTENT
    borders = rng.random(len(labels)) < 1 / _BLOCK
    borders |= np.diff(is_noise, prepend=is_noise[:1])
    block = np.cumsum(borders)
    dropped = rng.random(block[-1] + 1 if len(block) else 0) < rng.uniform(0.2, 1.0)
    return np.flatnonzero(~(is_noise & dropped[block]))
