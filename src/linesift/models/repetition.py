"""What a page has more than once: words, whole lines, places in the tree of tags."""

from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.models.features import Words, line_hashes
from linesift.reading.page import NO_PATH, Batch
from linesift.reading.tokens import sorted_distinct

_LEVELS = ("element", "parent", "grandparent")

Columns = dict[str, npt.NDArray[Any]]
"""Values of each line, by the name of the feature."""


class SharedWords:
    """The telling words of the lines, and which of them are the same on a page.

    Parameters
    ----------
    batch : Batch
    words : tuple of ndarray
        From `linesift.models.features.word_hashes`.
    """

    def __init__(self, batch: Batch, words: Words) -> None:
        value, line = words
        once = sorted_distinct(
            (line.astype(np.uint64) << np.uint64(32)) | value
        )  # a word once a line
        self.line = (once >> np.uint64(32)).astype(np.int64)
        keys = _keys(batch.page_of_line[self.line], once & np.uint64(0xFFFFFFFF))
        self.word = _groups(keys)
        self.n_lines = batch.n_lines
        self.total = np.maximum(np.bincount(self.line, minlength=batch.n_lines), 1)
        self.others = np.bincount(self.word)[self.word] - 1 if len(keys) else np.empty(0)

    def shared(self, probability: npt.NDArray[np.float64], run: npt.NDArray[np.bool_]) -> Columns:
        """Return the shares of a line's words that other lines use, content and noise."""
        own = probability[self.line]
        content = np.maximum(np.bincount(self.word, weights=own)[self.word] - own, 0)
        own_run = run[self.line]
        in_run = np.bincount(self.word, weights=own_run)[self.word] - own_run
        used = np.minimum(content, 1)
        return {
            "words_in_content": self._mean(used),
            "words_in_content_rare": self._mean(used / np.sqrt(1 + self.others)),
            "words_in_run": self._mean(in_run > 0),
            "words_in_noise": self._mean(np.clip(self.others - content, 0, 1)),
            "words_elsewhere": self._mean(self.others > 0),
            "words_mostly_content": self._mean((content + 0.1) / (self.others + 0.3)),
        }

    def _mean(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.bincount(self.line, weights=values, minlength=self.n_lines) / self.total


def repetition(batch: Batch) -> Columns:
    """Return how many lines of the page are the same, and whether this is the first of them."""
    hashes = line_hashes(batch)
    keys = _keys(batch.page_of_line, hashes)
    _, first, same, counts = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    return {
        "copies": np.log1p(counts[same]) if batch.n_lines else np.empty(0),
        "is_later_copy": np.arange(batch.n_lines) != first[same] if batch.n_lines else np.empty(0),
    }


class Places:
    """Which lines of a page stand in the same element, or under the same of its parents."""

    def __init__(self, batch: Batch) -> None:
        self.known = batch.path_ids != NO_PATH
        self.any = bool(self.known.any())
        self.page, self.lengths = batch.page_of_line, batch.line_lengths
        self.groups = {}
        if self.any:
            for levels, name in enumerate(_LEVELS):
                numbers = batch.split_paths.parents(levels)[batch.path_ids] + self.known
                self.groups[name] = _groups(_keys(batch.page_of_line, numbers))

    def sizes(self) -> Columns:
        """Return how many other lines stand there."""
        unknown = np.full(len(self.known), np.nan, np.float32)
        return {
            f"lines_in_{name}": np.where(self.known, np.log1p(self._others(name)), np.nan)
            if self.any
            else unknown
            for name in _LEVELS
        }

    def content(self, probability: npt.NDArray[np.float64]) -> Columns:
        """Return how much of the page's likely content stands there."""
        unknown = np.full(len(self.known), np.nan, np.float32)
        weight = probability * self.lengths
        columns: Columns = {}
        for name in _LEVELS:
            columns[f"content_in_{name}"] = columns[f"probability_in_{name}"] = unknown
            if not self.any:
                continue
            total = np.maximum(np.bincount(self.page, weights=weight), 1e-9)
            group, size = self.groups[name], self._others(name)
            mass = np.bincount(group, weights=weight)[group] - weight
            likely = np.bincount(group, weights=probability)[group] - probability
            share = np.maximum(mass, 0) / total[self.page]
            mean = np.where(size > 0, likely / np.maximum(size, 1), np.nan)
            columns[f"content_in_{name}"] = np.where(self.known, share, np.nan)
            columns[f"probability_in_{name}"] = np.where(self.known, mean, np.nan)
        return columns

    def _others(self, name: str) -> npt.NDArray[np.int64]:
        group = self.groups[name]
        return np.bincount(group)[group] - 1


def _keys(page: npt.NDArray[np.int64], value: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return keys that are equal only for equal values on one page."""
    return (page.astype(np.uint64) << np.uint64(32)) | value.astype(np.uint64)


def _groups(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return one number per distinct key, in the order of the keys."""
    order = np.argsort(keys)
    ordered = keys[order]
    group = np.empty(len(keys), np.int64)
    group[order] = np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0)
    return group
