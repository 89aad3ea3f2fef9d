"""Measure linesift and other extractors side by side, in one run on the same pages.

Neighbours on the machine make any single number worthless, so every round runs all tasks
one after the other on the same pages, and what counts is the ratio within a round. Each
round has pages of its own, so that nothing is fast because it has seen them before.
Tasks are timed by the processor time of one thread; two processes and cold starts by
the clock.
"""

import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from selectolax.lexbor import LexborHTMLParser
from threadpoolctl import threadpool_limits

from linesift.labelling.archives import Progress
from linesift.models.model_file import load_model
from linesift.models.predict import predict_pages
from linesift.models.prediction import LinePredictor
from linesift.reading.readers import decode, read_html, read_text
from linesift.scoring.isolation import quiet
from linesift.scoring.peers import WARM_UP, Peer

_LIMIT = 120.0  # seconds for a fresh process and one page
_LOAD = (
    "import sys, time\n"
    "from linesift.models.model_file import load_model\n"
    "start = time.perf_counter()\n"
    "load_model(sys.argv[1] or None)\n"
    "print(time.perf_counter() - start)"
)
_PREDICT = "from linesift.cli import main\nmain()"


class Source(NamedTuple):
    """A page in the forms that tasks read.

    Parameters
    ----------
    html : bytes
    text : str
        Its lines as plain text.
    language : str
    """

    html: bytes
    text: str
    language: str


@dataclass(frozen=True)
class Task:
    """Something to be timed.

    Parameters
    ----------
    name : str
    run : callable
        Takes sources and works through all of them.
    reads_lines : bool
        Whether lines a second say something of it.
    """

    name: str
    run: Callable[[Sequence[Source]], None]
    reads_lines: bool = False


@dataclass(frozen=True)
class Spread:
    """Median of some rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of values.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(median=2.0, low=1.0, high=3.0)
        """
        return cls(float(np.median(values)), min(values), max(values))


@dataclass(frozen=True)
class Speed:
    """How fast a task is.

    Parameters
    ----------
    name : str
    pages_per_second : Spread
        Over rounds.
    ratio : Spread or None
        To the first task, round by round; None of the first itself.
    lines_per_second : Spread or None
        Where that says something.
    """

    name: str
    pages_per_second: Spread
    ratio: Spread | None
    lines_per_second: Spread | None


def linesift_tasks(model: LinePredictor) -> list[Task]:
    """Return what linesift does, whole and in parts."""

    def from_html(sources: Sequence[Source]) -> None:
        pages = (read_html(one.html) for one in sources)
        for prediction in predict_pages(model, pages):
            _ = prediction.text

    def from_text(sources: Sequence[Source]) -> None:
        for prediction in predict_pages(model, (read_text(one.text) for one in sources)):
            _ = prediction.labels

    def walk(sources: Sequence[Source]) -> None:
        for one in sources:
            read_html(one.html)

    def parse(sources: Sequence[Source]) -> None:
        for one in sources:
            LexborHTMLParser(decode(one.html))

    return [
        Task("linesift, HTML to text", from_html),
        Task("linesift, lines to labels", from_text, reads_lines=True),
        Task("read_html alone", walk),
        Task("parse alone", parse),
    ]


def peer_task(peer: Peer) -> Task:
    """Return the task of a peer: bytes in, text out; a page on which it fails counts as done."""

    def run(sources: Sequence[Source]) -> None:
        for one in sources:
            try:
                peer.extract(one.html, one.language)
            except Exception:  # nosec B112 # a failure takes its time as well
                continue

    return Task(f"{peer.name} {peer.version}", run)


def measure(
    tasks: Sequence[Task], sources: Sequence[Source], *, rounds: int, progress: Progress
) -> list[Speed]:
    """Return how fast tasks are, each against the first.

    Parameters
    ----------
    tasks : sequence of Task
    sources : sequence of Source
        Shared out among the rounds; all of them each time if there are fewer than rounds.
    rounds : int
    progress : callable
        See `linesift.labelling.archives.Progress`.
    """
    shares = [sources[k::rounds] if len(sources) >= rounds else sources for k in range(rounds)]
    seconds = np.empty((rounds, len(tasks)))
    with quiet(), threadpool_limits(1):
        for task in tasks:
            task.run([Source(WARM_UP[0], "It rained all day.", "")])
        for k, share in enumerate(shares):
            for i, task in enumerate(tasks):
                start = time.process_time()
                task.run(share)
                seconds[k, i] = max(time.process_time() - start, 1e-9)
                progress(task.name, k * len(tasks) + i + 1, rounds * len(tasks))
    pages = np.array([len(share) for share in shares])
    lines = np.array([sum(one.text.count("\n") + 1 for one in share) for share in shares])
    return [
        Speed(
            task.name,
            Spread.of((pages / took).tolist()),
            Spread.of((seconds[:, 0] / took).tolist()) if i else None,
            Spread.of((lines / took).tolist()) if task.reads_lines else None,
        )
        for i, (task, took) in enumerate(zip(tasks, seconds.T, strict=True))
    ]


def two_processes(
    model_path: str | None, sources: Sequence[Source], *, rounds: int, progress: Progress
) -> Spread:
    """Return how many times faster two processes with half of the pages each are than one.

    Parameters
    ----------
    model_path : str or None
        As in `load_model`.
    sources : sequence of Source
    rounds : int
        Of one process, then two; what counts is the ratio in a round.
    progress : callable
        See `linesift.labelling.archives.Progress`.
    """
    html = [one.html for one in sources]
    ratios = []
    for k in range(rounds):
        alone = _wall_time(model_path, [html])
        ratios.append(alone / _wall_time(model_path, [html[::2], html[1::2]]))
        progress("two processes", k + 1, rounds)
    return Spread.of(ratios)


def _wall_time(model_path: str | None, shares: Sequence[Sequence[bytes]]) -> float:
    """Return the seconds in which processes that are ready finish a share of the pages each."""
    context = multiprocessing.get_context("spawn")
    pipes, workers = [], []
    for share in shares:
        here, there = context.Pipe()
        worker = context.Process(target=_extract, args=(there, model_path, share), daemon=True)
        worker.start()
        there.close()  # so that the end of the process ends the pipe
        pipes.append(here)
        workers.append(worker)
    try:
        for pipe in pipes:
            pipe.recv()
        start = time.perf_counter()
        for pipe in pipes:
            pipe.send("go")
        for pipe in pipes:
            pipe.recv()
        return time.perf_counter() - start
    except EOFError as error:
        raise OSError("a process died while its speed was measured") from error
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _extract(pipe: Connection, model_path: str | None, html: Sequence[bytes]) -> None:
    with threadpool_limits(1):
        model = load_model(model_path)
        model.extract_text(read_html(WARM_UP[0]))
        pipe.send("ready")
        pipe.recv()
        for prediction in predict_pages(model, map(read_html, html)):
            _ = prediction.text
        pipe.send("done")


class ColdStart(NamedTuple):
    """Seconds that a fresh process takes.

    Parameters
    ----------
    predict : Spread
        `linesift predict` of one page of text, from start to end.
    load_model : Spread
        Reading the model alone.
    """

    predict: Spread
    load_model: Spread


def cold_start(model_path: str | None, text: str, *, rounds: int, progress: Progress) -> ColdStart:
    """Return how long a fresh process takes for one page, and to read the model.

    Parameters
    ----------
    model_path : str or None
        As in `load_model`.
    text : str
        Of the page.
    rounds : int
    progress : callable
        See `linesift.labelling.archives.Progress`.
    """
    whole, loading = [], []
    model = ["--model", model_path] if model_path else []
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.txt"
        page.write_text(text, encoding="utf-8")
        for k in range(rounds):
            start = time.perf_counter()
            _fresh_process(_PREDICT, "predict", *model, str(page))
            whole.append(time.perf_counter() - start)
            loading.append(float(_fresh_process(_LOAD, model_path or "")))
            progress("cold start", k + 1, rounds)
    return ColdStart(Spread.of(whole), Spread.of(loading))


def _fresh_process(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, check=True, timeout=_LIMIT
    )
    return done.stdout.decode("utf-8", "replace")
