"""A crawl: any number of pages through workers, into files that survive being interrupted.

Records go in bounded batches to workers that parse and judge them, and come back in the
order of the input. A folder of output holds parts of a fixed number of records each and
`progress.json`, which says how many records the finished parts hold. A part gets its
name only once it is on the disk, and only then is it counted: whenever a run ends, the
next one reads past just those records, and writes the same bytes as an unbroken run.
"""

import fcntl
import json
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from threadpoolctl import threadpool_limits

from linesift.model import LinePredictor, PagePrediction
from linesift.model_file import load_model
from linesift.predict import predict_pages
from linesift.readers import ReadError
from linesift.sources import Fields, Record, read_record

BATCH_RECORDS = 64
BATCH_BYTES = 4 << 20
"""A batch ends with the record that reaches either; results do not depend on them."""

_PROGRESS = "progress.json"
_FORMAT = 1


class CrawlError(ValueError):
    """A run that cannot begin or go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record.

    Parameters
    ----------
    name : str
        Of the record.
    page : object
        What the judge made of its page; None where there is none.
    error : str
        Why there is none.
    """

    name: str
    page: Any = None
    error: str = ""


# --------------------------------------------------------------------------- workers


@dataclass(frozen=True)
class Judge:
    """What a worker does with a batch: parse, predict, and render each page.

    Parameters
    ----------
    model : str or None
        File of the model; None for the shipped one. A process loads it once.
    threshold : float or str
        As in `LinePredictor.predict_lines`.
    fields : Fields
        Where rows hold a page.
    render : callable
        A function of a module, from a prediction to what is written of it.
    """

    model: str | None
    threshold: float | str
    fields: Fields
    render: Callable[[PagePrediction], Any]

    def __call__(self, batch: list[Record]) -> list[Outcome]:
        """Return what became of each record, in their order."""
        errors: dict[int, str] = {}
        pages = []
        for number, record in enumerate(batch):
            try:
                pages.append(read_record(record, self.fields))
            except ReadError as error:
                errors[number] = str(error)
        model = model_of_process(self.model)
        found = predict_pages(model, pages, threshold=self.threshold)
        return [
            Outcome(record.name, error=errors[number])
            if number in errors
            else Outcome(record.name, self.render(next(found)))
            for number, record in enumerate(batch)
        ]


@cache
def model_of_process(path: str | None) -> LinePredictor:
    """Return the model of a file, loaded once in a process."""
    return load_model(path)


def batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield records many at a time, bounded in number and in bytes."""
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += record.size
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def judged(
    records: Iterable[Record], judge: Judge, *, n_jobs: int = 1
) -> Generator[Outcome, None, None]:
    """Yield what became of each record, in their order.

    Parameters
    ----------
    records : iterable of Record
        Read only a few batches ahead.
    judge : Judge
    n_jobs : int
        Processes that judge side by side, each on one thread. With 1 it is this process;
        more can only be started from the main thread.

    Raises
    ------
    CrawlError
        A worker was killed, as a rule for want of memory.
    """
    if n_jobs == 1:
        model_of_process(judge.model)  # a limit holds only for what is loaded
        with threadpool_limits(1):
            for batch in batches(records):
                yield from judge(batch)
        return
    with _workers(n_jobs, judge.model) as submit:
        flying: deque[Any] = deque()
        for batch in batches(records):
            flying.append(submit(judge, batch))
            if len(flying) > 2 * n_jobs:
                yield from flying.popleft().result()
        while flying:
            yield from flying.popleft().result()


@contextmanager
def _workers(n_jobs: int, model: str | None) -> Iterator[Callable[..., Any]]:
    """Give a function that hands work to processes; they end with the block."""
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import BrokenProcessPool

    executor = get_reusable_executor(
        n_jobs,
        timeout=None,
        kill_workers=True,
        initializer=_start_worker,
        initargs=(model, os.getpid()),
    )
    # Workers inherit what is ignored: ^C is for the process that writes, not for them.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        executor.submit(os.getpid)  # the first task starts them all
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield executor.submit
    except BrokenProcessPool as error:
        raise CrawlError(
            "a worker was killed, perhaps for want of memory; try fewer with --jobs"
        ) from error
    finally:
        executor.shutdown(wait=True, kill_workers=True)


def _start_worker(model: str | None, parent: int) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    model_of_process(model)
    threadpool_limits(1)


def _end_with(parent: int) -> None:
    """End this process once its parent has: a killed one cannot tell its workers to."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


# ----------------------------------------------------------------------------- parts


def page_row(prediction: PagePrediction, *, labels: bool = False) -> dict[str, Any]:
    r"""Return what a part holds of a page; with labels also its lines, one list a column.

    >>> from linesift import read_text
    >>> import numpy as np
    >>> page = read_text("It rained.", "a")
    >>> page_row(PagePrediction(page, np.array([0]), np.array([0.9])))
    {'page': 'a', 'text': 'It rained.\n'}
    """
    page = prediction.page
    row: dict[str, Any] = {"page": _valid(page.page_id), "text": _valid(prediction.text)}
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
    parts, records, pages, failed : int
        Finished parts, records read for them, pages among these, and records without one.
    complete : bool
        Whether the input has ended.
    """

    parts: int = 0
    records: int = 0
    pages: int = 0
    failed: int = 0
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
            theirs, progress = held["settings"], Progress(**held["progress"])
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
                pages, failed = self._write_rows(file, first, found)
            progress = Progress(
                progress.parts + 1,
                progress.records + pages + failed,
                progress.pages + pages,
                progress.failed + failed,
                complete=pages + failed < self.part_records,
            )
        self.save(progress)
        return progress

    def _write_rows(
        self, file: BinaryIO, first: Outcome, others: Iterator[Outcome]
    ) -> tuple[int, int]:
        """Write the rows of a part; return the number of pages and of failures."""
        writer = PART_FORMATS[self.form](file, self.labels)
        held = [first, *islice(others, _ROWS_AT_ONCE - 1)]
        pages = records = 0
        while held:
            rows = [outcome.page for outcome in held if not outcome.error]
            writer.write(rows)
            pages += len(rows)
            records += len(held)
            held = list(islice(others, _ROWS_AT_ONCE))
        writer.close()
        return pages, records - pages


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
        See `Output.opened` and `judged`.
    """
    with output.opened() as progress, _interrupts() as interrupted:
        begin(progress)
        if progress.complete:
            return progress
        rest = iter(records)
        for _ in islice(rest, progress.records):
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
