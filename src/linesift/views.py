"""The forms in which training shows a page: with and without markup, whole and shortened.

A model that never met unknown markup collapses on it, and pages in use come in every
shape, from a whole dump with a twentieth of content to a nearly clean text with one
list of headlines left.
"""

import numpy as np
import numpy.typing as npt

from linesift.labels import CONTENT, OTHER, LabelArray, LabelledPages
from linesift.page import Page

_REPEATED = 0.2  # share of plain-text views in which the heading stands a second time
_BLOCK = 8  # mean length in lines of the blocks of noise that are dropped together


def training_views(
    labelled: LabelledPages, *, shorten: float, hide_markup: bool, seed: int
) -> LabelledPages:
    """Return every page once as plain text and, where its markup is known, once with it.

    Parameters
    ----------
    labelled : LabelledPages
        The pages to learn from.
    shorten : float, 0 to 1
        Share of the views from which blocks of noise are dropped at random.
    hide_markup : bool
        Whether pages with markup are shown without it too.
    seed : int
        What is drawn at random.
    """
    rng = np.random.default_rng(seed)
    pages: list[Page] = []
    labels: list[LabelArray] = []
    corpus: list[str] = []
    gold: list[tuple[str, ...]] = []
    for page, y, name, article in zip(
        labelled.pages, labelled.labels, labelled.corpus, labelled.gold, strict=True
    ):
        forms = [page]
        if page.markup is not None and hide_markup:
            forms.append(page.without_markup())
        for form in forms:
            keep = np.arange(len(y))
            if rng.random() < shorten:
                keep = _drop_noise(y, rng)
            if not len(keep):
                continue
            shown = y[keep]
            if form.markup is None and rng.random() < _REPEATED:
                keep, shown = _repeat_heading(keep, shown, rng)
            pages.append(form.select(keep))
            labels.append(shown)
            corpus.append(name)
            gold.append(article)
    if shorten and not any((y > CONTENT).any() for y in labels):
        # All noise fell away, as may happen with a few pages; there is nothing to learn then.
        return training_views(labelled, shorten=0, hide_markup=hide_markup, seed=seed)
    return LabelledPages(pages, labels, corpus, gold)


def _repeat_heading(
    keep: npt.NDArray[np.intp], labels: LabelArray, rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], LabelArray]:
    """Put the first line of the article once more a few lines below, as a caption would."""
    content = np.flatnonzero(labels == CONTENT)
    if len(content) < 2:
        return keep, labels
    at = min(int(content[0]) + int(rng.integers(2, 6)), len(keep))
    return np.insert(keep, at, keep[content[0]]), np.insert(labels, at, OTHER)


def _drop_noise(labels: LabelArray, rng: np.random.Generator) -> np.ndarray:
    """Return the positions that stay when random blocks of noise are dropped."""
    is_noise = labels != CONTENT
    borders = rng.random(len(labels)) < 1 / _BLOCK
    borders |= np.diff(is_noise, prepend=is_noise[:1])
    block = np.cumsum(borders)
    dropped = rng.random(block[-1] + 1 if len(block) else 0) < rng.uniform(0.2, 1.0)
    return np.flatnonzero(~(is_noise & dropped[block]))
