"""Fit each stage of the line classifier, and say what it thinks of sites it has not seen.

Probabilities that a later stage learns from are out of site: the pages are split into
groups of whole sites, and each group is judged by a model fitted on the others. The
folds and the model on all pages are fitted side by side, a thread each: scikit-learn's
loops slow each other down when several processes use all cores.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from linesift.labelling.labels import CONTENT, LABELS, OF_CARDS, PAGE_TYPES, UNSURE
from linesift.models.context import Context
from linesift.models.features import (
    LINE_FEATURES,
    MARKUP_FEATURES,
    Floats,
    hashed_ngrams,
    line_features,
    line_hashes,
    markup_features,
    word_hashes,
)
from linesift.models.linear import HashedLinear, fit_hashed_linear
from linesift.models.network import Network, fit_network
from linesift.models.odds import Probability, expit, is_unsure, logit, softmax
from linesift.models.pages import (
    PageColumns,
    PageTypes,
    cards_chance,
    fit_token_weights,
    has_markup,
    page_tokens,
    token_scores,
)
from linesift.models.prediction import unknown_types
from linesift.models.thresholds import PRESETS
from linesift.models.trees import Trees, fit_trees, quantised
from linesift.reading.page import NO_PATH, Batch, Page
from linesift.reading.tag_paths import hashed_paths
from linesift.reading.tokens import Tokens, take_rows
from linesift.training.views import TrainingViews

_KIND_SAMPLE = 200_000
_EASY = 0.05  # probability of content below which a line is nearly surely noise
_EASY_SHARE = 0.2
_LEAF = 80  # lines a leaf holds at least, fewer when there is little to learn from
_LEARNED_MARGIN = 0.02  # trees learn from lines whose probability is further from 0 and 1
_FEWEST = 50  # lines that trees learn from at least
_FEWEST_PAGES = 20  # of a type, or without content, that a model of pages learns from
_LEAST_CARDS_BOUND = 0.7  # pages from elsewhere are told less surely than those of the same sets
_LOST_TO_CARDS = 0.004  # share of the articles that may be taken for listings
_PAGE_LEAVES = 8
_PAGE_LEAF = 10  # pages that a leaf holds at least
_TYPE_PENALTY = 0.1  # L2, of the linear model of a page's tokens
_MANY = 20_000  # lines from which on it pays to leave easy ones out

Rows = npt.NDArray[np.intp]


class Fitting:
    """One fit: the views it learns from as one batch, and their out-of-site judgements.

    Parameters
    ----------
    views : TrainingViews
    settings : mapping
        Parameters of the `LineClassifier`.
    page_weight : ndarray of shape (n_pages,), optional
        How much each page counts beyond that; all alike by default.
    """

    def __init__(
        self,
        views: TrainingViews,
        settings: Mapping[str, Any],
        page_weight: npt.NDArray[np.float64] | None = None,
    ) -> None:
        self.settings = settings
        self.views, self.as_read, self.has_content, source = views
        self.batch = Batch.from_pages(self.views.pages)
        self.labels = np.concatenate(self.views.labels)
        self.known = np.flatnonzero(self.labels != UNSURE)
        self.markup_known = self.batch.path_ids != NO_PATH
        self.text = line_features(self.batch)
        self.words = word_hashes(self.batch)
        self.markup = markup_features(self.batch, self.words)
        self._context: Context | None = None
        self._columns: PageColumns | None = None
        sites = np.unique(self.views.sites, return_inverse=True)[1]
        self.site_of_line = sites[self.batch.page_of_line]
        sizes = np.diff(self.batch.page_starts)
        # A page counts by the root of its length: neither every line nor every page alike.
        by_page = 1 / np.sqrt(np.maximum(sizes, 1))
        if page_weight is not None:
            by_page *= page_weight[source]
        weight = by_page[self.batch.page_of_line]
        self.weight = (weight / weight.mean()).astype(np.float32)
        self.folds = self._folds(sites)

    def _folds(self, sites: npt.NDArray[np.intp]) -> list[tuple[Rows, Rows]]:
        """Return line rows to learn from and to judge, per group of sites.

        A single site has nothing unseen; its lines are then dealt out in turn, so that at
        least no line is judged by a model that learned it.
        """
        n_folds = min(self.settings["folds"], len(np.unique(sites)))
        if n_folds < 2:
            turn = np.arange(self.batch.n_lines) % 2
            return [(np.flatnonzero(turn != k), np.flatnonzero(turn == k)) for k in (0, 1)]
        page = self.batch.page_of_line
        folds = []
        for _, held_out in GroupKFold(n_folds).split(sites, groups=sites):
            is_out = np.isin(page, held_out)
            folds.append((np.flatnonzero(~is_out), np.flatnonzero(is_out)))
        return folds

    def _page_folds(self) -> list[tuple[Rows, Rows]]:
        """Return pages to learn from and to judge, per group of sites; none of a single site."""
        n_pages, page = len(self.views), self.batch.page_of_line
        if len(set(self.views.sites)) < 2:
            return []
        folds = []
        for _, held_out in self.folds:
            is_out = np.zeros(n_pages, bool)
            is_out[page[held_out]] = True
            folds.append((np.flatnonzero(~is_out), np.flatnonzero(is_out)))
        return folds

    def page_types(self, line: Floats, probability: Probability) -> tuple[PageTypes | None, Floats]:
        """Return a model of page types, and out-of-site probabilities of each page.

        None, and unknown ones, where there are not two types with enough pages, or where
        nobody wants them.
        """
        n_pages = len(self.views)
        codes = {name: code for code, name in enumerate(PAGE_TYPES)}
        types = np.array([codes.get(name, -1) for name in self.views.page_types])
        types[~self.has_content & ~np.isin(self.views.page_types, [*OF_CARDS])] = -1
        counts = np.bincount(types[types >= 0], minlength=len(PAGE_TYPES))
        types[~np.isin(types, np.flatnonzero(counts >= _FEWEST_PAGES))] = -1
        folds, learned = self._page_folds(), np.flatnonzero(types >= 0)
        if len(np.unique(types[learned])) < 2 or not folds or not self.settings["type_trees"]:
            return None, unknown_types(n_pages)
        paths = None
        if self.markup_known.any():
            paths = hashed_paths(self.batch.split_paths, self.settings["path_bits"])
        tokens = page_tokens(self.batch, self.words, paths)
        everything = (np.arange(n_pages), np.empty(0, np.intp))
        jobs = [
            (tokens, types, np.intersect1d(learned, learn), _TYPE_PENALTY)
            for learn, _ in [*folds, everything]
        ]
        *parts, (weights, intercept) = self._side_by_side(fit_token_weights, jobs)
        scores = np.full((n_pages, len(PAGE_TYPES)), np.nan, np.float32)
        for (_, judge), (part, constant) in zip(folds, parts, strict=True):
            scores[judge] = token_scores(part, constant, tokens)[judge]
        columns = self._whole(line).of(probability)
        known = np.unique(types[learned]).astype(np.intp)
        target = np.where(types >= 0, np.searchsorted(known, types), -1)
        features = np.concatenate([scores, columns], axis=1)
        trees, judged = self._page_trees(features, target, self.settings["type_trees"])
        found = np.zeros((n_pages, len(PAGE_TYPES)), np.float32)
        found[:, known] = softmax(judged)
        is_article = np.array([name == "article" for name in self.views.page_types])
        articles = is_article & self.as_read & self.has_content
        bounds = _cards_bounds(cards_chance(found), articles, has_markup(self.batch))
        return PageTypes(known, weights, intercept, trees, bounds), found

    def _whole(self, line: Floats) -> PageColumns:
        if self._columns is None:
            self._columns = PageColumns(self.batch, line)
        return self._columns

    def content_of_pages(
        self, line: Floats, probability: Probability, page_types: Floats
    ) -> tuple[Trees | None, dict[str, tuple[float, float]]]:
        """Return trees that tell whether pages have content, and bounds for each preset.

        Hardly any page with content has a lower chance of it than the bound of its form, without
        and with markup. No trees, and bounds of 0, where training shows few pages without
        content, or nobody wants them.
        """
        target = self.has_content.astype(np.intp)
        few = np.bincount(target, minlength=2).min() < _FEWEST_PAGES
        if few or not self._page_folds() or not self.settings["page_trees"]:
            return None, dict.fromkeys(PRESETS, (0.0, 0.0))
        features = np.concatenate([page_types, self._whole(line).of(probability)], axis=1)
        trees, judged = self._page_trees(features, target, self.settings["page_trees"])
        chance, form = expit(judged[:, 0]), has_markup(self.batch)
        learned = self.has_content & self.as_read
        without, within = (chance[learned & (form == known)] for known in (False, True))
        if not len(within):  # a model of text alone reads HTML as text
            within = without
        return trees, {
            name: (_quantile(without, preset.lost), _quantile(within, preset.lost))
            for name, preset in PRESETS.items()
        }

    def _page_trees(
        self, features: Floats, target: npt.NDArray[np.intp], trees: int
    ) -> tuple[Trees, npt.NDArray[np.float64]]:
        """Fit trees on the pages whose target is known; return them, and out-of-site scores."""
        learned = np.flatnonzero(target >= 0)
        binned = quantised(features)
        options = {"trees": trees, "leaves": _PAGE_LEAVES, "least": _PAGE_LEAF, "seed": 0}
        options["seed"] = self.settings["random_state"]
        folds = self._page_folds()
        jobs: list[tuple[Any, ...]] = [(binned, target, learned, learned[:0], options)]
        for learn, judge in folds:
            jobs.append((binned, target, np.intersect1d(learned, learn), judge, options))
        (model, _), *judged = self._side_by_side(_fit_page_trees, jobs)
        scores = np.zeros((len(features), model.n_outputs))
        for (_, judge), (_, found) in zip(folds, judged, strict=True):
            scores[judge] = found
        return model, scores

    def _side_by_side(self, function: Any, jobs: list[tuple[Any, ...]]) -> list[Any]:
        n_jobs = min(effective_n_jobs(self.settings["n_jobs"]), len(jobs))
        if n_jobs <= 1:
            return [function(*job) for job in jobs]
        with parallel_config(backend="loky", inner_max_num_threads=1):
            return Parallel(n_jobs=n_jobs)(delayed(function)(*job) for job in jobs)

    # ------------------------------------------------------------- linear

    def linear(self) -> tuple[HashedLinear | None, HashedLinear | None, Floats]:
        """Return linear models of n-grams and of tag paths, and what single lines say."""
        ngram_model, path_model, ngrams, paths = None, None, None, None
        if self.settings["ngram_orders"]:
            distinct, text_ids = distinct_lines(self.batch, self.views.pages)
            tokens = hashed_ngrams(distinct, *ngram_shape(self.settings))
            ngram_model, ngrams = self._out_of_site(tokens, text_ids, self.known)
        if self.markup_known.any():
            tokens = hashed_paths(self.batch.split_paths, self.settings["path_bits"])
            rows = self.known[self.markup_known[self.known]]
            path_model, paths = self._out_of_site(tokens, self.batch.path_ids, rows)
        return ngram_model, path_model, self.line(ngrams, paths)

    def line(self, ngrams: Floats | None, paths: Floats | None) -> Floats:
        """Return all that single lines say, with the scores of both linear models, if they are."""
        unknown = np.full((self.batch.n_lines, len(LABELS)), np.nan, np.float32)
        ngrams = unknown if ngrams is None else ngrams
        paths = unknown if paths is None else paths
        paths = np.where(self.markup_known[:, None], paths, np.nan)
        return np.concatenate([self.text, self.markup, ngrams, paths], axis=1)

    def _out_of_site(
        self,
        tokens: Tokens,
        token_row: npt.NDArray[np.int64],
        rows: Rows,
    ) -> tuple[HashedLinear, Floats]:
        """Return a model on the chosen lines, and scores of each by one that has not seen its site.

        What a site repeats with the same label is learned once.
        """
        rows = once_per_site(rows, token_row, self.labels, self.site_of_line)
        s = self.settings
        options = {
            "alpha": s["linear_alpha"],
            "epochs": s["linear_epochs"],
            "seed": s["random_state"],
        }
        jobs = []
        for learn, judge in [*self.folds, (np.arange(self.batch.n_lines), rows[:0])]:
            chosen = np.intersect1d(rows, learn, assume_unique=True)
            judged = np.unique(token_row[judge[token_row[judge] >= 0]])
            jobs.append((tokens, token_row[chosen], self.labels[chosen], judged, options))
        results = self._side_by_side(_fit_linear, jobs)
        scores = np.full((self.batch.n_lines, len(LABELS)), np.nan, np.float32)
        for (_, judged_scores), (_, judge), job in zip(results, self.folds, jobs, strict=False):
            judge = judge[token_row[judge] >= 0]
            scores[judge] = judged_scores[np.searchsorted(job[3], token_row[judge])]
        return results[-1][0], scores

    def prior(self, line: Floats) -> Probability:
        """Return a first, rough probability of content: what the n-grams say, if they do."""
        scores = ngram_scores(line)[:, CONTENT]
        return expit(np.nan_to_num(scores, nan=0.0))

    # ------------------------------------------------------------ networks

    def judged(self, features: Floats, prior: Probability) -> tuple[Network, Probability]:
        """Return a network that tells content, and the out-of-site probability of each line.

        Lines that the prior judgement is nearly sure to be noise are most of all lines and
        teach little: a part of them stands for all, with their weight.

        Parameters
        ----------
        features : ndarray of shape (n_lines, n_features)
        prior : ndarray of shape (n_lines,), 0 to 1
        """
        easy = (prior < _EASY) & (self.labels != CONTENT) & (len(prior) > _MANY)
        rng = np.random.default_rng(self.settings["random_state"])
        learned = (self.labels != UNSURE) & (~easy | (rng.random(len(easy)) < _EASY_SHARE))
        weight = np.where(easy, self.weight / _EASY_SHARE, self.weight).astype(np.float32)
        lines = np.arange(self.batch.n_lines)
        options = self._network_options()
        return self._out_of_site_judged(_fit_network, lines, features, learned, weight, options)

    def judged_by_trees(
        self, features: Floats, probability: Probability
    ) -> tuple[Trees | None, Probability]:
        """Return likewise boosted trees, for lines that the network is unsure of.

        Returns
        -------
        trees : Trees or None
            None when there are too few such lines to learn from.
        judged : ndarray of shape (n_lines,), 0 to 1
            NaN for lines that the network is sure of.
        """
        judged = np.full(self.batch.n_lines, np.nan)
        lines = np.flatnonzero(is_unsure(probability, _LEARNED_MARGIN))
        learned = self.labels[lines] != UNSURE
        if learned.sum() < _FEWEST:
            return None, judged
        trees, judged[lines] = self._out_of_site_judged(
            _fit_trees,
            lines,
            quantised(features[lines]),
            learned,
            self.weight[lines],
            self._tree_options(self.settings["trees"]),
        )
        return trees, judged

    def _out_of_site_judged(
        self,
        fit: Any,
        lines: Rows,
        features: Floats,
        learned: npt.NDArray[np.bool_],
        weight: Floats,
        options: dict[str, Any],
    ) -> tuple[Any, Probability]:
        """Fit on some lines, and on those of all but a group of sites that is then judged.

        Features, what is learned, and weights are those of the lines, in their order.
        """
        target = self.labels[lines] == CONTENT
        nobody = np.empty(0, np.intp)
        jobs = [(fit, features, target, weight, np.flatnonzero(learned), nobody, options)]
        for _, held_out in self.folds:
            is_out = np.zeros(self.batch.n_lines, bool)
            is_out[held_out] = True
            out = is_out[lines]
            learn = np.flatnonzero(learned & ~out)
            jobs.append((fit, features, target, weight, learn, np.flatnonzero(out), options))
        (model, _), *folds = self._side_by_side(_fit_and_judge, jobs)
        probability = np.full(len(lines), np.nan)
        for (_, judged), job in zip(folds, jobs[1:], strict=True):
            probability[job[5]] = judged
        return model, probability

    def _tree_options(self, trees: int) -> dict[str, Any]:
        leaf = int(np.clip(len(self.known) // 40, 1, _LEAF))
        return {
            "trees": trees,
            "leaves": self.settings["leaves"],
            "least": leaf,
            "seed": self.settings["random_state"],
        }

    def _network_options(self) -> dict[str, Any]:
        return {
            "hidden": self.settings["hidden_units"],
            "alpha": self.settings["network_alpha"],
            "epochs": self.settings["network_epochs"],
            "learning_rate": self.settings["learning_rate"],
            "seed": self.settings["random_state"],
        }

    def with_context(self, line: Floats, probability: Probability, page_types: Floats) -> Floats:
        """Return the features of single lines beside those of their surroundings."""
        if self._context is None:
            scores = ngram_scores(line)
            self._context = Context(
                self.batch, self.words, self.text, self.markup, scores, page_types
            )
        return self._context.beside(line, probability)

    def kinds(self, features: Floats) -> tuple[Network | None, Trees | None, Rows]:
        """Return a network and trees that tell the kinds of noise, and the kinds they know.

        Both are None where there is only one kind.
        """
        rows = self.known[self.labels[self.known] != CONTENT]
        if len(rows) > _KIND_SAMPLE:
            rng = np.random.default_rng(self.settings["random_state"])
            rows = np.sort(rng.choice(rows, _KIND_SAMPLE, replace=False))
        known = np.unique(self.labels[rows]).astype(np.intp)
        if len(known) == 1:
            return None, None, known
        kinds, weight = np.searchsorted(known, self.labels[rows]), self.weight[rows]
        network = fit_network(features[rows], kinds, weight, **self._network_options())
        if not self.settings["kind_trees"]:
            return network, None, known
        options = self._tree_options(self.settings["kind_trees"])
        return network, fit_trees(quantised(features[rows]), kinds, weight, **options), known

    def calibration(self, probability: Probability) -> npt.NDArray[np.float64]:
        """Return slope and offset of the log-odds, without and with markup.

        Learned from probabilities found out of site, of pages as they were read: where
        noise was dropped there is more content than on pages in use.
        """
        calibration = np.array([[1.0, 0.0], [1.0, 0.0]])
        score = logit(probability)
        as_read = self.as_read[self.batch.page_of_line] | (not self.as_read.any())
        for known in (False, True):
            rows = self.known[(self.markup_known == known)[self.known] & as_read[self.known]]
            target = self.labels[rows] == CONTENT
            if target.any() and not target.all():
                model = LogisticRegression().fit(score[rows, None], target)
                calibration[int(known)] = model.coef_[0, 0], model.intercept_[0]
        return calibration


def distinct_lines(batch: Batch, pages: Sequence[Page]) -> tuple[Batch, Rows]:
    """Return the lines of some pages without repetition, and where each line is in them."""
    _, first, text_ids = np.unique(line_hashes(batch), return_index=True, return_inverse=True)
    page = batch.page_of_line[first]
    lines = tuple(
        pages[p].lines[i] for p, i in zip(page, first - batch.page_starts[page], strict=True)
    )
    return Batch.from_pages([Page("", lines, tuple(range(len(lines))))]), text_ids


def once_per_site(rows: Rows, token_row: Rows, labels: npt.NDArray[np.int8], site: Rows) -> Rows:
    """Return the rows without those that their site repeats with the same label."""
    keys = np.column_stack([token_row[rows], labels[rows], site[rows]])
    return rows[np.unique(keys, axis=0, return_index=True)[1]]


def ngram_shape(settings: Mapping[str, Any]) -> tuple[tuple[int, ...], int, int, int]:
    """Return what `hashed_ngrams` takes beside the batch."""
    orders = tuple(settings["ngram_orders"])
    return orders, settings["ngram_bits"], settings["ngram_head"], settings["ngram_tail"]


def ngram_scores(line: Floats) -> Floats:
    """Return the scores of whole lines by their n-grams from the features of single lines."""
    first = len(LINE_FEATURES) + len(MARKUP_FEATURES)
    return line[:, first : first + len(LABELS)]


def _fit_linear(
    tokens: Tokens,
    token_row: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int8],
    judge: npt.NDArray[np.int64],
    options: dict[str, Any],
) -> tuple[HashedLinear, Floats]:
    model = fit_hashed_linear(tokens, token_row, labels, **options)
    return model, model.scores(take_rows(tokens, judge))


def _quantile(chances: Probability, share: float) -> float:
    """Return the chance below which such a share of them lies; 0 for none, or of none."""
    return float(np.quantile(chances, share)) if share and len(chances) else 0.0


def _cards_bounds(
    chance: Probability, articles: npt.NDArray[np.bool_], has_markup: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the chance of being a listing above which hardly any article lies, by form."""
    bounds = np.full(2, _LEAST_CARDS_BOUND)
    for form in (0, 1):
        there = chance[articles & (has_markup == form)]
        if len(there):
            bounds[form] = np.clip(np.quantile(there, 1 - _LOST_TO_CARDS), _LEAST_CARDS_BOUND, 1)
    return bounds


def _fit_page_trees(
    features: Floats,
    target: npt.NDArray[np.intp],
    learn: Rows,
    judge: Rows,
    options: dict[str, Any],
) -> tuple[Trees, npt.NDArray[np.float64]]:
    """Fit on some pages and judge others; a class that a fold does not know has no chance."""
    known, classes = np.unique(target[learn], return_inverse=True)
    weight = np.ones(len(learn), np.float32)
    trees = fit_trees(features[learn], classes, weight, **options)
    scores = trees.scores(features[judge])
    n_classes = int(target.max()) + 1
    if len(known) < n_classes:
        share = np.zeros((len(judge), n_classes))
        share[:, known] = softmax(scores)
        scores = np.log(np.maximum(share, 1e-6))
        if n_classes == 2:
            scores = scores[:, 1:] - scores[:, :1]
    return trees, scores


def _fit_and_judge(
    fit: Any,
    features: Floats,
    target: npt.NDArray[np.bool_],
    weight: Floats,
    learn: Rows,
    judge: Rows,
    options: dict[str, Any],
) -> tuple[Any, Probability]:
    """Fit on some rows and judge others; a fold without both outcomes says the same of all."""
    if target[learn].all() or not target[learn].any():
        return None, np.full(len(judge), float(target[learn].any()))
    return fit(features[learn], target[learn], weight[learn], features[judge], options)


def _fit_network(
    features: Floats,
    target: npt.NDArray[np.bool_],
    weight: Floats,
    judge: Floats,
    options: dict[str, Any],
) -> tuple[Network, Probability]:
    network = fit_network(features, target.astype(int), weight, **options)
    return network, expit(network.scores(judge)[:, 0])


def _fit_trees(
    features: Floats,
    target: npt.NDArray[np.bool_],
    weight: Floats,
    judge: Floats,
    options: dict[str, Any],
) -> tuple[Trees, Probability]:
    trees = fit_trees(features, target.astype(int), weight, **options)
    return trees, expit(trees.scores(judge)[:, 0])
