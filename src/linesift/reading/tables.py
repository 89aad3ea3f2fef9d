"""Tell tables of data from tables of layout, and put the cells of a row on one line.

A table is data where its markup says so (`<caption>`, a row headed by `<th>`, `scope` or
`headers` on a cell, `role="table"` and its like), or by its shape: two rows or more of as
many cells, two at least, whose texts are short and are not links alone. It is layout where
`role` says so, where another table stands in it, or where too many of its rows hold what is
no entry of a table: headings, lists, forms, quotes, code, posts of a forum, many lines or long
text. Too many are more than a third of the rows where the markup speaks for data, more than a
quarter where the shape alone does.

In a table of data a row becomes one line, its cells parted by " | ". An empty cell is left
out, and a row with text in one cell alone stays as it is. So does a row of too much: its
blocks are lines of their own, as in a table of layout.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

PARTED = " | "
"""What stands between the cells of a row."""
_DATA_ROLES = frozenset(("table", "grid", "treegrid"))
_LAYOUT_ROLES = frozenset(("presentation", "none"))
_CELLS = ("td", "th")
# Blocks that are no entry of a table; a list may be one where the markup says it is data.
_BLOCKS = frozenset(
    "article aside blockquote details dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header"
    " listing main nav pre section textarea xmp".split()
)
_LISTS = frozenset("dir li menu ol ul".split())
_POSTS = re.compile(r"[.#_-](?:post(?!al|code|ion|age)|message|comment|reply)", re.IGNORECASE)


class _Limits(NamedTuple):
    """What an entry of a table may be."""

    lines: int
    characters: int
    blocks: frozenset[str]  # what may not stand in it


_BY_MARKUP = _Limits(2, 300, _BLOCKS)
_OF_HEADED_ROW = _Limits(6, 300, _BLOCKS)  # as in boxes of facts
_BY_SHAPE = _Limits(1, 120, _BLOCKS | _LISTS)
_MOST_OTHERS = {True: 1 / 3, False: 1 / 4}  # of the rows, by whether the markup speaks for data
_MOST_LINKED = 0.9  # of the text of a table that is one by its shape


class Line(NamedTuple):
    """A line of a page, which share of its characters stands in links, and its path."""

    text: str
    link_share: float
    path: str


class _Row(NamedTuple):
    path: str
    start: int  # its first line
    cells: list[int]  # first line of each cell
    headers: list[bool]  # which of the cells are headers


class Table:
    """A table under construction: where its rows and cells begin among the lines of the page.

    Parameters
    ----------
    start : int
        The line that the table begins with.
    role : str
        What the attribute `role` says.
    """

    __slots__ = ("start", "holds_table", "_marked", "_role", "_rows")

    def __init__(self, start: int, role: str = "") -> None:
        self.start = start
        self.holds_table = False
        self._role = role.strip().lower()
        self._marked = self._role in _DATA_ROLES
        self._rows: list[_Row] = []

    def add_row(self, start: int, path: str) -> None:
        """Begin a row at a line; its path ends with the row itself."""
        self._rows.append(_Row(path, start, [], []))

    def add_cell(self, start: int, header: bool, marked: bool) -> None:
        """Begin a cell at a line; `marked` means that it has attributes of tables of data."""
        if self._rows:
            self._rows[-1].cells.append(start)
            self._rows[-1].headers.append(header)
            self._marked = self._marked or marked

    def add_caption(self, start: int) -> None:
        """Begin the caption at a line."""
        self._rows.append(_Row("", start, [], []))
        self._marked = True

    def rows_as_lines(self, lines: Sequence[Line]) -> list[Line] | None:
        """Return the lines of the table, or None if they stay as they are.

        Parameters
        ----------
        lines : sequence of Line
            What was read since the table began.
        """
        rows = [row for row in self._rows if len(row.cells) > 1]
        if not rows or self.holds_table or self._role in _LAYOUT_ROLES:
            return None
        by_markup = self._marked or _is_headed(rows)
        if not by_markup and not (_is_regular(rows) and _link_share(lines) < _MOST_LINKED):
            return None
        return self._joined(lines, by_markup)

    def _joined(self, lines: Sequence[Line], by_markup: bool) -> list[Line] | None:
        found: list[Line] = []
        entries = others = 0
        ends = [*(row.start for row in self._rows[1:]), self.start + len(lines)]
        for row, end in zip(self._rows, ends, strict=True):
            bounds = [at - self.start for at in (*row.cells, end)]
            cells = [lines[low:high] for low, high in pairwise(bounds) if low < high]
            is_row = len(cells) > 1 and _is_row(row, cells, by_markup)
            if is_row:
                entries += 1
                found.append(_joined_row(cells, row.path))
            else:
                others += len(cells) > 1
                found += lines[row.start - self.start : end - self.start]
        fewest = 1 if by_markup else 2
        too_many = others > _MOST_OTHERS[by_markup] * (entries + others)
        return None if entries < fewest or too_many else found


def _is_headed(rows: Sequence[_Row]) -> bool:
    """Tell whether the first row is of headers, or a row begins with one."""
    return all(rows[0].headers) or any(row.headers[0] and not all(row.headers) for row in rows)


def _is_regular(rows: Sequence[_Row]) -> bool:
    """Tell whether two thirds of the rows, two at least, have as many cells."""
    most = max(Counter(len(row.cells) for row in rows).values())
    return most >= 2 and 3 * most >= 2 * len(rows)


def _link_share(lines: Sequence[Line]) -> float:
    sizes = [len(line.text) - line.text.count(" ") for line in lines]
    linked = sum(size * line.link_share for size, line in zip(sizes, lines, strict=True))
    return linked / max(sum(sizes), 1)


def _is_row(row: _Row, cells: Sequence[Sequence[Line]], by_markup: bool) -> bool:
    """Tell whether the cells of a row are entries of a table of data."""
    limits = _BY_MARKUP if by_markup else _BY_SHAPE
    if row.headers[0] and not all(row.headers):
        limits = _OF_HEADED_ROW
    return all(_is_entry(cell, limits) for cell in cells)


def _is_entry(cell: Sequence[Line], limits: _Limits) -> bool:
    """Tell whether a cell holds what the cell of a table of data does."""
    if len(cell) > limits.lines or sum(len(line.text) for line in cell) > limits.characters:
        return False
    for line in cell:
        for element in reversed(line.path.split(" ")):
            tag = element.partition("#")[0].partition(".")[0]
            if tag in limits.blocks or _POSTS.search(element):
                return False
            if tag in _CELLS:
                break
        else:
            return False
    return True


def _joined_row(cells: Sequence[Sequence[Line]], path: str) -> Line:
    text = PARTED.join(" ".join(line.text.strip() for line in cell) for cell in cells)
    return Line(text, _link_share([line for cell in cells for line in cell]), path)
