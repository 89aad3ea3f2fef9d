"""What the neighbours and the page say of a line, given what each line says by itself.

Most noise that survives a look at single lines is betrayed by its surroundings: a
teaser written as a full sentence stands among headlines, a short subhead between two
paragraphs. So the context model sees its neighbours' probabilities, sums over windows,
the run of lines that most likely holds the article, and how many of a line's words the
confident content also uses.

A page's numbers must not depend on the pages beside it in the batch, to the last bit.
Running sums over the batch would carry rounding errors from page to page; they are
kept in integers of fixed point, where sums are exact.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, LABELS, PAGE_TYPES
from linesift.models.features import (
    LINE_FEATURES,
    MARKUP_FEATURES,
    Floats,
    Words,
    line_features,
    markup_features,
    word_hashes,
)
from linesift.models.repetition import Columns, Places, SharedWords, repetition
from linesift.reading.page import Batch, Page

_FIXED = 1 << 16
_FAR = 64
_WINDOWS = (2, 5, 10, 25)
_WINDOWS_OF = {
    "log_characters": (5, 25),
    "ends_sentence": (5, 25),
    "share_digits": (25,),
    "link_share": (5, 25),
}
_KIND_WINDOWS = (3, 10)
_OFFSETS = (-3, -2, -1, 1, 2, 3)
_CONFIDENT = 0.5
_PROSE = np.float32(np.log1p(15))  # words from which a line is prose
_PAGE_TYPES = tuple(f"type:{name}" for name in PAGE_TYPES)


class Context:
    """The surroundings of the lines of a batch, for any number of looks at them.

    What hangs on the lines alone is found once; each look adds what hangs on the
    probabilities that the look before has given.

    Parameters
    ----------
    batch : Batch
    words : tuple of ndarray
        From `word_hashes`.
    line : ndarray of shape (n_lines, len(LINE_FEATURES))
        From `line_features`.
    markup : ndarray of shape (n_lines, len(MARKUP_FEATURES))
        From `markup_features`.
    scores : ndarray of shape (n_lines, n_labels)
        Log-odds of each label by a line's n-grams; NaN where there are none.
    page_types : ndarray of shape (n_pages, n_page_types)
        Probability of each page type; NaN where it is not known.
    """

    def __init__(
        self,
        batch: Batch,
        words: Words,
        line: Floats,
        markup: Floats,
        scores: Floats,
        page_types: Floats,
    ) -> None:
        self._batch = batch
        self._by_name = dict(zip(LINE_FEATURES, line.T, strict=True))
        self._by_name |= dict(zip(MARKUP_FEATURES, markup.T, strict=True))
        self._bounds = _Bounds(batch)
        self._lengths = np.rint(np.expm1(self._by_name["log_characters"])).astype(np.int64)
        self._prose = self._by_name["log_words"] >= _PROSE
        self._words = SharedWords(batch, words)
        self._places = Places(batch)
        lasting = {
            **_neighbours(self._bounds, self._by_name),
            **_windows(self._bounds, self._by_name),
            **_distances(
                self._bounds,
                {
                    "sentence": self._by_name["ends_sentence"] > 0,
                    "heading": self._by_name["heading"] == 1,
                    "colon": self._by_name["ends_colon"] > 0,
                },
            ),
            **_form_runs(self._bounds, self._by_name),
            **dict(zip(_PAGE_TYPES, page_types[batch.page_of_line].T, strict=True)),
            "telling_words": np.log1p(self._words.total),
            **repetition(batch),
            **self._places.sizes(),
            **_kinds(self._bounds, scores),
        }
        self._names = list(lasting)
        self._lasting = np.empty((len(lasting), batch.n_lines), np.float32)
        _fill(self._lasting, lasting)

    def features(self, probability: npt.NDArray[Any]) -> tuple[list[str], Floats]:
        """Return names and values of what the surroundings say of each line.

        Parameters
        ----------
        probability : ndarray of shape (n_lines,), 0 to 1
            Of being content, as the look before says, or a model that sees lines by themselves.

        Returns
        -------
        names : list of str
        features : ndarray of shape (n_lines, len(names)), float32
            NaN where there is no neighbour or no markup.
        """
        passing = self._passing(probability)
        rows = np.empty((len(self._names) + len(passing), self._batch.n_lines), np.float32)
        self._fill(rows, passing)
        return [*self._names, *passing], rows.T

    def beside(self, line: Floats, probability: npt.NDArray[Any]) -> Floats:
        """Return the features of single lines, the judgement so far, and what is said here.

        Parameters
        ----------
        line : ndarray of shape (n_lines, n_line_columns), float32
        probability : ndarray of shape (n_lines,), 0 to 1
        """
        passing = self._passing(probability)
        first = line.shape[1] + 1
        # A column is a stretch of memory of its own, and is written once.
        rows = np.empty((first + len(self._names) + len(passing), len(line)), np.float32)
        rows[: first - 1] = line.T
        rows[first - 1] = probability
        self._fill(rows[first:], passing)
        return rows.T

    def _fill(self, rows: Floats, passing: Columns) -> None:
        rows[: len(self._lasting)] = self._lasting
        _fill(rows[len(self._lasting) :], passing)

    def _passing(self, probability: npt.NDArray[Any]) -> Columns:
        """Return the columns that hang on the probability of the lines around."""
        probability = probability.astype(np.float64)
        run, run_columns = _best_run(self._bounds, probability, self._lengths)
        return {
            **_probable_neighbours(self._bounds, probability),
            **_prose_around(self._bounds, probability, self._prose),
            **_probable_windows(self._bounds, probability, self._lengths),
            **run_columns,
            **_distances(
                self._bounds,
                {
                    "confident": probability > 0.8,
                    "likely": probability > _CONFIDENT,
                    "unlikely": probability < 0.2,
                },
            ),
            **self._words.shared(probability, run),
            **self._places.content(probability),
        }


@cache
def context_features() -> tuple[str, ...]:
    """Return the names of the columns of `Context.features`, in order."""
    batch = Batch.from_pages([Page("", ("-",), (1,))])
    words = word_hashes(batch)
    unknown = np.full((1, len(LABELS)), np.nan, np.float32)
    types = np.full((1, len(PAGE_TYPES)), np.nan, np.float32)
    text, markup = line_features(batch), markup_features(batch, words)
    context = Context(batch, words, text, markup, unknown, types)
    return tuple(context.features(np.zeros(1))[0])


def _fill(rows: Floats, columns: Columns) -> None:
    for row, values in zip(rows, columns.values(), strict=True):
        row[:] = values


class _Bounds:
    """First line and one past the last line of the page that each line belongs to."""

    def __init__(self, batch: Batch) -> None:
        sizes = np.diff(batch.page_starts)
        self.page = batch.page_of_line
        self.first = np.repeat(batch.page_starts[:-1], sizes)
        self.last = np.repeat(batch.page_starts[1:], sizes)
        self.index = np.arange(batch.n_lines)
        self.whole = _Window(self.first, self.last)
        self._windows: dict[int, tuple[_Window, _Window]] = {}

    def windows(self, sizes: Sequence[int]) -> dict[str, "_Window"]:
        """Return so many lines before and after each line, cut at the borders of the page."""
        windows = {}
        for size in sizes:
            if size not in self._windows:
                self._windows[size] = (
                    _Window(np.maximum(self.index - size, self.first), self.index),
                    _Window(self.index + 1, np.minimum(self.index + size + 1, self.last)),
                )
            windows[f"before {size}"], windows[f"after {size}"] = self._windows[size]
        return windows


class _Window:
    """A stretch of lines for each line: from `low` on, without `high`."""

    def __init__(self, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> None:
        self.low, self.high = low, high
        self.count = np.maximum(high - low, 1)

    def sum(self, running: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the sum of what `_running` was given."""
        return (running[self.high] - running[self.low]) / _FIXED


def _running(column: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return exact running sums in fixed point, with a zero in front; NaN counts as zero."""
    values = np.nan_to_num(column.astype(np.float64), nan=0.0)
    return np.concatenate([[0], np.cumsum(np.rint(values * _FIXED).astype(np.int64))])


def _shifted(bounds: _Bounds, column: npt.NDArray[Any], offset: int) -> Floats:
    """Return the column's value `offset` lines further on the same page, else NaN."""
    at = bounds.index + offset
    inside = (at >= bounds.first) & (at < bounds.last)
    values = np.full(len(at), np.nan, np.float32)
    values[inside] = column[at[inside]]
    return values


def _neighbours(bounds: _Bounds, by_name: Mapping[str, Floats]) -> Columns:
    columns: Columns = {}
    for offset in (-1, 1):
        for name in ("log_characters", "ends_sentence", "share_digits", "link_share"):
            columns[f"{name}[{offset:+d}]"] = _shifted(bounds, by_name[name], offset)
        other = columns[f"log_characters[{offset:+d}]"]
        columns[f"longer_than[{offset:+d}]"] = by_name["log_characters"] - other
    return columns


def _form_runs(bounds: _Bounds, by_name: Mapping[str, Floats]) -> Columns:
    """How many lines of the same form stand together: a list, a table, turns of a dialogue.

    Of one form are lines that begin and end alike and are of about the same length.
    """
    form = np.rint(by_name["log_words"] * 1.5).astype(np.int64)
    for name in ("ends_sentence", "ends_colon", "starts_digit", "starts_upper", "time_of_day"):
        form = 2 * form + (by_name[name] > 0)
    begins = np.diff(form, prepend=form[:1]) != 0
    begins |= bounds.index == bounds.first
    run = np.cumsum(begins)
    sizes = np.bincount(run, minlength=1)
    first = np.maximum.accumulate(np.where(begins, bounds.index, 0))
    return {
        "lines_of_form": np.log1p(sizes[run]),
        "lines_of_form_above": np.log1p(bounds.index - first),
    }


def _prose_around(
    bounds: _Bounds, probability: npt.NDArray[np.float64], prose: npt.NDArray[np.bool_]
) -> Columns:
    """Say what the nearest paragraphs above and below are, however many short lines lie between."""
    columns: Columns = {}
    above, below = _nearest(bounds, prose)
    for name, at, inside in (
        ("above", above, above >= bounds.first),
        ("below", below, below < bounds.last),
    ):
        inside = inside & (at >= 0) & (at < len(prose))
        inside[inside] &= prose[at[inside]]
        values = np.full(len(prose), np.nan, np.float32)
        values[inside] = probability[at[inside]]
        columns[f"probability[prose {name}]"] = values
        columns[f"lines_to_prose_{name}"] = np.log1p(np.abs(at - bounds.index))
    return columns


def _probable_neighbours(bounds: _Bounds, probability: npt.NDArray[np.float64]) -> Columns:
    return {
        f"probability[{offset:+d}]": _shifted(bounds, probability, offset) for offset in _OFFSETS
    }


def _windows(bounds: _Bounds, by_name: Mapping[str, Floats]) -> Columns:
    """Means over windows before and after each line, itself left out, and over the page."""
    columns: Columns = {}
    unknown = np.isnan(by_name["link_share"])
    for name, sizes in _WINDOWS_OF.items():
        running = _running(by_name[name])
        for key, window in bounds.windows(sizes).items():
            mean = window.sum(running) / window.count
            if name == "link_share":
                mean = np.where(unknown, np.nan, mean)
            columns[f"{name}[{key}]"] = mean
        if name in ("log_characters", "ends_sentence"):
            columns[f"{name}[page]"] = bounds.whole.sum(running) / bounds.whole.count
    columns["log_lines[page]"] = np.log1p(bounds.whole.count)
    return columns


def _probable_windows(
    bounds: _Bounds, probability: npt.NDArray[np.float64], lengths: npt.NDArray[np.int64]
) -> Columns:
    """Likewise for the probability, and for the characters that a window gains or loses."""
    columns: Columns = {}
    likely, gain = _running(probability), _running((probability - _CONFIDENT) * lengths)
    for key, window in bounds.windows(_WINDOWS).items():
        columns[f"probability[{key}]"] = window.sum(likely) / window.count
        columns[f"gain[{key}]"] = window.sum(gain)
    columns["probability[page]"] = bounds.whole.sum(likely) / bounds.whole.count
    return columns


def _kinds(bounds: _Bounds, scores: Floats) -> Columns:
    """How much the lines above and below sound like each kind of noise.

    A paragraph among comments is a comment, however well it is written.
    """
    columns: Columns = {}
    known = np.nan_to_num(scores.astype(np.float64), nan=0.0)
    odds = np.exp(known - known.max(axis=1, keepdims=True, initial=-np.inf))
    share = odds / odds.sum(axis=1, keepdims=True)
    for code in range(len(LABELS)):
        if code == CONTENT:
            continue
        running = _running(share[:, code])
        for key, window in bounds.windows(_KIND_WINDOWS).items():
            columns[f"{LABELS[code]}[{key}]"] = window.sum(running) / window.count
    return columns


def _best_run(
    bounds: _Bounds, probability: npt.NDArray[np.float64], lengths: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], Columns]:
    """Find the run of lines of each page with the largest sum of (probability - 0.5) * length.

    Kadane's maximum subarray over all pages at once: pages are kept apart by a step
    between them that no sum on any of these pages reaches.
    """
    gain = np.rint((probability - _CONFIDENT) * lengths * 64).astype(np.int64)
    running = np.concatenate([[0], np.cumsum(gain)])
    if not len(gain):
        empty = np.empty(0)
        return np.empty(0, bool), dict.fromkeys(_RUN_COLUMNS, empty)
    before_page = running[bounds.first]
    ended, began = running[1:] - before_page, running[:-1] - before_page
    step = bounds.page * (2 * max(np.abs(ended).max(), np.abs(began).max()) + 1)
    least = np.minimum.accumulate(began - step) + step  # of all starts so far on the page
    value = ended - least  # best run that ends here
    page_first = np.flatnonzero(bounds.index == bounds.first)
    best = np.repeat(np.maximum.reduceat(value, page_first), np.diff([*page_first, len(gain)]))
    is_end = value == best
    end = _first_true_per_page(bounds, is_end, page_first)
    is_start = (began == least[end]) & (bounds.index <= end)
    start = _last_true_per_page(bounds, is_start)
    inside = (bounds.index >= start) & (bounds.index <= end) & (best > 0)
    sums = _running(inside * lengths)
    all_sums = _running(lengths)
    low, high = bounds.first, bounds.last
    columns: Columns = {
        "in_run": inside,
        "lines_after_run_start": np.clip(bounds.index - start, -_FAR, _FAR),
        "lines_before_run_end": np.clip(end - bounds.index, -_FAR, _FAR),
        "characters_to_run": np.log1p(np.abs(_characters_between(all_sums, bounds, start, end))),
        "run_share[page]": (sums[high] - sums[low]) / np.maximum(all_sums[high] - all_sums[low], 1),
        "run_lines[page]": np.log1p(end - start + 1),
        "run_gain[page]": np.log1p(np.maximum(best, 0) / 64),
    }
    return inside, columns


_RUN_COLUMNS = (
    "in_run",
    "lines_after_run_start",
    "lines_before_run_end",
    "characters_to_run",
    "run_share[page]",
    "run_lines[page]",
    "run_gain[page]",
)


def _characters_between(
    running: npt.NDArray[np.int64],
    bounds: _Bounds,
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return the characters between each line and the run; zero inside it."""
    before = running[start] - running[np.minimum(bounds.index + 1, start)]
    after = running[np.maximum(bounds.index, end + 1)] - running[end + 1]
    return (before + after) / _FIXED


def _first_true_per_page(
    bounds: _Bounds, mask: npt.NDArray[np.bool_], page_first: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    at = np.where(mask, bounds.index, np.iinfo(np.int64).max)
    sizes = np.diff([*page_first, len(mask)])
    return np.repeat(np.minimum.reduceat(at, page_first), sizes)


def _last_true_per_page(bounds: _Bounds, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    page_first = np.flatnonzero(bounds.index == bounds.first)
    at = np.where(mask, bounds.index, -1)
    sizes = np.diff([*page_first, len(mask)])
    return np.repeat(np.maximum.reduceat(at, page_first), sizes)


def _distances(bounds: _Bounds, kinds: Mapping[str, npt.NDArray[np.bool_]]) -> Columns:
    """Lines to the nearest line of a kind on both sides; capped, and the cap if there is none."""
    columns: Columns = {}
    for name, mask in kinds.items():
        above, below = _nearest(bounds, mask)
        columns[f"lines_since_{name}"] = np.minimum(bounds.index - above, _FAR)
        columns[f"lines_until_{name}"] = np.minimum(below - bounds.index, _FAR)
    return columns


def _nearest(
    bounds: _Bounds, mask: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the nearest line above and below for which the mask holds, or one far away."""
    size = len(mask)
    if not size:
        return bounds.index, bounds.index
    hits = np.maximum.accumulate(np.where(mask, bounds.index, -1))
    above = np.concatenate([[-1], hits[:-1]])
    above = np.where(above >= bounds.first, above, bounds.index - _FAR)
    hits = np.minimum.accumulate(np.where(mask, bounds.index, size)[::-1])[::-1]
    below = np.concatenate([hits[1:], [size]])
    below = np.where(below < bounds.last, below, bounds.index + _FAR)
    return above, below
