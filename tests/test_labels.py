import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linesift.labelling.labels import (
    CONTENT,
    LABELS,
    NAVIGATION,
    OF_CARDS,
    OTHER,
    PAGE_TYPES,
    RELATED,
    UNSURE,
    LabelError,
    LabelledPages,
    check_labels,
    content_lines,
    format_label_file,
    is_test_site,
    label_files,
    no_pages,
    parse_label_file,
    read_label_file,
    read_label_folder,
    write_atomically,
    write_label_file,
)
from linesift.reading.page import Markup, Page
from linesift.reading.readers import read_page, read_text

REAL_FILES = list(label_files(Path(__file__).parents[1] / "data" / "pages"))
SOME_FILES = REAL_FILES[::12]
TEXT = "Заголовок\n\nПерший абзац.\nЧитайте також: інше\n\n\nНагору\n"
LABELLED = (
    "# page: news/1\n# site: s.example\n# language: uk\n"
    "content\tЗаголовок\n\ncontent\tПерший абзац.\nrelated\tЧитайте також: інше\n\n\n"
    "unsure\tНагору\n"
)


@pytest.fixture
def label_file(tmp_path):
    path = tmp_path / "page.tsv"
    path.write_text(LABELLED, encoding="utf-8")
    return path


def hand_labelled(name: str, *labels: int, markup: Markup | None = None) -> LabelledPages:
    lines = tuple(f"{name} {i}" for i in range(len(labels)))
    page = Page(name, lines, tuple(range(1, len(lines) + 1)), f"{name}.example", "uk", markup)
    codes = np.array(labels, np.int8)
    return LabelledPages([page], [codes], ["hand"], [content_lines(page, codes)])


# The hand-labelled pages of the repository


def test_hand_labelled_pages_hold_the_lines_of_their_pages():
    """All of them: a page that is read otherwise than it was labelled teaches without markup."""
    assert len(REAL_FILES) >= 100
    for path in REAL_FILES:
        (source,) = (file for file in path.parent.glob(f"{path.stem}.*") if file.suffix != ".tsv")
        page, labels = read_label_file(path)
        check_labels(page, read_page(source))
        assert len(labels) == len(page.lines)
        assert (labels != UNSURE).any()


def test_hand_labelled_pages_of_listings_hold_cards_and_most_others_content():
    pages = read_label_folder(REAL_FILES[0].parent)
    assert set(pages.page_types) <= {*PAGE_TYPES, ""}
    of_cards = np.array([name in OF_CARDS for name in pages.page_types])
    has = {code: np.array([code in y for y in pages.labels]) for code in (CONTENT, RELATED)}
    assert has[RELATED][of_cards].all()
    assert has[CONTENT][~of_cards].mean() > 0.9


@pytest.mark.parametrize("path", SOME_FILES, ids=lambda path: path.stem)
def test_a_hand_labelled_page_survives_writing(path, tmp_path):
    page, labels = read_label_file(path)
    write_label_file(tmp_path / "copy.tsv", page, labels)
    copy, copied = read_label_file(tmp_path / "copy.tsv")
    assert copy == page
    assert copied.tolist() == labels.tolist()


# Reading and writing


def test_a_label_file_keeps_the_line_numbers_of_the_page(label_file):
    page, labels = read_label_file(label_file)
    assert page.numbers == (1, 3, 4, 7)
    assert (page.page_id, page.site, page.language) == ("news/1", "s.example", "uk")
    assert labels.tolist() == [CONTENT, CONTENT, RELATED, UNSURE]
    check_labels(page, read_text(TEXT))


def test_what_is_written_is_what_people_write(label_file, tmp_path):
    write_label_file(tmp_path / "new" / "copy.tsv", *read_label_file(label_file))
    assert (tmp_path / "new" / "copy.tsv").read_text(encoding="utf-8") == LABELLED


TYPED = "# page: p\n# site: s.example\n# type: forum\n# a remark\ncontent\ta\nother?\tb\n"


def test_a_page_type_in_the_head_goes_there_and_back(tmp_path):
    file = parse_label_file(TYPED.encode(), "p.tsv")
    assert (file.page_type, file.remarks) == ("forum", ("# a remark",))
    assert format_label_file(file) == TYPED.encode()
    (tmp_path / "p.tsv").write_text(TYPED)
    (tmp_path / "q.tsv").write_text(LABELLED)
    assert read_label_folder(tmp_path).page_types == ["forum", ""]


def test_page_types_are_part_of_what_labelled_pages_say():
    one, other = (
        replace(hand_labelled("p", CONTENT, OTHER), page_types=[name]) for name in ("", "forum")
    )
    assert one.digest() == hand_labelled("p", CONTENT, OTHER).digest() != other.digest()
    both = one + other
    assert both.page_types == ["", "forum"]
    assert both.select([False, True]).page_types == ["forum"]
    assert both.map_pages(both.pages).page_types == ["", "forum"]


@pytest.mark.parametrize("name", ["news", "Forum", "article forum", "?"])
def test_a_page_type_that_there_is_not_is_refused_with_those_that_there_are(name):
    text = TYPED.replace("forum", name).encode()
    with pytest.raises(LabelError, match=r"^p.tsv: type: expected one of article, forum, .*; got"):
        parse_label_file(text, "p.tsv")


def test_without_a_head_the_file_gives_the_name(tmp_path):
    path = tmp_path / "uk-bridge.tsv"
    path.write_text("content\ta\nother\t# b\n")
    page, _ = read_label_file(path)
    assert (page.page_id, page.site, page.language) == ("uk-bridge", "", "")
    assert page.lines == ("a", "# b")


def test_an_unknown_site_is_none_and_other_head_lines_are_remarks(tmp_path):
    path = tmp_path / "p.tsv"
    path.write_text("# page: p\n# site: unknown\n# by: hand\n# a remark\ncontent\ta\n")
    page, _ = read_label_file(path)
    assert (page.site, page.numbers) == ("", (1,))


@pytest.mark.parametrize("end", ["\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files_of_other_editors_read_the_same(label_file, tmp_path, end, encoding):
    other = tmp_path / "page-saved-elsewhere.tsv"
    other.write_bytes(LABELLED.replace("\n", end).encode(encoding))
    page, labels = read_label_file(label_file)
    copy, copied = read_label_file(other)
    assert copy == page
    assert copied.tolist() == labels.tolist()


line = st.text(st.characters(codec="utf-8"), min_size=1).filter(
    lambda text: text == text.strip() and not set(text) & set("\r\n")
)


@settings(max_examples=30)
@given(st.lists(st.tuples(line, st.integers(1, 3), st.sampled_from(range(-1, 4)))))
def test_any_lines_survive_writing(tmp_path_factory, rows):
    """Lines with tabs, marks of the head and odd separators too, and blank lines between."""
    path = tmp_path_factory.mktemp("labels") / "p.tsv"
    numbers = np.cumsum([step for _, step, _ in rows], dtype=int).tolist()
    page = Page("p", tuple(text for text, _, _ in rows), tuple(numbers), "s.example", "uk")
    write_label_file(path, page, [code for _, _, code in rows])
    copy, labels = read_label_file(path)
    assert copy == page
    assert labels.tolist() == [code for _, _, code in rows]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("contnt\tText", "expected one of content, related.*got 'contnt'"),
        ("Content\tText", "got 'Content'"),
        ("\tText", "got ''"),
        ("content Text", "expected 'label TAB text', got 'content Text'"),
        ("content\t", "a label without text"),
        ("content\t \u00a0", "a label without text"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path, row, message):
    path = tmp_path / "bad.tsv"
    path.write_text(f"# page: p\ncontent\tgood\n\n{row}\n", encoding="utf-8")
    with pytest.raises(LabelError, match=rf"bad\.tsv: line 4: .*{message}"):
        read_label_file(path)


def test_a_file_that_is_not_utf8_or_missing_is_named(tmp_path):
    (tmp_path / "legacy.tsv").write_bytes("content\tТекст".encode("cp1251"))
    for name in ("legacy.tsv", "none.tsv"):
        with pytest.raises(LabelError, match=rf"{name}: cannot be read"):
            read_label_file(tmp_path / name)


def test_labels_of_another_number_than_lines_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="expected 2 labels, got 1"):
        write_label_file(tmp_path / "p.tsv", read_text("a\nb"), [CONTENT])
    assert list(tmp_path.iterdir()) == []


# Pages that changed after they were labelled


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("\n" + TEXT, 1),
        (TEXT.replace("Перший", "Другий"), 3),
        (TEXT.replace("Перший абзац.\n", ""), 3),
        (TEXT.replace("Перший абзац.\nЧитайте також: інше", "Читайте також: інше\nПерший"), 3),
        (TEXT.replace("\n\n\n", "\n\n"), 6),
        (TEXT.replace("інше\n", "інше\nновий рядок"), 5),
        (TEXT + "ще один\n", 8),
        ("", 1),
    ],
    ids=["moved", "edited", "lost", "swapped", "blank lost", "added", "added at end", "all lost"],
)
def test_a_page_that_changed_is_caught_at_its_first_line(label_file, text, number):
    page, _ = read_label_file(label_file)
    with pytest.raises(LabelError, match=rf"news/1: line {number} is "):
        check_labels(page, read_text(text))


@pytest.mark.parametrize("text", [TEXT.replace("\n", "\r\n"), TEXT.replace(" ", " \u00a0 ")])
def test_white_space_alone_is_no_change(label_file, text):
    check_labels(read_label_file(label_file)[0], read_text(text))


# Folders and collections


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    for name in ("b.tsv", "a.tsv", "c.txt"):
        (tmp_path / name).write_text(f"# site: {name}\ncontent\tin\nother\tout\n")
    labelled = read_label_folder(tmp_path)
    assert [page.page_id for page in labelled.pages] == ["a", "b"]
    assert labelled.sites == ["a.tsv", "b.tsv"]
    assert labelled.corpus == ["hand", "hand"]
    assert labelled.gold == [("in",), ("in",)]


def test_a_missing_folder_says_so(tmp_path):
    with pytest.raises(LabelError, match="no such folder"):
        read_label_folder(tmp_path / "none")


def test_collections_add_up_and_select_in_step():
    one, two = hand_labelled("one", CONTENT, OTHER), hand_labelled("two", NAVIGATION)
    both = no_pages() + one + two
    assert len(both) == 2
    assert both.select([False, True]) == two
    assert both.select(np.array([True, False])).gold == [("one 0",)]


def test_a_page_of_no_known_site_is_a_site_of_its_own():
    page = Page("p", ("a",), (1,))
    labels = np.array([CONTENT], np.int8)
    assert LabelledPages([page], [labels], ["hand"], [("a",)]).sites == ["p"]


@pytest.mark.parametrize(
    "other",
    [
        hand_labelled("one", CONTENT, RELATED),
        hand_labelled("uno", CONTENT, OTHER),
        hand_labelled("one", CONTENT, OTHER, markup=Markup((0.0, 0.0), ("p", "p"))),
        hand_labelled("one", CONTENT, OTHER, CONTENT),
        no_pages(),
    ],
    ids=["label", "line", "markup", "number of lines", "nothing"],
)
def test_the_digest_tells_any_change(other):
    one = hand_labelled("one", CONTENT, OTHER)
    assert one.digest() == hand_labelled("one", CONTENT, OTHER).digest()
    assert one.digest() != other.digest()


def test_the_digest_tells_link_shares_apart():
    shares = [Markup((share,), ("p",)) for share in (0.0, 0.5)]
    one, two = (hand_labelled("one", CONTENT, markup=markup) for markup in shares)
    assert one.digest() != two.digest()


def test_the_order_of_labels_is_that_of_saved_models():
    assert LABELS == ("content", "related", "navigation", "other")
    assert (CONTENT, RELATED, NAVIGATION, OTHER, UNSURE) == (0, 1, 2, 3, -1)


# Sites kept for testing


@pytest.mark.parametrize(
    ("site", "is_test"),
    [
        ("lenta.ua", True),
        ("k.example", True),
        ("example.com", False),
        ("bbc.co.uk", False),
        ("новини.укр", False),
        ("", False),
    ],
)
def test_a_test_site_is_one_for_good(site, is_test):
    assert is_test_site(site) is is_test


def test_about_15_percent_of_sites_are_test_sites():
    assert sum(is_test_site(f"site{i}.example") for i in range(10_000)) / 10_000 == pytest.approx(
        0.15, abs=0.01
    )


# Whole or not at all


def test_a_file_is_written_with_its_folder_and_for_all_to_read(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, b"new")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"file": b"old"}


def test_an_interrupted_write_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == []
