import logging
import warnings

import pytest

from linesift.isolation import Result, call_isolated, quiet
from tests.fake_peers import never_starts, troubled

GOOD = (b"good", "en")


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


def test_a_call_that_never_comes_back_is_given_up_and_the_next_one_is_served():
    first, second = called(troubled, [b"hang", b"one"], timeout=2)
    assert first == (None, 2, "no answer within 2 s")
    assert second.value == "en: one"


def test_a_function_that_kills_every_worker_loses_all_calls_and_ends():
    assert {one.error for one in called(never_starts, [b"one", b"two"])} == {"the process died"}


def test_what_other_packages_say_is_kept_off_standard_error_only_for_a_while(capsys):
    with quiet():
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.getLogger("other").error("bad page")
    assert capsys.readouterr().err == ""
    with pytest.warns(UserWarning, match="new"):
        warnings.warn("new", UserWarning, stacklevel=1)
    assert logging.getLogger("other").isEnabledFor(logging.ERROR)
