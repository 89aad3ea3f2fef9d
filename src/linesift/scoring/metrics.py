"""Scores of kept lines, with intervals.

Line scores are counted per page and averaged, so that a page counts once however long
it is; `pooled` scores count lines over all pages. Intervals come from a bootstrap that
draws whole sites, since the pages of one site err together.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, LABELS, RELATED, UNSURE, LabelledPages
from linesift.models.features import Floats
from linesift.reading.text import shingles, words

_BINS = 20
_SHORT = 6  # words under which a content line is called short
_REPLICATES = 1000
_FAILED = 0.5  # line F1 under which a whole page counts as failed

Array = npt.NDArray[Any]


def f1_score(true: Array, false: Array, missed: Array) -> Array:
    """Return F1 from counts; 1 where there was nothing to find and nothing was kept.

    >>> f1_score(np.array([2.0, 0.0]), np.array([1.0, 0.0]), np.array([1.0, 0.0])).round(2).tolist()
    [0.67, 1.0]
    """
    total = 2 * true + false + missed
    return np.where(total > 0, 2 * true / np.maximum(total, 1), 1.0)


def text_f1(kept: Sequence[str], gold: Sequence[str]) -> float:
    """Return F1 over the runs of four words of two texts, counted as often as they stand.

    >>> text_f1(["one two three four five"], ["one two three four"])
    0.6666666666666666
    """
    ours = Counter(shingles(words(" ".join(kept))))
    theirs = Counter(shingles(words(" ".join(gold))))
    shared = (ours & theirs).total()
    total = ours.total() + theirs.total()
    return 2 * shared / total if total else 1.0


@dataclass(frozen=True)
class PageScores:
    """What was counted on each page; every column has one row a page.

    Parameters
    ----------
    columns : dict of str to ndarray of shape (n_pages,)
        Counts and scores by name.
    confusion : ndarray of shape (n_pages, n_labels, n_labels)
        Lines by true and given label.
    bins : ndarray of shape (n_pages, 3, n_bins)
        Lines, sum of probabilities and content lines by probability: calibration.
    sites, languages, corpora : list of str
        Of each page.
    """

    columns: dict[str, Array]
    confusion: Array
    bins: Array
    sites: list[str]
    languages: list[str]
    corpora: list[str]


def score_pages(
    labelled: LabelledPages,
    probabilities: Sequence[Floats],
    codes: Sequence[npt.NDArray[np.intp]],
    no_article: npt.NDArray[np.bool_] | None = None,
    keep: Sequence[npt.NDArray[np.bool_]] | None = None,
) -> PageScores:
    """Compare given labels with true ones, page by page.

    Parameters
    ----------
    labelled : LabelledPages
        The true labels; `UNSURE` lines are counted only in the text that comes out.
    probabilities : sequence of ndarray of shape (n_lines, n_labels)
        What the model says of each page.
    codes : sequence of ndarray of shape (n_lines,)
        The labels it gives.
    no_article : ndarray of shape (n_pages,), bool, optional
        Whether it still kept text of a page whose article was taken out; no by default.
    keep : sequence of ndarray of shape (n_lines,), bool, optional
        Which lines come out; those that it labels content by default.

    Notes
    -----
    A page without a line of content, like a listing, has no text of its own: what comes out
    of it is held against nothing, whatever its data set gives as its text.
    """
    if no_article is None:
        no_article = np.zeros(len(labelled), bool)
    if keep is None:
        keep = [given == CONTENT for given in codes]
    rows: list[dict[str, float]] = []
    confusion = np.zeros((len(labelled), len(LABELS), len(LABELS)))
    bins = np.zeros((len(labelled), 3, _BINS))
    for i, (page, truth, proba, given, kept) in enumerate(
        zip(labelled.pages, labelled.labels, probabilities, codes, keep, strict=True)
    ):
        gold = labelled.gold[i] if (truth == CONTENT).any() else ()
        known = truth != UNSURE
        sizes = np.fromiter(map(len, page.lines), float, len(page.lines))
        hit, wrong, lost = (
            known & kept & (truth == CONTENT),
            known & kept & (truth != CONTENT),
            known & ~kept & (truth == CONTENT),
        )
        short = known & (truth == CONTENT)
        short &= np.fromiter((len(words(line)) < _SHORT for line in page.lines), bool, len(truth))
        output = [line for line, keeps in zip(page.lines, kept, strict=True) if keeps]
        rows.append(
            {
                "true": hit.sum(),
                "false": wrong.sum(),
                "missed": lost.sum(),
                "characters_true": sizes[hit].sum(),
                "characters_false": sizes[wrong].sum(),
                "characters_missed": sizes[lost].sum(),
                "short": short.sum(),
                "short_kept": (short & kept).sum(),
                "related": (truth == RELATED).sum(),
                "related_kept": ((truth == RELATED) & kept).sum(),
                "text_f1": text_f1(output, gold),
                "no_article": float(no_article[i]),
            }
        )
        np.add.at(confusion[i], (truth[known], given[known]), 1)
        bins[i] = _calibration_bins(proba[known, CONTENT], truth[known] == CONTENT)
    columns = {name: np.array([row[name] for row in rows], float) for name in rows[0]}
    return PageScores(
        columns,
        confusion,
        bins,
        labelled.sites,
        [page.language for page in labelled.pages],
        list(labelled.corpus),
    )


def _calibration_bins(probability: Floats, is_content: npt.NDArray[np.bool_]) -> Array:
    index = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    return np.array(
        [
            np.bincount(index, minlength=_BINS),
            np.bincount(index, weights=probability, minlength=_BINS),
            np.bincount(index, weights=is_content, minlength=_BINS),
        ]
    )


@dataclass(frozen=True)
class Estimate:
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the score as people read it.

        >>> str(Estimate(0.91234, 0.9, 0.92))
        '0.912 [0.900, 0.920]'
        """
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def signed(one: Estimate) -> str:
    """Return a difference as people read it.

    >>> signed(Estimate(0.01234, -0.002, 0.03))
    '+0.012 [-0.002, +0.030]'
    """
    return f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"


def estimates(
    scores: PageScores, chosen: npt.NDArray[np.bool_] | None = None, *, seed: int = 0
) -> dict[str, Estimate]:
    """Return the scores of the chosen pages, each with a bootstrap interval over sites.

    Parameters
    ----------
    scores : PageScores
    chosen : ndarray of shape (n_pages,), bool, optional
        All pages by default.
    seed : int
        Of the bootstrap.
    """
    return {name: _estimate(values) for name, values in _replicates(scores, chosen, seed).items()}


def differences(
    scores: PageScores,
    other: PageScores,
    chosen: npt.NDArray[np.bool_] | None = None,
    *,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Return by how much the first scores are higher than the second on the same pages.

    Every draw of sites is scored for both, so what makes a page hard for both cancels out.

    Parameters
    ----------
    scores, other : PageScores
        Of the same pages in the same order.
    chosen : ndarray of shape (n_pages,), bool, optional
        All pages by default.
    seed : int
        Of the bootstrap.

    Raises
    ------
    ValueError
        The pages are of other sites.
    """
    if scores.sites != other.sites:
        raise ValueError("only scores of the same pages can be compared")
    ours, theirs = _replicates(scores, chosen, seed), _replicates(other, chosen, seed)
    return {name: _estimate(values - theirs[name]) for name, values in ours.items()}


def mean_score(values: Array, sites: Sequence[str], *, seed: int = 0) -> Estimate:
    """Return the mean of one score over pages, with a bootstrap interval over sites.

    Parameters
    ----------
    values : ndarray of shape (n_pages,)
        The score of each page; of at least one.
    sites : sequence of str
        Of each page.
    seed : int
        Of the bootstrap.

    Examples
    --------
    >>> str(mean_score(np.array([1.0, 0.5]), ["a.example", "b.example"]))
    '0.750 [0.500, 1.000]'
    """
    site, weights = _draws(sites, seed)
    total = weights @ np.bincount(site, weights=values)
    return _estimate(total / (weights @ np.bincount(site)))


def _draws(sites: Sequence[str], seed: int) -> tuple[npt.NDArray[np.intp], Array]:
    """Return the site of each page as an index, and how often each draw holds each site."""
    _, site = np.unique(sites, return_inverse=True)
    n_sites = int(site.max()) + 1
    draws = np.random.default_rng(seed).multinomial(
        n_sites, np.full(n_sites, 1 / n_sites), _REPLICATES
    )
    return site, np.vstack([np.ones(n_sites), draws])  # the first row is the sample itself


def _replicates(
    scores: PageScores, chosen: npt.NDArray[np.bool_] | None, seed: int
) -> dict[str, Array]:
    """Return each score of the pages themselves, then of every bootstrap draw of their sites."""
    pages = np.flatnonzero(np.ones(len(scores.sites), bool) if chosen is None else chosen)
    site, weights = _draws([scores.sites[i] for i in pages], seed)
    sums = {
        name: weights @ np.bincount(site, weights=column[pages])
        for name, column in _summable(scores).items()
    }
    return {name: function(sums) for name, function in _SCORES.items()}


def _estimate(values: Array) -> Estimate:
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))


def _summable(scores: PageScores) -> dict[str, Array]:
    """Return columns whose sums over pages give every score."""
    c = scores.columns
    page_f1 = f1_score(c["true"], c["false"], c["missed"])
    nothing_kept, nothing_there = c["true"] + c["false"] == 0, c["true"] + c["missed"] == 0
    columns = dict(c)
    columns |= {
        "pages": np.ones_like(page_f1),
        "page_f1": page_f1,
        "page_precision": np.where(
            nothing_kept, nothing_there, c["true"] / np.maximum(c["true"] + c["false"], 1)
        ),
        "page_recall": np.where(
            nothing_there, 1.0, c["true"] / np.maximum(c["true"] + c["missed"], 1)
        ),
        "failed": (page_f1 < _FAILED).astype(float),
    }
    columns["lines"] = scores.confusion.sum(axis=(1, 2))
    columns["wrong"] = columns["lines"] - np.trace(scores.confusion, axis1=1, axis2=2)
    columns["wrongly kept or dropped"] = c["false"] + c["missed"]
    for code, label in enumerate(LABELS):
        columns[f"{label}/true"] = scores.confusion[:, code, code]
        columns[f"{label}/given"] = scores.confusion[:, :, code].sum(axis=1)
        columns[f"{label}/there"] = scores.confusion[:, code, :].sum(axis=1)
    for k in range(_BINS):
        for row, name in enumerate(("lines", "probability", "content")):
            columns[f"bin {k}/{name}"] = scores.bins[:, row, k]
    return columns


def _ratio(
    top: str, bottom: str, *, of_nothing: float = 0.0
) -> Callable[[Mapping[str, Array]], Array]:
    def score(sums: Mapping[str, Array]) -> Array:
        some = sums[bottom] > 0
        return np.where(some, sums[top] / np.where(some, sums[bottom], 1), of_nothing)

    return score


def _label_f1(label: str) -> Callable[[Mapping[str, Array]], Array]:
    def score(sums: Mapping[str, Array]) -> Array:
        true, given, there = (sums[f"{label}/{part}"] for part in ("true", "given", "there"))
        return f1_score(true, given - true, there - true)

    return score


def _calibration_error(sums: Mapping[str, Array]) -> Array:
    """Return the expected calibration error: mean gap between probability and outcome."""
    lines = np.array([sums[f"bin {k}/lines"] for k in range(_BINS)])
    gap = np.abs(
        np.array([sums[f"bin {k}/probability"] - sums[f"bin {k}/content"] for k in range(_BINS)])
    )
    return gap.sum(axis=0) / np.maximum(lines.sum(axis=0), 1)


_SCORES: dict[str, Callable[[Mapping[str, Array]], Array]] = {
    "line_f1": _ratio("page_f1", "pages"),
    "line_precision": _ratio("page_precision", "pages"),
    "line_recall": _ratio("page_recall", "pages"),
    "line_f1_pooled": lambda s: f1_score(s["true"], s["false"], s["missed"]),
    "line_precision_pooled": lambda s: s["true"] / np.maximum(s["true"] + s["false"], 1),
    "line_recall_pooled": lambda s: s["true"] / np.maximum(s["true"] + s["missed"], 1),
    "character_f1": lambda s: f1_score(
        s["characters_true"], s["characters_false"], s["characters_missed"]
    ),
    "text_f1": _ratio("text_f1", "pages"),
    "short_content_recall": _ratio("short_kept", "short", of_nothing=1.0),
    "related_kept": _ratio("related_kept", "related"),
    "failed_pages": _ratio("failed", "pages"),
    "no_article_kept": _ratio("no_article", "pages"),
    "calibration_error": _calibration_error,
    "wrong_label": _ratio("wrong", "lines"),
    "wrong_keep": _ratio("wrongly kept or dropped", "lines"),
    **{f"f1_{label}": _label_f1(label) for label in LABELS},
}

SCORE_NAMES = tuple(_SCORES)
"""Names of what `estimates` returns."""
LOSSES = (
    "related_kept",
    "no_article_kept",
    "failed_pages",
    "calibration_error",
    "wrong_label",
    "wrong_keep",
)
"""Scores of which less is better."""


def precision_recall_points(
    labels: Sequence[npt.NDArray[np.int8]], probabilities: Sequence[Floats]
) -> tuple[Array, Array, Array]:
    """Return the distinct thresholds, falling, with precision and recall of content lines at each.

    Parameters
    ----------
    labels : sequence of ndarray of shape (n_lines,)
    probabilities : sequence of ndarray of shape (n_lines, n_labels)
    """
    truth = np.concatenate(labels)
    score = np.concatenate([proba[:, CONTENT] for proba in probabilities])
    known = truth != UNSURE
    order = np.argsort(-score[known], kind="stable")
    found = np.cumsum((truth == CONTENT)[known][order])
    precision = found / np.arange(1, len(found) + 1)
    score = score[known][order]
    last = np.append(np.diff(score) != 0, True)  # lines alike are kept together
    return score[last], precision[last], (found / max(found[-1], 1))[last]


def calibration_points(scores: PageScores) -> tuple[Array, Array]:
    """Return mean probability and share of content lines for each filled bin."""
    lines, probability, content = scores.bins.sum(axis=0)
    filled = lines > 0
    return probability[filled] / lines[filled], content[filled] / lines[filled]
