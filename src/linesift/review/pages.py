"""Pages for people to label: read, named so that the name lasts, and guessed at.

A label file outlives the folder and the machine on which its page was read, so a page
is called by its place below the folder that was given, or by its address.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from linesift.labelling.documents import site_of
from linesift.labelling.labels import LabelArray, LabelError, load_label_file
from linesift.models.features import Floats
from linesift.models.predict import BATCH_LINES
from linesift.models.prediction import LinePredictor
from linesift.reading.page import Page
from linesift.reading.readers import ReadError
from linesift.reading.sources import Fields, Record, read_record, read_records

Complain = Callable[[str, str], None]
"""Told the name of what gives no page, and why."""

_SUFFIXES = (".txt", ".html", ".htm", ".xhtml", ".tsv")


@dataclass(frozen=True)
class Guess:
    """What the model takes the lines of a page for.

    Parameters
    ----------
    page : Page
    labels : ndarray of shape (n_lines,), int8
        The likeliest label of each line.
    certainty : ndarray of shape (n_lines,), 0 to 1
        Its probability.
    """

    page: Page
    labels: LabelArray
    certainty: Floats


def guess_pages(model: LinePredictor, pages: Iterable[Page]) -> Iterator[Guess]:
    """Yield the guess at each page, in the order given, some batches of lines at a time."""
    batch: list[Page] = []
    size = 0
    for page in pages:
        batch.append(page)
        size += len(page.lines)
        if size >= BATCH_LINES:
            yield from _guesses(model, batch)
            batch, size = [], 0
    yield from _guesses(model, batch)


def _guesses(model: LinePredictor, pages: list[Page]) -> Iterator[Guess]:
    if pages:
        for page, proba in zip(pages, model.predict_proba(pages), strict=True):
            yield Guess(page, proba.argmax(axis=1).astype(np.int8), proba.max(axis=1))


def pages_to_label(
    inputs: Iterable[str], labels: str | Path, *, complain: Complain
) -> Iterator[Page]:
    """Yield the pages of files, folders and archives, each under another name.

    Label files among them are pages too, if they lie in the folder of labels; they come
    last, so that a page is rather read from its source, which may have markup.

    Parameters
    ----------
    inputs : iterable of str
        As for `linesift.reading.sources.read_records`.
    labels : str or Path
        Folder of label files.
    complain : callable
        Told what gives no page; the others go on.

    Examples
    --------
    >>> next(pages_to_label(["README.md"], "data/pages", complain=print)).page_id
    'README.md'
    """
    taken: set[str] = set()
    files: set[Path] = set()  # a file below a folder may be given by its own name too
    late: list[str] = []
    for given in inputs:
        for record in read_records([given]):
            if record.kind == "file" and not record.error:
                file = Path(record.name).resolve()
                if file in files:
                    continue
                files.add(file)
                if record.name.endswith(".tsv"):
                    late.append(record.name)
                    continue
            try:
                page = _named(read_record(record, Fields()), record, given)
                if not page.lines:
                    raise ReadError("no lines to label")
            except (ReadError, OSError) as error:
                complain(record.name, str(error))
                continue
            if page.page_id in taken:
                page = replace(page, page_id=_one_line(record.name))
            if page.page_id in taken:  # an address that was crawled again
                complain(record.name, "a page of this name is there already; the first one counts")
                continue
            taken.add(page.page_id)
            yield page
    folder = Path(labels).resolve()
    for name in late:
        try:
            if Path(name).resolve().parent != folder:
                raise LabelError(f"a label file; it is reviewed in place with: --labels {folder}")
            page = load_label_file(name).page
        except LabelError as error:
            complain(name, str(error).removeprefix(f"{name}: "))
            continue
        if page.lines and page.page_id not in taken:
            taken.add(page.page_id)
            yield page


def _named(page: Page, record: Record, given: str) -> Page:
    """Return the page under a lasting name, with what would break a label file taken out."""
    name, site = page.page_id, page.site
    if record.kind == "file":
        path = Path(record.name)
        below = path.relative_to(given) if path != Path(given) else Path(path.name)
        name = below.as_posix()
        if below.suffix.lower() in _SUFFIXES:
            name = name[: -len(below.suffix)]
    elif "://" in name:
        site = site or site_of(name)
    lines = tuple(_writable(line) for line in page.lines)
    return replace(
        page,
        page_id=_one_line(name),
        site=_one_line(site),
        language=_one_line(page.language),
        lines=lines,
    )


def _writable(text: str) -> str:
    """Return a text that UTF-8 can hold: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", _writable(text)).split())
