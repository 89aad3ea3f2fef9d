"""Files that survive being interrupted: parts of a fixed number of records, and their count.

A folder of output holds the parts and `_progress.json`, which says how many records the
finished ones hold. A part gets its name only once it is on the disk, and only then is it
counted: whenever a run ends, the next one reads past just those records, and writes the
same bytes as an unbroken run.
"""

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from linesift.crawling.crawl import CrawlError, Judge, Outcome, judged
from linesift.models.prediction import PagePrediction
from linesift.reading.sources import Record

_PROGRESS = "_progress.json"  # what reads a folder of Parquet passes over names with _
_FORMAT = 1


def page_row(prediction: PagePrediction, *, labels: bool = False) -> dict[str, Any]:
    r"""Return what a part holds of a page; with labels also its lines, one list a column.

    >>> from linesift import read_text
    >>> import numpy as np
    >>> page = read_text("It rained.", "a")
    >>> page_row(PagePrediction(page, np.array([0]), np.array([0.9])))
    {'page': 'a', 'text': 'It rained.\n', 'page_type': None, 'page_type_probability': None}
    """
    page = prediction.page
    row: dict[str, Any] = {"page": _valid(page.page_id), "text": _valid(prediction.text)}
    row |= prediction.type_columns
    if labels:
        row["lines"] = [_valid(line) for line in page.lines]
        row["labels"] = prediction.labels
        row["probabilities"] = [round(one, 4) for one in prediction.probabilities.tolist()]
    return row


def _valid(text: str) -> str:
    """Return a text without lone surrogates, which no encoding can write."""
    return text.encode("utf-8", "replace").decode("utf-8")


class _PartWriter(Protocol):
    def write(self, rows: list[dict[str, Any]]) -> object: ...

    def close(self) -> object: ...


class _JsonlPart:
    def __init__(self, file: BinaryIO, labels: bool) -> None:
        self._file = file

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._file.writelines(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)

    def close(self) -> None:
        pass


class _ParquetPart:
    def __init__(self, file: BinaryIO, labels: bool) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        columns = [("page", pa.string()), ("text", pa.string())]
        columns += [("page_type", pa.string()), ("page_type_probability", pa.float32())]
        if labels:
            columns += [
                ("lines", pa.list_(pa.string())),
                ("labels", pa.list_(pa.string())),
                ("probabilities", pa.list_(pa.float32())),
            ]
        self._schema = pa.schema(columns)
        self._table = pa.Table
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._writer.write_table(self._table.from_pylist(rows, self._schema))

    def close(self) -> None:
        self._writer.close()


PART_FORMATS: dict[str, Callable[[BinaryIO, bool], _PartWriter]] = {
    "jsonl": _JsonlPart,
    "parquet": _ParquetPart,
}
_ROWS_AT_ONCE = 512  # of a row group of Parquet, and held until they are written


@dataclass(frozen=True)
class Progress:
    """How far a run has come; all that the next one needs to know.

    Parameters
    ----------
    parts, records, pages, failed, empty : int
        Finished parts, records read for them, pages among these, records without one, and
        pages without an article.
    complete : bool
        Whether the input has ended.
    """

    parts: int = 0
    records: int = 0
    pages: int = 0
    failed: int = 0
    empty: int = 0
    complete: bool = False


@dataclass(frozen=True)
class Output:
    """A folder of parts.

    Parameters
    ----------
    folder : Path
    form : {"jsonl", "parquet"}
    labels : bool
        Whether rows hold lines and labels beside the text.
    part_records : int
        Records that a part stands for.
    settings : dict
        All that the bytes of the output depend on, as JSON holds it.
    """

    folder: Path
    form: str
    labels: bool
    part_records: int
    settings: Mapping[str, Any]

    @contextmanager
    def opened(self) -> Iterator[Progress]:
        """Give how far an earlier run came, while no other run may write here.

        Raises
        ------
        CrawlError
            Another run writes here, has written with other settings, or the folder
            holds files that no run accounts for.
        """
        if self.form == "parquet":
            import pyarrow.parquet  # noqa: F401  # if it is missing, nothing is written at all
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CrawlError(f"{self.folder}: another run is writing there") from error
            yield self._progress()
        finally:
            os.close(handle)

    def _progress(self) -> Progress:
        path = self.folder / _PROGRESS
        if not path.exists():
            if any(self.folder.glob("part-*")):
                raise CrawlError(f"{self.folder}: holds parts but no {_PROGRESS}; give another")
            self.save(Progress())
        try:
            held = json.loads(path.read_bytes())
            theirs, progress = dict(held["settings"]), Progress(**held["progress"])
            numbers = [number for name, number in asdict(progress).items() if name != "complete"]
            if not all(type(number) is int and number >= 0 for number in numbers):
                raise ValueError(numbers)
        except (ValueError, KeyError, TypeError) as error:
            raise CrawlError(f"{path}: not the progress of a run; give another folder") from error
        ours = json.loads(json.dumps(self.settings))
        differ = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
        if differ:
            raise CrawlError(
                f"{self.folder}: holds a run with other settings ({', '.join(differ)}); "
                "repeat that command or give another folder"
            )
        return progress

    def save(self, progress: Progress) -> None:
        """Write how far the run has come."""
        held = {"settings": self.settings, "progress": asdict(progress)}
        with _replacing(self.folder / _PROGRESS) as file:
            file.write(json.dumps(held, indent=2).encode() + b"\n")

    def write_part(self, progress: Progress, outcomes: Iterator[Outcome]) -> Progress:
        """Write the next part and return how far that is."""
        found = islice(outcomes, self.part_records)
        first = next(found, None)
        if first is None:
            progress = replace(progress, complete=True)
        else:
            name = f"part-{progress.parts:05}.{self.form}"
            with _replacing(self.folder / name) as file:
                pages, failed, empty = self._write_rows(file, first, found)
            progress = Progress(
                progress.parts + 1,
                progress.records + pages + failed,
                progress.pages + pages,
                progress.failed + failed,
                progress.empty + empty,
                complete=pages + failed < self.part_records,
            )
        self.save(progress)
        return progress

    def _write_rows(
        self, file: BinaryIO, first: Outcome, others: Iterator[Outcome]
    ) -> tuple[int, int, int]:
        """Write the rows of a part; return how many pages, failures and empty texts it has."""
        writer = PART_FORMATS[self.form](file, self.labels)
        held = [first, *islice(others, _ROWS_AT_ONCE - 1)]
        pages = records = empty = 0
        while held:
            rows = [outcome.page for outcome in held if not outcome.error]
            writer.write(rows)
            pages += len(rows)
            empty += sum(not row["text"] for row in rows)
            records += len(held)
            held = list(islice(others, _ROWS_AT_ONCE))
        writer.close()
        return pages, records - pages, empty


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file that gets its name once it is whole and on the disk.

    Its name until then is fixed, so that what a killed run leaves behind is overwritten.
    """
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # or the name may be lost with the power
    finally:
        os.close(folder)


# ------------------------------------------------------------------------------- run


def write_crawl(
    records: Iterable[Record],
    judge: Judge,
    output: Output,
    *,
    n_jobs: int = 1,
    watch: Callable[[Outcome], None] = lambda outcome: None,
    begin: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Judge records into a folder of parts, from where an earlier run stopped.

    On SIGINT the part in hand is finished first; a second one drops it.

    Parameters
    ----------
    records : iterable of Record
        All of them; the ones that earlier runs have read are read past.
    judge : Judge
        Renders a page as `page_row` does.
    output : Output
    n_jobs : int
        See `judged`.
    watch : callable
        Called with each outcome.
    begin : callable
        Called with how far earlier runs came.

    Returns
    -------
    Progress
        Not complete where the run was interrupted.

    Raises
    ------
    CrawlError
        See `Output.opened` and `judged`; or the input is shorter than what was read of it.
    """
    with output.opened() as progress, _interrupts() as interrupted:
        begin(progress)
        if progress.complete:
            return progress
        rest = iter(records)
        for number in range(progress.records):
            if next(rest, None) is None:
                raise CrawlError(
                    f"the input holds {number:,} pages, and an earlier run has read "
                    f"{progress.records:,}; give that input or another folder"
                )
            if interrupted():
                return progress
        with closing(judged(rest, judge, n_jobs=n_jobs)) as outcomes, suppress(KeyboardInterrupt):
            while not progress.complete and not interrupted():
                progress = output.write_part(progress, _watched(outcomes, watch))
        return progress


def _watched(outcomes: Iterator[Outcome], watch: Callable[[Outcome], None]) -> Iterator[Outcome]:
    for outcome in outcomes:
        watch(outcome)
        yield outcome


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether SIGINT came; the second one raises as usual."""
    came = False

    def note(number: int, frame: object) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)
