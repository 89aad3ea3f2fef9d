import pytest

from linesift.models.model_file import make_card, save_model
from linesift.scoring.speed import (
    Source,
    Spread,
    Task,
    cold_start,
    linesift_tasks,
    measure,
    peer_task,
    two_processes,
)
from tests.fake_peers import all_lines, named
from tests.made_pages import fitted, made_page

SOURCES = [
    Source(html.encode(), "\n".join(page.lines), page.language)
    for html, page, _ in (made_page(site, 0) for site in range(9, 13))
]


def quietly(what: str, done: int, total: int) -> None:
    """Report no progress."""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, fitted(), make_card(fitted()))
    return str(path)


def test_every_task_is_measured_against_the_first():
    tasks = [peer_task(named(all_lines)), *linesift_tasks(fitted())]
    found = measure(tasks, SOURCES, rounds=2, progress=quietly)
    assert [one.name for one in found] == [task.name for task in tasks]
    assert [one.ratio is None for one in found] == [True] + [False] * 4
    assert [one.name for one in found if one.lines_per_second] == ["linesift, lines to labels"]
    for one in found:
        spread = one.pages_per_second
        assert 0 < spread.low <= spread.median <= spread.high


def test_rates_and_ratios_by_hand(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("linesift.scoring.speed.time.process_time", lambda: now[0])

    def takes(seconds):
        return lambda sources: now.append(now.pop() + seconds * len(sources))

    tasks = [Task("slow", takes(0.5)), Task("fast", takes(0.1), reads_lines=True)]
    sources = [Source(b"", "a\nb\nc", "")] * 4
    slow, fast = measure(tasks, sources, rounds=2, progress=quietly)
    assert (slow.pages_per_second.median, slow.ratio) == (pytest.approx(2), None)
    assert fast.pages_per_second.median == pytest.approx(10)
    assert fast.ratio.median == pytest.approx(5)  # times as fast as the first
    assert fast.lines_per_second.median == pytest.approx(30)


@pytest.mark.parametrize(("rounds", "sizes"), [(1, [4]), (2, [2, 2]), (3, [2, 1, 1]), (5, [4] * 5)])
def test_rounds_share_the_pages_out_and_no_page_is_seen_twice(rounds, sizes):
    seen = []
    measure([Task("note", seen.append)], SOURCES, rounds=rounds, progress=quietly)
    rounds_seen = seen[1:]  # the first is the warm-up
    assert [len(share) for share in rounds_seen] == sizes
    if rounds <= len(SOURCES):
        assert sorted(one for share in rounds_seen for one in share) == sorted(SOURCES)


def test_a_page_on_which_a_peer_fails_does_not_end_the_run():
    def failing(html: bytes, language: str) -> str:
        raise ValueError("no such page")

    (found,) = measure([peer_task(named(failing))], SOURCES, rounds=1, progress=quietly)
    assert found.pages_per_second.median > 0


def test_two_processes_and_a_cold_start_are_measured_in_fresh_processes(model):
    assert two_processes(model, SOURCES, rounds=1, progress=quietly).median > 0
    cold = cold_start(model, SOURCES[0].text, rounds=1, progress=quietly)
    assert min(cold.load_model.low, cold.predict.low) > 0


def test_a_spread_is_the_middle_and_the_ends():
    assert Spread.of([4.0, 1.0, 2.0, 3.0]) == Spread(2.5, 1.0, 4.0)
