"""What a model says of pages: probabilities of lines and page types, labels, what is kept."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, LABELS, OF_CARDS, OWN_TEXT, PAGE_TYPES, RELATED
from linesift.models.features import Floats
from linesift.models.thresholds import PRESETS, Threshold
from linesift.reading.page import MOST_LINES, Page, check_pages

NOISE = np.array([code for code in range(len(LABELS)) if code != CONTENT])
"""Codes of the kinds of noise."""
_NAMES = np.array(LABELS, object)


class TypeColumns(TypedDict):
    """What rows of output hold of the type of a page; None where the model tells none."""

    page_type: str | None
    page_type_probability: float | None


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
    page_type : str
        One of `linesift.labelling.labels.PAGE_TYPES`; empty where the model tells none.
    page_type_probability : float, 0 to 1
        Of that type; NaN where the model tells none.
    threshold : float, 0 to 1
        Probability from which on lines of this page are kept.
    has_content : bool
        Whether the page is taken for one that has any content; where not, no line of it is.
    is_wanted : bool
        Whether content of this page type is to be kept.
    cards : ndarray of shape (n_lines,), bool, or None
        Lines that are kept as cards of a listing; None where nobody asked for them.
    """

    page: Page
    codes: npt.NDArray[np.intp]
    probabilities: Floats
    page_type: str = ""
    page_type_probability: float = float("nan")
    threshold: float = 0.5
    has_content: bool = True
    is_wanted: bool = True
    cards: npt.NDArray[np.bool_] | None = None

    def __repr__(self) -> str:
        kept = f"{self.keep.sum()} of {len(self.codes)} lines kept"
        told = f", {self.page_type} {self.page_type_probability:.2f}" if self.page_type else ""
        return f"PagePrediction({self.page.page_id!r}, {kept}{told})"

    @property
    def labels(self) -> list[str]:
        """Label of each line."""
        return _NAMES[self.codes].tolist()

    @property
    def keep(self) -> npt.NDArray[np.bool_]:
        """Whether each line is part of the text to keep."""
        if not self.is_wanted:
            return np.zeros(len(self.codes), bool)
        is_content = self.codes == CONTENT
        return is_content if self.cards is None else is_content | self.cards

    @property
    def type_columns(self) -> TypeColumns:
        """The page type and its probability, to four digits, as rows of output hold them."""
        share = round(self.page_type_probability, 4) if self.page_type else None
        return {"page_type": self.page_type or None, "page_type_probability": share}

    @property
    def text(self) -> str:
        """The kept lines, a line feed after each."""
        kept = zip(self.page.lines, self.keep, strict=True)
        return "".join(f"{line}\n" for line, keep in kept if keep)


class Predicted(NamedTuple):
    """What a model says of some pages.

    Parameters
    ----------
    lines : list of ndarray of shape (n_lines, n_labels)
        Probability of each label for each line, per page.
    page_types : ndarray of shape (n_pages, n_page_types)
        Probability of each page type; NaN where the model tells none.
    has_content : ndarray of shape (n_pages,), or None
        Chance that a page has any content; None where the model does not tell.
    cards_bounds : sequence of 2 floats
        Probability of being a listing or collection above which a page is taken for one, without
        and with markup.
    """

    lines: list[Floats]
    page_types: Floats
    has_content: Floats | None = None
    cards_bounds: Sequence[float] = (0.5, 0.5)


class LinePredictor(ABC):
    """Anything that gives each line of a page a probability for each label."""

    thresholds_: Mapping[str, tuple[float, float, float]]

    @abstractmethod
    def predicted(self, X: Sequence[Page]) -> Predicted:
        """Return the probabilities of labels and page types."""

    def predict_proba(self, X: Sequence[Page]) -> list[Floats]:
        """Return the probability of each label for each line, per page (n_lines, n_labels)."""
        return self.predicted(X).lines

    def predict_page_types(self, X: Sequence[Page]) -> Floats:
        """Return the probability of each of `PAGE_TYPES` for each page (n_pages, n_types)."""
        return self.predicted(X).page_types

    def predict(self, X: Sequence[Page]) -> list[npt.NDArray[np.str_]]:
        """Return the label of each line, per page, at the model's threshold."""
        found = page_predictions(X, self.predicted(X), self.threshold())
        return [np.array(LABELS)[one.codes] for one in found]

    def threshold(self, wanted: float | str = "balanced") -> Threshold:
        """Return what is kept at a threshold.

        Parameters
        ----------
        wanted : float or {"precision", "balanced", "recall"}
            Probability from which a line is kept, or what matters most.

        Raises
        ------
        ValueError
            There is no such name, or the number is no probability.
        """
        if isinstance(wanted, Real) and 0 <= wanted <= 1:
            return Threshold(float(wanted))
        if not isinstance(wanted, str) or wanted not in self.thresholds_:
            raise ValueError(
                f"threshold: expected 0 to 1 or one of {', '.join(self.thresholds_)}; "
                f"got {wanted!r}"
            )
        return Threshold(*self.thresholds_[wanted], PRESETS[wanted].beta)

    def predict_lines(
        self,
        X: Sequence[Page],
        *,
        threshold: float | str = "balanced",
        page_types: str | Sequence[str] = OWN_TEXT,
    ) -> list[PagePrediction]:
        """Return label, probability and whether to keep it of each line, per page.

        Parameters
        ----------
        X : sequence of Page
        threshold : float, 0 to 1, or {"precision", "balanced", "recall"}
            Probability from which a line is kept, or what matters most. The named ones suit
            each page, and keep nothing of pages that seem to have no article.
        page_types : sequence of str, or "all"
            Of which types content is kept. Listings and collections have no text of their own
            and are left out by default; where they are asked for, their cards are kept.

        Raises
        ------
        TypeError
            These are no pages, or one page instead of a list of them.
        ValueError
            A page has more lines than `MOST_LINES`, or there is no such page type.
        """
        check_pages(X)
        wanted = wanted_page_types(page_types)
        for page in X:
            if (count := len(page.lines)) > MOST_LINES:
                raise ValueError(
                    f"page {page.page_id!r}: {count:,} lines are too many to judge together; "
                    f"expected up to {MOST_LINES:,}"
                )
        return page_predictions(X, self.predicted(X), self.threshold(threshold), wanted)

    def extract_text(
        self,
        page: Page,
        *,
        threshold: float | str = "balanced",
        page_types: str | Sequence[str] = OWN_TEXT,
    ) -> str:
        """Return the article of a page: its kept lines, a line feed after each."""
        return self.predict_lines([page], threshold=threshold, page_types=page_types)[0].text


def page_predictions(
    X: Sequence[Page],
    predicted: Predicted,
    threshold: Threshold,
    page_types: Sequence[str] = OWN_TEXT,
) -> list[PagePrediction]:
    """Return what probabilities come to at a threshold, per page.

    Parameters
    ----------
    X : sequence of Page
    predicted : Predicted
        What a model says of them.
    threshold : Threshold
    page_types : sequence of str
        Of which types content is kept, from `wanted_page_types`.

    Examples
    --------
    >>> from linesift import read_html
    >>> page = read_html("<p>It rained.")
    >>> lines, listing = [np.array([[0.9, 0.1, 0, 0]])], np.eye(len(PAGE_TYPES))[[5]]
    >>> (found,) = page_predictions([page], Predicted(lines, listing), Threshold(0.5))
    >>> found.page_type, found.labels, found.text
    ('listing', ['content'], '')
    >>> found
    PagePrediction('', 0 of 1 lines kept, listing 1.00)
    """
    wanted_cards = [PAGE_TYPES.index(name) for name in page_types if name in OF_CARDS]
    any_content = predicted.has_content
    found = []
    for number, (page, proba) in enumerate(zip(X, predicted.lines, strict=True)):
        share = predicted.page_types[number]
        page_type, chance = _page_type(share, predicted.cards_bounds[page.markup is not None])
        bound = threshold.of_page(proba[:, CONTENT])
        # Where cards are wanted, a page without content of its own is no mistake.
        least = threshold.page if page.markup is None else threshold.markup_page
        has_content = any_content is None or bool(wanted_cards) or any_content[number] >= least
        cards = None
        if wanted_cards and page_type:
            cards = _cards(proba, float(share[wanted_cards].sum()), page_type, threshold)
        found.append(
            PagePrediction(
                page,
                label_codes(proba, bound if has_content else math.inf),
                proba[:, CONTENT],
                page_type,
                chance,
                bound,
                bool(has_content),
                _is_wanted(page, page_type, page_types),
                cards,
            )
        )
    return found


def label_codes(probabilities: Floats, threshold: float) -> npt.NDArray[np.intp]:
    """Return content from the threshold on, the likeliest kind of noise below it, for one page.

    >>> page = np.array([[0.6, 0.3, 0.1, 0.0], [0.4, 0.1, 0.3, 0.2]])
    >>> label_codes(page, 0.5).tolist(), label_codes(page, 0.8).tolist()
    ([0, 2], [1, 2])
    """
    noise = NOISE[np.argmax(probabilities[:, NOISE], axis=1)]
    return np.where(probabilities[:, CONTENT] >= threshold, CONTENT, noise)


def _cards(
    probabilities: Floats, of_cards: float, page_type: str, threshold: Threshold
) -> npt.NDArray[np.bool_]:
    """Tell which lines of one page are kept where cards are wanted too.

    Once a page is more likely of cards than not, what its lines are is the only question left.
    """
    if page_type in OF_CARDS or of_cards > 0.5:
        of_cards = 1.0
    either = probabilities[:, CONTENT] + of_cards * probabilities[:, RELATED]
    return either >= threshold.of_page(either)


def wanted_page_types(page_types: str | Sequence[str]) -> tuple[str, ...]:
    """Return the page types that are asked for, each once, in the order of `PAGE_TYPES`.

    Raises
    ------
    ValueError
        There is no such type.

    Examples
    --------
    >>> wanted_page_types(["forum", "article"]), len(wanted_page_types("all"))
    (('article', 'forum'), 7)
    """
    names = [page_types] if isinstance(page_types, str) else list(page_types)
    if names == ["all"]:
        return PAGE_TYPES
    for name in names:
        if name not in PAGE_TYPES:
            raise ValueError(
                f"page_types: expected 'all' or some of {', '.join(PAGE_TYPES)}; got {name!r}"
            )
    return tuple(name for name in PAGE_TYPES if name in names)


def unknown_types(n_pages: int) -> Floats:
    """Return the probabilities of page types that nobody has told, of shape (n_pages, n_types)."""
    return np.full((n_pages, len(PAGE_TYPES)), np.nan, np.float32)


def _is_wanted(page: Page, page_type: str, wanted: Sequence[str]) -> bool:
    """Tell whether the content of a page is to be kept.

    Plain text tells listings too unsurely to drop a page for it: what its lines are must do.
    """
    unsure = page.markup is None and page_type in OF_CARDS
    return not page_type or page_type in wanted or unsure


def _page_type(probabilities: Floats, cards_bound: float) -> tuple[str, float]:
    """Return the likeliest type of a page and its probability.

    Listings and collections are looked at together first: a page is one of cards, or it is not.
    """
    if np.isnan(probabilities).any():
        return "", float("nan")
    of_cards = np.array([name in OF_CARDS for name in PAGE_TYPES])
    is_of_cards = probabilities[of_cards].sum() > cards_bound
    best = int(np.argmax(np.where(of_cards == is_of_cards, probabilities, -1)))
    return PAGE_TYPES[best], float(probabilities[best])
