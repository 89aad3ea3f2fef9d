"""The model in use: what it makes of pages, from its arrays.

Nothing here needs scikit-learn, which takes seconds to import: what the estimator
(`linesift.training.classifier`) has learned is arrays, and prediction is arithmetic on them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, LABELS, OTHER, PAGE_TYPES
from linesift.models.context import Context, context_features
from linesift.models.features import (
    LINE_FEATURES,
    MARKUP_FEATURES,
    Floats,
    hashed_ngrams,
    line_features,
    markup_features,
    word_hashes,
)
from linesift.models.linear import HashedLinear
from linesift.models.network import Network
from linesift.models.odds import Probability, expit, is_unsure, logit, mean_judgement, softmax
from linesift.models.pages import (
    PageColumns,
    PageTypes,
    page_column_names,
    page_tokens,
)
from linesift.models.prediction import NOISE, LinePredictor, Predicted, unknown_types
from linesift.models.shapes import check_arrays, check_bounded
from linesift.models.thresholds import PRESETS
from linesift.models.trees import Trees
from linesift.reading.page import NO_PATH, Batch, Page, check_pages
from linesift.reading.tag_paths import hashed_paths
from linesift.reading.tokens import Tokens

MARGIN = 0.1
"""Lines whose probability is nearer to 0 or 1 are left to the network."""
_LONGEST_NGRAM = 16
_MOST_NETWORKS = 16  # each takes its time on every line
_FARTHEST = 4096  # characters from an end of a line that n-grams may look at
_SURE_KIND = 0.7  # probability from which on the kind of a line is left to the network
_TREES_SHARE = 2 / 3  # of the trees in the mean of both on kinds


class OfPages(NamedTuple):
    """What is told of pages as a whole; see `Predicted`."""

    page_types: Floats
    has_content: Floats | None
    cards_bounds: tuple[float, float]


@dataclass(frozen=True)
class LineModel(LinePredictor):
    """What a `LineClassifier` has learned: all that prediction needs, and no scikit-learn.

    Parameters
    ----------
    ngrams : HashedLinear or None
        Over hashed character n-grams; None for a model that does not look at them.
    ngram_orders : tuple of int
        Lengths of the n-grams.
    ngram_head, ngram_tail : int
        Characters looked at from both ends of a line.
    paths : HashedLinear or None
        Over the words of tag paths; None for a model that has met no markup.
    line_network : Network
        Judges a line by itself.
    context_networks : tuple of Network
        Judge it among its neighbours, each by what the one before said.
    trees : Trees or None
        Judge the lines that the last of them is unsure of, beside it.
    kinds : ndarray of shape (n_kinds,), intp
        Label codes of the kinds of noise that it tells apart.
    kind_network : Network or None
        None where there is one kind only.
    kind_trees : Trees or None
        Judge lines of no clear kind, beside the network.
    page_types : PageTypes or None
        Tells the type of a page; None where training knew of no two types.
    has_content : Trees or None
        Tell whether a page has any content; None where training met no page without.
    calibration : ndarray of shape (2, 2)
        Slope and offset of the log-odds, without and with markup.
    thresholds_ : mapping of str to (float, float, float)
        The numbers of a `Threshold` for each preset, but for its beta.
    """

    ngrams: HashedLinear | None
    ngram_orders: tuple[int, ...]
    ngram_head: int
    ngram_tail: int
    paths: HashedLinear | None
    line_network: Network
    context_networks: tuple[Network, ...]
    trees: Trees | None
    kinds: npt.NDArray[np.intp]
    kind_network: Network | None
    kind_trees: Trees | None
    page_types: PageTypes | None
    has_content: Trees | None
    calibration: npt.NDArray[np.float64]
    thresholds_: Mapping[str, tuple[float, float, float]]

    def __post_init__(self) -> None:
        check_arrays(
            self,
            kinds=(np.intp, "kinds"),
            calibration=(np.float64, 2, 2),
        )
        check_bounded(self, "calibration")
        kinds = self.kinds.tolist()
        if not kinds or kinds != sorted({*kinds} & {*NOISE.tolist()}):
            raise ValueError(f"LineModel.kinds: expected codes of noise, got {kinds}")
        for name, linear in (("ngrams", self.ngrams), ("paths", self.paths)):
            if not isinstance(linear, HashedLinear | None):
                raise ValueError(f"LineModel.{name}: expected HashedLinear or None, got {linear!r}")
        check_ngrams("LineModel", self.ngram_orders, self.ngram_head, self.ngram_tail)
        if bool(self.ngram_orders) != (self.ngrams is not None):
            raise ValueError("LineModel.ngram_orders: expected some with n-grams, none without")
        if len(self.context_networks) > _MOST_NETWORKS:
            raise ValueError(f"LineModel.context_networks: expected up to {_MOST_NETWORKS}")
        if self.thresholds_.keys() != PRESETS.keys():
            raise ValueError(f"LineModel.thresholds_: expected {', '.join(PRESETS)}")
        for bounds in self.thresholds_.values():
            if len(bounds) != 3 or not all(0 <= bound <= 1 for bound in bounds):
                raise ValueError(f"LineModel.thresholds_: expected three of 0 to 1, got {bounds}")
        self._check_judges()

    def __repr__(self) -> str:
        parts = (
            "n-grams of " + ", ".join(map(str, self.ngram_orders)) if self.ngrams else "",
            "markup" if self.paths else "plain text alone",
            f"context passes: {len(self.context_networks)}",
            "trees" if self.trees else "",
            f"{len(self.page_types.types)} page types" if self.page_types else "",
        )
        return f"LineModel({'; '.join(filter(None, parts))})"

    def _check_judges(self) -> None:
        """Raise a ValueError where a part looks at other columns than there are."""
        by_line = len(LINE_FEATURES) + len(MARKUP_FEATURES) + 2 * len(LABELS)
        in_context = by_line + 1 + len(context_features())
        by_page = len(page_column_names())
        last = in_context if self.context_networks else by_line
        n_kinds = 1 if len(self.kinds) == 2 else len(self.kinds)
        if (self.kind_network is None) != (len(self.kinds) == 1):
            raise ValueError(f"LineModel.kind_network: there are {len(self.kinds)} kinds of noise")
        judges: list[tuple[str, Network | Trees, int, int]] = [
            ("line_network", self.line_network, by_line, 1),
            *(("context_networks", one, in_context, 1) for one in self.context_networks),
        ]
        for name, maybe, outputs in (
            ("trees", self.trees, 1),
            ("kind_network", self.kind_network, n_kinds),
            ("kind_trees", self.kind_trees, n_kinds),
        ):
            if maybe is not None:
                judges.append((name, maybe, last, outputs))
        if self.has_content is not None:
            judges.append(("has_content", self.has_content, by_page + len(PAGE_TYPES), 1))
        if self.page_types is not None:
            outputs = self.page_types.trees.n_outputs
            judges.append(("page_types", self.page_types.trees, by_page + len(PAGE_TYPES), outputs))
        for name, judge, columns, outputs in judges:
            if (judge.n_columns, judge.n_outputs) != (columns, outputs):
                raise ValueError(
                    f"LineModel.{name}: expected {columns} columns and {outputs} outputs, "
                    f"got {judge.n_columns} and {judge.n_outputs}"
                )

    def predicted(self, X: Sequence[Page]) -> Predicted:
        """Return the probabilities of labels and page types."""
        batch, labels, _, pages = self.judge(X, with_features=False)
        return Predicted(batch.by_page(labels), *pages)

    def judge(
        self, X: Sequence[Page], *, with_features: bool = True
    ) -> tuple[Batch, Floats, Floats, OfPages]:
        """Return the lines of all pages, what they are, what was looked at last, and of pages.

        Who does not need what was looked at may be spared a copy of it, and get no rows.

        Returns
        -------
        batch : Batch
        labels : ndarray of shape (n_lines, n_labels), float32
            Probability of each label.
        features : ndarray of shape (n_lines, n_columns), float32
        pages : OfPages
        """
        check_pages(X)
        if self.paths is None:  # training has met no markup
            X = [page.without_markup() for page in X]
        batch = Batch.from_pages(X)
        if not batch.has_words.any():
            nothing = np.zeros((batch.n_lines, len(LABELS) + self.n_columns), np.float32)
            nothing[:, OTHER] = 1
            labels, features = np.split(nothing, [len(LABELS)], axis=1)
            has_content = None if self.has_content is None else np.zeros(len(X), np.float32)
            pages = OfPages(unknown_types(len(X)), has_content, self._cards_bounds)
            return batch, labels, features, pages
        if batch.has_words.all():
            return batch, *self._judge(batch)
        labels, features, pages = self._judge(batch.with_words())
        above, below, is_end = _nearest(batch)
        # Marks between two lines are what both are: content inside an article, noise elsewhere.
        lower = np.where(labels[above, CONTENT] <= labels[below, CONTENT], above, below)
        labels = labels[lower]
        labels[is_end] = np.eye(len(LABELS), dtype=np.float32)[OTHER]
        return batch, labels, features[lower] if with_features else features[:0], pages

    def _judge(self, batch: Batch) -> tuple[Floats, Floats, OfPages]:
        """Return likewise what lines are that hold words, and so on."""
        probability, features, pages = self._content(batch)
        labels = np.empty((batch.n_lines, len(LABELS)), np.float32)
        labels[:, CONTENT] = probability
        labels[:, NOISE] = (1 - probability)[:, None] * self._kinds(features)
        return labels, features, pages

    @property
    def _cards_bounds(self) -> tuple[float, float]:
        """As in `Predicted`."""
        if self.page_types is None:
            return 0.5, 0.5
        without, within = self.page_types.cards_bounds.tolist()
        return without, within

    @property
    def n_columns(self) -> int:
        """Columns that are looked at last."""
        return self._last_network.n_columns

    def standardised(self, features: Floats) -> Floats:
        """Return these columns in standard deviations from their mean; unknown ones are zero."""
        return self._last_network.standardised(features)

    @property
    def _last_network(self) -> Network:
        return self.context_networks[-1] if self.context_networks else self.line_network

    def _content(self, batch: Batch) -> tuple[Probability, Floats, OfPages]:
        """Return the probability of content, the last features looked at, and of pages."""
        words = word_hashes(batch)
        text, markup = line_features(batch), markup_features(batch, words)
        path_tokens = self._path_tokens(batch)
        ngrams, paths = self._linear_scores(batch, path_tokens)
        # Columns, not lines, stand together in memory: so they are looked at.
        features = line = np.concatenate([text.T, markup.T, ngrams.T, paths.T]).T
        probability = expit(self.line_network.scores(line)[:, 0])
        page_types = unknown_types(len(batch.page_starts) - 1)
        if self.page_types is not None or self.has_content is not None:
            whole = PageColumns(batch, line)
        if self.page_types is not None:
            columns = whole.of(probability)
            page_types = self.page_types.probabilities(
                page_tokens(batch, words, path_tokens), columns
            )
            page_types[np.diff(batch.page_starts) == 0] = np.nan  # as of such a page alone
        if self.context_networks:
            context = Context(batch, words, text, markup, ngrams, page_types)
        for network in self.context_networks:
            features = context.beside(line, probability)
            probability = expit(network.scores(features)[:, 0])
        if self.trees is not None:
            unsure = is_unsure(probability, MARGIN)
            by_trees = expit(self.trees.scores(features[unsure])[:, 0])
            probability[unsure] = mean_judgement(probability[unsure], by_trees)
        has_content = None
        if self.has_content is not None:
            columns = np.concatenate([page_types, whole.of(probability)], axis=1)
            has_content = expit(self.has_content.scores(columns)[:, 0]).astype(np.float32)
            has_content[np.diff(batch.page_starts) == 0] = 0  # a page without words, beside others
        slope, offset = self.calibration[(batch.path_ids != NO_PATH).astype(int)].T
        pages = OfPages(page_types, has_content, self._cards_bounds)
        return expit(slope * logit(probability) + offset), features, pages

    def _path_tokens(self, batch: Batch) -> Tokens | None:
        """Return the words of the tag paths, None where no path is known."""
        if self.paths is None or not (batch.path_ids != NO_PATH).any():
            return None
        return hashed_paths(batch.split_paths, self.paths.bits)

    def _linear_scores(self, batch: Batch, path_tokens: Tokens | None) -> tuple[Floats, Floats]:
        """Return the scores of n-grams and of tag paths, NaN where there are none."""
        shape = (len(LABELS), batch.n_lines)
        ngrams, paths = (np.full(shape, np.nan, np.float32).T for _ in range(2))
        if self.ngrams is not None:
            looked_at = self.ngram_orders, self.ngrams.bits, self.ngram_head, self.ngram_tail
            first = 0
            for block in batch.blocks:
                rows = slice(first, first := first + block.n_lines)
                ngrams[rows] = self.ngrams.scores(hashed_ngrams(block, *looked_at))
        known = batch.path_ids != NO_PATH
        if self.paths is not None and path_tokens is not None:
            by_path = self.paths.scores(path_tokens)
            paths[known] = by_path[batch.path_ids[known]]
        return ngrams, paths

    def _kinds(self, features: Floats) -> Floats:
        """Return the probability of each kind of noise, given that a line is noise."""
        kinds = np.zeros((len(features), len(LABELS)), np.float32)
        if self.kind_network is None:
            kinds[:, self.kinds] = 1
            return kinds[:, NOISE]
        share = softmax(self.kind_network.scores(features))
        if self.kind_trees is not None:
            unsure = share.max(axis=1) < _SURE_KIND
            by_trees = softmax(self.kind_trees.scores(features[unsure]))
            mean = share[unsure] ** (1 - _TREES_SHARE) * by_trees**_TREES_SHARE
            share[unsure] = mean / mean.sum(axis=1, keepdims=True)
        kinds[:, self.kinds] = share
        return kinds[:, NOISE]


def _nearest(
    batch: Batch,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return the nearest lines with words at or above each line, and at or below.

    Lines with words alone are counted, over the whole batch. The third array tells which lines
    have none on one side on their page.
    """
    seen = np.cumsum(batch.has_words)
    page = batch.page_of_line[batch.has_words]
    is_end = np.zeros(batch.n_lines, bool)
    sides = []
    for side in (seen - 1, seen - batch.has_words):
        nearest = np.clip(side, 0, len(page) - 1)
        is_end |= (nearest != side) | (page[nearest] != batch.page_of_line)
        sides.append(nearest)
    return sides[0], sides[1], is_end


def check_ngrams(owner: str, orders: Sequence[int], head: int, tail: int) -> None:
    """Raise a ValueError where n-grams have a length, or reach to where, no model looks."""
    if len({*orders}) != len(orders):
        raise ValueError(f"{owner}.ngram_orders: one stands twice in {orders}")
    for name, lowest, highest, numbers in (
        ("ngram_orders", 3, _LONGEST_NGRAM, orders),
        ("ngram_head", 0, _FARTHEST, [head]),
        ("ngram_tail", 0, _FARTHEST, [tail]),
    ):
        for number in numbers:
            if not isinstance(number, int) or not lowest <= number <= highest:
                raise ValueError(f"{owner}.{name}: expected {lowest} to {highest}, got {number}")
