"""Learn the lines of more pages than fit in memory, in one pass.

The linear models over n-grams and tag paths are what many pages are good for: they know
words. They learn page by page and forget the page. The context is learned from a sample:
what surrounds a line is the same on a thousand pages as on a million.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import LABELS, UNSURE, LabelledPages, no_pages
from linesift.models.features import Floats, hashed_ngrams
from linesift.models.linear import HashedLinear, HashedLinearStream
from linesift.reading.page import NO_PATH, Batch
from linesift.reading.tag_paths import hashed_paths
from linesift.reading.tokens import Tokens
from linesift.training.fitting import Fitting, distinct_lines, ngram_shape, once_per_site


class StreamedLines:
    """The linear models of single lines, learned chunk by chunk, also without each fold.

    Parameters
    ----------
    settings : mapping
        Parameters of the `LineClassifier`.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._folds = max(settings["folds"], 2)
        # One per fold that has not seen its sites, and the last one has seen all.
        self._ngrams = self._streams(settings["ngram_bits"]) if settings["ngram_orders"] else None
        self._paths = self._streams(settings["path_bits"])
        self._met_markup = False

    def _streams(self, bits: int) -> list[HashedLinearStream]:
        alpha, seed = self._settings["linear_alpha"], self._settings["random_state"]
        return [HashedLinearStream(bits, alpha=alpha, seed=seed) for _ in range(self._folds + 1)]

    def learn(self, labelled: LabelledPages) -> None:
        """Learn from the lines of some pages in the forms that training shows."""
        batch = Batch.from_pages(labelled.pages)
        labels = np.concatenate([np.empty(0, np.int8), *labelled.labels])
        known = np.flatnonzero(labels != UNSURE)
        fold = self._fold_of_line(batch, labelled)
        site = np.unique(labelled.sites, return_inverse=True)[1][batch.page_of_line]
        if self._ngrams is not None:
            distinct, text_ids = distinct_lines(batch, labelled.pages)
            tokens = hashed_ngrams(distinct, *ngram_shape(self._settings))
            rows = once_per_site(known, text_ids, labels, site)
            self._learn(self._ngrams, tokens, text_ids, rows, labels, fold)
        rows = known[batch.path_ids[known] != NO_PATH]
        if len(rows):
            self._met_markup = True
            tokens = hashed_paths(batch.split_paths, self._settings["path_bits"])
            rows = once_per_site(rows, batch.path_ids, labels, site)
            self._learn(self._paths, tokens, batch.path_ids, rows, labels, fold)

    @staticmethod
    def _learn(
        streams: list[HashedLinearStream],
        tokens: Tokens,
        token_row: npt.NDArray[np.int64],
        rows: npt.NDArray[np.intp],
        labels: npt.NDArray[np.int8],
        fold: npt.NDArray[np.int64],
    ) -> None:
        for k, stream in enumerate(streams):
            chosen = rows[fold[rows] != k]
            stream.learn(tokens, token_row[chosen], labels[chosen])

    def _fold_of_line(self, batch: Batch, labelled: LabelledPages) -> npt.NDArray[np.int64]:
        """Return the fold of each line: that of its site, by the name alone."""
        folds = [
            zlib.crc32(site.encode("utf-8", "replace")) % self._folds for site in labelled.sites
        ]
        return np.array(folds, np.int64)[batch.page_of_line]

    def judge(self, fitting: Fitting) -> tuple[HashedLinear | None, HashedLinear | None, Floats]:
        """Return both models, and what single lines of a sample say, out of site."""
        batch, ngrams, paths = fitting.batch, None, None
        fold = self._fold_of_line(batch, fitting.views)
        ngram_model = path_model = None
        if self._ngrams is not None:
            distinct, text_ids = distinct_lines(batch, fitting.views.pages)
            tokens = hashed_ngrams(distinct, *ngram_shape(self._settings))
            ngram_model, ngrams = _scored(self._ngrams, tokens, text_ids, fold)
        if self._met_markup:
            tokens = hashed_paths(batch.split_paths, self._settings["path_bits"])
            path_model, paths = _scored(self._paths, tokens, batch.path_ids, fold)
        return ngram_model, path_model, fitting.line(ngrams, paths)


def _scored(
    streams: list[HashedLinearStream],
    tokens: Tokens,
    token_row: npt.NDArray[np.int64],
    fold: npt.NDArray[np.int64],
) -> tuple[HashedLinear, Floats]:
    """Return the model of all sites, and scores of each line by one that has not seen its site."""
    scores = np.full((len(token_row), len(LABELS)), np.nan, np.float32)
    for k, stream in enumerate(streams[:-1]):
        lines = np.flatnonzero((fold == k) & (token_row >= 0))
        if len(lines):
            scores[lines] = stream.learned().scores(tokens)[token_row[lines]]
    return streams[-1].learned(), scores


class PageSample:
    """So many of all pages that come by, each as likely (Vitter 1985, algorithm R).

    Parameters
    ----------
    size : int
    seed : int

    Examples
    --------
    >>> from linesift.reading.page import Page
    >>> page = LabelledPages([Page("p", ("a",), (1,))], [np.zeros(1, np.int8)], [""], [()])
    >>> sample = PageSample(2, seed=0)
    >>> for chunk in (page, page + page, page):
    ...     sample.add(chunk)
    >>> len(sample.labelled)
    2
    """

    def __init__(self, size: int, seed: int) -> None:
        self.labelled = no_pages()
        self._size, self._met = size, 0
        self._rng = np.random.default_rng(seed)

    def add(self, labelled: LabelledPages) -> None:
        """Let some pages come by."""
        for k in range(len(labelled)):
            is_early = self._met < self._size
            place = self._met if is_early else int(self._rng.integers(self._met + 1))
            self._met += 1
            if place < self._size:
                self._put(place, labelled, k)

    def _put(self, place: int, labelled: LabelledPages, k: int) -> None:
        kept = self.labelled
        columns: tuple[tuple[list[Any], list[Any]], ...] = (
            (kept.pages, labelled.pages),
            (kept.labels, labelled.labels),
            (kept.corpus, labelled.corpus),
            (kept.gold, labelled.gold),
            (kept.page_types, labelled.page_types),
        )
        for mine, theirs in columns:
            mine[place : place + 1] = [theirs[k]]
