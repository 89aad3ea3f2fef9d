"""Any bytes in: no crash, no hang, sound lines out or a sentence that says why not."""

import gzip
import re
import signal
import time
import tracemalloc
from contextlib import contextmanager
from importlib import import_module
from pkgutil import walk_packages

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import linesift
from linesift import load_model, read_html, read_text
from linesift.reading.nesting import DEEPEST, bounded
from linesift.reading.page import MOST_LINES
from linesift.reading.readers import ReadError, decode, read_bytes, read_string
from tests.any_bytes import (
    SEEDS,
    TARGETS,
    UNWATCHED,
    check_page,
    check_predictions,
    tree_size,
    warc_record,
)

HANG = 20  # seconds; what a page of these sizes takes where time grows by the square is minutes
PIECES = (
    *"<div> </div> <p> </b> <table><td> </table> <li> <svg> </svg> <select> <option>".split(),
    *"<template> <!-- --> <script> <title> &amp; &#xd800; = \" ' > < text שלום 日本".split(),
    *"\0 \u202e \ufeff e\u0301 \U0001f469\u200d".split(),
    *("<b a=1>", "<a href=x>", "\n", "\r", "\u2028", "\x85", "content\t", "# page: "),
)
HOSTILE = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from(PIECES), max_size=60).map(lambda some: "".join(some).encode()),
)


@contextmanager
def within(seconds: int):
    """Fail where a block takes longer: only what would take minutes is stopped."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    began = time.process_time()
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail(f"longer than {seconds} s"))
    signal.setitimer(signal.ITIMER_REAL, 10 * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.process_time() - began < seconds


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "prediction"])
@settings(max_examples=60)
@given(data=HOSTILE)
def test_any_bytes_give_sound_lines_or_a_sentence(target, data):
    TARGETS[target](data)


@pytest.mark.parametrize(
    ("target", "data"), [(name, data) for name, some in SEEDS.items() for data in some]
)
def test_what_the_fuzzer_begins_with_is_read(target, data):
    TARGETS[target](data)
    for cut in range(0, len(data), max(len(data) // 8, 1)):
        TARGETS[target](data[:cut])


@settings(max_examples=15)
@given(inputs=st.lists(HOSTILE, min_size=1, max_size=12))
def test_any_bytes_are_judged_the_same_in_any_batch(inputs):
    check_predictions(inputs)


@pytest.mark.parametrize(
    "text",
    [
        "".join(map(chr, range(1, 0x20))),
        "".join(map(chr, range(0x7F, 0xA1))),
        "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069 אבג abc",
        "\ud800 \udfff\ud83d",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 e" + "\u0301" * 500,
        "\ufdd0\ufffe\uffff\U0010ffff\ufffd",
    ],
    ids=["C0", "C1", "bidi", "surrogates", "emoji", "noncharacters"],
)
def test_every_control_and_mark_is_text_like_any_other(text):
    for page in (read_text(f"one {text} two"), read_html(f"<p>one {text} two")):
        check_page(page)
        (prediction,) = load_model().predict_lines([page])
        assert len(prediction.labels) == len(page.lines) >= 1
        prediction.text.encode("utf-8", "replace")


@pytest.mark.parametrize("declared", ["utf-16", "utf-32", "no-such-thing", "windows-1251", "gbk"])
def test_a_wrong_declaration_loses_no_letters_of_utf_8(declared):
    html = f'<meta charset="{declared}"><p>Міст відкрили — 橋'.encode()
    assert read_html(html, charset=declared).lines == ("Міст відкрили — 橋",)


def test_mixed_encodings_on_a_page_keep_its_lines():
    page = read_html("<p>Новости<p>".encode("cp1251") + "Новини".encode() + b"<p>news")
    assert len(page.lines) == 3 and page.lines[2] == "news"


# Size


def test_fifty_megabytes_on_one_line_are_read_and_judged():
    with within(HANG):
        page = read_string("a word " * 7_500_000)
        (prediction,) = load_model().predict_lines([page])
    assert len(prediction.labels) == 1


def test_a_million_lines_are_refused_by_every_call():
    text = "a line\n" * 1_000_000
    with within(HANG):
        with pytest.raises(ReadError, match="1,000,000 lines are too many"):
            read_bytes(text.encode())
        with pytest.raises(ValueError, match=f"expected up to {MOST_LINES:,}"):
            load_model().predict_lines([read_text(text)])


def test_a_million_tags_are_refused_before_they_are_parsed():
    with within(HANG), pytest.raises(ReadError, match="tags are too many for a page"):
        read_html("<br>" * 1_000_001)


NESTED = (
    *"<div> <ul><li> <b> <b><i> <p><b> <table><tr><td> <svg> <math><mi>".split(),
    *"<form><div> <button> <span> <h1> <svg><p></svg> <div><!--</div>-->".split(),
    *"<div></span> <div/> <<td><v> <svg><title> <table><td></diva>".split(),
    *"<div><script></div></script> <div><table></div> <svg><style><p> <select><style><div>".split(),
    *"<table><v><table></table><w></table> <div><svg><![CDATA[></svg></div>]]>".split(),
    "<section><a><b><c><d><e><f><g><i><j><k><l><div></section><w></div>",
    "<div><script><!--<script></script></div>--></script>",
    *('<div title="</div>">', '<div =">', '<div a=b"></div>">', "<a href=x><div>", "<svg><g a=/>"),
    "<font color=a>x",
)


@pytest.mark.parametrize("piece", NESTED)
def test_up_to_a_hundred_thousand_nested_tags_give_a_bounded_tree(piece):
    tags = 100_000 if piece in ("<div>", "<b><i>", "<ul><li>") else 15_000
    html = piece * (tags // piece.count("<")) + "deep"
    with within(HANG):
        page = read_html(html)
        nodes, deepest = tree_size(bounded(html, html.encode()))
    check_page(page)
    assert deepest <= 3 * DEEPEST + 2 * UNWATCHED
    assert nodes <= 400_000


def test_elements_opened_again_in_every_paragraph_are_left_out():
    """A page of 42 kB whose tree of 1,500,000 elements took all memory at ten times the size."""
    html = "".join(f"<p><b id={k}>x" for k in range(3000))
    page = read_html(html)
    assert page.lines == ("x",) * 3000
    assert tree_size(bounded(html, html.encode()))[0] < 10_000


@pytest.mark.parametrize(
    "html",
    [
        "<p " + " ".join(f"a{k}" for k in range(60_000)) + ">text",
        "<p " + " ".join(f'a{k}=">"' for k in range(60_000)) + ">text",
        "".join(f"<body a{k}=1>" for k in range(30_000)) + "text",
        "<select>" + "<option>x" * 60_000 + "</select>text",
    ],
    ids=["names", "values with ends", "body", "options"],
)
def test_attributes_and_options_are_read_in_time_by_their_number(html):
    with within(HANG):
        assert read_html(html).lines == ("text",)


def test_a_page_written_anew_keeps_its_lines_and_what_tells_of_them():
    inside = (
        '<div class="menu"><a href=/>Home</a></div><p id=a>One <b>bold</b><p hidden>no<p>Two &lt;b>'
    )
    html = f"<html lang=uk><title>It &amp; all</title>{'<div>' * 3000}{'</div>' * 3000}{inside}"
    plain, anew = read_html(inside), read_html(html + "<script><p>x</script>" + "<div>" * 3000)
    assert anew.lines == plain.lines == ("Home", "One bold", "Two <b>")
    assert anew.markup.link_share == plain.markup.link_share
    assert anew.markup.title == "It & all"
    assert anew.markup.paths[1].endswith("p#a")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_in_a_response_takes_no_more_memory_than_a_page(tmp_path, monkeypatch, coding):
    from linesift.reading.sources import Fields, read_record, read_records

    monkeypatch.setattr("linesift.reading.sources._LARGEST_PAGE", 1 << 20)
    packed = gzip.compress(bytes(100 << 20), 9)
    packed = packed if coding == "gzip" else packed[10:-8]
    path = tmp_path / "a.warc"
    path.write_bytes(warc_record(packed, f"Content-Encoding: {coding}\r\n"))
    (record,) = read_records([str(path)])
    tracemalloc.start()
    with pytest.raises(ReadError, match="too many for a page"):
        read_record(record, Fields())
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_hand_labels_that_are_no_text_are_refused_with_the_file(tmp_path):
    from linesift.labelling.hand_labels import read_hand_labels
    from linesift.labelling.labels import LabelError

    for data in (b"\x85", b"page\tline\tlabel\thash\np\t" + b"1" * 5000 + b"\tcontent\tx\n"):
        (tmp_path / "a.tsv").write_bytes(data)
        with pytest.raises(LabelError, match=re.escape("a.tsv")):
            read_hand_labels(tmp_path)


# Regular expressions


def expressions() -> dict[str, re.Pattern]:
    """Return every regular expression that stands in a module of the package."""
    found = {}
    for module in walk_packages(linesift.__path__, "linesift."):
        if module.name.endswith("__main__"):
            continue
        try:
            names = vars(import_module(module.name))
        except ImportError:  # of an extra that is not installed
            continue
        for name, value in names.items():
            values = value.values() if isinstance(value, dict) else [value]
            for number, one in enumerate(values):
                if isinstance(one, re.Pattern):
                    found[f"{module.name}.{name}{number or ''}"] = one
    return found


STUFF = (
    *'a 1 < <a <p> </ <!-- - -- =" <?xml <meta charset display . -. .. A aA 日 # |'.split(),
    *"> = a= / ( ) <script> </script 1/ \u0301 h1 a- <p><p> % «".split(),
    *(" ", "\t \n", "<a ", "<a =", "<a b='", "<meta ", "<meta charset", "charset = ", "display "),
    *("visibility :", "li ", ", ", "1 ", "more ", "; ", ": "),
)
"""What is repeated: what an expression begins with, and what it looks for after that."""
WHOLE = ("linesift.labelling.label_store._LEFT_BEHIND", "linesift.reading.sources._CHUNK_SIZE")
"""Matched at the beginning alone."""


def test_no_regular_expression_of_the_package_backtracks_badly():
    """Cubes take hours on these 30,000 characters, squares many seconds."""
    patterns = expressions()
    assert len(patterns) > 20
    for name, pattern in patterns.items():
        began = time.process_time()
        for stuff in STUFF:
            text = stuff * (30_000 // len(stuff)) + "\x01"
            tried = text.encode() if isinstance(pattern.pattern, bytes) else text
            with within(HANG):
                if name not in WHOLE:
                    for _ in pattern.finditer(tried):
                        pass
                pattern.match(tried)
                pattern.fullmatch(tried)
        assert time.process_time() - began < HANG // 2, name


def test_decoding_never_grows_a_page():
    assert len(decode(b"\xff" * 10_000)) <= 20_000
