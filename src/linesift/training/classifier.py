"""The estimator: fits a model of single lines, then one of lines in their context.

Stage one is linear over hashed character n-grams and tag paths, followed by a network
over what else a line says by itself. Stage two sees its neighbours' probabilities
(`linesift.models.context`). Each stage learns from what the one before says about sites that it
was not fitted on, because that is what it meets in use.
"""

from collections.abc import Iterable, Sequence
from operator import index

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, LABELS, UNSURE, LabelledPages
from linesift.models.features import Floats
from linesift.models.linear import HashedLinear
from linesift.models.model import MARGIN, LineModel, check_ngrams
from linesift.models.odds import is_unsure, mean_judgement
from linesift.models.thresholds import PRESETS
from linesift.reading.page import Page
from linesift.training.estimator import LineEstimator, label_arrays
from linesift.training.fitting import Fitting
from linesift.training.streaming import PageSample, StreamedLines
from linesift.training.views import Shares, TrainingViews, training_views

_MOST_BITS = 30  # of hashes; the weights of each label take eight gigabytes


class LineClassifier(LineEstimator):
    r"""Labels the lines of pages as content or as a kind of noise.

    X is a sequence of pages and y one label array per page: a page is never cut in two.

    Parameters
    ----------
    ngram_orders : tuple of int
        Lengths of the character n-grams; empty for none.
    ngram_bits : int
        Number of hash buckets of character n-grams, as a power of two.
    ngram_head : int
        Characters looked at from the start of a line.
    ngram_tail : int
        Characters looked at from its end, where the line is longer.
    path_bits : int
        Number of hash buckets of the words of tag paths, as a power of two.
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
    trees : int
        Number of boosted trees that judge the last context beside the network; 0 for none.
    leaves : int
        Of each of these trees, at most.
    kind_trees : int
        Trees per kind of noise.
    shorten : float, 0 to 1
        Share of the training pages from which noise is dropped at random.
    hide_markup : bool
        Whether training shows pages with markup also without it.
    teasers : float, 0 to 1
        Share of the pages that training shows as plain text with headlines of other articles
        inside this one.
    cut : float, 0 to 1
        Share of the training pages of whose article only the first lines are left.
    breaks : float, 0 to 1
        Share of the pages that training shows as plain text with lines broken as other
        converters break them.
    runs : float, 0 to 1
        Share of the training pages whose article stands as a run of short lines.
    letters : float, 0 to 1
        Share of the pages that training shows as plain text with their letters replaced, as if
        they were in another language.
    without_article : float, 0 to 1
        Share of the training pages that are shown once more without their article.
    type_trees : int
        Trees per page type; 0 for a model that tells none.
    page_trees : int
        Trees that tell whether a page has content; 0 for none.
    folds : int
        Groups of sites for out-of-site probabilities.
    n_jobs : int or None
        Processes that fit folds side by side, one thread each; -1 for one a core. With 1 or
        None, one fold after the other on all cores.
    random_state : int
        Seed of all that is drawn at random.

    Attributes
    ----------
    model_ : LineModel
        What was learned; all that prediction needs.
    thresholds_ : dict of str to (float, float, float)
        For `precision`, `balanced` and `recall` the probability below which no line is kept, and
        the chance of content below which no page is, without and with markup: learned from
        pages of other sites than those that tell it.
    classes_ : ndarray of str
        The labels.

    Examples
    --------
    >>> from linesift import read_text
    >>> text = "Home\nIt rained all day, they said.\nAll evening it rained again.\nTop\nMenu"
    >>> y = ["navigation", "content", "content", "navigation", "navigation"]
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
        teasers: float = 0.3,
        cut: float = 0.1,
        breaks: float = 0.1,
        runs: float = 0.08,
        letters: float = 0.1,
        without_article: float = 0.4,
        type_trees: int = 30,
        page_trees: int = 120,
        folds: int = 3,
        n_jobs: int | None = 1,
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
        self.teasers = teasers
        self.cut = cut
        self.breaks = breaks
        self.runs = runs
        self.letters = letters
        self.without_article = without_article
        self.type_trees = type_trees
        self.page_trees = page_trees
        self.folds = folds
        self.n_jobs = n_jobs
        self.random_state = random_state

    # ------------------------------------------------------------------ fit

    def fit(
        self,
        X: Sequence[Page],
        y: Sequence[npt.ArrayLike],
        *,
        page_types: Sequence[str] | None = None,
        sample_weight: Sequence[float] | npt.NDArray[np.floating] | None = None,
    ) -> "LineClassifier":
        """Learn from labelled pages; pages of one site are never on both sides of a fold.

        Parameters
        ----------
        X : sequence of Page
        y : sequence of array-like
            Labels of each page's lines: names, or their codes 0 to 3 in the order `content`,
            `related`, `navigation`, `other`. `unsure` lines (-1) are not learned from.
        page_types : sequence of str, optional
            One of `linesift.labelling.labels.PAGE_TYPES` for each page, or empty where it is
            not known. Page types are told by models that were fitted on two of them or more.
        sample_weight : array-like of shape (n_pages,), optional
            How much the lines of each page count for the networks and trees that tell lines
            apart; all alike by default. Nothing at all is learned from pages that count 0.

        Raises
        ------
        ValueError
            There is no page, a label array has another length than its page or holds what
            is no label, or no line is content, or all are; or n-grams are to be of a length
            or number that no model has.
        """
        self._check_ngrams()
        weight = None
        if sample_weight is not None:
            weight = _page_weight(sample_weight, len(y))
            pairs = zip(label_arrays(X, y), weight, strict=True)
            known = [one if counts else np.full_like(one, UNSURE) for one, counts in pairs]
            y, weight = known, weight[[bool((one != UNSURE).any()) for one in known]]
        labelled = self._checked(X, y, page_types)
        views = self._views(labelled, self.random_state)
        fitting = Fitting(views, self.get_params(), weight)
        return self._fit_on(fitting, *fitting.linear())

    def fit_stream(
        self,
        chunks: Iterable[tuple[Sequence[Page], Sequence[npt.ArrayLike]]],
        *,
        sample: int = 2000,
    ) -> "LineClassifier":
        """Learn from more labelled pages than fit in memory, in one pass over them.

        The linear models over n-grams and tag paths learn from every page; the networks and
        trees from a sample of the pages, drawn on the way.

        Parameters
        ----------
        chunks : iterable of (X, y)
            Some hundreds of pages each, as `fit` takes them; of a labelled corpus
            `linesift.labelling.corpora.read_chunks` reads them.
        sample : int
            Pages that are kept.

        Raises
        ------
        ValueError
            As `fit` does, of any chunk's labels, and of the sample.
        """
        self._check_ngrams()
        stream = StreamedLines(self.get_params())
        kept = PageSample(sample, self.random_state)
        for number, (X, y) in enumerate(chunks):
            chunk = self._labelled(X, y)
            kept.add(chunk)
            if len(chunk):
                stream.learn(self._views(chunk, self.random_state + number).labelled)
        pages = self._checked(kept.labelled.pages, kept.labelled.labels, kept.labelled.page_types)
        fitting = Fitting(self._views(pages, self.random_state), self.get_params())
        return self._fit_on(fitting, *stream.judge(fitting))

    def _check_ngrams(self) -> None:
        """Raise a ValueError for what would fail at the end of the fit, or in the middle."""
        check_ngrams("LineClassifier", *self._ngrams())
        for name in ("ngram_bits", "path_bits"):
            if not 0 <= (bits := getattr(self, name)) <= _MOST_BITS:
                raise ValueError(f"LineClassifier.{name}: expected 0 to {_MOST_BITS}, got {bits}")

    def _ngrams(self) -> tuple[tuple[int, ...], int, int]:
        """Return lengths and reach of the n-grams, numbers of numpy as plain ones."""
        return tuple(map(index, self.ngram_orders)), index(self.ngram_head), index(self.ngram_tail)

    def _views(self, labelled: LabelledPages, seed: int) -> TrainingViews:
        if not self.use_markup:
            labelled = labelled.map_pages([page.without_markup() for page in labelled.pages])
        shares = Shares(
            shorten=self.shorten,
            teasers=self.teasers,
            cut=self.cut,
            breaks=self.breaks,
            runs=self.runs,
            letters=self.letters,
            without_article=self.without_article,
        )
        return training_views(labelled, shares, hide_markup=self.hide_markup, seed=seed)

    def _fit_on(
        self,
        fitting: Fitting,
        ngrams: HashedLinear | None,
        paths: HashedLinear | None,
        line: Floats,
    ) -> "LineClassifier":
        """Fit all that comes after the linear models."""
        line_network, probability = fitting.judged(line, fitting.prior(line))
        types, page_types = fitting.page_types(line, probability)
        context_networks = []
        features = line
        for _ in range(self.context_passes):
            features = fitting.with_context(line, probability, page_types)
            network, probability = fitting.judged(features, probability)
            context_networks.append(network)
        trees = None
        if self.context_passes and self.trees:
            # Networks and trees err differently; the last word is the mean of both.
            trees, by_trees = fitting.judged_by_trees(features, probability)
            by_trees[~is_unsure(probability, MARGIN)] = np.nan
            probability = mean_judgement(probability, by_trees)
        has_content, bounds = fitting.content_of_pages(line, probability, page_types)
        kind_network, kind_trees, kinds = fitting.kinds(features)
        self.thresholds_ = {name: (preset.line, *bounds[name]) for name, preset in PRESETS.items()}
        self.classes_ = np.array(LABELS)
        orders, head, tail = self._ngrams()
        self.model_ = LineModel(
            ngrams=ngrams,
            ngram_orders=orders,
            ngram_head=head,
            ngram_tail=tail,
            paths=paths,
            line_network=line_network,
            context_networks=tuple(context_networks),
            trees=trees,
            kinds=kinds,
            kind_network=kind_network,
            kind_trees=kind_trees,
            page_types=types,
            has_content=has_content,
            calibration=fitting.calibration(probability),
            thresholds_=self.thresholds_,
        )
        return self

    @classmethod
    def _checked(
        cls,
        X: Sequence[Page],
        y: Sequence[npt.ArrayLike],
        page_types: Sequence[str] | None = None,
    ) -> LabelledPages:
        labelled = cls._labelled(X, y, page_types)
        known = [one[one != UNSURE] for one in labelled.labels]
        flat = np.concatenate([np.empty(0, np.int8), *known])
        if not (flat == CONTENT).any() or (flat == CONTENT).all():
            raise ValueError("training needs lines that are content and lines that are not")
        return labelled

    @staticmethod
    def _labelled(
        X: Sequence[Page], y: Sequence[npt.ArrayLike], page_types: Sequence[str] | None = None
    ) -> LabelledPages:
        """Return the pages that have a line that somebody is sure of."""
        labels = label_arrays(X, y)
        if page_types is not None and len(page_types) != len(labels):
            raise ValueError(f"expected {len(labels)} page types, got {len(page_types)}")
        nothing: list[tuple[str, ...]] = [()] * len(labels)
        pages = LabelledPages(list(X), labels, [""] * len(labels), nothing, [*(page_types or ())])
        return pages.select([bool((one != UNSURE).any()) for one in labels])


def _page_weight(
    sample_weight: Sequence[float] | npt.NDArray[np.floating], n_pages: int
) -> npt.NDArray[np.float64]:
    """Return the weight of each page, or raise a ValueError that says what is wrong with it."""
    weight = np.asarray(sample_weight, np.float64)
    if weight.shape != (n_pages,) or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError(f"sample_weight: expected {n_pages} numbers from 0 on, got {weight!r}")
    return weight
