"""A page, and the batch of lines that everything above computes on.

A `Page` is one document read, and frozen: every later step returns new values. A
`Batch` holds all lines of many pages side by side as one array of code points, so
that a feature is an array operation over the whole batch, never a loop over lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.reading.plain import NOTHING_LEFT, code_lines, marked_lines, plain_line, spaced
from linesift.reading.tag_paths import SplitPaths

BASIC_PLANE = 0x10000
"""Code points that tables hold one by one."""
OTHERS_BEYOND, IDEOGRAPHS_BEYOND = 0xFFFE, 0xFFFF
"""What code points beyond the basic plane count as: two that Unicode gives to no character."""
MOST_LINES = 100_000
"""Of a page that is judged; each takes three kilobytes meanwhile."""
_BLOCK = 1 << 16  # characters whose arrays stay in a core's cache
NO_PATH = -1


@dataclass(frozen=True, slots=True)
class Markup:
    """What the HTML says of each line of a page.

    Parameters
    ----------
    link_share : tuple of float, 0 to 1
        Share of a line's characters that stand inside a link.
    paths : tuple of str
        Elements around a line, outermost first, a space between two, each as
        `tag.class.class#id`. Only the nearest 16 are kept.
    title : str
        The title in the head of the page; no line of the page, but it tells which
        heading is the article's.
    hints : tuple of str
        What the page tells of itself as a whole, from `linesift.reading.hints`.
    """

    link_share: tuple[float, ...]
    paths: tuple[str, ...]
    title: str = ""
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One document: its non-empty lines and, where it was read from HTML, its markup.

    Parameters
    ----------
    page_id : str
        Name of the page; for files the path as given.
    lines : tuple of str
        Text of each line as it came, indentation too; never empty.
    numbers : tuple of int
        1-based number of each line in the file, or among the extracted lines for HTML.
    site : str
        Host the page came from. Sites are what training and scores are split by.
    language : str
        ISO 639-1 code where known.
    markup : Markup or None
        None means unknown: the page was plain text.

    Examples
    --------
    >>> page = Page("p", ("Headline", "Text."), (1, 3))
    >>> page
    Page('p', 2 lines, plain text)
    >>> page.markup is None
    True
    """

    page_id: str
    lines: tuple[str, ...]
    numbers: tuple[int, ...]
    site: str = ""
    language: str = ""
    markup: Markup | None = None

    def __post_init__(self) -> None:
        columns: dict[str, Sequence[object]] = {"numbers": self.numbers}
        if self.markup is not None:
            columns |= {"link_share": self.markup.link_share, "paths": self.markup.paths}
        for name, column in columns.items():
            if len(column) != len(self.lines):
                raise ValueError(
                    f"page {self.page_id!r}: expected {len(self.lines)} {name}, got {len(column)}"
                )

    def __repr__(self) -> str:
        lines = f"{len(self.lines)} line{'s' * (len(self.lines) != 1)}"
        return f"Page({self.page_id!r}, {lines}, {'markup' if self.markup else 'plain text'})"

    def select(self, keep: Sequence[int] | npt.NDArray[np.intp]) -> "Page":
        """Return the page with only the lines at these positions.

        Examples
        --------
        >>> Page("p", ("a", "b"), (1, 2)).select([1]).lines
        ('b',)
        """
        markup = self.markup
        if markup is not None:
            markup = Markup(
                tuple(markup.link_share[i] for i in keep),
                tuple(markup.paths[i] for i in keep),
                markup.title,
                markup.hints,
            )
        return Page(
            self.page_id,
            tuple(self.lines[i] for i in keep),
            tuple(self.numbers[i] for i in keep),
            self.site,
            self.language,
            markup,
        )

    def without_markup(self) -> "Page":
        """Return the same lines as plain text would give them: markup unknown."""
        return Page(self.page_id, self.lines, self.numbers, self.site, self.language)


def check_pages(pages: Sequence[Page]) -> None:
    """Raise a TypeError that says what to do where something else than pages is given."""
    if isinstance(pages, Page):
        raise TypeError("expected a list of pages, got one Page; put it into a list")
    for page in pages:
        if not isinstance(page, Page):
            raise TypeError(
                f"expected pages, got {type(page).__name__}; "
                "linesift.read_text and linesift.read_html make pages"
            )


@dataclass(frozen=True)
class Batch:
    """All lines of many pages as columns; the lines of a page stand together.

    Parameters
    ----------
    codes : ndarray of shape (n_characters,), uint32
        Code points of all lines as features see them (`linesift.reading.plain`), each line
        followed by one line feed.
    line_starts : ndarray of shape (n_lines,)
        Where each line begins in `codes`.
    line_lengths : ndarray of shape (n_lines,)
        Characters of each line, without the line feed.
    page_starts : ndarray of shape (n_pages + 1,)
        First line of each page, then the number of lines.
    link_share : ndarray of shape (n_lines,), float32
        NaN where the markup is unknown.
    path_ids : ndarray of shape (n_lines,)
        Index into `paths`; `NO_PATH` where the markup is unknown.
    paths : tuple of str
        The distinct tag paths of the batch.
    titles : tuple of str
        Title of each page, empty where unknown.
    hints : tuple of tuple of str
        What each page tells of itself, empty where unknown.
    """

    codes: npt.NDArray[np.uint32]
    line_starts: npt.NDArray[np.int64]
    line_lengths: npt.NDArray[np.int64]
    page_starts: npt.NDArray[np.int64]
    link_share: npt.NDArray[np.float32]
    path_ids: npt.NDArray[np.int64]
    paths: tuple[str, ...]
    titles: tuple[str, ...] = field(repr=False)
    hints: tuple[tuple[str, ...], ...] = field(repr=False)

    @classmethod
    def from_pages(cls, pages: Sequence[Page]) -> "Batch":
        """Return the lines of all pages, in their order.

        Raises
        ------
        ValueError
            A line is empty or holds a line feed.

        Examples
        --------
        >>> batch = Batch.from_pages([Page("p", ("ab", "c"), (1, 2)), Page("q", ("d",), (1,))])
        >>> batch.page_starts.tolist(), batch.line_lengths.tolist()
        ([0, 2, 3], [2, 1, 1])
        """
        lines = [line for page in pages for line in page.lines]
        text, codes, lengths = _joined(lines)
        if text.count("\n") != len(lines) or not lengths.all():
            raise ValueError(_odd_line(pages))
        if len(marked := marked_lines(codes, _line_starts(lengths))):
            code = _code_lines(pages) if "```" in text or "~~~" in text else frozenset()
            plain = {
                k: spaced(lines[k]) if k in code else plain_line(lines[k]) for k in marked.tolist()
            }
            changed = {k: line for k, line in plain.items() if line != lines[k]}
            codes, lengths = _replaced(codes, lengths, changed)
        ids: dict[str, int] = {}
        path_ids: list[int] = []
        link_share: list[float] = []
        for page in pages:
            if page.markup is None:
                path_ids += [NO_PATH] * len(page.lines)
                link_share += [np.nan] * len(page.lines)
            else:
                path_ids += [ids.setdefault(path, len(ids)) for path in page.markup.paths]
                link_share += page.markup.link_share
        return cls(
            codes=codes,
            line_starts=_line_starts(lengths),
            line_lengths=lengths,
            page_starts=np.cumsum([0, *(len(page.lines) for page in pages)]),
            link_share=np.asarray(link_share, np.float32),
            path_ids=np.asarray(path_ids, np.int64),
            paths=tuple(ids),
            titles=tuple(page.markup.title if page.markup else "" for page in pages),
            hints=tuple(page.markup.hints if page.markup else () for page in pages),
        )

    @property
    def n_lines(self) -> int:
        """Number of lines in all pages together."""
        return len(self.line_starts)

    @cached_property
    def has_words(self) -> npt.NDArray[np.bool_]:
        """Tell which lines hold more than marks that plain text has of a converter.

        A break, a fence, an image or an empty link in Markdown says nothing of itself.
        """
        bare = (self.line_lengths == len(NOTHING_LEFT)) & (self.path_ids == NO_PATH)
        for offset, code in enumerate(NOTHING_LEFT.encode("utf-32-le")[::4]):
            bare[bare] = self.codes[self.line_starts[bare] + offset] == code
        return ~bare

    def with_words(self) -> "Batch":
        """Return the same pages without the lines that hold no words."""
        kept, sizes = self.has_words, self.line_lengths + 1
        lengths = self.line_lengths[kept]
        return replace(
            self,
            codes=self.codes[np.repeat(kept, sizes)],
            line_starts=_line_starts(lengths),
            line_lengths=lengths,
            page_starts=np.concatenate([[0], np.cumsum(kept)])[self.page_starts],
            link_share=self.link_share[kept],
            path_ids=self.path_ids[kept],
        )

    @cached_property
    def table_rows(self) -> npt.NDArray[np.uint16]:
        """Row of each code point in a table over the basic plane."""
        rows = self.codes.astype(np.uint16)
        beyond = self.codes >= BASIC_PLANE
        if beyond.any():
            ideograph = (self.codes >= 0x20000) & (self.codes < 0x40000)
            rows[beyond] = np.where(ideograph, IDEOGRAPHS_BEYOND, OTHERS_BEYOND)[beyond]
        return rows

    def by_page(self, column: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Return the rows of each page of an array over all lines.

        >>> Batch.from_pages([Page("p", ("ab", "c"), (1, 2))]).by_page(np.array([7, 8]))
        [array([7, 8])]
        """
        return [column[low:high] for low, high in pairwise(self.page_starts.tolist())]

    @cached_property
    def split_paths(self) -> SplitPaths:
        """The distinct tag paths as rows of elements."""
        return SplitPaths(self.paths)

    @cached_property
    def blocks(self) -> tuple["Batch", ...]:
        """The same lines as batches small enough that work on characters stays in the cache.

        Lines are whole, pages may be cut: good for what looks at each line by itself.
        """
        if len(self.codes) <= _BLOCK:
            return (self,)
        cuts = np.searchsorted(self.line_starts, np.arange(0, len(self.codes), _BLOCK))
        cuts = np.unique([*cuts, self.n_lines])
        return tuple(self._lines(low, high) for low, high in pairwise(cuts.tolist()))

    def _lines(self, low: int, high: int) -> "Batch":
        """Return some of the lines, as one page without a title."""
        first = self.line_starts[low]
        stop = self.line_starts[high] if high < self.n_lines else len(self.codes)
        return Batch(
            codes=self.codes[first:stop],
            line_starts=self.line_starts[low:high] - first,
            line_lengths=self.line_lengths[low:high],
            page_starts=np.array([0, high - low]),
            link_share=self.link_share[low:high],
            path_ids=self.path_ids[low:high],
            paths=self.paths,
            titles=("",),
            hints=((),),
        )

    @cached_property
    def page_of_line(self) -> npt.NDArray[np.int64]:
        """Index of the page that each line belongs to, of shape (n_lines,)."""
        sizes = np.diff(self.page_starts)
        return np.repeat(np.arange(len(sizes)), sizes)


def _joined(
    lines: Sequence[str],
) -> tuple[str, npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return lines as one text with a line feed after each, as code points, and their lengths."""
    text = "\n".join([*lines, ""]) if lines else ""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return text, codes, np.fromiter(map(len, lines), np.int64, len(lines))


def _line_starts(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return where each line begins; after each stands a line feed."""
    return np.cumsum(lengths + 1) - lengths - 1


def _replaced(
    codes: npt.NDArray[np.uint32], lengths: npt.NDArray[np.int64], changed: Mapping[int, str]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return code points and lengths with some lines changed, by their numbers in order."""
    starts = _line_starts(lengths)
    lengths = lengths.copy()
    pieces, done = [], 0
    for k, line in changed.items():
        _, new, _ = _joined([line])
        pieces += [codes[done : starts[k]], new[:-1]]
        done = starts[k] + lengths[k]
        lengths[k] = len(line)
    return np.concatenate([*pieces, codes[done:]]), lengths


def _code_lines(pages: Sequence[Page]) -> frozenset[int]:
    """Return which lines of all pages stand between fences."""
    starts = accumulate((len(page.lines) for page in pages), initial=0)
    return frozenset(
        start + k
        for start, page in zip(starts, pages, strict=False)
        for k in code_lines(page.lines)
    )


def _odd_line(pages: Sequence[Page]) -> str:
    """Return what is wrong with the first line that is none."""
    for page in pages:
        for line in page.lines:
            if not line or "\n" in line:
                return (
                    f"page {page.page_id!r}: expected lines with text and without a line feed, "
                    f"got {line[:40]!r}; linesift.read_text makes lines of a text"
                )
    return ""
