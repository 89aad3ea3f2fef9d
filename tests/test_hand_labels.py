from dataclasses import replace

import numpy as np
import pytest

from linesift.labelling.hand_labels import (
    confusion,
    doubtful_lines,
    hand_labelled,
    outrank,
    read_hand_labels,
    write_hand_labels,
)
from linesift.labelling.labels import (
    CONTENT,
    NAVIGATION,
    OTHER,
    RELATED,
    UNSURE,
    LabelError,
    LabelledPages,
)
from linesift.reading.page import Page

PAGES = [
    Page("set/a", ("Home", "It rained all day.", "By the sea it rained too."), (1, 3, 4), "a.org"),
    Page("set/b", ("Head", "Мокро.\ud800"), (1, 2), "b.org"),
    Page("set/c", ("Head", "Dry."), (1, 2), "c.org"),
]
HAND = LabelledPages(
    PAGES[:2],
    [np.array([NAVIGATION, CONTENT, UNSURE], np.int8), np.array([OTHER, CONTENT], np.int8)],
    ["set"] * 2,
    [("It rained all day.",), ("Мокро.\ud800",)],
)
ALIGNED = LabelledPages(
    PAGES,
    [
        np.array([RELATED, CONTENT, CONTENT], np.int8),
        np.array([CONTENT, CONTENT], np.int8),
        np.array([CONTENT, OTHER], np.int8),
    ],
    ["set"] * 3,
    [("gold a",), ("gold b",), ("gold c",)],
)


@pytest.fixture
def folder(tmp_path):
    write_hand_labels(tmp_path / "labels.tsv", HAND)
    return tmp_path


def test_labels_come_back_and_the_file_holds_none_of_the_text(folder):
    found = hand_labelled(ALIGNED, read_hand_labels(folder))
    assert found.pages == HAND.pages
    assert [y.tolist() for y in found.labels] == [y.tolist() for y in HAND.labels]
    assert found.gold == HAND.gold
    stored = (folder / "labels.tsv").read_text()
    for page in PAGES:
        assert not any(line in stored for line in page.lines)


def test_hand_labels_outrank_aligned_ones_and_the_order_of_pages_stays(folder):
    found = outrank(ALIGNED, read_hand_labels(folder))
    assert found.pages == PAGES
    assert [y.tolist() for y in found.labels] == [
        *(y.tolist() for y in HAND.labels),
        [CONTENT, OTHER],
    ]
    assert found.gold == [*HAND.gold, ("gold c",)]


def test_indentation_makes_no_line_another_one(folder):
    labelled, other = ALIGNED.pages[0], ALIGNED.pages[1:]
    indented = replace(labelled, lines=tuple(f"    {line}" for line in labelled.lines))
    found = hand_labelled(replace(ALIGNED, pages=[indented, *other]), read_hand_labels(folder))
    assert found.pages[0] == indented


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (replace(PAGES[0], lines=("Home", "It rained all night.", "x")), "line 3 is not the one"),
        (PAGES[0].select([0, 1]), "the page has 2 lines, 3 were labelled"),
        (replace(PAGES[0], numbers=(1, 2, 4)), "read in another way"),
    ],
)
def test_a_page_that_is_read_in_another_way_is_noticed(folder, page, message):
    changed = ALIGNED.map_pages([page, *PAGES[1:]])
    changed = replace(
        changed,
        labels=[y[: len(p.lines)] for p, y in zip(changed.pages, changed.labels, strict=True)],
    )
    with pytest.raises(LabelError, match=message):
        hand_labelled(changed, read_hand_labels(folder))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the header"),
        ("page\tline\n", "expected the header"),
        ("page\tline\tlabel\thash\nset/a\t1\tcontent\n", "line 2: expected"),
        ("page\tline\tlabel\thash\nset/a\tone\tcontent\tabc\n", "line 2: expected"),
        ("page\tline\tlabel\thash\nset/a\t1\tarticle\tabc\n", "line 2: expected one of content"),
        ("page\tline\tlabel\thash\n" + "set/a\t1\tcontent\tabc\n" * 2, "line 3: line 1 of set/a"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_place(tmp_path, text, message):
    (tmp_path / "odd.tsv").write_text(text)
    with pytest.raises(LabelError, match=f"odd.tsv: {message}"):
        read_hand_labels(tmp_path)


def test_a_file_that_cannot_be_read_is_refused_with_its_place(tmp_path):
    (tmp_path / "folder.tsv").mkdir()
    with pytest.raises(LabelError, match="folder.tsv: cannot be read"):
        read_hand_labels(tmp_path)


def test_the_confusion_counts_lines_that_both_are_sure_of():
    counts = confusion(HAND, ALIGNED)
    assert counts[NAVIGATION, RELATED] == 1
    assert counts[CONTENT, CONTENT] == 2
    assert counts[OTHER, CONTENT] == 1
    assert counts.sum() == 4
    doubtful = replace(ALIGNED, labels=[np.full_like(y, UNSURE) for y in ALIGNED.labels])
    assert confusion(HAND, doubtful).sum() == 0


def test_what_lines_that_alignment_left_doubtful_are_by_hand():
    assert doubtful_lines(HAND, ALIGNED).sum() == 0
    labels = [np.where(y == CONTENT, UNSURE, y).astype(np.int8) for y in ALIGNED.labels]
    counts = doubtful_lines(HAND, replace(ALIGNED, labels=labels))
    assert (counts[CONTENT], counts[OTHER], counts.sum()) == (2, 1, 3)
    by_neither = replace(HAND, labels=[np.full_like(y, UNSURE) for y in HAND.labels])
    assert doubtful_lines(by_neither, replace(ALIGNED, labels=labels)).sum() == 0
