"""The forms in which training shows a page: with and without markup, whole and shortened.

A model that never met unknown markup collapses on it, and pages in use come in every
shape, from a whole dump with a twentieth of content to a nearly clean text with one
list of headlines left.
"""

import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, OTHER, RELATED, LabelArray, LabelledPages
from linesift.reading.page import Page

_REPEATED = 0.2  # share of plain-text views in which the heading stands a second time
_LIST_MARKS = ("* ", "• ", "- ", "+ ")
_LIST_ITEM = re.compile(r"(?:^| )(?:li|dd|dt)(?:[.#]|$| )")
_TEASER = 30  # characters of a line that may stand inside an article
_FEWEST = 4  # lines of an article that teasers are put into
_BLOCK = 8  # mean length in lines of the blocks of noise that are dropped together


class TrainingViews(NamedTuple):
    """Pages in the forms that training shows.

    Parameters
    ----------
    labelled : LabelledPages
    as_read : ndarray of shape (n_views,), bool
        Whether a view is the page as it was read, with or without its markup.
    """

    labelled: LabelledPages
    as_read: npt.NDArray[np.bool_]


def training_views(
    labelled: LabelledPages,
    *,
    shorten: float,
    hide_markup: bool,
    list_marks: float,
    teasers: float,
    seed: int,
) -> TrainingViews:
    """Return every page once as plain text and, where its markup is known, once with it.

    As plain text some have a mark before each item of a list.

    Parameters
    ----------
    labelled : LabelledPages
        The pages to learn from.
    shorten : float, 0 to 1
        Share of the views from which blocks of noise are dropped at random.
    hide_markup : bool
        Whether pages with markup are shown without it too.
    list_marks : float, 0 to 1
        Share of those that are shown without it as converters write them that mark the
        items of lists.
    teasers : float, 0 to 1
        Share of the plain-text views with headlines of other articles between the lines of
        this one, as many sites put them.
    seed : int
        What is drawn at random.
    """
    rng = np.random.default_rng(seed)
    pages: list[Page] = []
    labels: list[LabelArray] = []
    corpus: list[str] = []
    gold: list[tuple[str, ...]] = []
    page_types: list[str] = []
    as_read: list[bool] = []
    for page, y, name, article, page_type in zip(
        labelled.pages,
        labelled.labels,
        labelled.corpus,
        labelled.gold,
        labelled.page_types,
        strict=True,
    ):
        forms = [page]
        if page.markup is not None and hide_markup:
            marked = rng.random() < list_marks
            forms.append(_with_list_marks(page, rng) if marked else page.without_markup())
        for form in forms:
            keep = np.arange(len(y))
            if rng.random() < shorten:
                keep = _drop_noise(y, rng)
            if not len(keep):
                continue
            shown = y[keep]
            if form.markup is None and rng.random() < teasers:
                keep = _insert_teasers(page, y, keep, rng)
                shown = y[keep]
            if form.markup is None and rng.random() < _REPEATED:
                keep, shown = _repeat_heading(keep, shown, rng)
            pages.append(form.select(keep))
            labels.append(shown)
            corpus.append(name)
            gold.append(article)
            page_types.append(page_type)
            as_read.append(pages[-1].lines == page.lines)
    if shorten and not any((y > CONTENT).any() for y in labels):
        # All noise fell away, as may happen with a few pages; there is nothing to learn then.
        return training_views(
            labelled,
            shorten=0,
            hide_markup=hide_markup,
            list_marks=list_marks,
            teasers=teasers,
            seed=seed,
        )
    return TrainingViews(LabelledPages(pages, labels, corpus, gold, page_types), np.array(as_read))


def _with_list_marks(page: Page, rng: np.random.Generator) -> Page:
    """Return a page as plain text with one and the same mark before the items of its lists."""
    assert page.markup is not None  # nosec B101 # only such pages are chosen
    mark = _LIST_MARKS[rng.integers(len(_LIST_MARKS))]
    lines = (
        mark + line if _LIST_ITEM.search(path) else line
        for line, path in zip(page.lines, page.markup.paths, strict=True)
    )
    return replace(page.without_markup(), lines=tuple(lines))


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


def _drop_noise(labels: LabelArray, rng: np.random.Generator) -> np.ndarray:
    """Return the positions that stay when random blocks of noise are dropped."""
    is_noise = labels != CONTENT
    borders = rng.random(len(labels)) < 1 / _BLOCK
    borders |= np.diff(is_noise, prepend=is_noise[:1])
    block = np.cumsum(borders)
    dropped = rng.random(block[-1] + 1 if len(block) else 0) < rng.uniform(0.2, 1.0)
    return np.flatnonzero(~(is_noise & dropped[block]))
