"""What a page is, seen as a whole: its type, and whether it has text of its own.

A line in a list of headlines and a line in an article that is a list look alike; what tells
them apart is the page. So before lines look at their neighbours, each page gets a
probability for every page type: a linear model of the words of its lines, of the elements
around them and of what its source tells, then boosted trees over that and over averages of
what its lines say. Trees of the same kind say at the end, of the lines' probabilities,
whether there is any content at all: players, front pages and error pages have none.

Sums over lines are kept in integers of fixed point, where they are exact: a page's numbers
do not depend on the pages beside it.
"""

import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import LABELS, OF_CARDS, PAGE_TYPES
from linesift.models.features import LINE_FEATURES, MARKUP_FEATURES, Floats, Words
from linesift.models.odds import softmax
from linesift.models.shapes import check_arrays, check_bounded
from linesift.models.trees import Trees
from linesift.reading.page import NO_PATH, Batch
from linesift.reading.tokens import Tokens, sorted_distinct

_BITS = 13
GROUPS = 3
"""Groups of tokens: words of lines, words of tag paths, hints of the page's source."""
_BUCKETS = GROUPS << _BITS
_FIXED = 1 << 16
_WEIGHT = 1 << 12  # what a weight of 1 is as a whole number
_PROSE = (60, 120, 240)  # characters from which on lines are counted as prose
_BY_LENGTH = ("link_share", "in_paragraph", "in_list", "in_table", "ends_sentence")
_LIKELY = (0.2, 0.5, 0.8)
_LONG = 1000  # characters from which on a line is no surer a sign of content
_PLACE = 4  # lines in one place of the tree that make it a list

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PageTokens:
    """The distinct hashed tokens of pages, a number for each page and token.

    Parameters
    ----------
    page, bucket : ndarray of shape (n_tokens,), int64
        Sorted by page.
    n_pages : int
    """

    page: Integers
    bucket: Integers
    n_pages: int

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """Weight of each token: one over the root of the tokens of its group on its page."""
        key = self.page * GROUPS + (self.bucket >> _BITS)
        return 1 / np.sqrt(np.bincount(key)[key]) if len(key) else np.empty(0)


def page_tokens(batch: Batch, words: Words, paths: Tokens | None) -> PageTokens:
    """Return the words, elements and hints of each page.

    Parameters
    ----------
    batch : Batch
    words : tuple of ndarray
        From `linesift.models.features.word_hashes`.
    paths : Tokens or None
        Of the tag paths, from `linesift.reading.tag_paths.hashed_paths`; None where no page
        has markup.
    """
    value, line = words
    # A table of all buckets of all pages is found sooner than what stands twice by sorting.
    n_pages = len(batch.page_starts) - 1
    there = np.zeros((n_pages, GROUPS, 1 << _BITS), bool)
    there[batch.page_of_line[line], 0, value >> np.uint32(32 - _BITS)] = True
    known = np.flatnonzero(batch.path_ids != NO_PATH)
    if paths is not None and len(known):
        pairs = (batch.page_of_line[known] << 32) | batch.path_ids[known]
        page, path = np.divmod(sorted_distinct(pairs.astype(np.uint64)).astype(np.int64), 1 << 32)
        size = paths.counts[path]
        at = np.repeat(paths.starts[path] - np.cumsum(size) + size, size) + np.arange(size.sum())
        hashes = paths.hashes[0][at].astype(np.int64) * (1 << _BITS) // paths.no_token
        there[np.repeat(page, size), 1, hashes] = True
    for number, found in enumerate(batch.hints):
        for hint in found:
            there[number, 2, zlib.crc32(hint.encode("utf-8", "replace")) >> (32 - _BITS)] = True
    page, bucket = np.divmod(np.flatnonzero(there), _BUCKETS)
    return PageTokens(page, bucket, n_pages)


@cache
def page_column_names() -> tuple[str, ...]:
    """Return the names of the columns of `PageColumns`, in order."""
    single = (*LINE_FEATURES, *MARKUP_FEATURES)
    scores = (f"{kind}:{label}" for kind in ("ngrams", "paths") for label in LABELS)
    return (
        *(f"{name}[mean]" for name in (*single, *scores)),
        *(f"{name}[by length]" for name in _BY_LENGTH),
        *(f"lines_from_{least}" for least in _PROSE),
        *("log_lines", "log_characters"),
        *("lines_in_lists", "characters_in_lists", "links_in_lists", "longest_list"),
        *("probability", "log_likely_lines", "log_likely_characters", "likely_share"),
        *(f"lines_above_{bound}" for bound in _LIKELY),
        *("likeliest", "likeliest_characters"),
    )


class PageColumns:
    """What the lines of each page say together.

    Means over lines of all that single lines say, some of them weighted by length; how many
    lines there are and how long; how much of the page stands in lists, by places of the tree
    that hold several lines; and how likely content is among them. What hangs on the lines alone
    is found once, for any number of looks at their probabilities.

    Parameters
    ----------
    batch : Batch
    line : ndarray of shape (n_lines, n_line_columns), float32
        What single lines say.
    """

    def __init__(self, batch: Batch, line: Floats) -> None:
        names = (*LINE_FEATURES, *MARKUP_FEATURES)
        self._pages = pages = _Pages(batch)
        self._sizes = sizes = np.diff(batch.page_starts)
        self._characters = characters = batch.line_lengths.astype(np.float64)
        self._total = total = np.maximum(pages.sum(characters), 1)
        told = page_column_names()[: line.shape[1]]
        nothing = np.zeros(len(sizes))
        # Most text has no markup at all: then nothing is summed that stays unknown.
        of_markup = set() if pages.has_markup.any() else {*_of_markup().tolist()}
        self._lasting = [
            nothing if number in of_markup else pages.sum(line[:, number]) / np.maximum(sizes, 1)
            for number in range(len(told))
        ]
        for name in _BY_LENGTH:
            column = line[:, names.index(name)]
            self._lasting.append(pages.sum(column * characters) / total)
        self._lasting += [
            *(np.log1p(pages.sum(characters >= least)) for least in _PROSE),
            np.log1p(sizes),
            np.log1p(total),
            *_lists(batch, pages, line[:, names.index("link_share")], characters),
        ]

    def of(self, probability: npt.NDArray[Any]) -> Floats:
        """Return all columns, of shape (n_pages, n_columns), float32.

        NaN where markup is unknown, and for pages without lines.

        Parameters
        ----------
        probability : ndarray of shape (n_lines,), 0 to 1
            Of being content.
        """
        pages, characters = self._pages, self._characters
        likely = probability.astype(np.float64)
        mass = pages.sum(likely * characters)
        columns = [
            *self._lasting,
            pages.sum(likely) / np.maximum(self._sizes, 1),
            np.log1p(pages.sum(likely)),
            np.log1p(mass),
            mass / self._total,
            *(np.log1p(pages.sum(likely > bound)) for bound in _LIKELY),
            pages.highest(likely),
            pages.highest(likely * np.minimum(characters, _LONG)),
        ]
        found = np.stack(columns, axis=1).astype(np.float32)
        found[self._sizes == 0] = np.nan
        found[np.ix_(~pages.has_markup, _of_markup())] = np.nan
        return found


@cache
def _of_markup() -> npt.NDArray[np.intp]:
    """Return which columns of `PageColumns` tell of the markup."""
    of_lists = ("lines_in_lists", "characters_in_lists", "links_in_lists", "longest_list")
    by_length = tuple(f"{name}[" for name in MARKUP_FEATURES[1:])
    return np.array(
        [
            number
            for number, name in enumerate(page_column_names())
            if name.startswith((*by_length, "paths:")) or name in of_lists
        ]
    )


class _Pages:
    """Sums and maxima over the lines of each page of a batch."""

    def __init__(self, batch: Batch) -> None:
        self._starts = batch.page_starts[:-1]
        self._filled = np.flatnonzero(np.diff(batch.page_starts))
        self.has_markup = self.highest(batch.path_ids != NO_PATH) > 0

    def sum(self, column: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return exact sums in fixed point; NaN counts as zero."""
        values = np.rint(np.nan_to_num(column.astype(np.float64), nan=0.0) * _FIXED)
        return self._reduced(np.add, values.astype(np.int64)) / _FIXED

    def highest(self, column: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the largest value of each page, zero for one without lines."""
        return self._reduced(np.maximum, column.astype(np.float64))

    def _reduced(self, function: np.ufunc, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        result = np.zeros(len(self._starts), column.dtype)
        if len(self._filled):
            result[self._filled] = function.reduceat(column, self._starts[self._filled])
        return result


def _lists(
    batch: Batch, pages: _Pages, link_share: Floats, characters: npt.NDArray[np.float64]
) -> list[npt.NDArray[np.float64]]:
    """Return the share of lines and of characters in lists, their links, and the longest one.

    A list is what stands more than a few times in the same place of the tree.
    """
    if not pages.has_markup.any():  # then nobody looks at these columns
        return [np.zeros(len(batch.page_starts) - 1)] * 4
    keys = (batch.page_of_line << 32) | (batch.path_ids & 0xFFFFFFFF)
    order = np.argsort(keys, kind="stable")  # they are nearly in order
    group = np.cumsum(np.diff(keys[order], prepend=-1) != 0) - 1
    size = np.empty(batch.n_lines)
    size[order] = np.bincount(group)[group]
    listed = size >= _PLACE
    lines = np.maximum(pages.sum(np.ones(batch.n_lines)), 1)
    in_lists = pages.sum(listed * characters)
    return [
        pages.sum(listed) / lines,
        in_lists / np.maximum(pages.sum(characters), 1),
        pages.sum(listed * np.nan_to_num(link_share, nan=0.0) * characters)
        / np.maximum(in_lists, 1),
        np.log1p(pages.highest(size)),
    ]


@dataclass(frozen=True)
class PageTypes:
    """Tells the type of a page.

    Parameters
    ----------
    types : ndarray of shape (n_known,), intp
        Index into `PAGE_TYPES` of those that it tells apart.
    weights : ndarray of shape (n_buckets, n_types), int32
        Of each token of a page, as whole numbers.
    intercept : ndarray of shape (n_types,), float64
    trees : Trees
        Over the scores of the tokens and the columns of `PageColumns`.
    cards_bounds : ndarray of shape (2,), .5 to 1
        Probability of being a listing or collection above which a page is taken for one, without
        and with markup: so high that hardly any article is.
    """

    types: npt.NDArray[np.intp]
    weights: npt.NDArray[np.int32]
    intercept: npt.NDArray[np.float64]
    trees: Trees
    cards_bounds: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        n_types = len(PAGE_TYPES)
        check_arrays(
            self,
            types=(np.intp, "types"),
            weights=(np.int32, _BUCKETS, n_types),
            intercept=(np.float64, n_types),
            cards_bounds=(np.float64, 2),
        )
        check_bounded(self, "weights", "intercept")
        if not ((self.cards_bounds >= 0.5) & (self.cards_bounds <= 1)).all():
            raise ValueError(f"PageTypes.cards_bounds: expected .5 to 1, got {self.cards_bounds}")
        types = self.types.tolist()
        if len(types) < 2 or types != sorted({*types} & {*range(n_types)}):
            raise ValueError(f"PageTypes.types: expected codes of page types, got {types}")
        if self.trees.n_outputs != (outputs := 1 if len(types) == 2 else len(types)):
            raise ValueError(f"PageTypes.trees: expected {outputs} outputs")

    def scores(self, tokens: PageTokens) -> Floats:
        """Return one score a type by the tokens of each page, of shape (n_pages, n_types)."""
        return token_scores(self.weights, self.intercept, tokens)

    def probabilities(self, tokens: PageTokens, columns: Floats) -> Floats:
        """Return the probability of each type, of shape (n_pages, n_types).

        Parameters
        ----------
        tokens : PageTokens
        columns : ndarray of shape (n_pages, n_columns), float32
            From `PageColumns`.
        """
        features = np.concatenate([self.scores(tokens), columns], axis=1)
        found = np.zeros((tokens.n_pages, len(PAGE_TYPES)), np.float32)
        found[:, self.types] = softmax(self.trees.scores(features))
        return found


def cards_chance(probabilities: Floats) -> npt.NDArray[np.float64]:
    """Return the probability that pages are listings or collections, of shape (n_pages,)."""
    of_cards = [name in OF_CARDS for name in PAGE_TYPES]
    return probabilities[:, of_cards].sum(axis=1, dtype=np.float64)


def has_markup(batch: Batch) -> npt.NDArray[np.bool_]:
    """Tell of which pages the markup is known, of shape (n_pages,)."""
    return _Pages(batch).has_markup


def token_scores(
    weights: npt.NDArray[np.int32], intercept: npt.NDArray[np.float64], tokens: PageTokens
) -> Floats:
    """Return one score a type: a sum of whole numbers for each group of tokens, then their mean."""
    group = tokens.page * GROUPS + (tokens.bucket >> _BITS)
    n_groups = tokens.n_pages * GROUPS
    root = np.sqrt(np.maximum(np.bincount(group, minlength=n_groups), 1)) * _WEIGHT
    scores = np.empty((tokens.n_pages, len(intercept)), np.float32)
    for number, constant in enumerate(intercept):
        # Weights are whole numbers, so their sums in double precision are exact.
        sums = np.bincount(group, weights=weights[tokens.bucket, number], minlength=n_groups)
        scores[:, number] = (sums / root).reshape(-1, GROUPS).sum(axis=1) + constant
    return scores


def fit_token_weights(
    tokens: PageTokens, types: npt.NDArray[np.integer], pages: npt.NDArray[np.intp], penalty: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Return weights and intercepts of a multinomial model of the tokens of some pages.

    Parameters
    ----------
    tokens : PageTokens
    types : ndarray of shape (n_pages,)
        Index into `PAGE_TYPES` of all pages.
    pages : ndarray of shape (n_chosen,)
        The pages to learn from.
    penalty : float
        Strength of the L2 penalty.
    """
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    shape = (tokens.n_pages, _BUCKETS)
    matrix = csr_matrix((tokens.values, (tokens.page, tokens.bucket)), shape=shape)[pages]
    weights = np.zeros((_BUCKETS, len(PAGE_TYPES)))
    intercept = np.full(len(PAGE_TYPES), -10.0)  # a type never seen
    known = np.unique(types[pages])
    if len(known) == 1:
        intercept[known] = 10
    else:
        model = LogisticRegression(C=1 / penalty, max_iter=200, tol=1e-3)
        model.fit(matrix, types[pages])
        coefficients, constants = model.coef_, model.intercept_
        if len(known) == 2:  # one score for both
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            constants = np.concatenate([-constants, constants]) / 2
        weights[:, known], intercept[known] = coefficients.T, constants
    return np.rint(weights * _WEIGHT).astype(np.int32), intercept
