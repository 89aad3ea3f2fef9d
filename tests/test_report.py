"""The report as text; `test_report_browser.py` looks at it as people do."""

import base64
import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner

from linesift import read_html, read_text
from linesift.cli import main
from linesift.labelling.labels import CONTENT, LABELS, NAVIGATION, OTHER, RELATED
from linesift.models.baselines import RunRule
from linesift.models.prediction import PagePrediction
from linesift.reading.page import Page
from linesift.reports.reasons import explain
from linesift.reports.report import HtmlReport, ReportPage, _compared, content_security_policy
from tests.made_pages import NEW_SITES, fitted, made_page, made_pages

NEW = made_pages(NEW_SITES)
HOSTILE = (
    "</style><script>alert(1)</script>",
    "<img src=http://x.example/ onerror=alert(1)>",
    "--> </title></textarea> <!-- <svg onload=alert(1)>",
    "\"'><b onmouseover='alert(1)'>",
    "&lt;b&gt; &amp; &#60;",
)


class Seen(HTMLParser):
    """The elements of a page, and the text outside of style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.lines: list[str] = []
        self.raw: dict[str, str] = {}
        self._in = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if ("class", "t") in attrs:
            self.lines.append("")
            self._in = "line"

    def handle_data(self, data):
        if self._in in ("style", "script"):
            self.raw[self._in] = self.raw.get(self._in, "") + data
        elif self._in == "line":
            self.lines[-1] += data

    def handle_endtag(self, tag):
        self._in = ""


def report(*predictions: PagePrediction, model=None) -> str:
    with HtmlReport() as made:
        for one in predictions:
            reasons = explain(model or RunRule(), one)
            made.add(ReportPage(one, reasons))
        return b"".join(made.chunks()).decode()


def labelled(page: Page, codes, probabilities=None) -> PagePrediction:
    codes = np.array(codes)
    if probabilities is None:
        probabilities = codes == CONTENT
    return PagePrediction(page, codes, np.array(probabilities, np.float32))


def lines_page(*lines: str, name: str = "p") -> Page:
    return Page(name, lines, tuple(range(1, len(lines) + 1)))


# ------------------------------------------------------------------------- what it shows


def test_every_line_stands_in_its_place_with_number_label_and_probability():
    page = read_text("Home\n\nIt rained all day.\nRead also")
    html = report(labelled(page, [NAVIGATION, CONTENT, RELATED], [0.004, 0.97, 0.3]))
    shown = re.findall(
        r'<li class="(\w+)" .*?<a [^>]*>(\d+)</a><span class="t"[^>]*>(.*?)</span>'
        r'<span class="l">(\w+)</span><span class="p p\d+">(.*?)</span>',
        html,
    )
    assert shown == [
        ("navigation", "1", "Home", "navigation", "&lt;1 %"),
        ("content", "3", "It rained all day.", "content", "97 %"),
        ("related", "4", "Read also", "related", "30 %"),
    ]


def test_the_summary_counts_lines_characters_and_labels():
    html = report(
        labelled(lines_page("Home", "Top"), [NAVIGATION, OTHER]),
        labelled(lines_page("It rained.", "Menu"), [CONTENT, NAVIGATION]),
    )
    assert "<h1>2 pages</h1>" in html
    assert "<b>1</b> of 4 lines kept, <b>10</b> of 21 characters (48\u00a0%)" in html
    assert re.findall(r'data-label="(\w+)".*?<span>(\d+)</span>', html) == [
        ("content", "1"),
        ("related", "0"),
        ("navigation", "2"),
        ("other", "1"),
    ]
    assert "navigation 1 · other 1" in html


def test_a_page_without_article_says_what_it_lacked():
    page = lines_page("Home", "Top")
    below = replace(labelled(page, [OTHER, OTHER], [0.7, 0.2]), threshold=0.8)
    assert "Nothing is kept: the surest line has 70 %, and 80 % is enough." in report(below)
    assert "The page has no lines." in report(labelled(lines_page(), np.empty(0, int)))
    html = report(replace(below, threshold=0.5, has_content=False))
    assert "Nothing is kept: it is taken for a page without an article." in html
    assert "<b>Left out with the whole page,</b> taken for one without an article. 70 %." in html


@pytest.mark.parametrize("pages", [1, 2])
def test_the_type_of_each_page_stands_above_its_lines_and_how_sure_that_is(pages):
    page = lines_page("It rained all day.", "Menu")
    told = replace(
        labelled(page, [CONTENT, NAVIGATION]), page_type="forum", page_type_probability=0.874
    )
    html = report(*[told] * pages)
    assert html.count('<span class="type">forum 87 %</span>') == pages
    assert html.count('<p class="type">Page type: forum 87 %</p>') == pages
    assert 'class="type"' not in report(labelled(page, [CONTENT, NAVIGATION]))


def test_a_page_that_is_left_out_for_its_type_says_so_at_the_top_and_at_each_line():
    page = lines_page("It rained all day.", "Menu")
    left_out = replace(
        labelled(page, [CONTENT, NAVIGATION], [0.9, 0.1]),
        page_type="listing",
        page_type_probability=0.6,
        is_wanted=False,
    )
    html = report(left_out)
    assert "<b>0</b> of 2 lines kept" in html
    assert "Nothing is kept: the page is taken for a listing" in html
    assert html.count("<b>Left out with the whole page,</b> a listing.") == 2
    assert "<b>Kept" not in html


def test_cards_that_are_kept_are_said_to_be_cards():
    page = lines_page("It rained all day.", "Menu")
    kept = replace(
        labelled(page, [RELATED, NAVIGATION], [0.2, 0.1]),
        page_type="listing",
        page_type_probability=0.6,
        cards=np.array([True, False]),
    )
    html = report(kept)
    assert "<b>1</b> of 2 lines kept" in html
    assert html.count("<b>Kept as a card of a listing.</b>") == 1
    assert html.count("<b>Left out as navigation.</b>") == 1


def test_a_probability_just_below_the_threshold_does_not_look_like_it():
    html = report(replace(labelled(lines_page("Home"), [OTHER], [0.458]), threshold=0.46))
    assert "<b>Left out as other.</b> 45.800 %; 46.000 % would be enough." in html
    assert "46 % is enough" not in html


def test_a_probability_at_the_threshold_and_one_beside_it_are_told_apart():
    assert _compared(0.46, 0.46) == ("46 %", "46 %")
    assert _compared(0.458, 0.46) == ("45.800 %", "46.000 %")
    assert _compared(0.4, 0.46) == ("40 %", "46 %")


def test_one_page_is_open_and_many_are_an_index_of_closed_ones():
    one = labelled(lines_page("It rained."), [CONTENT])
    assert report(one).count('<details class="page" open>') == 1
    many = report(*[one] * 300)
    assert many.count('<details class="page">') == 300
    assert '<details class="page" open>' not in many
    ids = [tag["id"] for _, tag in Seen(many).tags if "id" in tag]
    assert len(ids) == len(set(ids))
    assert {"p1", "p300", "p1-1", "p300-1"} <= set(ids)


def test_links_point_into_the_page_and_every_described_line_has_its_reasons():
    html = report(*fitted().predict_lines(NEW.pages), model=fitted().model_)
    tags = Seen(html).tags
    ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert links and all(link[0] == "#" and link[1:] in ids for link in links)
    described = [one["aria-describedby"] for _, one in tags if "aria-describedby" in one]
    assert len(described) == sum(len(page.lines) for page in NEW.pages)
    assert set(described) <= ids


def test_reasons_name_the_words_of_a_model_and_do_without_for_a_rule():
    page = NEW.pages[0]
    assert "<dd>Words: <q>" in report(*fitted().predict_lines([page]), model=fitted().model_)
    ruled = report(*RunRule().predict_lines([page]))
    assert "<dd>Words:" not in ruled
    assert "<dd>Ends as a sentence does.</dd>" in ruled


# --------------------------------------------------------------------------- strangers


def test_hostile_text_is_shown_and_nothing_of_it_is_an_element():
    harmless = Seen(report(labelled(lines_page("a b", "It rained all day, too."), [CONTENT] * 2)))
    page = lines_page(*HOSTILE, name=HOSTILE[0])
    seen = Seen(report(labelled(page, [CONTENT] * 5)))
    assert tuple(seen.lines) == HOSTILE
    assert {tag for tag, _ in seen.tags} == {tag for tag, _ in harmless.tags}
    assert [tag for tag, _ in seen.tags].count("script") == 1
    assert not [
        one for _, tag in seen.tags for one in tag if one.startswith("on") or one == "style"
    ]


@pytest.mark.parametrize("model", [fitted, RunRule], ids=["model", "rule"])
def test_hostile_words_classes_and_languages_stay_text(model):
    name = "x&quot;&gt;&lt;script&gt;"
    html = f'<html lang="{name}"><body><p class="{name}">{"&lt;script&gt; " * 9}</p><p>Menu</p>'
    page = read_html(html.encode(), name, language='"><script>')
    model = getattr(model(), "model_", model())
    seen = Seen(report(*model.predict_lines([page]), model=model))
    assert [tag for tag, _ in seen.tags].count("script") == 1


def test_characters_that_steer_are_shown_by_name_and_cannot_turn_the_page_around():
    page = lines_page("a\u202eb\x00\x1b[2J", "half \ud83d", name="n\u202e.txt")
    html = report(labelled(page, [CONTENT, CONTENT]))
    assert not set("\u202e\x00\x1b") & set(html)
    for name in ("U+202E", "U+0000", "U+001B", "U+D83D"):
        assert f'<span class="code">{name}</span>' in html
    assert "<title>n[U+202E].txt – linesift</title>" in html


def test_right_to_left_lines_are_set_by_their_own_letters():
    page = Page("p", ("قالت الحكومة أمس",), (1,), language="ar")
    assert '<span class="t" dir="auto" lang="ar">قالت' in report(labelled(page, [CONTENT]))


def test_very_long_lines_are_cut_with_a_note():
    html = report(labelled(lines_page("x" * 10_000, "It rained."), [OTHER, CONTENT]))
    assert 'x… <span class="cut">8,000 more characters</span>' in html
    assert len(html) < len(report(labelled(lines_page("x", "It rained."), [OTHER, CONTENT]))) + 2500


# ---------------------------------------------------------------------------- the policy


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else():
    html = report(*fitted().predict_lines(NEW.pages[:1]))
    seen = Seen(html)
    policies = [tag["content"] for _, tag in seen.tags if "Content-Security-Policy" in tag.values()]
    assert policies == [content_security_policy()]
    allowed = dict(one.split(" ", 1) for one in policies[0].split("; "))
    assert allowed.pop("default-src") == allowed.pop("base-uri") == "'none'"
    assert allowed.pop("form-action") == "'none'"
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(seen.raw[kind].encode()).digest()).decode()
        assert allowed.pop(f"{kind}-src") == f"'sha256-{digest}'"
    assert not allowed
    tags = [tag for tag, _ in seen.tags]
    assert (tags.count("style"), tags.count("script")) == (1, 1)
    assert html.index("Content-Security-Policy") < html.index("<style")
    assert not {"src", "srcset", "style", "action"} & {one for _, tag in seen.tags for one in tag}
    assert "http://" not in html and "https://" not in html


# --------------------------------------------------------------------------- the command


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.html").write_text(made_page(10, number)[0], encoding="utf-8")
    return tmp_path


def run(*arguments: object, **options):
    return CliRunner().invoke(main, [str(one) for one in arguments], **options)


def test_the_command_writes_one_report_on_all_pages(model, folder):
    result = run("predict", "--model", model, "--format", "html", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "<h1>3 pages</h1>" in result.stdout
    assert result.stdout.startswith("<!doctype html>")
    assert result.stdout.endswith("</html>\n")
    assert tuple(Seen(result.stdout).lines[: len(made_page(10, 0)[1].lines)]) == (
        made_page(10, 0)[1].lines
    )


def test_two_processes_write_the_same_report(model, folder):
    command = ["predict", "--model", model, "--format", "html", folder]
    assert run(*command).stdout_bytes == run(*command, "--jobs", 2).stdout_bytes


def test_the_threshold_of_the_command_is_the_one_that_reasons_name(model, folder):
    result = run("predict", "--model", model, "--format", "html", "--threshold", "0.33", folder)
    assert "; 33 % is enough." in result.stdout


def test_pages_that_cannot_be_read_are_named_and_left_out_of_the_report(model, folder):
    result = run("predict", "--model", model, "--format", "html", folder, folder / "missing")
    assert result.exit_code == 1
    assert "missing" in result.stderr
    assert "<h1>3 pages</h1>" in result.stdout
    nothing = run("predict", "--model", model, "--format", "html", folder / "missing")
    assert (nothing.exit_code, nothing.stdout) == (2, "")


def test_a_report_is_not_written_into_a_folder_of_parts(model, folder):
    result = run("predict", "--format", "html", "--output", folder / "out", folder)
    assert result.exit_code == 2
    assert "--output takes --format jsonl or parquet, not html" in result.stderr
    assert not (folder / "out").exists()


# ------------------------------------------------------------------------ on a terminal


def test_color_shows_every_line_its_noise_dim_and_in_the_colour_of_its_label(model, folder):
    path = folder / "0.html"
    shown = run("predict", "--model", model, "--color", "always", path, color=True).stdout
    plain = run("predict", "--model", model, "--format", "tsv", path).stdout
    assert re.sub(r"\x1b\[[\d;]*m", "", shown).replace("\t", "  ").split() == plain.split()
    by_label = {}
    for row in shown.splitlines()[1:]:
        label, line = re.findall(r"\x1b\[([\d;]+)m(.*?)\x1b\[0m", row)
        by_label.setdefault(label[1].strip(), set()).add(line[0])
    assert by_label.pop("content") == {"0"}
    assert all(len(codes) == 1 for codes in by_label.values())
    assert len({*map(tuple, by_label.values())}) == len(by_label) >= 2
    assert all(code.startswith("2;") for (code,) in by_label.values())


def test_color_is_of_no_effect_beyond_a_terminal_unless_asked_for(model, folder):
    plain = run("predict", "--model", model, "--format", "tsv", folder).stdout_bytes
    for when in ("auto", "never"):
        assert run("predict", "--model", model, "--color", when, folder).stdout_bytes == plain
    assert run("predict", "--model", model, "--color", folder).stdout_bytes == plain


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colours_unless_its_environment_says_no(monkeypatch, environment, colored):
    from linesift.cli.render import wants_color

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_color("auto", terminal=True) == colored
    assert not wants_color("auto", terminal=False)
    assert wants_color("always", terminal=False)
    assert not wants_color("never", terminal=True)


def test_tsv_is_coloured_on_a_real_terminal(model, folder):
    pty = pytest.importorskip("pty", reason="this system has no terminals of this kind")
    code = "import sys; from linesift.cli import main; main(sys.argv[1:])"
    command = ["predict", "--model", model, "--format", "tsv", str(folder / "0.html")]
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"}
    ours, theirs = pty.openpty()
    try:
        done = subprocess.Popen(
            [sys.executable, "-c", code, *command],
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        shown = os.read(ours, 1 << 12)
        done.wait(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    assert shown.startswith(b"\x1b[1m# page: ")


def test_a_page_cannot_steer_the_terminal(model, tmp_path):
    (tmp_path / "a.txt").write_text("It rained\x1b]0;title\x07 all\u202e day.\n", encoding="utf-8")
    shown = run("predict", "--model", model, "--color", "always", tmp_path, color=True).stdout
    assert not {"\x1b]", "\x07", "\u202e"} & {
        shown[k : k + n] for k in range(len(shown)) for n in (1, 2)
    }
    assert "U+001B" in shown and "U+202E" in shown


@pytest.mark.parametrize("other", [["--format", "html"], ["--format", "jsonl"], ["--output", "x"]])
def test_color_is_refused_where_there_is_nothing_to_colour(other, folder):
    result = run("predict", "--color", "always", *other, folder)
    assert result.exit_code == 2
    assert "--color is for lines on a terminal" in result.stderr


def test_labels_have_colours_meanings_and_words():
    from linesift.cli.render import _STYLES
    from linesift.reports.reasons import _MANY, _ONE
    from linesift.reports.report import _MEANINGS

    assert tuple(_STYLES) == tuple(_MEANINGS) == tuple(_ONE) == tuple(_MANY) == LABELS
