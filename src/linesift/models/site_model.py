"""A small model of one site on top of the shipped one.

A few dozen labelled lines are too few to learn what an article is, and enough to learn what
a site does its own way: the line that stands on every page, the element that holds its
tags, what the first line under a heading is. So the judgement of the model below stays,
and what is learned is a correction: numbers added to its log-odds, from the columns that
it has looked at last, from the line as a whole, the lines above and below, and the words
of the tag path. Nothing learned is nothing added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, LABELS
from linesift.models.features import Floats, line_hashes
from linesift.models.model import LineModel
from linesift.models.odds import expit, logit, softmax
from linesift.models.prediction import NOISE, LinePredictor, Predicted
from linesift.models.shapes import check_arrays
from linesift.reading.page import NO_PATH, Batch, Page
from linesift.reading.tag_paths import hashed_paths

BITS = 12
"""Hashes of lines and of path words lie below `2 ** BITS`."""
GROUPS = 4
"""The line itself, the one above, the one below, and the words of the path."""

_BIAS = 0.3
# How loudly each kind of evidence may speak; chosen on validation sites, see the LOG. Of lines
# with markup the columns say nothing: the path says it better.
_COLUMNS, _LINE, _NEIGHBOUR, _PATH = 0.2, 2.0, 1.5, 3.0
_LEAST = 1e-6  # probability of a kind that the model below does not know


class Evidence(NamedTuple):
    """What is seen of some lines.

    Parameters
    ----------
    columns : ndarray of shape (n_lines, n_columns + 1), float64
        What the model below has looked at last (zero with markup), and a constant.
    rows, tokens : ndarray of shape (n_tokens,), int64
        A line, and something that it has.
    values : ndarray of shape (n_tokens,), float64
    """

    columns: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class SiteModel(LinePredictor):
    """The model below and what is added to its log-odds.

    Parameters
    ----------
    base : LineModel
    column_weights : ndarray of shape (n_columns + 1, n_labels), float32
        Of content against noise, then of the kinds of noise.
    token_weights : ndarray of shape (GROUPS * 2 ** BITS, n_labels), float32
    """

    base: LineModel
    column_weights: Floats
    token_weights: Floats

    def __post_init__(self) -> None:
        if not isinstance(self.base, LineModel):
            raise ValueError(f"SiteModel.base: expected a LineModel, got {type(self.base)}")
        check_arrays(
            self,
            column_weights=(np.float32, self.base.n_columns + 1, len(LABELS)),
            token_weights=(np.float32, GROUPS << BITS, len(LABELS)),
        )

    def __repr__(self) -> str:
        return f"SiteModel(on {self.base!r})"

    @property
    def thresholds_(self) -> Mapping[str, tuple[float, float, float]]:  # type: ignore[override]
        """Those of the model below."""
        return self.base.thresholds_

    def predicted(self, X: Sequence[Page]) -> Predicted:
        """Return the probabilities of labels and page types."""
        batch, labels, features, pages = self.base.judge(X)
        if batch.n_lines:
            labels = self._corrected(labels, evidence(self.base, batch, features))
        # Who labels pages of a site has content there: the doubts of the model below are past.
        return Predicted(batch.by_page(labels), *pages._replace(has_content=None))

    def _corrected(self, labels: Floats, seen: Evidence) -> Floats:
        added = np.einsum("ij,jk->ik", seen.columns, self.column_weights)
        by_token = self.token_weights[seen.tokens] * seen.values[:, None]
        for label in range(len(LABELS)):
            added[:, label] += np.bincount(seen.rows, by_token[:, label], minlength=len(labels))
        content, kinds = log_odds(labels)
        probability = expit(content + added[:, CONTENT])
        corrected = np.empty_like(labels)
        corrected[:, CONTENT] = probability
        corrected[:, NOISE] = (1 - probability)[:, None] * softmax(kinds + added[:, NOISE])
        return corrected


def log_odds(labels: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return log-odds of content, and log probabilities of the kinds of noise."""
    kinds = labels[:, NOISE].astype(np.float64)
    kinds /= np.maximum(kinds.sum(axis=1, keepdims=True), _LEAST)
    return logit(labels[:, CONTENT]), np.log(np.maximum(kinds, _LEAST))


def evidence(base: LineModel, batch: Batch, features: Floats) -> Evidence:
    """Return what is seen of the lines of a batch."""
    known = batch.path_ids != NO_PATH
    columns = np.full((batch.n_lines, base.n_columns + 1), _BIAS)
    columns[:, :-1] = base.standardised(features)
    columns[:, :-1] *= np.where(known, 0, _COLUMNS)[:, None]
    parts = [*_lines(batch), _paths(batch, known)]
    rows, tokens, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Evidence(columns, rows, tokens, values)


_Part = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]


def _lines(batch: Batch) -> list[_Part]:
    """Return each line as one token, and so the lines above and below on its page."""
    hashes = (line_hashes(batch) >> np.uint32(32 - BITS)).astype(np.int64)
    index, page = np.arange(batch.n_lines), batch.page_of_line
    parts = []
    for group, (offset, value) in enumerate(((0, _LINE), (-1, _NEIGHBOUR), (1, _NEIGHBOUR))):
        at = index + offset
        rows = index[(at >= 0) & (at < batch.n_lines)]
        rows = rows[page[rows] == page[rows + offset]]
        tokens = hashes[rows + offset] + (group << BITS)
        parts.append((rows, tokens, np.full(len(rows), value)))
    return parts


def _paths(batch: Batch, known: npt.NDArray[np.bool_]) -> _Part:
    """Return the words of each line's path; the more there are, the less each says."""
    rows = np.flatnonzero(known)
    if not len(rows):
        return rows, rows, np.empty(0)
    words = hashed_paths(batch.split_paths, BITS)
    path = batch.path_ids[rows]
    sizes = words.counts[path]
    first = np.cumsum(sizes) - sizes
    at = np.arange(sizes.sum()) + np.repeat(words.starts[path] - first, sizes)
    tokens = words.hashes[0][at].astype(np.int64) + ((GROUPS - 1) << BITS)
    return np.repeat(rows, sizes), tokens, np.repeat(_PATH / np.sqrt(np.maximum(sizes, 1)), sizes)
