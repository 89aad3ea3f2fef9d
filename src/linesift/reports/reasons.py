"""Why a line is judged as it is, in words that a person would use.

Nothing here guesses. What speaks for a line or against it is measured: the weights of its
letter sequences, summed over each word; the names around it in the HTML, by the score
without them; and what the same model says of the line alone on a page, and of the page as
plain text. Everything else is a fact that the model sees too: links, tags, the lines above
and below, repetition. A rule without weights gives no words, and all the rest.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT
from linesift.models.features import (
    LINE_FEATURES,
    Floats,
    line_features,
    line_hashes,
    word_hashes,
)
from linesift.models.linear import HashedLinear
from linesift.models.model import LineModel
from linesift.models.odds import logit
from linesift.models.predict import predict_pages
from linesift.models.prediction import LinePredictor, PagePrediction
from linesift.reading.page import Batch, Page
from linesift.reading.plain import plain_lines
from linesift.reading.tag_paths import PATH_FEATURES, SplitPaths, hashed_paths, path_features
from linesift.reading.text import is_ideograph
from linesift.reports.word_weights import word_weights

FOR, AGAINST, NEITHER = "for", "against", ""

_MOST_WORDS = 5  # named on each side
_LONGEST_JOINED = 4  # ideographs
_LEAST_WEIGHT = 0.05  # log-odds from which a word is named
_LEAST_SHARE = 0.15  # of the strongest word's weight
_LEAST_STEP = 0.7  # log-odds from which surroundings or markup speak: odds doubled or halved
_LEAST_CHANGE = 0.02  # of the probability, likewise
_LEAST_NAME = 0.2  # log-odds from which a name in the HTML speaks
_MOST_NAMES = 3
_AROUND = 5  # lines looked at on each side
_MOST_OF_THEM = 0.6
_FAR = 3  # lines from the article that are worth saying
_TELLING = 3  # words of four letters and more, from which on it is said how many are shared

_ONE = {
    "content": "a line of the article",
    "related": "a line on other articles",
    "navigation": "a menu line",
    "other": "another kind of noise",
}
_MANY = {
    "content": "lines of the article",
    "related": "lines on other articles",
    "navigation": "menu lines",
    "other": "lines of other noise",
}
_PLACES = {
    "in_paragraph": "a paragraph",
    "in_list": "a list",
    "in_table": "a table",
    "in_quote": "a quotation",
    "in_figure": "a figure",
    "in_form": "a form",
    "in_navigation": "a navigation block",
    "in_aside": "an aside",
    "in_header": "a header block",
    "in_footer": "a footer",
    "in_article": "the main or article element",
}


class Reason(NamedTuple):
    """One thing that the model sees of a line.

    Parameters
    ----------
    says : str
        A sentence.
    side : {"for", "against", ""}
        Which way it pushes the line, where that was measured.
    """

    says: str
    side: str = NEITHER


@dataclass(frozen=True, slots=True)
class LineReasons:
    """Why one line is judged as it is.

    Parameters
    ----------
    words_for, words_against : tuple of str
        Words whose letter sequences speak for the article or against it, strongest first.
    words_of_kind : tuple of str
        Of a line of noise: words that speak for its kind, strongest first.
    reasons : tuple of Reason
    """

    words_for: tuple[str, ...] = ()
    words_against: tuple[str, ...] = ()
    words_of_kind: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


def explain(model: LinePredictor, prediction: PagePrediction) -> list[LineReasons]:
    r"""Return why each line of a page is judged as it is.

    The page is judged twice more: each line alone, and all as plain text.

    Parameters
    ----------
    model : LinePredictor
        The one that made the prediction. A `LineModel` has words to name, a rule has none.
    prediction : PagePrediction

    Examples
    --------
    >>> from linesift import read_text
    >>> from linesift.models.baselines import RunRule
    >>> page = read_text("Home\nIt rained all day long.\nThe river rose all night, too.")
    >>> (prediction,) = RunRule().predict_lines([page])
    >>> for reason in explain(RunRule(), prediction)[1].reasons[:2]:
    ...     print(reason.says)
    The lines around it change little: alone on a page it would have >99 %.
    Above it stands another kind of noise, below it a line of the article.
    """
    page = prediction.page
    if not page.lines:
        return []
    batch = Batch.from_pages([page])
    told: list[list[Reason]] = [[] for _ in page.lines]
    for about in (
        _surroundings(model, prediction),
        _neighbours(prediction.labels),
        _lines_around(prediction.labels),
        _distance(prediction.keep),
        _markup(model, prediction),
        _links(page),
        _places(batch),
        _names(model, page),
        _shape(batch),
        _copies(page, batch),
        _shared_words(batch, prediction.keep),
    ):
        for k, reason in about:
            told[k].append(reason)
    words = _words(model, batch, prediction)
    return [LineReasons(*named, tuple(reasons)) for named, reasons in zip(words, told, strict=True)]


def percent(probability: float) -> str:
    """Return a probability as people read it, never quite 0 or 100.

    >>> percent(0.004), percent(0.46), percent(0.998)
    ('<1 %', '46 %', '>99 %')
    """
    if probability < 0.01:
        return "<1 %"
    return ">99 %" if probability > 0.99 else f"{100 * probability:.0f} %"


Told = Iterator[tuple[int, Reason]]
"""Reasons with the position of the line that each is about."""


# ----------------------------------------------------------------------------- words


def _words(
    model: LinePredictor, batch: Batch, prediction: PagePrediction
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Yield the words of each line for the article, against it, and for its kind of noise."""
    if not isinstance(model, LineModel) or model.ngrams is None:
        yield from [((), (), ())] * batch.n_lines
        return
    shape = model.ngram_orders, model.ngram_head, model.ngram_tail
    weighed = word_weights(model.ngrams, shape, batch)
    for code, words in zip(prediction.codes.tolist(), weighed, strict=True):
        content = _by_word(words, CONTENT)
        kind = _by_word(words, code) if code != CONTENT else {}
        yield (
            _strongest(content),
            _strongest({word: -weight for word, weight in content.items()}),
            _strongest(kind),
        )


def _by_word(words: Sequence[tuple[str, Floats]], label: int) -> dict[str, float]:
    """Return what each distinct word adds; its marks are left out, and case tells nothing."""
    added: dict[str, float] = {}
    shown: dict[str, str] = {}
    for word, weight in _joined((word, float(weights[label])) for word, weights in words):
        bare = _bare(word)
        name = shown.setdefault(bare.casefold(), bare)
        added[name] = added.get(name, 0.0) + weight
    return added


def _joined(words: Iterable[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield words, up to four neighbouring ideographs that push the same way as one."""
    held: tuple[str, float] | None = None
    for word, weight in words:
        if held and is_ideograph(word) and len(held[0]) < _LONGEST_JOINED:
            if (held[1] < 0) == (weight < 0):
                held = held[0] + word, held[1] + weight
                continue
        if held:
            yield held
            held = None
        if is_ideograph(word):
            held = word, weight
        else:
            yield word, weight
    if held:
        yield held


def _bare(word: str) -> str:
    """Return a word without the marks around it; marks alone stay as they are."""
    inner = [k for k, character in enumerate(word) if character.isalnum()]
    return word[inner[0] : inner[-1] + 1] if inner else word


def _strongest(added: Mapping[str, float]) -> tuple[str, ...]:
    ordered = sorted(added.items(), key=lambda item: -item[1])[:_MOST_WORDS]
    largest = max(map(abs, added.values()), default=0.0)
    least = max(_LEAST_WEIGHT, _LEAST_SHARE * largest)
    return tuple(word for word, weight in ordered if weight >= least)


# --------------------------------------------------------------------- other lines


def _surroundings(model: LinePredictor, prediction: PagePrediction) -> Told:
    """Say what the same model gives each line alone on a page."""
    page = prediction.page
    if len(page.lines) == 1:
        return
    single = (page.select([k]) for k in range(len(page.lines)))
    alone = np.array([one.probabilities[0] for one in predict_pages(model, single)])
    for k, side in enumerate(_sides(prediction.probabilities, alone)):
        chance = percent(float(alone[k]))
        says = "The lines around it" if side else "The lines around it change little"
        yield k, Reason(f"{says}: alone on a page it would have {chance}.", side)


def _sides(probability: npt.NDArray[Any], without: npt.NDArray[Any]) -> list[str]:
    """Return which way something pushes lines, by their probability with it and without."""
    step = logit(probability) - logit(without)
    step[np.abs(probability - without) < _LEAST_CHANGE] = 0
    return [
        FOR if one > _LEAST_STEP else AGAINST if one < -_LEAST_STEP else NEITHER for one in step
    ]


def _neighbours(labels: Sequence[str]) -> Told:
    for k in range(len(labels)):
        above = labels[k - 1] if k else None
        below = labels[k + 1] if k + 1 < len(labels) else None
        if above is None and below is None:
            yield k, Reason("The only line of the page.")
        elif above is None:
            yield k, Reason(f"The first line of the page; below it stands {_ONE[str(below)]}.")
        elif below is None:
            yield k, Reason(f"The last line of the page; above it stands {_ONE[above]}.")
        elif above == below:
            yield k, Reason(f"Stands between two {_MANY[above]}.")
        else:
            yield k, Reason(f"Above it stands {_ONE[above]}, below it {_ONE[below]}.")


def _lines_around(labels: Sequence[str]) -> Told:
    for k in range(len(labels)):
        above, below = labels[max(k - _AROUND, 0) : k], labels[k + 1 : k + 1 + _AROUND]
        around = Counter([*above, *below])
        total = around.total()
        if total < _AROUND:
            continue
        label, count = around.most_common(1)[0]
        if count >= _MOST_OF_THEM * total:
            yield k, Reason(f"{count} of the {total} lines nearest to it are {_MANY[label]}.")


def _distance(keep: npt.NDArray[np.bool_]) -> Told:
    """How far noise stands from the article."""
    kept = np.flatnonzero(keep)
    if not len(kept):
        return
    first, last = int(kept[0]), int(kept[-1])
    for k in range(len(keep)):
        if k <= first - _FAR:
            yield k, Reason(f"Stands {first - k} lines above the first line of the article.")
        elif k >= last + _FAR:
            yield k, Reason(f"Stands {k - last} lines below the last line of the article.")


def _copies(page: Page, batch: Batch) -> Told:
    plain = plain_lines(page.lines)
    exact = Counter(plain)
    _, same, counts = np.unique(line_hashes(batch), return_inverse=True, return_counts=True)
    for k, (line, count) in enumerate(zip(plain, counts[same].tolist(), strict=True)):
        if count > 1:
            but = "" if exact[line] == count else ", case and numbers aside,"
            times = "twice" if count == 2 else f"{count} times"
            yield k, Reason(f"The same line{but} stands {times} on the page.")


def _shared_words(batch: Batch, keep: npt.NDArray[np.bool_]) -> Told:
    """How many of a line's words the other kept lines use."""
    words, lines = word_hashes(batch)
    once = np.unique((lines.astype(np.uint64) << np.uint64(32)) | words)
    line = (once >> np.uint64(32)).astype(np.int64)
    _, word = np.unique(once & np.uint64(0xFFFFFFFF), return_inverse=True)
    own = keep[line].astype(np.int64)
    elsewhere = np.bincount(word, weights=own)[word] - own > 0 if len(word) else word > 0
    total = np.bincount(line, minlength=batch.n_lines)
    shared = np.bincount(line, weights=elsewhere, minlength=batch.n_lines).astype(np.int64)
    for k in np.flatnonzero((total >= _TELLING) & (keep.sum() - keep > 0)).tolist():
        some = f"Of its {total[k]} longer words {shared[k] or 'none'}"
        verb = "stands" if shared[k] < 2 else "stand"
        yield k, Reason(f"{some} also {verb} in other lines of the article.")


# --------------------------------------------------------------------------- markup


def _markup(model: LinePredictor, prediction: PagePrediction) -> Told:
    """Say what the same model gives each line of the page as plain text."""
    page = prediction.page
    if page.markup is None:
        return
    (plain,) = model.predict_lines([page.without_markup()])
    for k, side in enumerate(_sides(prediction.probabilities, plain.probabilities)):
        if side:
            chance = percent(float(plain.probabilities[k]))
            yield k, Reason(f"Tags and links: as plain text it would have {chance}.", side)


def _links(page: Page) -> Told:
    shares = page.markup.link_share if page.markup is not None else ()
    for k, share in enumerate(shares):
        if share >= 0.95:
            yield k, Reason("All of it is a link.")
        elif share >= 0.05:
            yield k, Reason(f"{percent(share)} of it is a link.")


def _places(batch: Batch) -> Told:
    if not batch.paths:
        return
    rows = path_features(batch.split_paths).astype(int).tolist()
    for k, path in enumerate(batch.path_ids.tolist()):
        flags = dict(zip(PATH_FEATURES, rows[path], strict=True))
        places = [f"a heading (h{flags['heading']})"] if flags["heading"] else []
        places += [place for name, place in _PLACES.items() if flags[name]]
        if places:
            yield k, Reason(f"Its place in the HTML: {', '.join(places)}.")


def _names(model: LinePredictor, page: Page) -> Told:
    """Classes and ids around a line without which its path would score otherwise."""
    if page.markup is None or not isinstance(model, LineModel) or model.paths is None:
        return
    told = {path: list(_of_path(model.paths, path)) for path in dict.fromkeys(page.markup.paths)}
    for k, path in enumerate(page.markup.paths):
        for reason in told[path]:
            yield k, reason


def _of_path(linear: HashedLinear, path: str) -> Iterator[Reason]:
    elements = [element.replace("#", ".").split(".") for element in path.split(" ")]
    names = list(dict.fromkeys(name for _, *given in elements for name in given if name))
    without = [
        " ".join(
            ".".join([tag, *(part for part in given if part != name)]) for tag, *given in elements
        )
        for name in names
    ]
    tokens = hashed_paths(SplitPaths((path, *without)), linear.bits)
    whole, *others = linear.scores(tokens)[:, CONTENT].tolist()
    steps = sorted(zip(names, [whole - one for one in others], strict=True), key=lambda one: one[1])
    for side, ordered in ((FOR, steps[::-1]), (AGAINST, steps)):
        sign = 1 if side == FOR else -1
        telling = [f"“{name}”" for name, step in ordered if sign * step >= _LEAST_NAME]
        if telling:
            named = ", ".join(telling[:_MOST_NAMES])
            yield Reason(f"Names around it in the HTML: {named}.", side)


# --------------------------------------------------------------------------- itself


def _shape(batch: Batch) -> Told:
    """Say what each line looks like, as the model's own features have it."""
    columns = dict(zip(LINE_FEATURES, line_features(batch).T, strict=True))
    words = np.rint(np.expm1(columns["log_words"])).astype(int).tolist()
    facts = {
        "Ends as a sentence does.": columns["ends_sentence"] > 0,
        "Does not end as a sentence does.": (columns["ends_sentence"] == 0) & (np.array(words) > 4),
        "Short: a single word.": np.array(words) == 1,
        "Written in capitals.": columns["share_upper"] > 0.8,
        "A third of it or more are digits.": columns["share_digits"] > 1 / 3,
        "Holds a time of day.": columns["time_of_day"] > 0,
    }
    for says, true in facts.items():
        for k in np.flatnonzero(true).tolist():
            yield k, Reason(says)
    for k, count in enumerate(words):
        if 1 < count <= 4:
            yield k, Reason(f"Short: {count} words.")
