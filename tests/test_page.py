from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linesift.reading.page import NO_PATH, Batch, Markup, Page
from linesift.reading.plain import plain_lines


def plain(*lines: str, page_id: str = "p") -> Page:
    return Page(page_id, lines, tuple(range(1, len(lines) + 1)))


def marked(*lines: str) -> Page:
    share = tuple(i / 4 for i in range(len(lines)))
    paths = tuple(f"html body p.{i % 2}" for i in range(len(lines)))
    return Page(
        "m", lines, tuple(range(1, len(lines) + 1)), "s.example", "uk", Markup(share, paths, "T")
    )


def texts(batch: Batch) -> list[str]:
    """Lines of a batch, read back from its code points."""
    return [
        batch.codes[start : start + length].tobytes().decode("utf-32-le", "surrogatepass")
        for start, length in zip(batch.line_starts, batch.line_lengths, strict=True)
    ]


@pytest.mark.parametrize(
    ("numbers", "markup", "column"),
    [
        ((1,), None, "numbers"),
        ((1, 2), Markup((0.0,), ("p", "p")), "link_share"),
        ((1, 2), Markup((0.0, 0.0), ("p",)), "paths"),
    ],
)
def test_a_column_of_another_length_is_refused_by_name(numbers, markup, column):
    with pytest.raises(ValueError, match=f"'shop'.*expected 2 {column}, got 1"):
        Page("shop", ("a", "b"), numbers, markup=markup)


@pytest.mark.parametrize("line", ["", "a\nb", "\n"])
def test_what_is_not_one_line_is_refused_by_name(line):
    with pytest.raises(ValueError, match="page 'shop': expected lines with text and without"):
        Batch.from_pages([plain("a"), plain("b", line, "c", page_id="shop")])


def test_a_page_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        plain("a").site = "other"


def test_selecting_lines_takes_every_column_along_and_leaves_the_page_alone():
    page = marked("a", "b", "c")
    chosen = page.select([0, 2])
    markup = Markup((0.0, 0.5), ("html body p.0", "html body p.0"), "T")
    assert chosen == Page("m", ("a", "c"), (1, 3), "s.example", "uk", markup)
    assert page == marked("a", "b", "c")


def test_selecting_works_with_an_index_array_and_without_markup():
    assert plain("a", "b", "c").select(np.array([1])) == Page("p", ("b",), (2,))


def test_without_markup_a_page_is_what_plain_text_gives():
    assert marked("a", "b").without_markup() == Page("m", ("a", "b"), (1, 2), "s.example", "uk")


def test_a_batch_keeps_pages_in_order_and_whole():
    batch = Batch.from_pages([plain("one", "two"), plain(), plain("three")])
    assert texts(batch) == ["one", "two", "three"]
    assert batch.page_starts.tolist() == [0, 2, 2, 3]
    assert batch.page_of_line.tolist() == [0, 0, 2]
    assert batch.n_lines == 3


def test_each_line_is_followed_by_a_line_feed():
    batch = Batch.from_pages([plain("ab", "c")])
    assert batch.codes.tolist() == [*map(ord, "ab\nc\n")]


def test_unknown_markup_is_told_from_no_links():
    batch = Batch.from_pages([plain("a"), marked("b", "c", "d")])
    assert np.isnan(batch.link_share[0])
    assert batch.link_share[1:].tolist() == [0.0, 0.25, 0.5]
    assert batch.path_ids[0] == NO_PATH
    assert [batch.paths[i] for i in batch.path_ids[1:]] == [
        "html body p.0",
        "html body p.1",
        "html body p.0",
    ]
    assert batch.titles == ("", "T")


def test_a_path_is_kept_once_for_all_pages():
    batch = Batch.from_pages([marked("a", "b"), marked("c", "d")])
    assert sorted(batch.paths) == ["html body p.0", "html body p.1"]


@pytest.mark.parametrize("pages", [[], [plain()], [plain(), plain()]])
def test_a_batch_without_lines_is_a_batch(pages):
    batch = Batch.from_pages(pages)
    assert batch.n_lines == len(batch.codes) == len(batch.page_of_line) == 0
    assert batch.page_starts.tolist() == [0] * (len(pages) + 1)


line = st.text(st.characters(exclude_characters="\n"), min_size=1, max_size=8)


@given(st.lists(st.lists(line, max_size=4), max_size=4))
def test_the_lines_of_a_page_do_not_depend_on_the_pages_beside_it(pages):
    batch = Batch.from_pages([plain(*lines) for lines in pages])
    assert texts(batch) == [text for lines in pages for text in plain_lines(lines)]
    for number, lines in enumerate(pages):
        low, high = batch.page_starts[number : number + 2]
        assert texts(Batch.from_pages([plain(*lines)])) == texts(batch)[low:high]


def test_lone_surrogates_survive_a_batch():
    assert texts(Batch.from_pages([plain("a\ud800", "😀")])) == ["a\ud800", "😀"]
