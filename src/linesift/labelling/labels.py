"""The four labels, labelled pages, and the files in which people label lines by hand.

A label file holds one page: `# key: value` lines for what is known of it, then every
line of the page in order as `label TAB text`, blank lines kept, so that the line
numbers of the file that was labelled can be told. A label with a question mark after
it (`content?`) is a model's guess that no person has confirmed: training and scores
take such a line as `unsure`.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from linesift.reading.page import Page

LABELS = ("content", "related", "navigation", "other")
CONTENT, RELATED, NAVIGATION, OTHER = range(4)
HAND = "hand"
"""Name of the corpus of pages that are labelled by hand."""
UNSURE = -1
"""Code of a line left out of training and scores; `unsure` in label files."""

PAGE_TYPES = (
    "article",
    "forum",
    "documentation",
    "product",
    "service",
    "listing",
    "collection",
)
"""What kinds of pages there are: those of WCXB."""
OF_CARDS = frozenset(("listing", "collection"))
"""Page types without a text of their own: what they show are cards, teasers of other pages."""
OWN_TEXT = tuple(name for name in PAGE_TYPES if name not in OF_CARDS)
"""The other page types, whose content is kept by default."""

_CODES = {label: code for code, label in enumerate(LABELS)} | {"unsure": UNSURE}
_NAMES = {code: label for label, code in _CODES.items()}
_KEYS = ("page", "site", "language", "type")
_GUESS = "?"
_TEST_SHARE = 0.15
_VALIDATION_SHARE = 0.25

LabelArray = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]


def label_name(code: int) -> str:
    """Return the word for a label code.

    >>> label_name(CONTENT), label_name(UNSURE)
    ('content', 'unsure')
    """
    return _NAMES[code]


def label_code(name: str, where: str) -> int:
    """Return the code of a label, or raise a `LabelError` that says where it stands."""
    if name not in _CODES:
        raise LabelError(f"{where}: expected one of {', '.join(_CODES)}; got {name[:40]!r}")
    return _CODES[name]


class LabelError(ValueError):
    """A label file that does not say what it must; the message names file and line."""


@dataclass(frozen=True)
class LabelledPages:
    """Pages with one label array each.

    Parameters
    ----------
    pages : list of Page
    labels : list of ndarray of shape (n_lines,), int8
        Index into `LABELS`, or `UNSURE`.
    corpus : list of str
        Where each page came from: `hand`, or the name of a public set.
    gold : list of tuple of str
        Paragraphs of each article as a person extracted it; for pages labelled by hand
        the lines that are content.
    page_types : list of str
        One of `PAGE_TYPES` for each page, or empty where nobody has said; unknown for all of
        them where this is left out.
    """

    pages: list[Page]
    labels: list[LabelArray]
    corpus: list[str]
    gold: list[tuple[str, ...]]
    page_types: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.page_types:
            object.__setattr__(self, "page_types", [""] * len(self.pages))

    def __len__(self) -> int:
        return len(self.pages)

    def __add__(self, other: "LabelledPages") -> "LabelledPages":
        return LabelledPages(
            self.pages + other.pages,
            self.labels + other.labels,
            self.corpus + other.corpus,
            self.gold + other.gold,
            self.page_types + other.page_types,
        )

    @property
    def sites(self) -> list[str]:
        """What pages are grouped by: their site, or the page itself where it is not known."""
        return [page.site or page.page_id for page in self.pages]

    @property
    def is_labelled(self) -> BoolArray:
        """Whether anything is known of each page: a label of a line that is not `UNSURE`."""
        return np.array([bool((labels != UNSURE).any()) for labels in self.labels], bool)

    def select(self, keep: Sequence[bool] | npt.NDArray[np.bool_]) -> "LabelledPages":
        """Return the pages for which `keep` is true."""
        chosen = np.flatnonzero(keep)
        return LabelledPages(
            [self.pages[i] for i in chosen],
            [self.labels[i] for i in chosen],
            [self.corpus[i] for i in chosen],
            [self.gold[i] for i in chosen],
            [self.page_types[i] for i in chosen],
        )

    def map_pages(self, pages: list[Page]) -> "LabelledPages":
        """Return the same labels with other pages of the same lines."""
        return replace(self, pages=pages)

    def digest(self) -> str:
        """Return a SHA-256 over all that the pages and their labels say, in order."""
        digest = hashlib.sha256()
        for page, labels, corpus, gold, page_type in zip(
            self.pages, self.labels, self.corpus, self.gold, self.page_types, strict=True
        ):
            parts = [corpus, page.page_id, page.site, page.language, *page.lines, *gold]
            if page_type:
                parts.append(f"type {page_type}")
            digest.update(np.asarray(page.numbers, np.int64).tobytes())
            if page.markup is not None:
                parts += [page.markup.title, *page.markup.paths, *page.markup.hints]
                digest.update(np.asarray(page.markup.link_share, np.float32).tobytes())
            digest.update("\n".join(parts).encode("utf-8", "surrogatepass"))
            digest.update(labels.tobytes())
        return digest.hexdigest()


def no_pages() -> LabelledPages:
    """Return an empty collection, the start of a sum."""
    return LabelledPages([], [], [], [])


def is_test_site(site: str) -> bool:
    """Tell whether a site is kept out of training, for good: about 15 % of all are.

    The choice hangs on the name alone, so it never changes when sites are added.

    >>> [is_test_site(name) for name in ("a.example", "b.example", "k.example")]
    [False, False, True]
    """
    return _share_of(site) < _TEST_SHARE


def is_validation_site(site: str) -> bool:
    """Tell whether a training site is one of the quarter to tune on, instead of test sites.

    >>> [is_validation_site(name) for name in ("a.example", "h.example")]
    [False, True]
    """
    return _share_of(f"validation {site}") < _VALIDATION_SHARE


def _share_of(name: str) -> float:
    """Return where a name falls between 0 and 1, spread evenly and for good."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


@dataclass(frozen=True)
class LabelFile:
    r"""What a label file holds.

    Parameters
    ----------
    page : Page
        Line numbers are those of the page that was labelled: `#` lines on top do not count.
    labels : ndarray of shape (n_lines,), int8
        Index into `LABELS`, or `UNSURE`; guesses too.
    by_hand : ndarray of shape (n_lines,), bool
        Whether a person said so; the others are a model's guesses.
    remarks : tuple of str
        Other `#` lines, which are kept as they are.
    page_type : str
        One of `PAGE_TYPES`, or empty where nobody has said.

    Examples
    --------
    >>> file = parse_label_file(b"content\tIt rained.\nother?\tShare\n", "a.tsv")
    >>> file.by_hand.tolist(), file.known.tolist()
    ([True, False], [0, -1])
    """

    page: Page
    labels: LabelArray
    by_hand: BoolArray
    remarks: tuple[str, ...] = ()
    page_type: str = ""

    @property
    def known(self) -> LabelArray:
        """The labels that a person gave, `UNSURE` for all other lines."""
        return np.where(self.by_hand, self.labels, np.int8(UNSURE))


def parse_label_file(data: bytes, where: str | Path) -> LabelFile:
    """Return what the bytes of a label file say.

    Parameters
    ----------
    data : bytes
    where : str or Path
        Name of the file: stands in messages, and names a page that has no name in its head.

    Raises
    ------
    LabelError
        Not UTF-8, or a line has no tab, an unknown label or no text; the message names it.
    """
    try:
        rows = re.split(r"\r\n|\r|\n", data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise LabelError(f"{where}: cannot be read as UTF-8 text ({error})") from error
    known = dict.fromkeys(_KEYS, "") | {"page": Path(where).stem}
    remarks = []
    head = 0
    for row in rows:
        if not row.startswith("#"):
            break
        key, colon, value = row[1:].partition(":")
        if colon and key.strip() in known:
            known[key.strip()] = value.strip()
        else:
            remarks.append(row)
        head += 1
    if known["type"] and known["type"] not in PAGE_TYPES:
        raise LabelError(
            f"{where}: type: expected one of {', '.join(PAGE_TYPES)}; got {known['type'][:40]!r}"
        )
    lines, numbers, labels, by_hand = [], [], [], []
    for number, row in enumerate(rows[head:], start=1):
        if not row.strip():
            continue
        label, tab, text = row.partition("\t")
        place = f"{where}: line {number + head}"
        if not tab:
            raise LabelError(f"{place}: expected 'label TAB text', got {row[:40]!r}")
        code = label_code(label.removesuffix(_GUESS), place)
        if not text.strip():
            raise LabelError(f"{place}: a label without text")
        lines.append(text.strip())
        numbers.append(number)
        labels.append(code)
        by_hand.append(not label.endswith(_GUESS))
    site = "" if known["site"] == "unknown" else known["site"]
    page = Page(known["page"], tuple(lines), tuple(numbers), site, known["language"])
    return LabelFile(
        page, np.array(labels, np.int8), np.array(by_hand, bool), tuple(remarks), known["type"]
    )


def format_label_file(file: LabelFile) -> bytes:
    """Return the bytes of a label file; `parse_label_file` reads them back."""
    page = file.page
    if len(file.labels) != len(page.lines):
        raise ValueError(f"expected {len(page.lines)} labels, got {len(file.labels)}")
    told = (page.page_id, page.site, page.language, file.page_type)
    values = (" ".join(one.split()) for one in told)
    named = dict(zip(_KEYS, values, strict=True))
    named["site"] = named["site"] or "unknown"
    rows = [f"# {key}: {value}" for key, value in named.items() if value]
    rows += file.remarks
    last = 0
    for number, line, label, by_hand in zip(
        page.numbers, page.lines, file.labels, file.by_hand, strict=True
    ):
        rows += [""] * (number - last - 1)
        rows.append(f"{label_name(int(label))}{'' if by_hand else _GUESS}\t{line}")
        last = number
    return "\n".join([*rows, ""]).encode()


def load_label_file(path: str | Path) -> LabelFile:
    """Return all that a label file says, guesses too.

    Raises
    ------
    LabelError
        It is not a label file, or cannot be opened; the message names the place.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror or error})") from error
    return parse_label_file(data, path)


def read_label_file(path: str | Path) -> tuple[Page, LabelArray]:
    """Return a hand-labelled page and its labels, `UNSURE` for lines that are only guessed.

    Raises
    ------
    LabelError
        As of `load_label_file`.
    """
    file = load_label_file(path)
    return file.page, file.known


def write_label_file(path: str | Path, page: Page, labels: Sequence[int] | LabelArray) -> None:
    """Write a page and its labels, whole or not at all; `read_label_file` reads it back."""
    by_hand = np.ones(len(page.lines), bool)
    file = LabelFile(page, np.asarray(labels, np.int8), by_hand)
    write_atomically(path, format_label_file(file))


def check_labels(labelled: Page, page: Page) -> None:
    """Check that a labelled page holds the lines of the page that it was made from.

    Raises
    ------
    LabelError
        A line was moved, edited, added or lost since; the message names the first.
    """
    there = dict(zip(labelled.numbers, labelled.lines, strict=True))
    source = dict(zip(page.numbers, page.lines, strict=True))
    for number in sorted(there.keys() | source.keys()):
        ours, theirs = there.get(number), source.get(number)
        if ours is None or theirs is None or ours.split() != theirs.split():
            raise LabelError(
                f"{labelled.page_id}: line {number} is {theirs!r} on the page, "
                f"{ours!r} in the label file"
            )


def label_files(folder: str | Path) -> Iterator[Path]:
    """Yield the label files of a folder in the order of their names."""
    yield from sorted(Path(folder).glob("*.tsv"))


def read_label_folder(folder: str | Path) -> LabelledPages:
    """Return every hand-labelled page of a folder; those that are only guessed are left out.

    Raises
    ------
    LabelError
        A file is not a label file, or the folder is missing.
    """
    if not Path(folder).is_dir():
        raise LabelError(f"{folder}: no such folder of label files")
    files = [load_label_file(path) for path in label_files(folder)]
    files = [file for file in files if file.by_hand.any()]
    return LabelledPages(
        [file.page for file in files],
        [file.known for file in files],
        [HAND] * len(files),
        [content_lines(file.page, file.known) for file in files],
        [file.page_type for file in files],
    )


def content_lines(page: Page, labels: LabelArray) -> tuple[str, ...]:
    """Return the lines of a page that are labelled content."""
    return tuple(line for line, code in zip(page.lines, labels, strict=True) if code == CONTENT)


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write a file under its final name only once it is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
