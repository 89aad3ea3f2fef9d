import io
import sys
import time
from pathlib import Path

import pytest

from linesift.labelling.labels import check_labels, label_files, read_label_file
from linesift.reading.readers import (
    ReadError,
    decode,
    looks_like_html,
    page_files,
    read_bytes,
    read_html,
    read_page,
    read_pages,
    read_text,
)

SAVED = [path.stem for path in label_files(Path(__file__).parent / "pages")]
UKRAINIAN = (
    "Міський голова повідомив, що ремонт мосту завершать до кінця місяця. Рух автобусів"
    " відновлять одразу після огляду, а пішоходи вже можуть переходити річку."
)
RUSSIAN = (
    "Мэр сообщил, что ремонт моста завершат до конца месяца. Движение автобусов возобновят"
    " сразу после осмотра, а объезд пока остаётся прежним."
)


def lines_of(body: str) -> tuple[str, ...]:
    return read_html(body).lines


def markup_of(body: str):
    markup = read_html(body).markup
    assert markup is not None
    return markup


# Lines


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>one<p>two", ("one", "two")),
        ("<div>one<div>two</div>three</div>", ("one", "two", "three")),
        ("one<br>two<br/>three", ("one", "two", "three")),
        ("<ul><li>one<li>two</ul>", ("one", "two")),
        ("<table><tr><td>one<td>two<tr><th>three</table>", ("one", "two", "three")),
        ("<h1>one</h1>two<hr>three", ("one", "two", "three")),
        ("<dl><dt>one<dd>two</dl>", ("one", "two")),
        ("<figure><img alt=zero><figcaption>one</figcaption></figure>", ("one",)),
    ],
)
def test_a_block_or_a_break_ends_the_line(html, expected):
    assert lines_of(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a <b>bold</b> word, <i>i</i><span>n</span> a line", "a bold word, in a line"),
        ("<p>  a \n\t b&nbsp;c  ", "a b c"),
        ("<p>a<!-- no --> b", "a b"),
        ("<p>one<wbr>word", "oneword"),
        ("<p>&laquo;a&raquo; &#x1F600; &amp;amp;", "«a» 😀 &amp;"),
        ("<p>a\u2028b\x0cc", "a b c"),
    ],
)
def test_inline_elements_and_white_space_do_not_end_the_line(html, expected):
    assert lines_of(html) == (expected,)


@pytest.mark.parametrize(
    "unseen",
    [
        "<script>var a = '<p>no</p>';</script>",
        "<style>.no { }</style>",
        "<noscript><p>no</p></noscript>",
        "<template><p>no</p></template>",
        "<textarea></textarea>",
        "<dialog><p>no</p></dialog>",
        "<select><option>no</option></select>",
        "<svg><title>no</title><text>no</text></svg>",
        "<iframe src=no>no</iframe>",
        "<div hidden><p>no</p></div>",
        "<div style='color:red; display : NONE'><p>no</p></div>",
        "<p style=visibility:hidden>no</p>",
        "<!-- <p>no</p> -->",
        "<input type=hidden value=no>",
        "<p> &nbsp; </p>",
    ],
)
def test_what_a_browser_does_not_show_gives_no_line(unseen):
    page = read_html(f"<html><head><title>no</title></head><p>yes</p>{unseen}<p>too</p>")
    assert page.lines == ("yes", "too")


def test_a_hidden_inline_element_leaves_the_rest_of_its_line():
    assert lines_of("<p>a <span hidden>no</span>b<style>no</style> c") == ("a b c",)


@pytest.mark.parametrize("html", ["", b"", "<html></html>", "<frameset><frame></frameset>"])
def test_a_page_that_shows_nothing_has_no_lines(html):
    page = read_html(html)
    assert page.lines == ()
    assert page.markup is not None


def test_html_lines_are_numbered_from_one():
    assert read_html("<p>a<p> <p>b<p>c").numbers == (1, 2, 3)


def test_nested_elements_are_read_to_any_depth():
    html = "<div>" * 20_000 + "deep" + "</div>" * 20_000 + "<p>after"
    page = read_html(html)
    assert page.lines == ("deep", "after")
    assert page.markup.paths == (" ".join(["div"] * 16), "html body p")


@pytest.mark.parametrize("html", ["<p>be\0fore<p>after", "<p>be\0fore<p>af\0\0ter\0"])
def test_a_nul_does_not_end_the_page(html):
    assert lines_of(html) == ("before", "after")


# Markup


@pytest.mark.parametrize(
    ("html", "share"),
    [
        ("<p>no link", 0.0),
        ("<p><a href=/>all link</a>", 1.0),
        ("<a href=/><p>block <b>in</b> a link</p></a>", 1.0),
        ("<p>12345 <a href=/>678</a>", 3 / 8),
        ("<p><a href=/>ab </a>  cd", 0.5),
        ("<p><a href=/><b>ab</b></a>cd<a href=/>ef</a>", 4 / 6),
    ],
)
def test_link_share_counts_characters_that_are_not_space(html, share):
    assert markup_of(html).link_share == (pytest.approx(share),)


def test_a_link_ends_where_its_element_does():
    markup = markup_of("<div><a href=/>one</a></div><p>two</p><p><a href=/>three</a>")
    assert markup.link_share == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("html", "path"),
    [
        ("<p>a", "html body p"),
        ("<div class='menu  top' id=m><a href=/>a</a></div>", "html body div.menu.top#m a"),
        ("<p id='a b'>a", "html body p#a-b"),
        ("<p class=' ' id=''>a", "html body p"),
        ("<p><b>a</b> c", "html body p"),
        ("<p><b>a</b><i>c</i>", "html body p"),
        ("<p><b><i>a</i></b>", "html body p b i"),
        ("<p>a <b>c</b>", "html body p"),
        ("<div> <b>a</b></div>", "html body div b"),
    ],
)
def test_a_path_names_the_elements_that_hold_the_whole_line(html, path):
    assert markup_of(html).paths == (path,)


def test_each_line_has_the_path_of_its_own_element():
    markup = markup_of("<div class=a>one<p class=b>two</p>three</div>four")
    assert markup.paths == (
        "html body div.a",
        "html body div.a p.b",
        "html body div.a",
        "html body",
    )


def test_a_path_is_bounded_however_long_the_names():
    classes = " ".join(f"c{i}" for i in range(1000))
    (path,) = markup_of(f"<div class='{classes}' id='{'x' * 1000}'>" * 40 + "a").paths
    assert len(path.split(" ")) == 16
    assert len(path) < 16 * 200


def test_the_title_in_the_head_is_known_and_no_line():
    page = read_html("<html><head><title> The\n title </title></head><body><p>text")
    assert page.markup.title == "The title"
    assert page.lines == ("text",)


@pytest.mark.parametrize(
    ("tag", "given", "language"),
    [
        ("<html lang=uk>", "", "uk"),
        ("<html lang=EN-gb>", "", "en"),
        ("<html lang=en>", "ru", "ru"),
        ("<html lang>", "", ""),
        ("<html>", "", ""),
    ],
)
def test_language_is_what_the_caller_or_the_page_says(tag, given, language):
    assert read_html(f"{tag}<p>a", language=given).language == language


# Encodings


@pytest.mark.parametrize(
    "data",
    [
        UKRAINIAN.encode(),
        b"\xef\xbb\xbf" + UKRAINIAN.encode(),
        UKRAINIAN.encode("utf-16"),
        b"\xff\xfe" + UKRAINIAN.encode("utf-16-le"),
        b"\xfe\xff" + UKRAINIAN.encode("utf-16-be"),
        b"\xff\xfe\x00\x00" + UKRAINIAN.encode("utf-32-le"),
        UKRAINIAN.encode("cp1251"),
    ],
    ids=["utf-8", "utf-8-bom", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "cp1251"],
)
def test_bytes_are_read_in_their_encoding(data):
    assert read_bytes(data).lines == (UKRAINIAN,)


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "iso8859-5"])
def test_undeclared_legacy_encodings_are_guessed(encoding):
    assert decode(RUSSIAN.encode(encoding)) == RUSSIAN


@pytest.mark.parametrize(
    ("declaration", "encoding", "text"),
    [
        ('<meta charset="windows-1251">', "cp1251", "Ґанок"),
        ("<META http-equiv=Content-Type content='text/html; charset=KOI8-U'>", "koi8-u", "Ґанок"),
        ('<?xml version="1.0" encoding="windows-1251"?>', "cp1251", "Ґанок"),
        ("<meta charset = cp866 >", "cp866", "Новости"),
    ],
)
def test_a_declared_encoding_is_used(declaration, encoding, text):
    html = f"{declaration}<p>{text}"
    assert decode(html.encode(encoding)) == html


@pytest.mark.parametrize("named", ["punycode", "PunyCode", "unicode_escape", "raw_unicode_escape"])
def test_an_encoding_of_python_alone_is_not_heeded(named):
    html = f"<meta charset={named}>{RUSSIAN} \\x41".encode("cp1251")
    assert decode(html) == decode(html, charset=named) == html.decode("cp1251")


def test_a_page_cannot_choose_an_encoding_that_takes_for_ever():
    start = time.process_time()
    decode(b"<meta charset=punycode>\xff" + b"x" * 200_000 + b"-" + b"a" * 200_000)
    assert time.process_time() - start < 5  # punycode: most of a minute


def test_a_declared_gb2312_is_read_as_its_superset():
    text = '<meta charset="gb2312"><p>朱镕基'
    assert decode(text.encode("gb18030")) == text


@pytest.mark.parametrize(
    "name",
    ["utf-8", "utf-16", "UTF-16LE", "utf-32", "no-such", "hex", "undefined", "ascii", "us-ascii"],
)
def test_a_wrong_declaration_is_passed_over(name):
    text = f'<meta charset="{name}"><p>{RUSSIAN}'
    assert decode(text.encode("cp1251")) == text


def test_utf8_outranks_a_declaration():
    text = f'<meta charset="windows-1251"><p>{UKRAINIAN}'
    assert decode(text.encode()) == text


def test_a_page_cut_inside_a_character_stays_readable():
    assert decode(UKRAINIAN.encode() + "є".encode()[:1]).startswith(UKRAINIAN)


@pytest.mark.parametrize("data", [b"\x81\x8d\x8f\x90\x9d" * 50, bytes(range(256)) * 4, b"\xff"])
def test_no_bytes_make_decoding_fail(data):
    assert isinstance(decode(data), str)


@pytest.mark.parametrize("read", [read_text, read_html])
def test_a_byte_order_mark_in_a_string_is_no_text(read):
    assert read("\ufeffone").lines == ("one",)


# Text or HTML


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html><p>a",
        "\n  <!doctype HTML PUBLIC '-//W3C'>",
        "<!-- saved --><html lang=uk>",
        '<?xml version="1.0"?>\n<html xmlns="x">',
        "<div class=a><p>a</p>",
        "<p>a<br>b",
    ],
)
def test_html_is_known_by_its_content(text):
    assert looks_like_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain text.",
        "a < b and c > d",
        "<email@host.example> wrote",
        "How to use <p> and <div> in a page",
        "<code>",
        "\0\0",
    ],
)
def test_text_that_mentions_tags_stays_text(text):
    assert not looks_like_html(text)
    assert read_bytes(text.encode()).markup is None


def test_html_by_content_is_read_with_markup():
    page = read_bytes(b"<html><body><p>a<p>b", "page.txt")
    assert (page.page_id, page.lines) == ("page.txt", ("a", "b"))
    assert page.markup is not None


@pytest.mark.parametrize(
    "data",
    [b"%PDF-1.7\n", b"PK\x03\x04rest", b"\x89PNG\r\n", b"GIF89a", b"\xff\xd8\xff\xe0", b"\x1f\x8b"],
    ids=["pdf", "zip", "png", "gif", "jpeg", "gzip"],
)
def test_files_that_are_no_pages_are_refused(data):
    with pytest.raises(ReadError, match="text or HTML"):
        read_bytes(data + bytes(range(256)))


# Plain text


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_text_lines_keep_the_numbers_of_the_file(end, encoding):
    data = end.join(["one", "", "  three ", "", ""]).encode(encoding)
    page = read_text(data)
    assert (page.numbers, page.lines) == ((1, 3), ("one", "  three"))


@pytest.mark.parametrize("inside", ["\u2028", "\x0c", "\x0b", "\x85"])
def test_an_odd_separator_shifts_no_line_number(inside):
    page = read_text(f"a{inside}b\n\nc")
    assert (page.numbers, page.lines) == ((1, 3), (f"a{inside}b", "c"))


def test_text_is_never_parsed_as_html():
    assert read_text("<b>a</b> &amp;").lines == ("<b>a</b> &amp;",)


def test_what_is_known_of_a_page_is_kept():
    for read in (read_text, read_html):
        page = read("a", "id", site="s.example", language="uk")
        assert (page.page_id, page.site, page.language) == ("id", "s.example", "uk")


# Files


def test_a_file_is_read_under_the_path_given(tmp_path):
    path = tmp_path / "новина.txt"
    path.write_text("one\n\ntwo\n", encoding="utf-8")
    page = read_page(path)
    assert (page.page_id, page.numbers) == (str(path), (1, 3))


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ReadError, match="No such file"):
        read_page(tmp_path / "none.txt")
    with pytest.raises(ReadError, match="no such file"):
        page_files(tmp_path / "none")


def test_a_folder_is_no_page(tmp_path):
    with pytest.raises(ReadError, match="directory"):
        read_page(tmp_path)


def test_a_dash_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("один\nдва".encode())))
    (page,) = read_pages("-")
    assert (page.page_id, page.lines) == ("-", ("один", "два"))


def test_a_folder_gives_its_files_in_order_without_hidden_ones(tmp_path):
    names = ["b.txt", "a/2.html", "a/10.txt", "c/d/e.txt", ".hidden", ".git/config", "a/.x/y.txt"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<html><p>{name}" if name.endswith("html") else name)
    expected = ["a/10.txt", "a/2.html", "b.txt", "c/d/e.txt"]
    pages = list(read_pages(tmp_path))
    assert [page.page_id for page in pages] == [str(tmp_path / name) for name in expected]
    assert [page.lines for page in pages] == [(name,) for name in expected]


def test_a_folder_below_a_hidden_one_can_be_read_by_name(tmp_path):
    folder = tmp_path / ".cache"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    assert list(page_files(folder)) == [str(folder / "a.txt")]


# Saved pages


def test_there_are_saved_pages_in_three_languages():
    assert {name.partition("-")[0] for name in SAVED} >= {"en", "ru", "uk"}


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_page_gives_the_lines_a_reader_sees(saved_pages, name):
    labelled, _ = read_label_file(saved_pages / f"{name}.tsv")
    check_labels(labelled, read_page(saved_pages / f"{name}.html"))


@pytest.mark.parametrize("name", SAVED)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1251"])
def test_a_saved_page_reads_the_same_in_another_encoding(saved_pages, name, encoding):
    html = (saved_pages / f"{name}.html").read_text(encoding="utf-8")
    if encoding == "cp1251":
        html = html.replace("utf-8", "windows-1251")
    assert read_html(html.encode(encoding)).lines == read_html(html).lines


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_page_has_the_same_lines_as_text_and_as_html(saved_pages, name):
    page = read_page(saved_pages / f"{name}.html")
    assert read_text("\n".join(page.lines)).lines == page.lines
