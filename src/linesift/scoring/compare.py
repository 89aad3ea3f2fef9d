"""Score other extractors on the pages that linesift is scored on, by the same measures.

A peer reads the HTML and gives a text, not lines. Its text is aligned with the lines of
the page exactly as a gold text is, so a line counts as kept where a gold text would
have made it content. Headings are left out of labels, gold texts and outputs alike:
gold texts disagree whether they are part of the article, and so do extractors.

Every output is kept as a file beside the version of the peer. Scoring runs nothing that
was run before, and a crash or an overrun is a miss: an empty output.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from linesift.labelling.alignment import align
from linesift.labelling.archives import Progress
from linesift.labelling.labels import (
    CONTENT,
    LABELS,
    OTHER,
    UNSURE,
    LabelledPages,
    write_atomically,
)
from linesift.labelling.weak_labels import COVERED, heading_lines
from linesift.models.baselines import C4Rule, RefinedWebRule, RunRule
from linesift.models.model import LinePredictor
from linesift.models.predict import predict_pages
from linesift.reading.page import Page
from linesift.reading.readers import read_html
from linesift.reading.text import split_lines, words
from linesift.scoring.isolation import Result, call_isolated
from linesift.scoring.metrics import (
    Estimate,
    PageScores,
    differences,
    estimates,
    score_pages,
    text_f1,
)
from linesift.scoring.peers import WARM_UP, Peer

SCORES = ("text_f1", "line_f1", "character_f1")
"""What systems are compared by."""

RULES = {
    "run rule": RunRule(),
    "C4's line rule": C4Rule(),
    "RefinedWeb's line rule": RefinedWebRule(),
}
"""Rules that read text alone, by name."""

_FEWEST_PAGES = 5  # of a language; fewer say nothing
_INDEX = "pages.jsonl"

Masks = Sequence[npt.NDArray[np.bool_]]


class Output(NamedTuple):
    """What a peer made of a page.

    Parameters
    ----------
    text : str
        Empty where it failed.
    seconds : float
        Processor time it took.
    error : str
        Why it failed; empty if it did not.
    """

    text: str
    seconds: float
    error: str


class OutputFolder:
    """The kept outputs of one version of a peer: a text file a page, and an index.

    An output counts for the very bytes it was made from. To have a peer run again, delete
    its folder.

    Parameters
    ----------
    folder : path
        Of all peers.
    peer : Peer
        Installed.
    """

    def __init__(self, folder: str | Path, peer: Peer) -> None:
        self.path = Path(folder) / f"{peer.name}-{peer.version}"

    def read(self) -> dict[tuple[str, str], Output]:
        """Return what is there, by page id and digest of the HTML."""
        found: dict[str, tuple[str, Output]] = {}
        if not (self.path / _INDEX).exists():
            return {}
        for row in (self.path / _INDEX).read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(row)
                text = self._file(entry["page"]).read_bytes().decode("utf-8")
            except (ValueError, FileNotFoundError):  # a run was stopped in the middle
                continue
            # A page has one text: it is that of the bytes it was made from last.
            output = Output(text, entry["seconds"], entry["error"])
            found[entry["page"]] = entry["html"], output
        return {(page, html): output for page, (html, output) in found.items()}

    def write(self, page_id: str, digest: str, output: Output) -> None:
        """Keep an output: first the text, then its row of the index."""
        write_atomically(self._file(page_id), output.text.encode("utf-8", "replace"))
        entry = {"page": page_id, "html": digest, **output._asdict()}
        del entry["text"]
        with (self.path / _INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(entry) + "\n")

    def _file(self, page_id: str) -> Path:
        return self.path / f"{quote(page_id, safe='')}.txt"


def peer_outputs(
    peer: Peer,
    pages: Sequence[Page],
    html: Sequence[bytes],
    folder: str | Path,
    *,
    timeout: float,
    jobs: int,
    progress: Progress,
) -> list[Output]:
    """Return what a peer makes of pages: kept outputs where there are any, else it is run.

    Parameters
    ----------
    peer : Peer
        Installed.
    pages : sequence of Page
    html : sequence of bytes
        Of each page.
    folder : path
        Of the kept outputs of all peers.
    timeout : float
        Seconds for one page; beyond it the page is a miss.
    jobs : int
        Processes.
    progress : callable
        See `linesift.labelling.archives.Progress`.
    """
    kept = OutputFolder(folder, peer)
    there = kept.read()
    keys = [
        (page.page_id, hashlib.sha256(data).hexdigest())
        for page, data in zip(pages, html, strict=True)
    ]
    missing = [i for i, key in enumerate(keys) if key not in there]
    ran = 0

    def done(index: int, result: Result) -> None:
        nonlocal ran
        ran += 1
        key = keys[missing[index]]
        there[key] = Output(result.value or "", result.seconds, result.error)
        kept.write(*key, there[key])
        progress(peer.name, ran, len(missing))

    if missing:
        call_isolated(
            peer.extract,
            [(html[i], pages[i].language) for i in missing],
            timeout=timeout,
            jobs=min(jobs, len(missing)),
            warm_up=WARM_UP,
            done=done,
        )
    return [there[key] for key in keys]


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
    pages_per_second : float
        On one core; of a peer as measured when it ran.
    errors : dict of str to str
        Pages on which it failed, with the reasons.
    """

    name: str
    version: str
    reads: str
    scores: PageScores
    pages_per_second: float
    errors: dict[str, str]

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """The scores with their intervals."""
        found = estimates(self.scores)
        return {name: found[name] for name in SCORES}

    def higher_than(self, other: "System") -> dict[str, Estimate]:
        """Return by how much its scores are higher than those of another system, page by page."""
        found = differences(self.scores, other.scores)
        return {name: found[name] for name in SCORES}


class Comparison:
    """Scores systems on the same pages, headings left out.

    Parameters
    ----------
    labelled : LabelledPages
        Pages with markup.
    html : sequence of bytes
        Of each page.
    """

    def __init__(self, labelled: LabelledPages, html: Sequence[bytes]) -> None:
        self.html = html
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

    def linesift(self, model: LinePredictor, *, threshold: float | str) -> list[System]:
        """Return the scores of a model that reads HTML, and of the same model on text alone."""
        sources = list(zip(self.html, self.pages, strict=True))

        def read() -> list[Page]:
            return [read_html(data, language=page.language) for data, page in sources]

        plain = [page.without_markup() for page in self.pages]
        return [
            self._predicted("linesift", "HTML", model, read, threshold),
            self._predicted("linesift", "text", model, lambda: plain, threshold),
        ]

    def rules(self) -> list[System]:
        """Return the scores of the rules that read text alone."""
        plain = [page.without_markup() for page in self.pages]
        return [
            self._predicted(name, "text", rule, lambda: plain, "balanced")
            for name, rule in RULES.items()
        ]

    def _predicted(
        self,
        name: str,
        reads: str,
        model: LinePredictor,
        read: Callable[[], Sequence[Page]],
        threshold: float | str,
    ) -> System:
        start = time.process_time()
        with threadpool_limits(1):
            found = list(predict_pages(model, read(), threshold=threshold))
        seconds = time.process_time() - start
        kept = [one.keep for one in found]
        texts = [
            [line for line, keep in zip(page.lines, mask, strict=True) if keep]
            for page, mask in zip(self.pages, kept, strict=True)
        ]
        return System(name, "", reads, self._scores(kept, texts), len(kept) / seconds, {})

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
        scores = self._scores(kept, texts)
        rate = len(outputs) / max(seconds, 1e-9)
        return System(peer.name, peer.version, "HTML", scores, rate, errors)

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
        "systems": [
            {
                "system": system.name,
                "version": system.version,
                "reads": system.reads,
                "scores": {name: asdict(one) for name, one in system.estimates.items()},
                "by_language": _by_language(system.scores),
                "pages_per_second": round(system.pages_per_second, 1),
                "errors": system.errors,
                "higher_than": {
                    f"{other.name} {other.reads}": {
                        name: asdict(one) for name, one in system.higher_than(other).items()
                    }
                    for other in references
                    if other is not system
                },
            }
            for system in systems
        ],
    }


def _by_language(scores: PageScores) -> dict[str, dict[str, Any]]:
    """Return the scores of each language that has enough pages to say something."""
    languages = np.array(scores.languages)
    found = {}
    for language in sorted(set(scores.languages) - {""}):
        chosen = languages == language
        if chosen.sum() >= _FEWEST_PAGES:
            values = estimates(scores, chosen)
            found[language] = {name: asdict(values[name]) for name in SCORES}
    return found
