import logging
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from linesift.scoring.isolation import Result, call_isolated, quiet
from tests.fake_peers import never_starts, troubled

GOOD = (b"good", "en")
PATH = [path for path in sys.path if path]


def called(function, pages: list[bytes], *, timeout: float = 60, jobs: int = 1) -> list[Result]:
    found: dict[int, Result] = {}
    call_isolated(
        function,
        [(page, "en") for page in pages],
        timeout=timeout,
        jobs=jobs,
        warm_up=GOOD,
        done=found.__setitem__,
    )
    return [found[i] for i in range(len(pages))]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_crash_or_an_exception_loses_one_call_alone(jobs):
    results = called(troubled, [b"one", b"crash", b"two", b"raise", b"three"], jobs=jobs)
    assert [one.value for one in results] == ["en: one", None, "en: two", None, "en: three"]
    assert [one.error for one in results] == [
        "",
        "the process died",
        "",
        "ValueError: no such page",
        "",
    ]
    assert (results[1].value, results[1].seconds) == (None, 0)  # of a crash nobody knows the time


def test_a_call_that_never_comes_back_is_given_up_and_the_next_one_is_served():
    first, second = called(troubled, [b"hang", b"one"], timeout=2)
    assert first == (None, 2, "no answer within 2 s")
    assert second.value == "en: one"


def test_a_function_that_kills_every_worker_loses_all_calls_and_ends():
    assert {one.error for one in called(never_starts, [b"one", b"two"])} == {"the process died"}


NAPS = """
from linesift.scoring.isolation import call_isolated
from tests.fake_peers import troubled

def done(index, result):
    print(index, result.error or "well", flush=True)

if __name__ == "__main__":
    naps = [(b"nap", "en")] * 60
    options = {"timeout": 60, "jobs": 2, "warm_up": (b"good", "en")}
    call_isolated(troubled, naps, done=done, **options)
"""


def test_an_interrupt_ends_all_calls_and_none_of_them_counts_as_lost(tmp_path):
    (tmp_path / "naps.py").write_text(NAPS)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "naps.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *PATH])},
        start_new_session=True,  # a signal to the group is what a terminal sends
    )
    assert process.stdout is not None
    told = [process.stdout.readline()]
    os.killpg(process.pid, signal.SIGINT)
    try:
        rest, _ = process.communicate(timeout=20)  # sixty naps take longer
    finally:
        process.kill()
        process.communicate()
    told += rest.splitlines(keepends=True)
    assert process.returncode != 0
    assert len(told) < 10
    assert {line.split()[1] for line in told} == {"well"}


def test_where_results_cannot_be_kept_no_more_calls_are_made():
    told = []

    def full_disk(index: int, result: Result) -> None:
        told.append(index)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        call_isolated(troubled, [GOOD] * 50, timeout=60, jobs=2, warm_up=GOOD, done=full_disk)
    assert len(told) <= 2


def test_what_other_packages_say_is_kept_off_standard_error_only_for_a_while(capsys):
    with quiet():
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.getLogger("other").error("bad page")
    assert capsys.readouterr().err == ""
    with pytest.warns(UserWarning, match="new"):
        warnings.warn("new", UserWarning, stacklevel=1)
    assert logging.getLogger("other").isEnabledFor(logging.ERROR)
