import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from linesift.cli import main
from linesift.labelling.corpora import write_corpus
from linesift.labelling.corpus_readers import READERS
from linesift.labelling.documents import Document
from linesift.labelling.labels import is_test_site
from linesift.scoring import peers, speed
from linesift.scoring.compare import ALL_TYPES
from tests.fake_peers import all_lines, long_lines, named
from tests.made_pages import made_page, made_pages, site_name

SITES = range(9, 60)
TESTED = [site for site in SITES if is_test_site(site_name(site))]


@pytest.fixture
def corpus(tmp_path, monkeypatch) -> list[str]:
    """Options that name a made-up corpus; two stand-ins are the peers, and two are missing."""
    labelled = made_pages(SITES, corpus="made", own_words=True)
    types = ["listing" if k % 2 else "article" for k in range(len(labelled))]
    labelled = replace(labelled, page_types=types)
    write_corpus(tmp_path / "lines" / "made.parquet", labelled)
    (tmp_path / "raw" / "made").mkdir(parents=True)
    documents = [
        Document(
            page.page_id, (made_page(site, 0, own_words=True)[0].encode(),), gold, wanted=gold[:1]
        )
        for site, page, gold in zip(SITES, labelled.pages, labelled.gold, strict=True)
    ]
    monkeypatch.setitem(READERS, "made", lambda folder: iter(documents))
    absent = peers.Peer("absent", "no-such-package", all_lines)
    newer = peers.Peer("newer", "no-such-package", all_lines, needs="Python 3.99")
    made = (named(all_lines), named(long_lines), absent, newer)
    monkeypatch.setattr(peers, "PEERS", {peer.name: peer for peer in made})
    return ["--lines", str(tmp_path / "lines"), "--raw", str(tmp_path / "raw")]


def compared(*arguments: object):
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


@pytest.fixture
def quality(corpus, tmp_path) -> list[str]:
    """Options of a run in this process that keeps the outputs of peers."""
    return [*corpus, "--outputs", str(tmp_path / "outputs"), "--jobs", "1"]


def test_systems_stand_in_one_table_and_their_differences_in_another(model, quality, tmp_path):
    report = tmp_path / "new" / "report.json"
    result = compared("--model", model, *quality, "--report", report)
    assert result.exit_code == 0, result.output
    assert f"{len(TESTED)} pages of {len(TESTED)} sites" in result.stdout
    assert result.stderr.startswith(
        "linesift: not installed and left out: absent, newer (needs Python 3.99); "
    )
    found = json.loads(report.read_text())
    names = [one["system"] for one in found["systems"] if one["system"] != ALL_TYPES]
    assert names[:4] == ["linesift", "linesift", "all_lines", "long_lines"]
    scores, differences = result.stdout.partition("word F1")[0].split("minus linesift:")
    assert ALL_TYPES not in scores + differences  # cards are no content there
    for one in found["systems"]:
        if one["system"] == ALL_TYPES:
            continue
        row = next(
            line
            for line in scores.splitlines()
            if line.strip().startswith(f"{one['system']} {one['version']}".strip())
            and one["reads"] in line
        )
        assert f"{one['scores']['line_f1']['value']:.3f}" in row
        assert one["system"] == "linesift" or one["system"] in differences
    outputs = sorted((tmp_path / "outputs").rglob("*.txt"))
    assert len(outputs) == 2 * len(TESTED)


def test_word_f1_stands_in_a_table_by_page_type(model, quality, tmp_path):
    report = tmp_path / "report.json"
    result = compared("--model", model, *quality, "--peer", "long_lines", "--report", report)
    assert result.exit_code == 0, result.output
    _, _, table = result.stdout.partition("word F1, headings included, by page type")
    found = json.loads(report.read_text())
    assert sum(found["page_types"].values()) == len(TESTED)
    for name, pages in found["page_types"].items():
        assert f"{pages} {name}" in table
    one = next(one for one in found["systems"] if one["system"] == "long_lines")
    row = next(line for line in table.splitlines() if line.strip().startswith("long_lines"))
    scores = [one["scores"], *one["by_page_type"].values()]
    values = [f"{each['word_f1']['value']:.3f}" for each in scores]
    assert row.split()[-len(values) - 1 :] == [*values, f"{one['scores']['with']['value']:.3f}"]
    rows = [line.strip() for line in table.splitlines()]
    assert sum(line.startswith("linesift") for line in rows) == 4
    assert sum(line.startswith(ALL_TYPES) for line in rows) == 2  # HTML and text


def test_one_data_set_can_be_compared_alone(model, quality, tmp_path):
    others = made_pages(range(100, 130), corpus="others")
    write_corpus(tmp_path / "lines" / "others.parquet", others)
    options = ("--model", model, *quality, "--peer", "all_lines")
    both, one = compared(*options), compared(*options, "--corpus", "made")
    assert "pages without HTML left out" in both.stderr  # those of the other set
    assert (one.exit_code, "left out" in one.stderr) == (0, False)
    assert f"{len(TESTED)} pages of" in one.stdout


def test_kept_outputs_are_scored_without_running_again(model, quality, tmp_path):
    options = ("--model", model, *quality, "--peer", "all_lines")
    first = compared(*options)
    for path in (tmp_path / "outputs").rglob("*.txt"):
        path.write_text("")
    second = compared(*options)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "long_lines" not in first.stdout
    row = next(line for line in second.stdout.splitlines() if line.strip().startswith("all_lines"))
    assert "0.000 [0.000, 0.000]" in row


@pytest.fixture
def no_fresh_processes(monkeypatch):
    """Leave out what starts processes; `test_speed` measures it once."""
    some = speed.Spread(1.0, 1.0, 1.0)
    monkeypatch.setattr(speed, "two_processes", lambda *arguments, **options: some)
    monkeypatch.setattr(
        speed, "cold_start", lambda *arguments, **options: speed.ColdStart(some, some)
    )


@pytest.mark.usefixtures("no_fresh_processes")
def test_speed_is_measured_in_one_table(model, corpus, tmp_path):
    report = tmp_path / "speed.json"
    options = ("--speed", "--rounds", 1, "--most-pages", 4, "--report", report)
    result = compared("--model", model, *corpus, *options)
    assert result.exit_code == 0, result.output
    found = json.loads(report.read_text())
    assert (found["pages"], found["rounds"]) == (4, 1)
    assert all(task["name"] in result.stdout for task in found["tasks"])
    assert found["tasks"][0]["ratio"] is None
    assert set(found["cold_start"]) == {"predict", "load_model"}
    assert "two processes against one" in result.stdout


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("--peer", "misspelt"), "misspelt: expected one of all_lines, long_lines, absent, newer"),
        (("--corpus", "misspelt"), "misspelt: expected one of made"),
        (("--raw", "none"), "none: holds the HTML of none of the pages"),
        (("--lines", "none"), "none: no labelled corpora"),
        (("--rounds", "0"), "--rounds"),
        (("--rounds", "2"), "--rounds does nothing without --speed; leave it out"),
        (("--speed",), "--outputs does nothing with --speed; leave it out"),
        (("--timeout", "0"), "--timeout"),
        (("--model", "missing.safetensors"), "missing.safetensors: No such file"),
    ],
)
def test_bad_input_is_one_sentence(model, quality, change, reason):
    result = compared("--model", model, *quality, *change)
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("timeout", ["inf", "1e10", "0"])
def test_a_time_that_no_process_can_be_waited_for_is_refused(timeout):
    result = compared("--timeout", timeout)
    assert (result.exit_code, "1000000" in result.stderr) == (2, True)


def test_pages_without_their_html_are_counted(model, quality, monkeypatch):
    documents = list(READERS["made"](Path()))
    tested = {site_name(site) + "/0" for site in TESTED[:1]}
    fewer = [one for one in documents if one.page_id not in tested]
    monkeypatch.setitem(READERS, "made", lambda folder: iter(fewer))
    result = compared("--model", model, *quality, "--peer", "all_lines")
    assert result.exit_code == 0, result.output
    assert "linesift: 1 pages without HTML left out" in result.stderr
    assert f"{len(TESTED) - 1} pages of" in result.stdout


@pytest.mark.usefixtures("no_fresh_processes")
def test_one_page_is_enough_for_speed(model, corpus):
    options = ("--peer", "all_lines", "--speed", "--rounds", 1, "--most-pages", 1)
    assert compared("--model", model, *corpus, *options).exit_code == 0


def test_the_help_shows_examples_on_lines_of_their_own():
    shown = compared("--help").output.splitlines()
    heading = next(k for k, line in enumerate(shown) if line.strip() == "Examples:")
    assert shown[heading + 1].strip() == "linesift compare"
