"""Fit each stage of the line classifier, and say what it thinks of sites it has not seen.

Probabilities that a later stage learns from are out of site: the pages are split into
groups of whole sites, and each group is judged by a model fitted on the others. The
folds and the model on all pages are fitted side by side, a thread each: scikit-learn's
loops slow each other down when several processes use all cores.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed, parallel_config
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from linesift.context import context_features
from linesift.features import (
    LINE_FEATURES,
    MARKUP_FEATURES,
    Floats,
    hashed_ngrams,
    hashed_paths,
    line_features,
    line_hashes,
    markup_features,
)
from linesift.labels import CONTENT, LABELS, UNSURE, LabelledPages
from linesift.linear import HashedLinear, fit_hashed_linear, take_rows
from linesift.page import NO_PATH, Batch, Page
from linesift.trees import predict_proba, quantised

_KIND_SAMPLE = 200_000
_KIND_LEAVES = 31
_EASY = 0.05  # probability of content below which a line is nearly surely noise
_EASY_SHARE = 0.2
_L2 = 1.0  # keeps leaves of a few odd lines from speaking loudly
_MANY = 20_000  # lines from which on it pays to leave easy ones out
_LEAF = 80  # lines a leaf holds at least, fewer when there is little to learn from

Probability = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


class Fitting:
    """One fit: the views it learns from as one batch, and their out-of-site judgements.

    Parameters
    ----------
    views : LabelledPages
        From `training_views`.
    settings : mapping
        Parameters of the `LineClassifier`.
    """

    def __init__(self, views: LabelledPages, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self.views = views
        self.batch = Batch.from_pages(views.pages)
        self.labels = np.concatenate(views.labels)
        self.known = np.flatnonzero(self.labels != UNSURE)
        self.markup_known = self.batch.path_ids != NO_PATH
        self.text = line_features(self.batch)
        self.markup = markup_features(self.batch)
        sites = np.unique(views.sites, return_inverse=True)[1]
        self.site_of_line = sites[self.batch.page_of_line]
        sizes = np.diff(self.batch.page_starts)
        # A page counts by the root of its length: neither every line nor every page alike.
        weight = (1 / np.sqrt(np.maximum(sizes, 1)))[self.batch.page_of_line]
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

    def judged_pages(
        self, probability: Probability
    ) -> tuple[list[npt.NDArray[np.int8]], list[Probability]]:
        """Return the labels of each page, and the probabilities that were found out of site."""
        return self.views.labels, np.split(probability, self.batch.page_starts[1:-1])

    def _side_by_side(self, function: Any, jobs: list[tuple[Any, ...]]) -> list[Any]:
        n_jobs = min(self.settings["n_jobs"], len(jobs))
        if n_jobs <= 1:
            return [function(*job) for job in jobs]
        with parallel_config(backend="loky", inner_max_num_threads=1):
            return Parallel(n_jobs=n_jobs)(delayed(function)(*job) for job in jobs)

    # ------------------------------------------------------------- linear

    def linear(self) -> tuple[HashedLinear | None, HashedLinear | None, Floats]:
        """Return linear models of n-grams and of tag paths, and what single lines say."""
        s = self.settings
        ngram_model, path_model = None, None
        ngrams, paths = np.full((2, self.batch.n_lines, len(LABELS)), np.nan, np.float32)
        if s["ngram_orders"]:
            distinct, text_ids = self._distinct_lines()
            hashes, starts = hashed_ngrams(distinct, *ngram_shape(s))
            ngram_model, ngrams = self._out_of_site(
                hashes, starts, text_ids, self.known, s["ngram_bits"]
            )
        if self.markup_known.any():
            hashes, starts = hashed_paths(self.batch.paths, s["path_bits"])
            rows = self.known[self.markup_known[self.known]]
            path_model, paths = self._out_of_site(
                hashes, starts, self.batch.path_ids, rows, s["path_bits"]
            )
            paths[~self.markup_known] = np.nan
        return ngram_model, path_model, np.column_stack([self.text, self.markup, ngrams, paths])

    def _distinct_lines(self) -> tuple[Batch, npt.NDArray[np.intp]]:
        """Return the lines of all views without repetition, and where each line is in them."""
        _, first, text_ids = np.unique(
            line_hashes(self.batch), return_index=True, return_inverse=True
        )
        page = self.batch.page_of_line[first]
        lines = tuple(
            self.views.pages[p].lines[i]
            for p, i in zip(page, first - self.batch.page_starts[page], strict=True)
        )
        return Batch.from_pages([Page("", lines, tuple(range(len(lines))))]), text_ids

    def _out_of_site(
        self,
        hashes: npt.NDArray[np.uint32],
        starts: npt.NDArray[np.int64],
        token_row: npt.NDArray[np.int64],
        rows: Rows,
        bits: int,
    ) -> tuple[HashedLinear, Floats]:
        """Return a model on the chosen lines, and scores of each by one that has not seen its site.

        What a site repeats with the same label is learned once.
        """
        keys = np.column_stack([token_row[rows], self.labels[rows], self.site_of_line[rows]])
        rows = rows[np.unique(keys, axis=0, return_index=True)[1]]
        s = self.settings
        options = {
            "bits": bits,
            "alpha": s["alpha"],
            "epochs": s["epochs"],
            "seed": s["random_state"],
        }
        jobs = []
        for learn, judge in [*self.folds, (np.arange(self.batch.n_lines), rows[:0])]:
            chosen = np.intersect1d(rows, learn, assume_unique=True)
            judged = np.unique(token_row[judge[token_row[judge] >= 0]])
            jobs.append((hashes, starts, token_row[chosen], self.labels[chosen], judged, options))
        results = self._side_by_side(_fit_linear, jobs)
        scores = np.full((self.batch.n_lines, len(LABELS)), np.nan, np.float32)
        for (_, judged_scores), (_, judge), job in zip(results, self.folds, jobs, strict=False):
            judge = judge[token_row[judge] >= 0]
            scores[judge] = judged_scores[np.searchsorted(job[4], token_row[judge])]
        return results[-1][0], scores

    def prior(self, line: Floats) -> Probability:
        """Return a first, rough probability of content: what the n-grams say, if they do."""
        scores = ngram_scores(line)[:, CONTENT]
        return expit(np.nan_to_num(scores.astype(np.float64), nan=0.0))

    # ------------------------------------------------------------ boosted

    def boosted(
        self,
        features: Floats,
        prior: Probability,
        trees: int,
        leaves: int,
    ) -> tuple[HistGradientBoostingClassifier, Probability]:
        """Return a model of content, and the out-of-site probability of each line.

        Lines that the prior judgement is nearly sure to be noise are most of all lines and
        teach little: a part of them stands for all, with their weight.

        Parameters
        ----------
        features : ndarray of shape (n_lines, n_features)
        prior : ndarray of shape (n_lines,), 0 to 1
        trees, leaves : int
        """
        features = quantised(features)
        target = self.labels == CONTENT
        options = self._tree_options(trees, leaves)
        easy = (prior < _EASY) & ~target & (len(prior) > _MANY)
        rng = np.random.default_rng(self.settings["random_state"])
        chosen = (self.labels != UNSURE) & (~easy | (rng.random(len(easy)) < _EASY_SHARE))
        weight = np.where(easy, self.weight / _EASY_SHARE, self.weight).astype(np.float32)
        jobs = [
            (features, target, weight, learn[chosen[learn]], judge, options)
            for learn, judge in self.folds
        ]
        nobody = np.empty(0, np.intp)
        jobs.append((features, target, weight, np.flatnonzero(chosen), nobody, options))
        results = self._side_by_side(_fit_boosted, jobs)
        probability = np.full(self.batch.n_lines, np.nan)
        for (_, judged), (_, held_out) in zip(results[:-1], self.folds, strict=False):
            probability[held_out] = judged
        return results[-1][0], probability

    def _tree_options(self, trees: int, leaves: int) -> dict[str, Any]:
        leaf = int(np.clip(len(self.known) // 40, 1, _LEAF))
        return {
            "max_iter": trees,
            "max_leaf_nodes": leaves,
            "learning_rate": self.settings["learning_rate"],
            "min_samples_leaf": leaf,
            "l2_regularization": _L2,
            "early_stopping": False,
            "random_state": self.settings["random_state"],
        }

    def with_context(self, line: Floats, probability: Probability) -> Floats:
        """Return the features of single lines beside those of their surroundings."""
        scores = ngram_scores(line)
        _, context = context_features(self.batch, self.text, self.markup, scores, probability)
        return np.column_stack([line, probability.astype(np.float32), context])

    def kinds(self, features: Floats) -> HistGradientBoostingClassifier | int:
        """Return a model of the kinds of noise, or the kind where there is only one."""
        rows = self.known[self.labels[self.known] != CONTENT]
        if len(rows) > _KIND_SAMPLE:
            rng = np.random.default_rng(self.settings["random_state"])
            rows = np.sort(rng.choice(rows, _KIND_SAMPLE, replace=False))
        kinds = np.unique(self.labels[rows])
        if len(kinds) == 1:
            return int(kinds[0])
        options = self._tree_options(self.settings["kind_trees"], _KIND_LEAVES)
        return HistGradientBoostingClassifier(**options).fit(
            _filled(quantised(features[rows])),
            self.labels[rows].astype(int),
            sample_weight=self.weight[rows],
        )

    def calibrated(self, probability: Probability) -> tuple[Floats, Probability]:
        """Return slope and offset of the log-odds, without and with markup, and the result.

        Learned from probabilities found out of site.
        """
        calibration = np.array([[1.0, 0.0], [1.0, 0.0]])
        score = logit(probability)
        for known in (False, True):
            rows = self.known[self.markup_known[self.known] == known]
            target = self.labels[rows] == CONTENT
            if target.any() and not target.all():
                model = LogisticRegression(C=np.inf).fit(score[rows, None], target)
                calibration[int(known)] = model.coef_[0, 0], model.intercept_[0]
        slope, offset = calibration[self.markup_known.astype(int)].T
        return calibration, expit(slope * score + offset)


def _filled(features: Floats) -> Floats:
    """Put one number into columns that hold nothing: the trees cannot bin an empty column."""
    features[0, np.isnan(features).all(axis=0)] = 0
    return features


def ngram_scores(line: Floats) -> Floats:
    """Return the scores of whole lines by their n-grams from the features of single lines."""
    first = len(LINE_FEATURES) + len(MARKUP_FEATURES)
    return line[:, first : first + len(LABELS)]


def ngram_shape(settings: Mapping[str, Any]) -> tuple[tuple[int, ...], int, int, int]:
    """Return what `hashed_ngrams` takes beside the batch."""
    orders = tuple(settings["ngram_orders"])
    return orders, settings["ngram_bits"], settings["ngram_head"], settings["ngram_tail"]


def logit(probability: npt.NDArray[np.floating]) -> Probability:
    """Return log-odds, bounded."""
    bounded = np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(bounded / (1 - bounded))


def expit(score: Probability) -> Probability:
    """Return the probability of log-odds."""
    return 1 / (1 + np.exp(-score))


def _fit_linear(
    hashes: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    token_row: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int8],
    judge: npt.NDArray[np.int64],
    options: dict[str, Any],
) -> tuple[HashedLinear, Floats]:
    model = fit_hashed_linear(hashes, starts, token_row, labels, **options)
    return model, model.scores(*take_rows(hashes, starts, judge))


def _fit_boosted(
    features: Floats,
    target: npt.NDArray[np.bool_],
    weight: Floats,
    learn: Rows,
    judge: Rows,
    options: dict[str, Any],
) -> tuple[HistGradientBoostingClassifier, Probability]:
    """Fit on some rows and judge others; a fold without both outcomes says the same of all."""
    model = HistGradientBoostingClassifier(**options)
    model.fit(_filled(features[learn]), target[learn], sample_weight=weight[learn])
    if not len(judge):
        return model, np.empty(0)
    if len(model.classes_) < 2:
        return model, np.full(len(judge), float(model.classes_[0]))
    return model, predict_proba(model, features[judge])[:, 1]
