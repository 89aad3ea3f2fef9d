"""What the tags above a line say: their kinds, and the words of their classes and ids.

A page has a hundred paths of some twenty elements each, and most elements are shared. So
each distinct element is read once, and paths are put together from them by array
operations.
"""

import re
import zlib
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from linesift.reading.tokens import Tokens, sorted_distinct

_TAGS_OF = {
    "in_paragraph": {"p"},
    "in_list": {"li", "dd", "dt"},
    "in_table": {"td", "th", "tr"},
    "in_link": {"a"},
    "in_navigation": {"nav", "menu"},
    "in_footer": {"footer"},
    "in_header": {"header"},
    "in_aside": {"aside"},
    "in_article": {"article", "main"},
    "in_form": {"form", "label", "button", "fieldset"},
    "in_figure": {"figure", "figcaption"},
    "in_quote": {"blockquote"},
}
_NEAR = frozenset(("in_paragraph", "in_list", "in_table", "in_link"))
PATH_FEATURES = ("depth", "heading", *_TAGS_OF)
"""Names of the columns of `path_features`, in order."""

_NEAREST = 3  # elements that count also by their distance from the line
_HEADING = re.compile("h[1-6]")
# Odd multipliers of 64 bits; the first is 2**64 over the golden ratio.
_BASE, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


class _Element(NamedTuple):
    """What one element says, wherever it stands: one bit per kind of tag, and its words."""

    kinds: int
    heading: int
    words: tuple[bytes, ...]


@lru_cache(maxsize=65536)
def _element(element: str) -> _Element:
    tag, *names = element.replace("#", ".").split(".")
    words = {f"<{tag}>"}
    for name in names:
        words.add(name.lower())
        words.update(word.lower() for word in _NAME.findall(name))
    return _Element(
        sum(1 << bit for bit, tags in enumerate(_TAGS_OF.values()) if tag in tags),
        int(tag[1]) if _HEADING.fullmatch(tag) else 0,
        tuple(word.encode("utf-8", "replace") for word in words),
    )


@lru_cache(maxsize=65536)
def _hashes(element: str, prefix: bytes) -> tuple[int, ...]:
    start = zlib.crc32(prefix)
    return tuple([zlib.crc32(word, start) for word in _element(element).words])


class SplitPaths:
    """Tag paths as rows of elements.

    Parameters
    ----------
    paths : tuple of str
        Elements with a space between.

    Attributes
    ----------
    elements : tuple of str
        The distinct elements.
    ids : ndarray of int64
        Index into `elements` for every element of every path.
    counts, ends : ndarray of shape (n_paths,), int64
        Elements of each path, and where in `ids` it ends.

    Examples
    --------
    >>> split = SplitPaths(("body main p", "body main h1", "p"))
    >>> split.counts.tolist(), split.parents(1).tolist()
    ([3, 3, 1], [0, 0, 1])
    """

    def __init__(self, paths: tuple[str, ...]) -> None:
        names = " ".join(paths).split(" ") if paths else []
        number = {name: k for k, name in enumerate(dict.fromkeys(names))}
        self.elements = tuple(number)
        self.ids = np.fromiter(map(number.__getitem__, names), np.int64, len(names))
        self.counts = np.fromiter((path.count(" ") + 1 for path in paths), np.int64, len(paths))
        self.ends = np.cumsum(self.counts)

    def nearest(self, distance: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the paths that have an element so far from the line, and these elements."""
        rows = np.flatnonzero(self.counts > distance)
        return rows, self.ids[self.ends[rows] - 1 - distance]

    def parents(self, levels: int) -> npt.NDArray[np.int64]:
        """Return a number per path: the same for equal elements so many levels up.

        A path keeps one element at least.
        """
        if not len(self.counts):
            return self.counts
        starts = self.ends - self.counts
        place = np.arange(len(self.ids)) - np.repeat(starts, self.counts)
        powers = np.full(self.counts.max(), _BASE, np.uint64)
        powers[0] = 1
        # Hashes of everything up to each element, modulo 2**64: differences of running sums.
        told = (self.ids.astype(np.uint64) + np.uint64(1)) * _MIX * np.cumprod(powers)[place]
        running = np.cumsum(np.concatenate([np.zeros(1, np.uint64), told]))
        last = np.maximum(self.counts - levels, 1)
        found = running[starts + last] - running[starts]
        return np.unique(found, return_inverse=True)[1]


def path_features(split: SplitPaths) -> npt.NDArray[np.float32]:
    """Return what kinds of tags each path has, of shape (n_paths, len(PATH_FEATURES)).

    >>> columns = path_features(SplitPaths(("body nav ul li a", "body main h2")))
    >>> dict(zip(PATH_FEATURES, columns.T.tolist()))["in_navigation"]
    [1.0, 0.0]
    """
    elements = [_element(element) for element in split.elements]
    kinds = np.array([element.kinds for element in elements], np.int64)
    headings = np.array([element.heading for element in elements], np.int64)
    everywhere = np.bitwise_or.reduceat(kinds[split.ids], split.ends - split.counts)
    near, heading = np.zeros((2, len(split.counts)), np.int64)
    for distance in range(_NEAREST):
        rows, ids = split.nearest(distance)
        near[rows] |= kinds[ids]
        heading[rows] = np.where(headings[ids] > 0, headings[ids], heading[rows])
    flags = [
        (near if name in _NEAR else everywhere) >> bit & 1 for bit, name in enumerate(_TAGS_OF)
    ]
    return np.column_stack([split.counts, heading, *flags]).astype(np.float32)


def hashed_paths(split: SplitPaths, bits: int) -> Tokens:
    """Return the hashed tags and class and id words of each path.

    Words of the nearest elements count also with their distance from the line.

    Parameters
    ----------
    split : SplitPaths
    bits : int
        Hashes lie below `2 ** bits`.
    """
    rows = np.repeat(np.arange(len(split.counts)), split.counts)
    keys = [_keys(split.elements, b"", rows, split.ids)]
    for distance in range(_NEAREST):
        keys.append(_keys(split.elements, b"%d:" % distance, *split.nearest(distance)))
    distinct = sorted_distinct(np.concatenate(keys))  # a token counts once a path
    counts = np.bincount((distinct >> np.uint64(32)).astype(np.int64), minlength=len(split.counts))
    hashes = (distinct & np.uint64(0xFFFFFFFF)).astype(np.uint32) >> np.uint32(32 - bits)
    return Tokens((hashes,), np.cumsum(counts) - counts, counts, 1 << bits)


def _keys(
    elements: tuple[str, ...],
    prefix: bytes,
    rows: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint64]:
    """Return row and hash in one number, for each word of each element, after the prefix."""
    used = np.flatnonzero(np.bincount(ids, minlength=len(elements)))
    tokens = [_hashes(elements[k], prefix) for k in used]
    flat = np.fromiter(chain.from_iterable(tokens), np.uint64, sum(map(len, tokens)))
    sizes, starts = np.zeros((2, len(elements)), np.int64)
    sizes[used] = np.fromiter(map(len, tokens), np.int64, len(tokens))
    starts[used] = np.cumsum(sizes[used]) - sizes[used]
    size = sizes[ids]
    row = np.repeat(rows, size).astype(np.uint64)
    at = np.arange(len(row)) + np.repeat(starts[ids] - np.cumsum(size) + size, size)
    return flat[at] | (row << np.uint64(32))
