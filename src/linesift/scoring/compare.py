"""Score other extractors on the pages that linesift is scored on, by the same measures.

A peer reads the HTML and gives a text, not lines. Its text is aligned with the lines of
the page exactly as a gold text is, so a line counts as kept where a gold text would
have made it content. Headings are left out of labels, gold texts and outputs alike:
gold texts disagree whether they are part of the article, and so do extractors. WCXB's
own measures (`linesift.scoring.word_scores`) stand beside them, with nothing left out.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from linesift.labelling.alignment import align
from linesift.labelling.documents import Document
from linesift.labelling.labels import (
    CONTENT,
    LABELS,
    OTHER,
    OWN_TEXT,
    PAGE_TYPES,
    UNSURE,
    LabelledPages,
)
from linesift.labelling.weak_labels import COVERED, heading_lines
from linesift.models.baselines import C4Rule, RefinedWebRule, RunRule
from linesift.models.predict import predict_pages
from linesift.models.prediction import LinePredictor
from linesift.reading.page import Page
from linesift.reading.readers import read_html
from linesift.reading.text import split_lines, words
from linesift.scoring.metrics import (
    Estimate,
    PageScores,
    differences,
    estimates,
    score_pages,
    text_f1,
)
from linesift.scoring.outputs import Output
from linesift.scoring.peers import Peer
from linesift.scoring.word_scores import WordScores, score_words

SCORES = ("text_f1", "line_f1", "character_f1")
"""What systems are compared by."""

ALL_TYPES = "linesift, all page types"
"""The name of linesift where it also keeps the cards of listings and collections."""

RULES = {
    "run rule": RunRule(),
    "C4's line rule": C4Rule(),
    "RefinedWeb's line rule": RefinedWebRule(),
}
"""Rules that read text alone, by name."""

_FEWEST_PAGES = 5  # of a language; fewer say nothing

Masks = Sequence[npt.NDArray[np.bool_]]


def kept_lines(text: str, lines: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell which lines of a page stand in the text that a peer gave.

    >>> kept_lines("It rained all day, they said.", ["Menu", "It rained all day, they said."])
    array([False,  True])
    """
    return align([line for _, line in split_lines(text)], lines).coverage >= COVERED


@dataclass(frozen=True)
class System:
    """Scores of one system.

    Parameters
    ----------
    name, version : str
        The version is empty for what is part of linesift.
    reads : {"text", "HTML"}
    scores : PageScores
        Headings left out.
    words : WordScores
        Nothing left out.
    page_types : list of str
        Of each page; empty where not known.
    pages_per_second : float
        On one core; of a peer as measured when it ran.
    errors : dict of str to str
        Pages on which it failed, with the reasons.
    """

    name: str
    version: str
    reads: str
    scores: PageScores
    words: WordScores
    page_types: list[str]
    pages_per_second: float
    errors: dict[str, str]

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """The scores with their intervals."""
        return self._estimates()

    def _estimates(self, chosen: npt.NDArray[np.bool_] | None = None) -> dict[str, Estimate]:
        found = estimates(self.scores, chosen)
        return {name: found[name] for name in SCORES} | self.words.estimates(chosen)

    @cached_property
    def by_page_type(self) -> dict[str, dict[str, Estimate]]:
        """The scores of each page type that there are pages of."""
        types = np.array(self.page_types)
        there = [name for name in PAGE_TYPES if name in self.page_types]
        return {name: self._estimates(types == name) for name in there}

    @cached_property
    def by_language(self) -> dict[str, dict[str, Estimate]]:
        """The scores of each language that has enough pages to say something."""
        languages = np.array(self.scores.languages)
        names, pages = np.unique(languages[languages != ""], return_counts=True)
        there = names[pages >= _FEWEST_PAGES].tolist()
        return {name: self._estimates(languages == name) for name in there}

    def higher_than(self, other: "System") -> dict[str, Estimate]:
        """Return by how much its scores are higher than those of another system, page by page."""
        found = differences(self.scores, other.scores)
        return {name: found[name] for name in SCORES} | self.words.higher_than(other.words)


class Comparison:
    """Scores systems on the same pages.

    Parameters
    ----------
    labelled : LabelledPages
        Pages with markup.
    documents : sequence of Document
        What each page was read from, with one HTML.
    """

    def __init__(self, labelled: LabelledPages, documents: Sequence[Document]) -> None:
        self.documents = documents
        self.pages = labelled.pages
        is_heading = [
            heading_lines(page, y) for page, y in zip(self.pages, labelled.labels, strict=True)
        ]
        self._headings = [
            {tuple(words(page.lines[i])) for i in np.flatnonzero(mask)}
            for page, mask in zip(self.pages, is_heading, strict=True)
        ]
        self._labelled = replace(
            labelled,
            labels=[
                np.where(mask, UNSURE, y).astype(np.int8)
                for mask, y in zip(is_heading, labelled.labels, strict=True)
            ],
            gold=[tuple(self._body(i, gold)) for i, gold in enumerate(labelled.gold)],
        )

    def _body(self, page: int, lines: Sequence[str]) -> list[str]:
        headings = self._headings[page]
        return [line for line in lines if tuple(words(line)) not in headings]

    def linesift(
        self, model: LinePredictor, *, threshold: float | str, all_types: bool = False
    ) -> list[System]:
        """Return the scores of a model that reads HTML, and of the same model on text alone.

        With `all_types` the cards of listings and collections are kept as well: they are what
        the gold texts of such pages hold.
        """
        sources = [
            (one.html[0], page) for one, page in zip(self.documents, self.pages, strict=True)
        ]

        def read() -> list[Page]:
            return [read_html(data, language=page.language) for data, page in sources]

        plain = [page.without_markup() for page in self.pages]
        name = ALL_TYPES if all_types else "linesift"
        options: dict[str, Any] = {"threshold": threshold}
        options["page_types"] = PAGE_TYPES if all_types else OWN_TEXT
        return [
            self._predicted(name, "HTML", model, read, **options),
            self._predicted(name, "text", model, lambda: plain, **options),
        ]

    def rules(self) -> list[System]:
        """Return the scores of the rules that read text alone."""
        plain = [page.without_markup() for page in self.pages]
        return [self._predicted(name, "text", rule, lambda: plain) for name, rule in RULES.items()]

    def _predicted(
        self,
        name: str,
        reads: str,
        model: LinePredictor,
        read: Callable[[], Sequence[Page]],
        **options: Any,
    ) -> System:
        """Return the scores of a model; the options are those of `predict_pages`."""
        start = time.process_time()
        with threadpool_limits(1):
            found = list(predict_pages(model, read(), **options))
        seconds = time.process_time() - start
        kept = [one.keep for one in found]
        texts = [
            [line for line, keep in zip(page.lines, mask, strict=True) if keep]
            for page, mask in zip(self.pages, kept, strict=True)
        ]
        raw = ["\n".join(lines) for lines in texts]
        scored = self._scores(kept, texts), self._words(raw), self._labelled.page_types
        return System(name, "", reads, *scored, len(kept) / seconds, {})

    def peer(self, peer: Peer, outputs: Sequence[Output], *, jobs: int) -> System:
        """Return the scores of what a peer made of the pages."""
        kept = Parallel(n_jobs=jobs, batch_size=8)(
            delayed(kept_lines)(output.text, page.lines)
            for output, page in zip(outputs, self.pages, strict=True)
        )
        texts = [[line for _, line in split_lines(output.text)] for output in outputs]
        seconds = sum(output.seconds for output in outputs)
        errors = {
            page.page_id: output.error
            for page, output in zip(self.pages, outputs, strict=True)
            if output.error
        }
        words = self._words([output.text for output in outputs])
        scored = self._scores(kept, texts), words, self._labelled.page_types
        rate = len(outputs) / max(seconds, 1e-9)
        return System(peer.name, peer.version, "HTML", *scored, rate, errors)

    def _words(self, texts: Sequence[str]) -> WordScores:
        return score_words(texts, self.documents, self._labelled.sites)

    def _scores(self, kept: Masks, texts: Sequence[Sequence[str]]) -> PageScores:
        codes = [np.where(mask, CONTENT, OTHER) for mask in kept]
        certain = np.eye(len(LABELS), dtype=np.float32)
        scores = score_pages(self._labelled, [certain[one] for one in codes], codes)
        text = [
            text_f1(self._body(i, lines), gold)
            for i, (lines, gold) in enumerate(zip(texts, self._labelled.gold, strict=True))
        ]
        return replace(scores, columns=scores.columns | {"text_f1": np.array(text)})


def to_dict(systems: Sequence[System], references: Sequence[System]) -> dict[str, Any]:
    """Return scores, and their differences to the reference systems, as JSON holds them.

    Parameters
    ----------
    systems, references : sequence of System
        Scored on the same pages.
    """
    first = systems[0].scores
    return {
        "pages": len(first.sites),
        "sites": len(set(first.sites)),
        "page_types": page_type_counts(systems[0]),
        "systems": [
            {
                "system": system.name,
                "version": system.version,
                "reads": system.reads,
                "scores": _plain(system.estimates),
                "by_language": {key: _plain(one) for key, one in system.by_language.items()},
                "by_page_type": {key: _plain(one) for key, one in system.by_page_type.items()},
                "pages_per_second": round(system.pages_per_second, 1),
                "errors": system.errors,
                "higher_than": {
                    f"{other.name} {other.reads}": _plain(system.higher_than(other))
                    for other in references
                    if other is not system
                },
            }
            for system in systems
        ],
    }


def page_type_counts(system: System) -> dict[str, int]:
    """Return how many of the pages are of each type that there are pages of."""
    return {name: system.page_types.count(name) for name in system.by_page_type}


def _plain(found: dict[str, Estimate]) -> dict[str, dict[str, float]]:
    return {name: asdict(one) for name, one in found.items()}
