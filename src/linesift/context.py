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
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.features import LINE_FEATURES, MARKUP_FEATURES, Floats, line_hashes, word_hashes
from linesift.labels import CONTENT, LABELS
from linesift.page import NO_PATH, Batch

_FIXED = 1 << 16
_FAR = 64
_PAGE_STEP = np.int64(1) << np.int64(44)
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

Columns = dict[str, npt.NDArray[Any]]


def context_features(
    batch: Batch, line: Floats, markup: Floats, scores: Floats, probability: npt.NDArray[Any]
) -> tuple[list[str], Floats]:
    """Return names and values of what the surroundings say of each line.

    Parameters
    ----------
    batch : Batch
    line : ndarray of shape (n_lines, len(LINE_FEATURES))
        From `line_features`.
    markup : ndarray of shape (n_lines, len(MARKUP_FEATURES))
        From `markup_features`.
    scores : ndarray of shape (n_lines, n_labels)
        Log-odds of each label by a line's n-grams; NaN where there are none.
    probability : ndarray of shape (n_lines,), 0 to 1
        Of being content, as a model says that sees lines by themselves.

    Returns
    -------
    names : list of str
    features : ndarray of shape (n_lines, len(names)), float32
        NaN where there is no neighbour or no markup.
    """
    by_name = dict(zip(LINE_FEATURES, line.T, strict=True))
    by_name |= dict(zip(MARKUP_FEATURES, markup.T, strict=True))
    probability = probability.astype(np.float64)
    bounds = _Bounds(batch)
    columns: Columns = {}
    columns |= _neighbours(bounds, by_name, probability)
    lengths = np.rint(np.expm1(by_name["log_characters"])).astype(np.int64)
    columns |= _windows(bounds, by_name, probability, lengths)
    run, run_columns = _best_run(bounds, probability, lengths)
    columns |= run_columns
    columns |= _distances(bounds, by_name, probability)
    columns |= _shared_words(batch, probability, run)
    columns |= _repetition(batch)
    columns |= _same_place(batch, probability)
    columns |= _kinds(bounds, scores)
    names = list(columns)
    if not batch.n_lines:
        return names, np.empty((0, len(names)), np.float32)
    return names, np.column_stack([columns[name].astype(np.float32) for name in names])


class _Bounds:
    """First line and one past the last line of the page that each line belongs to."""

    def __init__(self, batch: Batch) -> None:
        sizes = np.diff(batch.page_starts)
        self.page = batch.page_of_line
        self.first = np.repeat(batch.page_starts[:-1], sizes)
        self.last = np.repeat(batch.page_starts[1:], sizes)
        self.index = np.arange(batch.n_lines)

    def window(self, before: int, after: int) -> tuple[npt.NDArray[np.int64], ...]:
        """Return where a window begins and ends, cut at the borders of the page."""
        low = np.minimum(np.maximum(self.index - before, self.first), self.index + 1)
        high = np.maximum(np.minimum(self.index + after + 1, self.last), self.index)
        return low, high


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


def _neighbours(
    bounds: _Bounds, by_name: Mapping[str, Floats], probability: npt.NDArray[np.float64]
) -> Columns:
    columns: Columns = {}
    for offset in _OFFSETS:
        columns[f"probability[{offset:+d}]"] = _shifted(bounds, probability, offset)
    for offset in (-1, 1):
        for name in ("log_characters", "ends_sentence", "share_digits", "link_share"):
            columns[f"{name}[{offset:+d}]"] = _shifted(bounds, by_name[name], offset)
        other = columns[f"log_characters[{offset:+d}]"]
        columns[f"longer_than[{offset:+d}]"] = by_name["log_characters"] - other
    return columns


def _windows(
    bounds: _Bounds,
    by_name: Mapping[str, Floats],
    probability: npt.NDArray[np.float64],
    lengths: npt.NDArray[np.int64],
) -> Columns:
    """Means over windows before, after and around each line, itself left out."""
    columns: Columns = {}
    sums = {
        "probability": _running(probability),
        "gain": _running((probability - _CONFIDENT) * lengths),
        "log_characters": _running(by_name["log_characters"]),
        "ends_sentence": _running(by_name["ends_sentence"]),
        "share_digits": _running(by_name["share_digits"]),
        "link_share": _running(by_name["link_share"]),
    }
    unknown = np.isnan(by_name["link_share"])
    for size in _WINDOWS:
        for side, (before, after) in {"before": (size, -1), "after": (-1, size)}.items():
            low, high = bounds.window(before, after)
            count = np.maximum(high - low, 1)
            for name, running in sums.items():
                if size not in _WINDOWS_OF.get(name, _WINDOWS):
                    continue
                total = (running[high] - running[low]) / _FIXED
                mean = total if name == "gain" else total / count
                if name == "link_share":
                    mean = np.where(unknown, np.nan, mean)
                columns[f"{name}[{side} {size}]"] = mean
    low, high = bounds.first, bounds.last
    for name in ("probability", "log_characters", "ends_sentence"):
        columns[f"{name}[page]"] = (sums[name][high] - sums[name][low]) / _FIXED / (high - low)
    columns["log_lines[page]"] = np.log1p(high - low)
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
        for size in _KIND_WINDOWS:
            for side, (before, after) in {"before": (size, -1), "after": (-1, size)}.items():
                low, high = bounds.window(before, after)
                mean = (running[high] - running[low]) / _FIXED / np.maximum(high - low, 1)
                columns[f"{LABELS[code]}[{side} {size}]"] = mean
    return columns


def _best_run(
    bounds: _Bounds, probability: npt.NDArray[np.float64], lengths: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], Columns]:
    """Find the run of lines of each page with the largest sum of (probability - 0.5) * length.

    Kadane's maximum subarray over all pages at once: pages are kept apart by a step
    between them that no sum on a page can reach.
    """
    gain = np.rint((probability - _CONFIDENT) * lengths * 64).astype(np.int64)
    running = np.concatenate([[0], np.cumsum(gain)])
    if not len(gain):
        empty = np.empty(0)
        return np.empty(0, bool), dict.fromkeys(_RUN_COLUMNS, empty)
    ended, began = running[1:], running[:-1]
    step = bounds.page * _PAGE_STEP
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


def _distances(
    bounds: _Bounds, by_name: Mapping[str, Floats], probability: npt.NDArray[np.float64]
) -> Columns:
    """Lines to the nearest line of a kind on both sides; capped, and the cap if there is none."""
    kinds = {
        "confident": probability > 0.8,
        "likely": probability > _CONFIDENT,
        "unlikely": probability < 0.2,
        "sentence": by_name["ends_sentence"] > 0,
        "heading": by_name["heading"] == 1,
    }
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


def _keys(page: npt.NDArray[np.int64], value: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return keys that are equal only for equal values on one page."""
    return (page.astype(np.uint64) << np.uint64(32)) | value.astype(np.uint64)


def _shared_words(
    batch: Batch, probability: npt.NDArray[np.float64], run: npt.NDArray[np.bool_]
) -> Columns:
    """How many of a line's words the page's other lines use, and those judged content."""
    value, line = word_hashes(batch)
    once = np.unique((line.astype(np.uint64) << np.uint64(32)) | value)  # a word once a line
    line = (once >> np.uint64(32)).astype(np.int64)
    value = once & np.uint64(0xFFFFFFFF)
    _, word = np.unique(_keys(batch.page_of_line[line], value), return_inverse=True)
    lines_of = np.bincount(word)
    content_of = np.bincount(word, weights=probability[line])
    run_of = np.bincount(word, weights=run[line])
    total = np.maximum(np.bincount(line, minlength=batch.n_lines), 1)
    others = lines_of[word] - 1
    content = np.maximum(content_of[word] - probability[line], 0)
    in_run = run_of[word] - run[line]
    rarity = 1 / np.sqrt(1 + others)

    def mean(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.bincount(line, weights=values, minlength=batch.n_lines) / total

    return {
        "telling_words": np.log1p(total),
        "words_in_content": mean(np.minimum(content, 1)),
        "words_in_content_rare": mean(np.minimum(content, 1) * rarity),
        "words_in_run": mean(in_run > 0),
        "words_in_noise": mean(np.minimum(np.maximum(others - content, 0), 1)),
        "words_elsewhere": mean(others > 0),
        "words_mostly_content": mean((content + 0.1) / (others + 0.3)),
    }


def _repetition(batch: Batch) -> Columns:
    """How many lines of the page are the same, and whether this is the first of them."""
    hashes = line_hashes(batch)
    keys = _keys(batch.page_of_line, hashes)
    _, first, same, counts = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    return {
        "copies": np.log1p(counts[same]) if batch.n_lines else np.empty(0),
        "is_later_copy": np.arange(batch.n_lines) != first[same] if batch.n_lines else np.empty(0),
    }


def _same_place(batch: Batch, probability: npt.NDArray[np.float64]) -> Columns:
    """How much of the page's likely content stands in the same element, or in its parents."""
    known = batch.path_ids != NO_PATH
    weight = probability * batch.line_lengths
    total = np.maximum(np.bincount(batch.page_of_line, weights=weight), 1e-9)
    columns: Columns = {}
    ids = batch.path_ids
    for level, name in enumerate(("element", "parent", "grandparent")):
        level_ids = _ancestor_ids(batch.paths, level)[ids] if len(batch.paths) else ids
        _, group = np.unique(_keys(batch.page_of_line, level_ids + 1), return_inverse=True)
        mass = np.bincount(group, weights=weight)[group] - weight
        size = np.bincount(group)[group] - 1
        likely = np.bincount(group, weights=probability)[group] - probability
        share = np.maximum(mass, 0) / total[batch.page_of_line]
        columns[f"content_in_{name}"] = np.where(known, share, np.nan)
        mean = np.where(size > 0, likely / np.maximum(size, 1), np.nan)
        columns[f"probability_in_{name}"] = np.where(known, mean, np.nan)
        columns[f"lines_in_{name}"] = np.where(known, np.log1p(size), np.nan)
    return columns


def _ancestor_ids(paths: Sequence[str], level: int) -> npt.NDArray[np.int64]:
    """Return an id for the ancestor so many elements above each path's last."""
    ids: dict[str, int] = {}
    return np.array([ids.setdefault(_ancestor(path, level), len(ids)) for path in paths], np.int64)


@lru_cache(maxsize=65536)
def _ancestor(path: str, level: int) -> str:
    for _ in range(level):
        path = path.rpartition(" ")[0] or path
    return path
