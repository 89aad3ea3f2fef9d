"""Any number of pages through workers, in bounded memory and in the order of the input.

Records go in bounded batches to workers that parse and judge them: the model is loaded
once in each, and each works on one thread.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from threadpoolctl import threadpool_limits

from linesift.labelling.labels import OWN_TEXT
from linesift.models.model_file import load_model
from linesift.models.predict import predict_pages
from linesift.models.prediction import LinePredictor, PagePrediction
from linesift.reading.readers import ReadError
from linesift.reading.sources import Fields, Record, read_record

BATCH_RECORDS = 64
BATCH_BYTES = 4 << 20
"""A batch ends with the record that reaches either; results do not depend on them."""


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
    page_types : sequence of str, or "all"
        As in `LinePredictor.predict_lines`.
    """

    model: str | None
    threshold: float | str
    fields: Fields
    render: Callable[[PagePrediction], Any]
    page_types: str | Sequence[str] = OWN_TEXT

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
        found = predict_pages(model, pages, threshold=self.threshold, page_types=self.page_types)
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
