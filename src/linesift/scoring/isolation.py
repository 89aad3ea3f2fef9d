"""Call a function in processes of its own, with a limit on the time of each call.

Code of others may crash the interpreter or never come back. Each worker process serves
one call after another; one that dies or overruns its time is replaced, and the call
is lost alone.
"""

import logging
import multiprocessing
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

_START = 120.0  # seconds in which a worker must be ready: imports on a busy machine
_LONGEST_ERROR = 200  # characters
_CONTEXT = multiprocessing.get_context("spawn")  # a fork would inherit threads and their locks


class Result(NamedTuple):
    """What came of one call.

    Parameters
    ----------
    value : object
        None if the call failed.
    seconds : float
        Processor time of the call itself, which work beside it does not lengthen; the whole
        limit where it ran into that.
    error : str
        Why it failed; empty if it did not.
    """

    value: Any
    seconds: float
    error: str


def call_isolated(
    function: Callable[..., Any],
    calls: Sequence[tuple[Any, ...]],
    *,
    timeout: float,
    jobs: int,
    warm_up: tuple[Any, ...],
    done: Callable[[int, Result], None],
) -> None:
    """Call a function with each tuple of arguments, in worker processes.

    Parameters
    ----------
    function : callable
        Importable by its name.
    calls : sequence of tuple
        Arguments of each call.
    timeout : float
        Seconds after which a call counts as lost.
    jobs : int
        Worker processes.
    warm_up : tuple
        Arguments of a first call in each worker whose time and result do not count: it
        imports what the function needs.
    done : callable
        Told index and result of each call as it ends, never two at a time. What it raises
        ends all calls, as ^C does; a call that was under way is not told.
    """
    waiting = iter(enumerate(calls))
    lock = threading.Lock()
    workers = [_Worker(function, warm_up) for _ in range(jobs)]
    broken_off = threading.Event()

    def work(worker: _Worker) -> None:
        try:
            while not broken_off.is_set():
                with lock:
                    index, arguments = next(waiting, (-1, ()))
                if index < 0:
                    return
                result = worker.call(arguments, timeout)
                with lock:
                    if not broken_off.is_set():
                        done(index, result)
        finally:
            worker.stop()

    with ThreadPoolExecutor(jobs) as pool:
        try:
            list(pool.map(work, workers))
        except BaseException:  # ^C, or nothing more can be told: the calls under way are nobody's
            broken_off.set()
            for worker in workers:
                worker.kill()
            raise


class _Worker:
    """A process that serves calls; started when first needed, and again after each loss."""

    def __init__(self, function: Callable[..., Any], warm_up: tuple[Any, ...]) -> None:
        self._target = function, warm_up
        self._process: Any = None
        self._pipe: Connection | None = None

    def call(self, arguments: tuple[Any, ...], timeout: float) -> Result:
        try:
            pipe = self._pipe or self._start()
            pipe.send(arguments)
            if pipe.poll(timeout):
                return Result(*pipe.recv())
            error = f"no answer within {timeout:g} s"
        except (EOFError, OSError):
            error, timeout = "the process died", 0.0
        self.stop()
        return Result(None, timeout, error)

    def _start(self) -> Connection:
        self._pipe, there = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(there, *self._target), daemon=True)
        self._process.start()
        there.close()
        if not self._pipe.poll(_START):
            raise EOFError
        self._pipe.recv()
        return self._pipe

    def kill(self) -> None:
        """End the process from any thread; whoever waits for it finds that it died."""
        if (process := self._process) is not None and process.pid is not None:
            process.kill()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _serve(pipe: Connection, function: Callable[..., Any], warm_up: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the process that calls
    with quiet():
        _timed(function, warm_up)
        pipe.send("ready")
        while True:
            try:
                arguments = pipe.recv()
            except EOFError:
                return
            pipe.send(_timed(function, arguments))


def _timed(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Result:
    start = time.process_time()
    value, error = None, ""
    try:
        value = function(*arguments)
    except Exception as failure:  # whatever it is, it is the function's and loses this call alone
        error = f"{type(failure).__name__}: {failure}"[:_LONGEST_ERROR]
    return Result(value, time.process_time() - start, error)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings and log records of other packages off standard error."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
