"""Hand labels of pages of the public sets, kept without the pages' text.

The sets are not ours to copy, so a label file holds page id, line number, label and a
hash of the line: enough to find the line again, and to notice if it is another one now.
Hand labels outrank those from gold texts, and tell how often these are wrong.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import (
    LABELS,
    UNSURE,
    LabelArray,
    LabelError,
    LabelledPages,
    content_lines,
    label_code,
    label_files,
    label_name,
    write_atomically,
)
from linesift.reading.page import Page

_HEADER = "page\tline\tlabel\thash"
_HASH_LENGTH = 12
_MOST_DIGITS = 9  # of a line number; Python itself refuses thousands

HandLabels = Mapping[str, Mapping[int, tuple[int, str]]]
"""By page id and line number: label code and hash of the line."""


def line_hash(line: str) -> str:
    """Return what a label file keeps of a line, whatever its indentation.

    >>> line_hash("It rained all day."), line_hash("    It rained  all day.")
    ('fad7039ea5a8', 'fad7039ea5a8')
    """
    text = " ".join(line.split())
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]


def write_hand_labels(path: str | Path, labelled: LabelledPages) -> None:
    """Write the labels of pages without their text; `read_hand_labels` reads them back."""
    write_label_rows(
        path,
        {
            page.page_id: {
                number: (int(label), line_hash(line))
                for number, line, label in zip(page.numbers, page.lines, labels, strict=True)
            }
            for page, labels in zip(labelled.pages, labelled.labels, strict=True)
        },
    )


def write_label_rows(path: str | Path, hand: HandLabels) -> None:
    """Write labels by page id and line number; `read_label_rows` reads them back."""
    rows = [_HEADER]
    for page, lines in hand.items():
        for number, (label, mark) in lines.items():
            rows.append(f"{page}\t{number}\t{label_name(label)}\t{mark}")
    write_atomically(path, "\n".join([*rows, ""]).encode())


def read_hand_labels(folder: str | Path) -> HandLabels:
    """Return the labels of all files of a folder.

    Raises
    ------
    LabelError
        A file is not one of these, cannot be read, or labels a line twice; the message names
        the place.
    """
    found: dict[str, dict[int, tuple[int, str]]] = {}
    for path in label_files(folder):
        _read_rows(path, found)
    return found


def read_label_rows(path: Path) -> HandLabels:
    """Return the labels of one file.

    Raises
    ------
    LabelError
        As of `read_hand_labels`.
    """
    found: dict[str, dict[int, tuple[int, str]]] = {}
    _read_rows(path, found)
    return found


def _read_rows(path: Path, found: dict[str, dict[int, tuple[int, str]]]) -> None:
    """Add the labels of one file to those found."""
    try:
        header, *rows = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise LabelError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror or error})") from error
    if header != _HEADER:
        raise LabelError(f"{path}: expected the header {_HEADER!r}, got {header[:60]!r}")
    for count, row in enumerate(rows, start=2):
        if not row and count == len(rows) + 1:
            break  # what stands after the last line feed
        where = f"{path}: line {count}"
        columns = row.split("\t")
        if len(columns) != 4 or not columns[1].isdecimal() or len(columns[1]) > _MOST_DIGITS:
            raise LabelError(f"{where}: expected {_HEADER!r}, got {row[:60]!r}")
        page, number, label, mark = columns
        lines = found.setdefault(page, {})
        if int(number) in lines:
            raise LabelError(f"{where}: line {number} of {page} is labelled twice")
        lines[int(number)] = label_code(label, where), mark


def hand_labelled(labelled: LabelledPages, hand: HandLabels) -> LabelledPages:
    """Return the pages that were labelled by hand, with these labels instead of the aligned ones.

    Raises
    ------
    LabelError
        A page's lines are not those that were labelled.
    """
    chosen = labelled.select([page.page_id in hand for page in labelled.pages])
    labels = [_labels_of(page, hand[page.page_id]) for page in chosen.pages]
    gold = [content_lines(page, one) for page, one in zip(chosen.pages, labels, strict=True)]
    return replace(chosen, labels=labels, gold=gold)


def outrank(labelled: LabelledPages, hand: HandLabels) -> LabelledPages:
    """Return all pages in their order, with hand labels where there are any."""
    by_hand = hand_labelled(labelled, hand)
    labels, gold = list(labelled.labels), list(labelled.gold)
    at = {page.page_id: i for i, page in enumerate(labelled.pages)}
    for page, ours, article in zip(by_hand.pages, by_hand.labels, by_hand.gold, strict=True):
        labels[at[page.page_id]], gold[at[page.page_id]] = ours, article
    return replace(labelled, labels=labels, gold=gold)


def _labels_of(page: Page, lines: Mapping[int, tuple[int, str]]) -> LabelArray:
    if set(lines) != set(page.numbers):
        raise LabelError(
            f"{page.page_id}: the page has {len(page.numbers)} lines, {len(lines)} were labelled; "
            "it is read in another way than then"
        )
    for number, line in zip(page.numbers, page.lines, strict=True):
        if lines[number][1] != line_hash(line):
            raise LabelError(f"{page.page_id}: line {number} is not the one that was labelled")
    return np.array([lines[number][0] for number in page.numbers], np.int8)


def confusion(hand: LabelledPages, aligned: LabelledPages) -> npt.NDArray[np.int64]:
    """Return how many lines hand and alignment gave which label, unsure ones left out.

    Returns
    -------
    counts : ndarray of shape (n_labels, n_labels)
        By hand label, then aligned label.
    """
    by_page = {p.page_id: y for p, y in zip(aligned.pages, aligned.labels, strict=True)}
    counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
    for page, ours in zip(hand.pages, hand.labels, strict=True):
        theirs = by_page[page.page_id]
        known = (ours != UNSURE) & (theirs != UNSURE)
        np.add.at(counts, (ours[known], theirs[known]), 1)
    return counts


def doubtful_lines(hand: LabelledPages, aligned: LabelledPages) -> npt.NDArray[np.int64]:
    """Return of how many lines that alignment left as unsure the hand label is which.

    Returns
    -------
    counts : ndarray of shape (n_labels,)
        By hand label; lines that are unsure by hand too are left out.
    """
    by_page = {p.page_id: y for p, y in zip(aligned.pages, aligned.labels, strict=True)}
    counts = np.zeros(len(LABELS), np.int64)
    for page, ours in zip(hand.pages, hand.labels, strict=True):
        left = ours[(by_page[page.page_id] == UNSURE) & (ours != UNSURE)]
        counts += np.bincount(left, minlength=len(LABELS))
    return counts
