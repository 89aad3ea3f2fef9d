"""A folder of label files that several people and programs write to at once.

What is saved is never a page but the lines that somebody changed: under a lock on the
folder they are merged into what stands on the disk by then, and the file is replaced as
a whole. So two reviewers of one page lose nothing, and whoever labels a line last has
the last word on that line alone.
"""

import fcntl
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from linesift.labelling.labels import (
    LabelArray,
    LabelError,
    LabelFile,
    check_labels,
    format_label_file,
    label_files,
    load_label_file,
    parse_label_file,
    write_atomically,
)
from linesift.reading.page import Page

_NAME_LENGTH = 80
_LEFT_BEHIND = re.compile(r"\..+\.tsv\.[a-z0-9_]{8}")  # by `write_atomically`, killed


@dataclass(frozen=True)
class Change:
    """What somebody says of one line.

    Parameters
    ----------
    label : int or None
        Index into `LABELS`, or `UNSURE`; None takes back what a person said.
    was : int or None
        What a person had said of it, as far as whoever changes it knows.
    firm : bool
        Whether it holds whatever stands there by now. To undo is not firm: it only
        changes what still is as it `was`.
    """

    label: int | None
    was: int | None = None
    firm: bool = True


@dataclass(frozen=True)
class Merged:
    """What became of changes.

    Parameters
    ----------
    file : LabelFile
        As it stands on the disk now.
    version : str
        Of the file; another one after any change.
    replaced : tuple of int
        Numbers of the lines on which somebody else's label was replaced.
    skipped : tuple of int
        Numbers of the lines that were left alone because somebody had changed them.
    """

    file: LabelFile
    version: str
    replaced: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()


class LabelStore:
    r"""The label files of a folder, by page; made when something is saved.

    Parameters
    ----------
    folder : str or Path

    Raises
    ------
    LabelError
        The folder is a file, or a label file in it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from linesift import read_text
    >>> page = read_text("It rained.\nShare", "rain")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = LabelStore(folder)
    ...     saved = store.save(page, np.array([0, 3], np.int8), {1: Change(0)})
    ...     print(store.path(page).read_text().replace("\t", " "), end="")
    # page: rain
    # site: unknown
    content It rained.
    other? Share
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise LabelError(f"{folder}: a file; label files need a folder")
        self._paths: dict[str, Path] = {}
        for path in label_files(self.folder):
            self._paths.setdefault(load_label_file(path).page.page_id, path)

    def path(self, page: Page) -> Path:
        """Return the label file of a page, there or not.

        It is the file that names this page; else one of the page's name with the same
        lines; else a new name, always in the folder whatever the page is called.

        Raises
        ------
        LabelError
            The file of that page cannot be read.
        """
        known = self._paths.get(page.page_id)
        if known is not None and known.exists():
            return known
        found = self._named(page)
        if found.exists():  # a name that is only planned may still be taken by another page
            self._paths[page.page_id] = found
        return found

    def _named(self, page: Page) -> Path:
        name = file_name(page.page_id)
        path = self.folder / f"{name}.tsv"
        if not path.exists():
            return path
        there = load_label_file(path).page
        if there.page_id == page.page_id or _same_lines(there, page):
            return path
        mark = hashlib.sha256(page.page_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return self.folder / f"{name}-{mark}.tsv"

    def read(self, page: Page) -> tuple[LabelFile | None, str]:
        """Return the labels of a page, none if there is no file, and their version.

        Raises
        ------
        LabelError
            The file holds other lines than the page.
        """
        path = self.path(page)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            raise LabelError(f"{path}: cannot be read ({error.strerror})") from error
        file = parse_label_file(data, path)
        check_labels(file.page, page)
        return file, _version(data)

    def stamp(self, page: Page) -> tuple[int, ...]:
        """Return what changes whenever the file of a page does, without reading it."""
        try:
            found = self.path(page).stat()
        except FileNotFoundError:
            return ()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def save(
        self,
        page: Page,
        guesses: LabelArray,
        changes: Mapping[int, Change],
        *,
        remarks: tuple[str, ...] = (),
        page_type: str = "",
    ) -> Merged:
        """Merge changes into the page's file, on the disk when this returns.

        Parameters
        ----------
        page : Page
        guesses : ndarray of shape (n_lines,), int8
            What to write, marked as a guess, for lines of which no person has said anything.
        changes : mapping
            By line number.
        remarks : tuple of str
        page_type : str
            For the head of a new file.

        Raises
        ------
        LabelError
            The page has no such line, or the file holds other lines than the page.
        OSError
            The file cannot be written; it is as it was.
        """
        unknown = sorted(changes.keys() - set(page.numbers))
        if unknown:
            raise LabelError(f"{page.page_id}: there is no line {unknown[0]}")
        with self.locked():
            file, version = self.read(page)
            nobody = np.zeros(len(page.lines), bool)
            before = file or LabelFile(page, guesses, nobody, remarks, page_type)
            after, replaced, skipped = _merge(before, guesses, changes)
            if file is None or format_label_file(after) != format_label_file(file):
                data = format_label_file(after)
                write_atomically(self.path(page), data)
                version = _version(data)
        return Merged(after, version, replaced, skipped)

    def write_guesses(self, page: Page, guesses: LabelArray, *, force: bool = False) -> Path:
        """Write guesses for all lines of a page; return the file.

        Raises
        ------
        LabelError
            A person has labelled the page, and `force` is not set; the file is as it was.
        """
        with self.locked():
            path = self.path(page)
            nobody = np.zeros(len(page.lines), bool)
            new = LabelFile(page, guesses, nobody)
            if path.exists():
                there = load_label_file(path)
                by_hand = int(there.by_hand.sum())
                if by_hand and not force:
                    raise LabelError(f"{path}: {by_hand} lines are labelled by hand")
                if _same_lines(there.page, page):
                    new = replace(there, labels=guesses, by_hand=nobody)
            write_atomically(path, format_label_file(new))
        return path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers of this folder waiting, in this process and in others."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY)  # the folder itself: no lock file is left
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def sweep(self) -> None:
        """Remove what a writer that was killed has left; whole files are not touched."""
        if not self.folder.is_dir():
            return
        with self.locked():  # nobody writes now, so these belong to nobody
            for path in self.folder.iterdir():
                if _LEFT_BEHIND.fullmatch(path.name) and path.is_file():
                    path.unlink()


def file_name(page_id: str) -> str:
    """Return a plain file name for a page, without its suffix.

    >>> file_name("https://news.example/2024/storm?id=7"), file_name("../../etc/passwd")
    ('news.example-2024-storm-id-7', 'etc-passwd')
    """
    text = unicodedata.normalize("NFC", page_id).partition("//")[2] or page_id
    words = "-".join(re.findall(r"[\w.]+", text.encode("utf-8", "replace").decode()))
    name = re.sub(r"-\.*(?=-)|\.{2,}", "", words).strip("-._")
    while len(name.encode()) > _NAME_LENGTH * 2 or len(name) > _NAME_LENGTH:
        name = name[:-1]
    return name or "page"


def _merge(
    before: LabelFile, guesses: LabelArray, changes: Mapping[int, Change]
) -> tuple[LabelFile, tuple[int, ...], tuple[int, ...]]:
    """Return the file after the changes; lines replaced; lines left alone."""
    labels, by_hand = before.labels.copy(), before.by_hand.copy()
    replaced, skipped = [], []
    for i, number in enumerate(before.page.numbers):
        if number not in changes:
            continue
        change = changes[number]
        stands = int(labels[i]) if by_hand[i] else None
        if stands not in (change.was, change.label):
            if not change.firm:
                skipped.append(number)
                continue
            if stands is not None:
                replaced.append(number)
        by_hand[i] = change.label is not None
        labels[i] = guesses[i] if change.label is None else change.label
    return replace(before, labels=labels, by_hand=by_hand), tuple(replaced), tuple(skipped)


def _same_lines(one: Page, other: Page) -> bool:
    try:
        check_labels(one, other)
    except LabelError:
        return False
    return True


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
