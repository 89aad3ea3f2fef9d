import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from linesift import read_html, read_text
from linesift.cli import main
from linesift.labelling.archives import Source
from linesift.labelling.labels import read_label_file, read_label_folder, write_label_file
from linesift.models.model_file import read_card
from linesift.models.predict import predict_pages
from linesift.reading.readers import read_pages
from linesift.scoring.evaluate import evaluate
from tests.made_pages import NEW_SITES, fitted, made_front, made_page, made_pages, made_thread

LINESIFT = Path(sys.executable).with_name("linesift")
NEW = made_pages(NEW_SITES, per_site=2, markup=False)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Folder of one text page, one HTML page below it, and what is no page."""
    text = tmp_path / "pages" / "a.txt"
    html = tmp_path / "pages" / "below" / "b.html"
    html.parent.mkdir(parents=True)
    text.write_text("\n\n".join(NEW.pages[0].lines), encoding="utf-8")
    html.write_text(made_page(10, 0)[0], encoding="utf-8")
    (tmp_path / "pages" / ".hidden").write_text("not a page")
    return tmp_path / "pages"


def run(*arguments: object, stdin: bytes | None = None):
    return CliRunner().invoke(main, [str(one) for one in arguments], input=stdin)


def predicted(model: str, *inputs: object, **options):
    return run("predict", "--model", model, *inputs, **options)


def article(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return fitted().extract_text(read_html(text) if path.suffix == ".html" else read_text(text))


# ------------------------------------------------------------------------- predicting


def test_the_article_of_a_page_is_printed_and_nothing_else(model, folder):
    result = predicted(model, folder / "a.txt")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == article(folder / "a.txt") != ""


def test_a_folder_gives_all_its_pages_in_the_order_of_names_with_a_blank_line_between(
    model, folder
):
    texts = article(folder / "a.txt"), article(folder / "below" / "b.html")
    assert predicted(model, folder).stdout == "\n".join(texts)
    back = predicted(model, folder / "below" / "b.html", folder / "a.txt")
    assert back.stdout == "\n".join(reversed(texts))


def test_pages_without_an_article_are_counted_for_they_print_nothing(model, folder):
    (folder / "empty.txt").write_text("")
    more = "--color shows all lines, --threshold recall and --page-types all keep more"
    one = predicted(model, folder / "empty.txt")
    assert (one.exit_code, one.stdout) == (0, "")
    assert one.stderr == f"linesift: no article in the page; {more}\n"
    several = predicted(model, folder)
    assert several.stderr == f"linesift: no article in 1 of 3 pages; {more}\n"
    assert predicted(model, "--format", "jsonl", folder).stderr == ""


def test_a_dash_reads_standard_input(model, folder):
    data = (folder / "below" / "b.html").read_bytes()
    result = predicted(model, "-", stdin=data)
    assert result.exit_code == 0
    assert result.stdout == article(folder / "below" / "b.html")
    first = json.loads(predicted(model, "--format", "jsonl", "-", stdin=data).stdout.split("\n")[0])
    assert first["page"] == "-"


def test_jsonl_holds_every_line_of_every_page(model, folder):
    path = folder / "a.txt"
    result = predicted(model, "--format", "jsonl", path, folder / "below" / "b.html")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    expected = fitted().predict_lines(
        [
            read_text(path.read_text(encoding="utf-8")),
            read_html((folder / "below" / "b.html").read_text(encoding="utf-8")),
        ]
    )
    assert len(rows) == sum(len(one.page.lines) for one in expected)
    of_line = ["page", "line", "text", "label", "probability", "keep"]
    assert list(rows[0]) == [*of_line, "page_type", "page_type_probability"]
    assert all(row["page_type"] is row["page_type_probability"] is None for row in rows)
    first = [row for row in rows if row["page"] == str(path)]
    page = expected[0].page
    assert [row["line"] for row in first] == list(page.numbers) == list(range(1, 2 * len(first), 2))
    assert [row["text"] for row in first] == list(page.lines)
    for rows_of_page, one in ((first, expected[0]), (rows[len(first) :], expected[1])):
        assert [row["label"] for row in rows_of_page] == one.labels
        assert [row["keep"] for row in rows_of_page] == one.keep.tolist()
        assert [row["probability"] for row in rows_of_page] == pytest.approx(
            one.probabilities.tolist(), abs=1e-4
        )


def test_tsv_of_a_page_is_a_label_file(model, folder, tmp_path):
    result = predicted(model, "--format", "tsv", folder / "below" / "b.html")
    (tmp_path / "b.tsv").write_text(result.stdout, encoding="utf-8")
    page, labels = read_label_file(tmp_path / "b.tsv")
    expected = fitted().predict_lines([read_html((folder / "below" / "b.html").read_bytes())])[0]
    assert page.page_id == str(folder / "below" / "b.html")
    assert page.lines == expected.page.lines
    assert labels.tolist() == expected.codes.tolist()


@pytest.mark.parametrize(("threshold", "keep"), [("0", {True}), ("1", {False})])
def test_the_threshold_decides_what_is_kept(model, folder, threshold, keep):
    result = predicted(model, "--format", "jsonl", "--threshold", threshold, folder)
    assert {json.loads(line)["keep"] for line in result.stdout.splitlines()} == keep


@pytest.mark.parametrize("name", ["precision", "balanced", "recall"])
def test_a_threshold_is_known_by_name(model, folder, name):
    result = predicted(model, "--format", "jsonl", "--threshold", name, folder)
    keep = [json.loads(line)["keep"] for line in result.stdout.splitlines()]
    pages = predict_pages(fitted(), read_pages(folder), threshold=name)
    assert keep == [bool(kept) for page in pages for kept in page.keep]


def test_the_page_types_asked_for_decide_what_is_kept(typed_model, tmp_path):
    for name, make in (("article", made_page), ("forum", made_thread), ("listing", made_front)):
        (tmp_path / f"{name}.html").write_text(make(9, 0)[0], encoding="utf-8")
    for asked, expected in (
        ((), {"article", "forum"}),
        (("--page-types", "all"), {"article", "forum", "listing"}),
        (("--page-types", "listing, forum"), {"forum", "listing"}),
        (("--page-types", "product"), set()),
    ):
        printed = predicted(typed_model, "--format", "jsonl", *asked, tmp_path).stdout
        rows = [json.loads(line) for line in printed.splitlines()]
        assert {Path(row["page"]).stem == row["page_type"] for row in rows} == {True}
        assert all(0.3 < row["page_type_probability"] <= 1 for row in rows)
        assert {row["page_type"] for row in rows if row["keep"]} == expected


def test_cards_that_are_kept_stand_out_in_colour_and_lines_left_out_do_not(typed_model, tmp_path):
    (tmp_path / "front.html").write_text(made_front(9, 0)[0], encoding="utf-8")
    left_out = predicted(typed_model, "--color=always", tmp_path).stdout
    assert "\x1b[0m  \x1b[0m" not in left_out
    kept = predicted(typed_model, "--color=always", "--page-types", "all", tmp_path).stdout
    assert kept.count("\x1b[0m  \x1b[0m") > 10


@pytest.mark.parametrize("wanted", ["news", "", "article,news", "all,article", "Article"])
def test_a_page_type_that_there_is_not_is_refused_with_those_that_there_are(model, folder, wanted):
    result = predicted(model, "--page-types", wanted, folder)
    assert (result.exit_code, result.stdout) == (2, "")
    *_, said = result.stderr.splitlines()
    assert said == (
        "Error: Invalid value for '--page-types': expected all or some of article,forum,"
        f"documentation,product,service,listing,collection; got {wanted!r}"
    )


@pytest.mark.parametrize("threshold", ["1.01", "-0.1", "half", "nan"])
def test_a_threshold_that_is_no_probability_is_refused(model, folder, threshold):
    result = predicted(model, "--threshold", threshold, folder)
    assert result.exit_code == 2
    assert "--threshold" in result.stderr


@pytest.mark.parametrize("form", ["text", "jsonl"])
@pytest.mark.parametrize("data", [b"", b"\n \n", b"<!doctype html><html><body></body></html>"])
def test_a_page_without_text_gives_no_lines(model, tmp_path, form, data):
    (tmp_path / "empty").write_bytes(data)
    result = predicted(model, "--format", form, tmp_path / "empty")
    assert (result.exit_code, result.stdout.strip()) == (0, "")


def test_any_bytes_are_printed_as_valid_utf_8(model, tmp_path):
    (tmp_path / "odd.txt").write_bytes(b"It rained \xff all day, \xed\xa0\x80 they said.\nMenu")
    result = predicted(model, "--threshold", "0", tmp_path / "odd.txt")
    assert result.exit_code == 0
    assert "It rained" in result.stdout_bytes.decode("utf-8", "strict")


# -------------------------------------------------------------------- what goes wrong


def test_a_page_that_cannot_be_read_is_named_and_the_others_are_printed(model, folder):
    (folder / "aa.pdf").write_bytes(b"%PDF-1.7 and so on")
    result = predicted(model, folder, folder / "missing.txt")
    assert result.exit_code == 1
    assert result.stdout == "\n".join(
        (article(folder / "a.txt"), article(folder / "below" / "b.html"))
    )
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert any(f"{folder / 'aa.pdf'}: not text or HTML" in line for line in lines)
    assert any(f"{folder / 'missing.txt'}: no such file" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [("missing", None, "no such file or folder"), ("image", b"\x89PNG..", "not text or HTML")],
)
def test_where_no_page_can_be_read_the_exit_code_is_2(model, tmp_path, name, data, reason):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    result = predicted(model, tmp_path / name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        result.stderr
        == f"linesift: {tmp_path / name}: {reason}{result.stderr.partition(reason)[2]}"
    )


def test_an_empty_folder_is_named(model, tmp_path):
    result = predicted(model, tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"linesift: {tmp_path}: the folder holds no files\n"


@pytest.mark.parametrize("command", [["predict", "page.txt"], ["evaluate"], ["card"]])
def test_a_missing_model_is_one_sentence(tmp_path, command):
    name = tmp_path / "missing.safetensors"
    result = run(*command, "--model", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {name}: No such file or directory\n"


def test_a_file_that_is_no_model_is_one_sentence(folder):
    result = predicted(str(folder / "a.txt"), folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {folder / 'a.txt'}: not a model file of linesift\n"


def test_predicting_nothing_is_a_mistake(model):
    assert predicted(model).exit_code == 2


# ------------------------------------------------------------------- card, evaluation


def test_the_card_is_printed_as_json(model):
    assert json.loads(run("card", "--model", model).stdout) == read_card(model)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    for k, (page, labels) in enumerate(zip(NEW.pages, NEW.labels, strict=True)):
        write_label_file(folder / f"{k}.tsv", page, labels)
    return folder


def test_hand_labelled_pages_are_scored_beside_the_rule(model, labelled, tmp_path):
    report = tmp_path / "report"
    result = run("evaluate", "--model", model, "--pages", labelled, "--report", report)
    assert result.exit_code == 0
    expected = evaluate("linesift", fitted(), read_label_folder(labelled))
    score = expected.forms["text"].groups["all"]["line_f1"]
    row, rule = (
        next(line for line in result.stdout.splitlines() if line.strip().startswith(name))
        for name in ("linesift", "run rule")
    )
    assert str(score) in row
    assert str(score) not in rule
    assert json.loads((report / "scores.json").read_text())["linesift"] == expected.to_dict()


@pytest.mark.parametrize(("slack", "exit_code"), [(0.0, 0), (1e-9, 1)])
def test_scores_under_the_floor_fail(model, labelled, tmp_path, slack, exit_code):
    report = evaluate("linesift", fitted(), read_label_folder(labelled))
    value = report.forms["text"].groups["all"]["line_f1"].value
    floor = {"digest": report.digest, "floors": {"text": {"all": {"line_f1": value + slack}}}}
    (tmp_path / "floor.json").write_text(json.dumps(floor))
    result = run(
        "evaluate", "--model", model, "--pages", labelled, "--floor", tmp_path / "floor.json"
    )
    assert result.exit_code == exit_code
    assert ("line_f1 is" in result.stderr) == bool(exit_code)


def test_a_floor_of_other_pages_fails(model, labelled, tmp_path):
    (tmp_path / "floor.json").write_text(json.dumps({"digest": "0" * 64, "floors": {}}))
    result = run(
        "evaluate", "--model", model, "--pages", labelled, "--floor", tmp_path / "floor.json"
    )
    assert result.exit_code == 1
    assert "measured on other pages" in result.stderr


@pytest.mark.parametrize(
    "floor",
    [
        *(None, "{", "[]", "{}", "\xff", '{"digest": null, "floors": {}}'),
        '{"digest": "x", "floors": []}',
        '{"digest": "x", "floors": {"text": {"all": 0.9}}}',
        '{"digest": "x", "floors": {"text": {"all": {"line_f1": "0.9"}}}}',
        '{"digest": "x", "floors": {"text": {"all": {"line_fl": 0.9}}}}',
    ],
)
def test_a_floor_that_cannot_be_read_is_a_mistake_not_a_score(model, labelled, tmp_path, floor):
    if floor is not None:
        (tmp_path / "floor.json").write_text(floor)
    result = run(
        "evaluate", "--model", model, "--pages", labelled, "--floor", tmp_path / "floor.json"
    )
    assert (result.exit_code, result.stdout) == (2, "")  # before minutes are spent on scores
    assert result.stderr.startswith(f"Error: {tmp_path / 'floor.json'}: ")


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--pages", "no such folder of label files"),
        ("--lines", "no labelled corpora"),
        ("--labels", "no such folder of hand labels"),
    ],
)
def test_nothing_to_score_is_said_with_what_to_do(model, tmp_path, option, reason):
    result = run("evaluate", "--model", model, option, tmp_path / "none")
    assert result.exit_code == 2
    assert reason in result.stderr


def test_a_folder_without_label_files_is_named(model, tmp_path):
    result = run("evaluate", "--model", model, "--pages", tmp_path)
    assert result.exit_code == 2
    assert f"{tmp_path}: holds no labelled page" in result.stderr


@pytest.mark.parametrize(
    "command",
    [["fetch", "misspelt"], ["lines", "misspelt"], ["manifest", "misspelt", "--mirror", "."]],
)
def test_an_unknown_corpus_is_named_with_those_there_are(command):
    result = run(*command)
    assert result.exit_code == 2
    assert "misspelt: expected one of " in result.stderr


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Path:
    """Folder of the archives of two data sets, one of which no server has."""
    sources = {
        "news": Source("news", "owner/news", "0123456789abcdef", ("*.html",)),
        "bundle": Source("bundle", "", "", ("*.html",)),
    }
    monkeypatch.setattr("linesift.labelling.corpus_readers.SOURCES", sources)
    (tmp_path / "page.html").write_text("<p>one")
    for source in sources.values():
        with tarfile.open(tmp_path / source.archive, "w:gz") as tar:
            tar.add(tmp_path / "page.html", "top/page.html")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_manifest_is_all_that_a_fetch_needs(mirror):
    for name in ("news", "bundle"):
        result = run("manifest", name, "--mirror", mirror)
        assert result.output == f"data/manifests/{name}.sha256: 1 files\n"
    assert run("fetch", "--mirror", mirror).exit_code == 0
    assert (mirror / "data/raw/news/page.html").read_text() == "<p>one"
    assert (mirror / "data/raw/bundle/page.html").read_text() == "<p>one"


def test_a_set_that_no_server_has_is_left_out_unless_it_is_asked_for(mirror):
    for name in ("news", "bundle"):
        run("manifest", name, "--mirror", mirror)
    (mirror / "bundle.tar.gz").unlink()
    result = run("fetch", "--mirror", mirror)
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first == "news: data/raw/news"
    assert second.startswith("bundle: left out, a bundle of several repositories")
    result = run("fetch", "bundle", "--mirror", mirror)
    assert result.exit_code == 2
    assert "put bundle.tar.gz into a folder" in result.stderr


# -------------------------------------------------------------------- fresh processes


def test_the_command_reads_standard_input_in_a_fresh_process(model, folder):
    done = subprocess.run(
        [LINESIFT, "predict", "--model", model, "-"],
        input=(folder / "a.txt").read_bytes(),
        capture_output=True,
        env={"LC_ALL": "C", "OMP_NUM_THREADS": "1"},  # a locale without UTF-8 changes nothing
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == article(folder / "a.txt")


HEAVY = ("mlflow", "hydra", "omegaconf", "matplotlib")


@pytest.mark.parametrize(
    ("command", "absent"),
    [
        (["--version"], (*HEAVY, "sklearn", "scipy", "pandas", "pyarrow", "rich")),
        (["predict", "--model", "{model}", "{page}"], HEAVY),
    ],
)
def test_the_command_starts_without_what_it_does_not_need(model, folder, command, absent):
    arguments = [part.format(model=model, page=folder / "a.txt") for part in command]
    code = (
        "import sys\n"
        "from linesift.cli import main\n"
        "main(sys.argv[2:], standalone_mode=False)\n"
        "print(sorted(set(sys.argv[1].split()) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, " ".join(absent), *arguments], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert done.stdout


@pytest.mark.parametrize("command", ["predict", "evaluate", "fetch"])
def test_the_help_of_a_command_shows_an_example_on_a_line_of_its_own(command):
    shown = CliRunner().invoke(main, [command, "--help"]).output.splitlines()
    heading = next(k for k, line in enumerate(shown) if line.strip() in ("Example:", "Examples:"))
    assert shown[heading + 1].startswith(f"    linesift {command}")


def test_behind_two_dashes_stand_names_of_files(model, folder, monkeypatch):
    (folder / "--color").write_bytes((folder / "a.txt").read_bytes())
    monkeypatch.chdir(folder)
    assert predicted(model, "--", "--color").stdout == article(folder / "a.txt")


def test_a_closed_standard_stream_is_no_reason_to_break_off(model, folder, tmp_path):
    command = [str(LINESIFT), "predict", "--model", model]

    def run_in_shell(end: str, *more: str):
        given = ["sh", "-c", f'"$@" {end}', "sh", *command, *more]
        return subprocess.run(given, capture_output=True, timeout=60, check=False)

    page = str(folder / "a.txt")
    silent = run_in_shell("2>&-", page, str(tmp_path / "missing"))
    assert (silent.returncode, silent.stdout.decode()) == (1, article(folder / "a.txt"))
    dumb = run_in_shell(">&-", page)
    assert (dumb.returncode, dumb.stderr.decode().count("\n")) == (2, 1)
    assert "standard output is closed" in dumb.stderr.decode()
    assert run_in_shell(">&- 2>&-", "--output", str(tmp_path / "out"), page).returncode == 0
