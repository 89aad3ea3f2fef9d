"""What a reviewer works on: pages by doubt, their lines, and what has been saved."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from linesift.labelling.label_store import Change, LabelStore
from linesift.labelling.labels import BoolArray, LabelError, LabelFile, label_name
from linesift.review.pages import Guess

DOUBTFUL = 0.8
"""Certainty under which a guess is marked as doubtful."""


@dataclass
class _Reviewed:
    """A page under review, and its labels as last read from the disk."""

    key: str
    guess: Guess
    file: LabelFile | None
    version: str
    stamp: tuple[int, ...] = ()

    @property
    def by_hand(self) -> BoolArray:
        if self.file is None:
            return np.zeros(len(self.guess.page.lines), bool)
        return self.file.by_hand

    @property
    def doubt(self) -> float:
        """Mean doubt of the lines that nobody has labelled; 0 if there are none."""
        doubts = 1 - self.guess.certainty[~self.by_hand]
        return float(doubts.mean()) if len(doubts) else 0.0


class Session:
    r"""Pages under review, the most doubtful first; those that are done come last.

    Parameters
    ----------
    guesses : iterable of Guess
    store : LabelStore
        Where labels are loaded from and saved to.
    complain : callable
        Told the name of a page that cannot be reviewed, and why; the others go on.

    Examples
    --------
    >>> import tempfile
    >>> from linesift import read_text
    >>> page = read_text("It rained.\nShare", "rain")
    >>> guess = Guess(page, np.array([0, 3], np.int8), np.array([0.9, 0.6]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     session = Session([guess], LabelStore(folder))
    ...     session.overview()["pages"]
    [{'key': '319b44c570a417ff', 'name': 'rain', 'done': 0, 'of': 2, 'doubtful': 1}]
    """

    def __init__(
        self,
        guesses: Iterable[Guess],
        store: LabelStore,
        *,
        complain: Callable[[str, str], None] = lambda name, reason: None,
    ) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._saved: set[tuple[str, int]] = set()
        found = []
        paths = set()
        for guess in guesses:
            try:
                path = store.path(guess.page)
                file, version = store.read(guess.page)
            except LabelError as error:
                complain(guess.page.page_id, str(error))
                continue
            if path in paths:  # a label file and the page that it was made from
                continue
            if file is not None:
                paths.add(path)
            found.append(_Reviewed(_key(guess.page.page_id), guess, file, version))
        found.sort(key=lambda one: -one.doubt)
        self._pages = {one.key: one for one in found}

    def __len__(self) -> int:
        return len(self._pages)

    def overview(self) -> dict[str, Any]:
        """Return the pages in their order, and how many lines are labelled by hand."""
        with self._lock:
            for one in self._pages.values():
                self._reread(one)
            pages = [
                {
                    "key": one.key,
                    "name": one.guess.page.page_id,
                    "done": int(one.by_hand.sum()),
                    "of": len(one.guess.page.lines),
                    "doubtful": int((one.guess.certainty < DOUBTFUL)[~one.by_hand].sum()),
                }
                for one in self._pages.values()
            ]
        return {"pages": pages, "folder": str(self._store.folder)}

    def page(self, key: str) -> dict[str, Any]:
        """Return the lines of a page with guesses and labels.

        Raises
        ------
        KeyError
            There is no such page.
        LabelError
            Its label file holds other lines now.
        """
        with self._lock:
            one = self._pages[key]
            one.file, one.version = self._store.read(one.guess.page)
            return self._shown(one)

    def save(self, key: str, changes: Mapping[int, Change]) -> dict[str, Any]:
        """Save changes to a page; return its lines as they stand on the disk then.

        Beside the lines, `replaced` and `skipped` name those that somebody else had
        changed, as of `Merged`.

        Raises
        ------
        KeyError, LabelError, OSError
            No such page, no such line, or it cannot be written. Nothing is saved.
        """
        with self._lock:
            one = self._pages[key]
            merged = self._store.save(one.guess.page, one.guess.labels, changes)
            one.file, one.version = merged.file, merged.version
            for number in changes.keys() - set(merged.skipped):
                counted = self._saved.discard if changes[number].label is None else self._saved.add
                counted((key, number))
            return {
                **self._shown(one),
                "replaced": list(merged.replaced),
                "skipped": list(merged.skipped),
            }

    def close(self) -> dict[str, int]:
        """Wait for what is being saved; return how much was, and how much is left.

        What was taken back is not counted.
        """
        self._lock.acquire()  # for good: whatever is asked from now on is not begun
        pages = self._pages.values()
        return {
            "lines": len(self._saved),
            "pages": len({key for key, _ in self._saved}),
            "done": sum(int(one.by_hand.sum()) for one in pages),
            "of": sum(len(one.guess.page.lines) for one in pages),
        }

    def _reread(self, one: _Reviewed) -> None:
        """Read a page's labels again if somebody else has saved some."""
        try:
            stamp = self._store.stamp(one.guess.page)
            if stamp != one.stamp:
                one.file, one.version = self._store.read(one.guess.page)
                one.stamp = stamp
        except (LabelError, OSError):
            pass  # whoever opens the page is told

    @staticmethod
    def _shown(one: _Reviewed) -> dict[str, Any]:
        page, guess = one.guess.page, one.guess
        by_hand = one.by_hand
        lines = [
            {
                "number": number,
                "text": text,
                "guess": label_name(int(guess.labels[i])),
                "certainty": round(float(guess.certainty[i]), 4),
                "label": label_name(int(one.file.labels[i])) if one.file and by_hand[i] else None,
            }
            for i, (number, text) in enumerate(zip(page.numbers, page.lines, strict=True))
        ]
        return {
            "key": one.key,
            "name": page.page_id,
            "language": page.language,
            "version": one.version,
            "doubtful": DOUBTFUL,
            "lines": lines,
        }


def _key(page_id: str) -> str:
    """Return what a page is asked for by: never a path."""
    return hashlib.sha256(page_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
