"""What features see of a line does not depend on how the page was converted."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linesift import load_model, read_html, read_text
from linesift.labelling.labels import load_label_file
from linesift.reading.page import Batch, Page
from linesift.reading.plain import NOTHING_LEFT, marked_lines, plain_line, plain_lines

ROOT = Path(__file__).parent.parent
PAGES = [
    *(load_label_file(path).page for path in sorted(ROOT.glob("data/pages/*-geneva-talks.tsv"))),
    *(load_label_file(path).page for path in sorted(ROOT.glob("tests/pages/*.tsv"))),
    *(read_html(path.read_bytes(), path.name) for path in sorted(ROOT.glob("tests/pages/*.html"))),
]


def words_in(opening: str, closing: str):
    """Return a marking of each word of a line that is letters only."""
    return lambda line: re.sub(r"(?<!\S)[^\W\d_]+(?!\S)", rf"{opening}\g<0>{closing}", line)


MARKINGS = {
    "indentation": lambda line: "    " + line,
    "tab before": lambda line: "\t" + line,
    "spaces after": lambda line: line + "  ",
    "carriage return": lambda line: line + "\r",
    "form feed": lambda line: "\f" + line + "\v",
    "byte order mark": lambda line: "\ufeff" + line,
    "no-break spaces": lambda line: line.replace(" ", "\u00a0"),
    "thin spaces": lambda line: line.replace(" ", "\u2009"),
    "ideographic spaces": lambda line: line.replace(" ", "\u3000"),
    "tabs": lambda line: line.replace(" ", "\t"),
    "runs of spaces": lambda line: line.replace(" ", "   "),
    "soft hyphens": words_in("\u00ad", "\u00ad"),
    "zero-width spaces": words_in("\u200b", "\u2060"),
    "heading": lambda line: "## " + line,
    "closed heading": lambda line: "# " + line + " #",
    "list of stars": lambda line: "* " + line,
    "list of hyphens": lambda line: "  - " + line,
    "list of bullets": lambda line: "• " + line,
    "list in a list": lambda line: "    + " + line,
    "task": lambda line: "- [x] " + line,
    "quotation": lambda line: "> " + line,
    "quotation of a list": lambda line: "> > * " + line,
    "strong line": lambda line: f"**{line}**",
    "strong words": words_in("**", "**"),
    "emphasised words": words_in("*", "*"),
    "words between underscores": words_in("_", "_"),
    "strong words between underscores": words_in("__", "__"),
    "words of both": words_in("***", "***"),
    "code": words_in("`", "`"),
    "deleted words": words_in("~~", "~~"),
    "link": lambda line: f"[{line}](https://a.example/b_(c)?d=*e*)",
    "link with a title": lambda line: f'[{line}](/b "A title (of sorts)")',
    "link in a list": lambda line: f"* [{line}](<b c>)",
    "linked words": words_in("[", "](#a)"),
    "image beside": lambda line: f"![A view](a.png) {line}",
    "linked image beside": lambda line: f"{line} [![A view](a.png)](/b)",
    "icon": lambda line: f"__{line}" if line[:1].isalpha() and "_" not in line else line,
    "cell": lambda line: f"|   {line} |",
    "escaped": lambda line: re.sub(r"[-_*.#+!()\[\]]", r"\\\g<0>", line),
    "hard line break": lambda line: line + "\\",
}


@pytest.fixture(scope="module")
def predicted():
    return [page.probabilities for page in load_model().predict_lines(PAGES)]


@pytest.mark.parametrize("name", MARKINGS)
def test_marks_of_a_converter_change_no_probability(name, predicted):
    marked = [
        Page(p.page_id, tuple(map(MARKINGS[name], p.lines)), p.numbers, markup=p.markup)
        for p in PAGES
    ]
    assert any(one.lines != two.lines for one, two in zip(PAGES, marked, strict=True))
    for page, was, now in zip(PAGES, predicted, load_model().predict_lines(marked), strict=True):
        np.testing.assert_array_equal(now.probabilities, was, page.page_id)


def test_what_is_printed_is_the_line_as_it_came():
    page = PAGES[0]
    text = "\r\n".join(f"  - **{line}**\u00a0" for line in page.lines)
    (plain,) = load_model().predict_lines([page])
    (marked,) = load_model().predict_lines([read_text("\ufeff" + text)])
    assert plain.keep.any()
    kept = [line for line, keep in zip(page.lines, plain.keep, strict=True) if keep]
    assert marked.text == "".join(f"  - **{line}**\n" for line in kept)


@pytest.mark.parametrize(
    "line",
    [
        *("5 * 3 = 15, 4 * 2 = 8", "2**3**4", "f(*args, **kwargs)", "*ptr = 0;", "int *a, *b;"),
        *("snake_case and _private", "__init__.py", "super().__init__(a)", "a ~ b, ~5 km"),
        *("[sic]", "As was shown.[1][2]", "a[i][0] = b[j]", "[1]: see there", "f[i] (a)"),
        *(
            "#include <stdio.h>",
            "#hashtag",
            "C# and F#",
            "-5 °C",
            "–5",
            "+1",
            "— Hello.",
            ">>> f()",
        ),
        *("Home | News | About", "Price*", "a < b > c", "1. Mai 2021", "2) two"),
        *("if (a || b) {", "{.name}", "x = {#a}", "…", "a\\b", "|", "No. 5 _", "::before"),
    ],
)
def test_ordinary_text_is_seen_as_it_is(line):
    assert plain_line(line) == line
    assert plain_lines([line, "and on"]) == [line, "and on"]


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("# Title # {#title .wide}", "Title"),
        ("[text][1], [more][] and ![alt][2]", "text, more and alt"),
        ("<https://a.example/b_c_> <a@b.example>", "https://a.example/b_c_ a@b.example"),
        ("| a  |  b | |", "a | b"),
        ("a | b", "a | b"),
        ("Name      Points   Team", "Name Points Team"),
        ("**a *b* c** ***d*** **слово**ми", "a b c d словоми"),
        ("[a [b] c](d) [![e](f)](g)", "a [b] c"),
        ("[News](/n)[Sport](/s)[![Logo](l.svg)](/)[More](/m)", "News Sport More"),
        ("[ Bread and salt", "Bread and salt"),
        ('and more](/bread "Bread")', "and more"),
        ("  * __Search", "Search"),
        (r"snake\_case 5 \* 3 1\. \- end\.", "snake_case 5 * 3 1. - end."),
        ("``a`` and `b`", "a and b"),
    ],
)
def test_of_marks_the_text_is_left(line, seen):
    assert plain_line(line) == seen


@pytest.mark.parametrize(
    "line",
    [
        *("---", "***", "* * *", "_ _ _", "=====", "```", "```python", "~~~", ":::", "::: {.note}"),
        *("|---|:-:|", "---|---", "+---+---+", "![](a.png)", "[](#top)", "- ![](a.png)", ">", "#"),
        *(
            "•",
            "\u200b",
            " \u00a0",
            "> ---",
            "[1]: https://a.example 'A title'",
            "\\",
            "****",
            "\0",
        ),
    ],
)
def test_a_line_of_marks_alone_is_still_a_line(line):
    assert plain_line(line) == NOTHING_LEFT
    assert len(line_codes(line)) == len(NOTHING_LEFT) + 1


def line_codes(line: str):
    return Batch.from_pages([Page("p", (line,), (1,))]).codes


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_between_fences_only_white_space_is_set_right(fence):
    inside = ["    *a*  =\u00a0`b`", "# a comment", "- 5"]
    seen = plain_lines([f"{fence}sql", *inside, f"  {fence}", "*a*"])
    assert seen == [NOTHING_LEFT, "*a* = `b`", "# a comment", "- 5", NOTHING_LEFT, "a"]


def test_a_fence_that_nothing_closes_makes_no_code_of_the_rest():
    assert plain_lines(["```", "*a*"]) == [NOTHING_LEFT, "a"]


def test_fences_hold_for_their_own_page():
    opened, other = Page("p", ("```", "*a*"), (1, 2)), Page("q", ("*b*", "```"), (1, 2))
    both = Batch.from_pages([opened, other])
    alone = [Batch.from_pages([page]).codes for page in (opened, other)]
    assert both.codes.tolist() == np.concatenate(alone).tolist()


pieces = st.sampled_from(
    [
        *"ab5 .*_`[]()<>|#-+~\\{}:=!\t\u00a0\u00ad\u200b•–é日",
        "**",
        "](",
        "```",
        "http://a",
        "\ufeff",
    ]
)
lines = st.lists(pieces, min_size=1, max_size=20).map("".join)


@given(st.lists(lines | st.text(st.characters(exclude_characters="\n"), min_size=1), max_size=5))
def test_the_cheap_test_overlooks_no_line(lines):
    text = "".join(f"{line}\n" for line in lines)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.array([len(line) + 1 for line in lines], np.int64)
    found = set(marked_lines(codes, np.cumsum(lengths) - lengths).tolist())
    assert {k for k, line in enumerate(lines) if plain_line(line) != line} <= found


@given(lines)
def test_a_line_is_never_empty_and_has_single_spaces(line):
    seen = plain_line(line)
    assert seen and seen == " ".join(seen.split())
