"""The line classifier: a model of single lines, then one of lines in their context.

Stage one is linear over hashed character n-grams and tag paths, followed by a network
over what else a line says by itself. Stage two sees its neighbours'
probabilities (`linesift.context`). Each stage learns from what the one before says
about sites that it was not fitted on, because that is what it meets in use.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from linesift.context import Context
from linesift.features import (
    Floats,
    hashed_ngrams,
    line_features,
    markup_features,
    word_hashes,
)
from linesift.fitting import Fitting, expit, logit, mean_judgement, ngram_scores, ngram_shape
from linesift.labels import CONTENT, LABELS, UNSURE, LabelledPages
from linesift.metrics import PRESETS, Threshold, best_threshold, surest_line
from linesift.network import Network
from linesift.page import NO_PATH, Batch, Page
from linesift.tag_paths import hashed_paths
from linesift.trees import is_unsure, predict_proba
from linesift.views import training_views

_NOISE = np.array([code for code in range(len(LABELS)) if code != CONTENT])
_MARGIN = 0.1  # lines nearer to 0 or 1 are left to the network
_SURE_KIND = 0.7  # probability from which on the kind of a line is left to the network
_TREES_SHARE = 2 / 3  # of the trees in the mean of both on kinds


@dataclass(frozen=True)
class PagePrediction:
    """What the model says of the lines of one page.

    Parameters
    ----------
    page : Page
    codes : ndarray of shape (n_lines,)
        Index into `LABELS`.
    probabilities : ndarray of shape (n_lines,), 0 to 1
        Of being content.
    """

    page: Page
    codes: npt.NDArray[np.intp]
    probabilities: Floats

    @property
    def labels(self) -> list[str]:
        """Label of each line."""
        return [LABELS[code] for code in self.codes]

    @property
    def keep(self) -> npt.NDArray[np.bool_]:
        """Whether each line is part of the article."""
        return self.codes == CONTENT

    @property
    def text(self) -> str:
        """The kept lines, a line feed after each."""
        kept = zip(self.page.lines, self.keep, strict=True)
        return "".join(f"{line}\n" for line, keep in kept if keep)


class LinePredictor(ABC):
    """Anything that gives each line of a page a probability for each label."""

    thresholds_: Mapping[str, tuple[float, float]]

    @abstractmethod
    def predict_proba(self, X: Sequence[Page]) -> list[Floats]:
        """Return the probability of each label for each line, per page (n_lines, n_labels)."""

    def predict(self, X: Sequence[Page]) -> list[npt.NDArray[np.str_]]:
        """Return the label of each line, per page, at the model's threshold."""
        return [
            np.array(LABELS)[label_codes(proba, self.threshold())]
            for proba in self.predict_proba(X)
        ]

    def threshold(self, wanted: float | str = "balanced") -> Threshold:
        """Return what is kept at a threshold.

        Parameters
        ----------
        wanted : float or {"precision", "balanced", "recall"}
            Probability from which a line is kept, or what matters most.

        Raises
        ------
        ValueError
            There is no such name.
        """
        if not isinstance(wanted, str):
            return Threshold(float(wanted))
        if wanted not in self.thresholds_:
            raise ValueError(
                f"threshold: expected 0 to 1 or one of {', '.join(self.thresholds_)}; "
                f"got {wanted!r}"
            )
        return Threshold(*self.thresholds_[wanted])

    def predict_lines(
        self, X: Sequence[Page], *, threshold: float | str = "balanced"
    ) -> list[PagePrediction]:
        """Return label, probability and whether to keep it of each line, per page.

        Parameters
        ----------
        X : sequence of Page
        threshold : float, 0 to 1, or {"precision", "balanced", "recall"}
            Probability from which a line is kept, or what matters most. The named ones
            also keep nothing of pages that seem to have no article.
        """
        probabilities = self.predict_proba(X)
        kept = self.threshold(threshold)
        return [
            PagePrediction(page, label_codes(proba, kept), proba[:, CONTENT])
            for page, proba in zip(X, probabilities, strict=True)
        ]

    def extract_text(self, page: Page, *, threshold: float | str = "balanced") -> str:
        """Return the article of a page: its kept lines, a line feed after each."""
        return self.predict_lines([page], threshold=threshold)[0].text


class LineClassifier(LinePredictor, ClassifierMixin, BaseEstimator):
    r"""Labels the lines of pages as content or as a kind of noise.

    X is a sequence of pages and y one label array per page: a page is never cut in two.

    Parameters
    ----------
    ngram_orders : tuple of int
        Lengths of the character n-grams; empty for none.
    ngram_bits, path_bits : int
        Number of hash buckets, as a power of two.
    ngram_head, ngram_tail : int
        Characters looked at from both ends of a line.
    use_markup : bool
        Whether to look at the markup of pages that have it.
    linear_alpha : float
        L2 penalty of the linear models.
    linear_epochs : int
        Passes of the linear models over the lines.
    context_passes : int
        How often the context is looked at; 0 leaves it at single lines.
    hidden_units : int
        Size of the hidden layer of each network.
    network_alpha : float
        L2 penalty of the networks.
    network_epochs : int
        Passes of the networks over the lines.
    learning_rate : float
        Of the networks.
    trees, leaves : int
        Number and size of the boosted trees that judge the last context beside the network;
        no trees for none.
    kind_trees : int
        Trees per kind of noise.
    shorten : float, 0 to 1
        Share of the training pages from which noise is dropped at random.
    hide_markup : bool
        Whether training shows pages with markup also without it.
    list_marks : float, 0 to 1
        Share of the pages with markup that training shows as plain text with a mark before
        each list item, as many converters write it.
    teasers : float, 0 to 1
        Share of the pages that training shows as plain text with headlines of other articles
        inside this one.
    folds : int
        Groups of sites for out-of-site probabilities.
    n_jobs : int
        Processes that fit folds side by side, one thread each; with 1, one fold after the
        other on all cores.
    random_state : int
        Seed of all that is drawn at random.

    Attributes
    ----------
    thresholds_ : dict of str to (float, float)
        A `Threshold` for `precision`, `balanced` and `recall`: the best mean line F-beta of
        pages of sites not learned from, with beta 0.5, 1 and 2.
    classes_ : ndarray of str
        The labels.

    Examples
    --------
    >>> from linesift import read_text
    >>> text = "Home\nIt rained all day, they said.\nAll evening it rained again.\nTop\nMenu"
    >>> y = np.array([2, 0, 0, 2, 2])
    >>> pages = [read_text(text, f"page {k}", site=f"site {k}") for k in range(4)]
    >>> model = LineClassifier(ngram_bits=10, hidden_units=16, trees=5)
    >>> model.fit(pages, [y] * 4).predict(pages[:1])[0].tolist()
    ['navigation', 'content', 'content', 'navigation', 'navigation']
    """

    def __init__(
        self,
        *,
        ngram_orders: Sequence[int] = (3, 5),
        ngram_bits: int = 18,
        ngram_head: int = 128,
        ngram_tail: int = 64,
        path_bits: int = 15,
        use_markup: bool = True,
        linear_alpha: float = 1e-6,
        linear_epochs: int = 3,
        context_passes: int = 2,
        hidden_units: int = 64,
        network_alpha: float = 1.0,
        network_epochs: int = 10,
        learning_rate: float = 0.001,
        trees: int = 120,
        leaves: int = 31,
        kind_trees: int = 20,
        shorten: float = 0.5,
        hide_markup: bool = True,
        list_marks: float = 0.5,
        teasers: float = 0.3,
        folds: int = 3,
        n_jobs: int = 1,
        random_state: int = 0,
    ) -> None:
        self.ngram_orders = ngram_orders
        self.ngram_bits = ngram_bits
        self.ngram_head = ngram_head
        self.ngram_tail = ngram_tail
        self.path_bits = path_bits
        self.use_markup = use_markup
        self.linear_alpha = linear_alpha
        self.linear_epochs = linear_epochs
        self.context_passes = context_passes
        self.hidden_units = hidden_units
        self.network_alpha = network_alpha
        self.network_epochs = network_epochs
        self.learning_rate = learning_rate
        self.trees = trees
        self.leaves = leaves
        self.kind_trees = kind_trees
        self.shorten = shorten
        self.hide_markup = hide_markup
        self.list_marks = list_marks
        self.teasers = teasers
        self.folds = folds
        self.n_jobs = n_jobs
        self.random_state = random_state

    # ------------------------------------------------------------------ fit

    def fit(self, X: Sequence[Page], y: Sequence[npt.ArrayLike]) -> "LineClassifier":
        """Learn from labelled pages; pages of one site are never on both sides of a fold.

        Parameters
        ----------
        X : sequence of Page
        y : sequence of array-like of int
            Label codes of each page's lines; `UNSURE` lines are not learned from.

        Raises
        ------
        ValueError
            There is no page, a label array has another length than its page, or no line
            is content, or all are.
        """
        if not self.use_markup:
            X = [page.without_markup() for page in X]
        views = training_views(
            self._checked(X, y),
            shorten=self.shorten,
            hide_markup=self.hide_markup,
            list_marks=self.list_marks,
            teasers=self.teasers,
            seed=self.random_state,
        )
        fitting = Fitting(views, self.get_params())
        self.classes_ = np.array(LABELS)
        self.ngrams_, self.paths_, line = fitting.linear()
        self.line_model_, probability = fitting.judged(line, fitting.prior(line))
        self.context_models_ = []
        features = line
        for _ in range(self.context_passes):
            features = fitting.with_context(line, probability)
            prior = probability
            model, probability = fitting.judged(features, prior)
            self.context_models_.append(model)
        self.trees_ = None
        if self.context_passes and self.trees:
            # Networks and trees err differently; the last word is the mean of both.
            self.trees_, by_trees = fitting.judged_by_trees(features, probability)
            by_trees[~is_unsure(probability, _MARGIN)] = np.nan
            probability = mean_judgement(probability, by_trees)
        self.kind_network_, self.kind_trees_, self.kinds_ = fitting.kinds(features)
        self.calibration_, probability = fitting.calibrated(probability)
        judged = fitting.judged_pages(probability)
        self.thresholds_ = {
            name: (
                best_threshold(*judged, beta=preset.beta),
                surest_line(*judged, lost=preset.lost),
            )
            for name, preset in PRESETS.items()
        }
        return self

    @staticmethod
    def _checked(X: Sequence[Page], y: Sequence[npt.ArrayLike]) -> LabelledPages:
        labels = [np.asarray(one, np.int8) for one in y]
        if len(X) != len(labels):
            raise ValueError(f"expected {len(X)} label arrays, got {len(labels)}")
        for page, one in zip(X, labels, strict=True):
            if len(one) != len(page.lines):
                raise ValueError(
                    f"page {page.page_id!r}: expected {len(page.lines)} labels, got {len(one)}"
                )
        known = [one[one != UNSURE] for one in labels]
        flat = np.concatenate(known) if known else np.empty(0, np.int8)
        if not (flat == CONTENT).any() or (flat == CONTENT).all():
            raise ValueError("training needs lines that are content and lines that are not")
        pages = LabelledPages(list(X), labels, [""] * len(labels), [()] * len(labels))
        return pages.select([len(one) > 0 for one in known])

    # -------------------------------------------------------------- predict

    def predict_proba(self, X: Sequence[Page]) -> list[Floats]:
        """Return the probability of each label for each line, per page (n_lines, n_labels)."""
        check_is_fitted(self, "thresholds_")
        if self.paths_ is None:  # training has met no markup
            X = [page.without_markup() for page in X]
        batch = Batch.from_pages(X)
        if not batch.n_lines:
            return [np.empty((0, len(LABELS)), np.float32) for _ in X]
        words = word_hashes(batch)
        text, markup = line_features(batch), markup_features(batch, words)
        line = np.column_stack([text, markup, self._linear_scores(batch)])
        probability = _content(self.line_model_, line)
        features = line
        context = Context(batch, words, text, markup, ngram_scores(line))
        for model in self.context_models_:
            _, surroundings = context.features(probability)
            features = np.column_stack([line, probability.astype(np.float32), surroundings])
            probability = _content(model, features)
        if self.trees_ is not None:
            unsure = is_unsure(probability, _MARGIN)
            by_trees = predict_proba(self.trees_, features[unsure])[:, 1]
            probability[unsure] = mean_judgement(probability[unsure], by_trees)
        labels = np.empty((batch.n_lines, len(LABELS)), np.float32)
        probability = self._calibrate(probability, batch.path_ids != NO_PATH)
        labels[:, CONTENT] = probability
        labels[:, _NOISE] = (1 - probability)[:, None] * self._kinds(features)
        return np.split(labels, batch.page_starts[1:-1])

    def _linear_scores(self, batch: Batch) -> Floats:
        """Return the scores of n-grams and of tag paths, NaN where there are none."""
        ngrams, paths = np.full((2, batch.n_lines, len(LABELS)), np.nan, np.float32)
        if self.ngrams_ is not None:
            shape = ngram_shape(self.get_params())
            ngrams = np.concatenate(
                [self.ngrams_.scores(hashed_ngrams(block, *shape)) for block in batch.blocks]
            )
        known = batch.path_ids != NO_PATH
        if self.paths_ is not None and known.any():
            by_path = self.paths_.scores(hashed_paths(batch.paths, self.path_bits))
            paths[known] = by_path[batch.path_ids[known]]
        return np.column_stack([ngrams, paths])

    def _calibrate(
        self, probability: npt.NDArray[np.float64], known: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        slope, offset = self.calibration_[known.astype(int)].T
        return expit(slope * logit(probability) + offset)

    def _kinds(self, features: Floats) -> Floats:
        """Return the probability of each kind of noise, given that a line is noise."""
        kinds = np.zeros((len(features), len(LABELS)), np.float32)
        if self.kind_network_ is None:
            kinds[:, self.kinds_] = 1
            return kinds[:, _NOISE]
        share = _softmax(self.kind_network_.scores(features), len(self.kinds_))
        if self.kind_trees_ is not None:
            unsure = share.max(axis=1) < _SURE_KIND
            by_trees = predict_proba(self.kind_trees_, features[unsure])
            mean = share[unsure] ** (1 - _TREES_SHARE) * by_trees**_TREES_SHARE
            share[unsure] = mean / mean.sum(axis=1, keepdims=True)
        kinds[:, self.kinds_] = share
        return kinds[:, _NOISE]


def label_codes(probabilities: Floats, threshold: Threshold) -> npt.NDArray[np.intp]:
    """Return content from the threshold on, the likeliest kind of noise below it, for one page.

    >>> page = np.array([[0.6, 0.3, 0.1, 0.0], [0.4, 0.1, 0.3, 0.2]])
    >>> label_codes(page, Threshold(0.5)).tolist(), label_codes(page, Threshold(0.5, 0.8)).tolist()
    ([0, 2], [1, 2])
    """
    noise = _NOISE[np.argmax(probabilities[:, _NOISE], axis=1)]
    probability = probabilities[:, CONTENT]
    kept = (probability >= threshold.line) & (probability.max(initial=0) >= threshold.page)
    return np.where(kept, CONTENT, noise)


def _content(network: Network, features: Floats) -> npt.NDArray[np.float64]:
    return expit(network.scores(features)[:, 0])


def _softmax(scores: Floats, n_classes: int) -> Floats:
    """Return the probability of each class; of two classes there is one score, of the second."""
    if n_classes == 2:
        scores = np.column_stack([np.zeros(len(scores), np.float32), scores])
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
