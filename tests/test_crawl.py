"""Long runs: real processes, real signals, and the same bytes whatever happens to them."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from threadpoolctl import threadpool_limits

from linesift import read_html, save_model
from linesift.cli import main
from linesift.crawling import parts as crawl_parts
from linesift.crawling.crawl import CrawlError, Judge, Outcome, batches, judged
from linesift.crawling.parts import page_row
from linesift.models.model_file import make_card
from linesift.reading.sources import Fields, Record
from tests.made_pages import fitted, fitted_on_types, made_front, made_page, made_thread
from tests.threads import threads_in_use

HTML = [made_page(site, number)[0] for site in range(9, 12) for number in range(2)]
PAGES = 90
LONG = 12  # times as many in the runs that are broken off


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, fitted(), make_card(fitted()))
    return str(path)


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    """Rows of JSONL: pages, and here and there a row without one."""
    path = tmp_path_factory.mktemp("crawl") / "crawl.jsonl"
    rows = [json.dumps({"id": f"p{k}", "text": HTML[k % len(HTML)]}) for k in range(PAGES)]
    rows[7] = "{}"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def long_crawl(crawl) -> Path:
    """Rows enough that a run is still at work when a signal comes."""
    path = crawl.with_name("long.jsonl")
    path.write_bytes(crawl.read_bytes() * LONG)
    return path


@pytest.fixture(scope="module")
def unbroken_long(model, long_crawl, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("long") / "out"
    assert run(model, long_crawl, folder).exit_code == 1
    return folder


def arguments(model: str, crawl: Path, folder: Path, *more: object) -> list[str]:
    command = ["predict", "--model", model, "--output", folder, "--part-size", 10, *more, crawl]
    return [str(one) for one in command]


def run(*parts: object):
    return CliRunner().invoke(main, arguments(*parts))


def start(*parts: object) -> subprocess.Popen[bytes]:
    code = "from linesift.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments(*parts)],
        stderr=subprocess.PIPE,
        start_new_session=True,  # a signal to the group is what a terminal sends
    )


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows_of(folder: Path) -> list[dict[str, object]]:
    parts = sorted(folder.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()]


def records_done(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return json.loads((folder / "_progress.json").read_text())["progress"]["records"]
    return 0


def wait_for_records(process: subprocess.Popen[bytes], folder: Path, wanted: int) -> None:
    until = time.monotonic() + 60
    while records_done(folder) < wanted and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.002)


@pytest.fixture(scope="module")
def unbroken(model, crawl, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "out"
    assert run(model, crawl, folder).exit_code == 1  # for the row without a page
    return folder


# ------------------------------------------------------------------------ what is held


def test_parts_hold_a_row_a_page_in_the_order_of_the_input(unbroken):
    rows = rows_of(unbroken)
    assert [row["page"] for row in rows] == [f"p{k}" for k in range(PAGES) if k != 7]
    for k in (0, 50, PAGES - 1):
        row = rows[k - (k > 7)]
        assert row == {
            "page": f"p{k}",
            "text": fitted().extract_text(read_html(HTML[k % len(HTML)])),
            "page_type": None,  # told by no model that was fitted without page types
            "page_type_probability": None,
        }
    assert len(list(unbroken.glob("part-*"))) == PAGES / 10
    assert json.loads((unbroken / "_progress.json").read_text())["progress"] == {
        "parts": PAGES / 10,
        "records": PAGES,
        "pages": PAGES - 1,
        "failed": 1,
        "empty": 0,
        "complete": True,
    }
    assert {path.name for path in unbroken.iterdir() if path.name.startswith(".")} == set()


@pytest.mark.parametrize("size", [7, 45, PAGES, 1000])
def test_how_many_pages_a_part_holds_changes_no_row(model, crawl, unbroken, tmp_path, size):
    run(model, crawl, tmp_path / "out", "--part-size", size)
    assert rows_of(tmp_path / "out") == rows_of(unbroken)


def test_labels_are_lists_beside_the_lines(model, crawl, tmp_path):
    run(model, crawl, tmp_path / "out", "--labels")
    row = rows_of(tmp_path / "out")[0]
    (expected,) = fitted().predict_lines([read_html(HTML[0])])
    assert row["lines"] == list(expected.page.lines)
    assert row["labels"] == expected.labels
    assert row["probabilities"] == pytest.approx(expected.probabilities.tolist(), abs=1e-4)


@pytest.mark.parametrize("labels", [[], ["--labels"]])
def test_parquet_holds_the_rows_of_jsonl(model, crawl, tmp_path, labels):
    from pyarrow import parquet

    run(model, crawl, tmp_path / "jsonl", *labels)
    result = run(model, crawl, tmp_path / "parquet", "--format", "parquet", *labels)
    assert result.exit_code == 1
    parts = sorted((tmp_path / "parquet").glob("part-*.parquet"))
    rows = [row for part in parts for row in parquet.read_table(part).to_pylist()]
    expected = rows_of(tmp_path / "jsonl")
    for row, other in zip(rows, expected, strict=True):
        if labels:
            probabilities = row.pop("probabilities")
            assert probabilities == pytest.approx(other.pop("probabilities"), abs=1e-6)
        assert row == other


def test_a_folder_of_parquet_is_read_as_one_table(model, crawl, tmp_path):
    from pyarrow import parquet

    run(model, crawl, tmp_path / "out", "--format", "parquet")
    assert parquet.read_table(tmp_path / "out").num_rows == PAGES - 1


def test_workers_change_nothing(model, crawl, unbroken, tmp_path):
    process = start(model, crawl, tmp_path / "out", "--jobs", 2)
    _, error = process.communicate(timeout=100)
    assert (process.returncode, error.count(b"\n")) == (1, 2)  # the failure and the count
    assert held(tmp_path / "out") == held(unbroken)


def test_batches_change_nothing_and_are_bounded(model, monkeypatch):
    records = [Record(f"{k}", "html", HTML[k % len(HTML)].encode()) for k in range(20)]
    judge = Judge(model, "balanced", Fields(), page_row)
    expected = list(judged(records, judge))
    size = 3 * records[0].size
    monkeypatch.setattr("linesift.crawling.crawl.BATCH_BYTES", size)
    cut = list(batches(records))
    assert [one for batch in cut for one in batch] == records
    assert len(cut) > 3
    assert all(sum(one.size for one in batch[:-1]) < size for batch in cut)
    assert list(judged(records, judge)) == expected
    monkeypatch.setattr("linesift.crawling.crawl.BATCH_RECORDS", 1)
    assert list(judged(records, judge)) == expected


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_process_judges_on_one_thread(model, monkeypatch, jobs):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    judge = Judge(model, 0.5, Fields(), threads_in_use)
    records = [Record("a", "text", b"It rained all day.")] * 3
    with threadpool_limits(2):
        if threads_in_use(None) < 2:
            pytest.skip("there is one thread only")
        assert [one.page for one in judged(records, judge, n_jobs=jobs)] == [1, 1, 1]


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_more_is_read_than_a_few_batches_ahead(model, monkeypatch, jobs):
    monkeypatch.setattr("linesift.crawling.crawl.BATCH_RECORDS", 2)
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield Record(f"{read}", "text", b"It rained all day, they said.")

    outcomes = judged(endless(), Judge(model, 0.0, Fields(), page_row), n_jobs=jobs)
    first = next(outcomes)
    assert (first.name, first.page["text"]) == ("1", "It rained all day, they said.\n")
    assert read <= 2 * (2 * jobs + 1)
    outcomes.close()


# -------------------------------------------------------------------------- broken off


def test_killed_at_random_and_started_again_the_bytes_are_the_same(
    model, long_crawl, unbroken_long, tmp_path
):
    rng = random.Random(20)
    folder = tmp_path / "out"
    kills = 0
    for wanted in (0, 10, 200, 500):
        process = start(model, long_crawl, folder)
        wait_for_records(process, folder, wanted)
        time.sleep(rng.uniform(0, 0.1))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills == 4
    assert run(model, long_crawl, folder).exit_code == 1
    assert held(folder) == held(unbroken_long)


def running(group: int) -> list[int]:
    """Return the processes of a group, without those that only wait to be buried."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp = path.read_text().rpartition(")")[2].split()[:3]
            found += [int(path.parent.name)] * (int(pgrp) == group and state != "Z")
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_with_a_parent_that_was_killed(model, crawl, tmp_path):
    process = start(model, crawl, tmp_path / "out", "--jobs", 2)
    wait_for_records(process, tmp_path / "out", 10)
    process.kill()
    process.communicate()
    until = time.monotonic() + 30
    while running(process.pid):
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_run_closes_and_says_how_to_go_on(
    model, long_crawl, unbroken_long, tmp_path, jobs
):
    folder = tmp_path / "out"
    process = start(model, long_crawl, folder, "--jobs", jobs)
    wait_for_records(process, folder, 10)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    done = records_done(folder)
    assert process.returncode == 130
    assert error.decode().splitlines()[-1] == (
        f"linesift: stopped after {done:,} pages; the same command again goes on from there"
    )
    assert b"Traceback" not in error
    assert 10 <= done < PAGES * LONG
    assert len(list(folder.glob("part-*"))) == done / 10
    assert not list(folder.glob(".*"))
    assert run(model, long_crawl, folder).exit_code == 1
    assert held(folder) == held(unbroken_long)


def test_a_finished_run_again_writes_nothing(model, crawl, unbroken):
    before = {path: path.stat().st_mtime_ns for path in unbroken.iterdir()}
    result = run(model, crawl, unbroken)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
    assert {path: path.stat().st_mtime_ns for path in unbroken.iterdir()} == before


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--threshold", "0.7"], "threshold"),
        (["--page-types", "all"], "page types"),
        (["--part-size", "11"], "part size"),
        (["--labels"], "labels"),
        (["--text-field", "html"], "fields"),
        (["--format", "parquet"], "format"),
    ],
)
def test_other_settings_are_refused(model, crawl, unbroken, more, named):
    before = held(unbroken)
    result = run(model, crawl, unbroken, *more)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {unbroken}: holds a run with other settings ({named}); "
        "repeat that command or give another folder\n"
    )
    assert held(unbroken) == before


def test_an_input_that_has_grown_is_refused(model, crawl, tmp_path):
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(crawl.read_bytes())
    run(model, copy, tmp_path / "out")
    copy.write_bytes(crawl.read_bytes() * 2)
    result = run(model, copy, tmp_path / "out")
    assert (result.exit_code, "(inputs)" in result.stderr) == (2, True)


def paged(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.txt").write_text(f"It rained all day in {name}, they said.\n")
    return folder


@pytest.mark.parametrize("changed", ["added", "gone", "longer"])
def test_a_folder_that_has_changed_since_is_refused(model, tmp_path, changed):
    pages = paged(tmp_path / "pages", "b", "c", "d")
    output = tmp_path / "out"
    assert run(model, pages, output).exit_code == 0
    assert run(model, pages, output).exit_code == 0
    if changed == "added":  # read past by number, the page in front would be lost, another doubled
        paged(pages, "a")
    elif changed == "gone":
        (pages / "b.txt").unlink()
    else:
        (pages / "b.txt").write_text("It rained for a whole week, they said.\n")
    before = held(output)
    result = run(model, pages, output)
    assert (result.exit_code, "(inputs)" in result.stderr) == (2, True)
    assert held(output) == before


def test_a_folder_with_a_path_that_is_too_long_is_known_again(model, tmp_path, monkeypatch):
    pages, output = paged(tmp_path / "pages", "b"), tmp_path / "out"
    monkeypatch.chdir(pages)
    for _ in range(21):
        os.mkdir("m" * 200)
        monkeypatch.chdir("m" * 200)
    monkeypatch.chdir(tmp_path)
    assert [run(model, pages, output).exit_code for _ in range(2)] == [1, 1]
    paged(pages, "a")
    assert "(inputs)" in run(model, pages, output).stderr


@pytest.mark.parametrize("inside", [".", "out", "deep/out"])
def test_what_is_written_is_not_read(model, tmp_path, inside):
    pages = paged(tmp_path / "pages", "a", "z")
    result = run(model, pages, pages / inside)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {pages / inside}: lies in {pages}, which is read; give a folder beside it\n"
    )
    assert {path.name for path in pages.iterdir()} == {"a.txt", "z.txt"}


def test_a_name_that_no_file_can_have_is_one_sentence(model, tmp_path):
    result = run(model, Path("x" * 300), tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr == f"linesift: {'x' * 300}: File name too long\n"


def test_parts_that_no_progress_accounts_for_are_left_alone(model, crawl, tmp_path):
    (tmp_path / "part-00000.jsonl").write_text("mine")
    result = run(model, crawl, tmp_path)
    assert (result.exit_code, "holds parts but no _progress.json" in result.stderr) == (2, True)
    assert held(tmp_path) == {"part-00000.jsonl": b"mine"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"settings": {}, "progress": {"x": 1}}',
        b'{"settings": [1], "progress": {}}',
        b'{"settings": null, "progress": {}}',
        b'{"settings": {}, "progress": {"parts": "one"}}',
        b'{"settings": {}, "progress": {"records": -1}}',
    ],
)
def test_a_damaged_progress_is_refused(model, crawl, tmp_path, data):
    (tmp_path / "_progress.json").write_bytes(data)
    result = run(model, crawl, tmp_path)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "not the progress of a run" in result.stderr


def test_two_runs_do_not_write_into_one_folder(model, crawl, tmp_path):
    import fcntl

    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    result = run(model, crawl, tmp_path)
    os.close(folder)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {tmp_path}: another run is writing there\n"


def test_a_warc_can_come_through_a_pipe(model):
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + HTML[0].encode()
    head = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\n"
    head += f"Content-Type: application/http\r\nContent-Length: {len(http)}\r\n\r\n"
    code = "from linesift.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", "--model", model, "--input-format", "warc", "-"],
        input=head.encode() + http + b"\r\n\r\n",
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == fitted().extract_text(read_html(HTML[0]))


# --------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--output", "out", "--format", "tsv"], "--output takes"),
        (["--output", "out", "--format", "text"], "--output takes"),
        (["--format", "parquet"], "needs --output"),
        (["--labels"], "needs --output"),
        (["--jobs", "0"], "--jobs"),
        (["--input-format", "pdf"], "--input-format"),
        (["--output", "crawl.jsonl"], "--output"),
    ],
)
def test_options_that_do_not_go_together_are_refused(model, crawl, monkeypatch, more, reason):
    monkeypatch.chdir(crawl.parent)
    result = CliRunner().invoke(main, ["predict", "--model", model, *more, str(crawl)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr.splitlines()[-1]
    assert not Path("out").exists()


@pytest.mark.parametrize("output", [[], ["--output", "out"]])
def test_many_failures_are_named_up_to_a_bound(model, tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    Path("bad.jsonl").write_text("{}\n" * 1200 + '{"text": "It rained."}\n')
    result = CliRunner().invoke(main, ["predict", "--model", model, *output, "bad.jsonl"])
    lines = result.stderr.splitlines()
    assert (result.exit_code, len(lines)) == (1, 22 if output else 21)
    assert lines[0] == "linesift: bad.jsonl:1: the field 'text' is missing, expected a string"
    assert lines[20] == "linesift: and 1,180 more without a page"


def test_a_finished_run_says_what_it_holds_of_all_runs_that_it_took(model, tmp_path):
    player = "<nav><a href=/a>Home</a> <a href=/b>Weather</a></nav>"
    texts = [player if number % 5 == 4 else HTML[0] for number in range(30)]
    rows = [*({"id": f"{number}", "text": text} for number, text in enumerate(texts)), {}]
    crawl, folder = tmp_path / "crawl.jsonl", tmp_path / "out"
    crawl.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def stop(outcome: Outcome) -> None:
        if outcome.name.endswith(":26"):
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        whole = crawl_parts.write_crawl
        patch.setattr(crawl_parts, "write_crawl", lambda *given, **more: whole(*given, watch=stop))
        assert run(model, crawl, folder).exit_code == 130
    counts = f"30 pages in {folder}, 6 without an article; 1 could not be read"
    for _ in range(2):
        assert run(model, crawl, folder).stderr.splitlines()[-1] == f"linesift: {counts}"


def test_what_archives_hold_does_not_steer_a_terminal(model, tmp_path):
    http = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br\r\n\r\n\x1f\x8b\x08 no"
    )
    head = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a/\x1b]0;me\x07\r\n"
    head += f"Content-Type: application/http\r\nContent-Length: {len(http)}\r\n\r\n"
    (tmp_path / "a.warc").write_bytes((head + http + "\r\n\r\n").encode("latin-1"))
    error = run(model, tmp_path / "a.warc", tmp_path / "out").stderr
    assert error.startswith("linesift: http://a/U+001B]0;meU+0007: damaged br coding")
    assert error.count("\n") == 1


def dies(prediction: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_was_killed_is_one_sentence(model):
    records = [Record("a", "text", b"It rained all day, they said.")]
    with pytest.raises(CrawlError, match="a worker was killed"):
        list(judged(records, Judge(model, 0.0, Fields(), dies), n_jobs=2))


def test_where_no_record_holds_a_page_the_exit_code_is_2(model, tmp_path):
    (tmp_path / "bad.jsonl").write_text("{}\n")
    assert run(model, tmp_path / "bad.jsonl", tmp_path / "out").exit_code == 2
    assert run(model, tmp_path / "missing.jsonl", tmp_path / "other").exit_code == 2


def test_a_missing_package_is_one_sentence(model, crawl, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run(model, crawl, tmp_path / "out", "--format", "parquet")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.endswith("install it with: pip install 'linesift[crawl]'")
    assert not (tmp_path / "out").exists()  # JSONL may still be written there


@pytest.mark.parametrize("looped", ["input", "output"])
def test_a_link_that_leads_to_itself_is_one_sentence(model, tmp_path, looped):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    pages = paged(tmp_path / "pages", "a")
    given = {"input": (loop, tmp_path / "out"), "output": (pages, loop)}
    result = run(model, *given[looped])
    assert (result.exit_code, type(result.exception)) == (2, SystemExit)
    assert str(loop) in result.stderr


def test_an_input_that_is_shorter_than_what_was_read_is_refused(model, tmp_path):
    rows = [json.dumps({"id": f"p{k}", "text": HTML[0]}).encode() for k in range(4)]
    options = ("--input-format", "jsonl", "--part-size", "2")
    given = ["predict", "--model", model, *options, "--output", str(tmp_path / "out"), "-"]
    assert CliRunner().invoke(main, given, input=b"\n".join(rows)).exit_code == 0
    progress = tmp_path / "out" / "_progress.json"
    progress.write_text(progress.read_text().replace('"complete": true', '"complete": false'))
    before = held(tmp_path / "out")
    result = CliRunner().invoke(main, given, input=b"\n".join(rows[:3]))
    assert (result.exit_code, "holds 3 pages, and an earlier" in result.stderr) == (2, True)
    assert held(tmp_path / "out") == before


# ------------------------------------------------------------------------- page types


@pytest.fixture(scope="module")
def three_kinds(tmp_path_factory) -> Path:
    """Return a folder of an article, a thread and a front page."""
    folder = tmp_path_factory.mktemp("kinds")
    for k, make in enumerate((made_page, made_thread, made_front)):
        (folder / f"{k}.html").write_text(make(9, 0)[0], encoding="utf-8")
    return folder


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("wanted", [None, "all", "listing"])
def test_rows_tell_the_type_of_a_page_and_hold_text_of_those_that_are_asked_for(
    typed_model, three_kinds, tmp_path, form, wanted
):
    from pyarrow import parquet

    asked = () if wanted is None else ("--page-types", wanted)
    out = tmp_path / "out"
    assert run(typed_model, three_kinds, out, "--format", form, *asked).exit_code == 0
    rows = rows_of(out) if form == "jsonl" else parquet.read_table(out).to_pylist()
    pages = [read_html(path.read_bytes()) for path in sorted(three_kinds.iterdir())]
    names = {} if wanted is None else {"page_types": wanted}
    expected = fitted_on_types().predict_lines(pages, **names)
    assert [row["text"] for row in rows] == [one.text for one in expected]
    assert [row["page_type"] for row in rows] == ["article", "forum", "listing"]
    assert [row["page_type_probability"] for row in rows] == pytest.approx(
        [one.page_type_probability for one in expected], abs=1e-4
    )


def test_the_same_page_types_in_another_order_go_on_with_the_run(
    typed_model, three_kinds, tmp_path
):
    for wanted in ("forum,article", "article,forum,article"):
        result = run(typed_model, three_kinds, tmp_path / "out", "--page-types", wanted)
        assert result.exit_code == 0
    assert run(typed_model, three_kinds, tmp_path / "out").exit_code == 2
