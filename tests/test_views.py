from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from linesift.labelling.labels import CONTENT, NAVIGATION, OTHER, RELATED, UNSURE, LabelledPages
from linesift.reading.page import Page
from linesift.training.views import training_views
from tests.made_pages import TRAIN_SITES, made_pages

LABELLED = made_pages(TRAIN_SITES)


def views(
    labelled=LABELLED, *, shorten=1.0, hide_markup=True, list_marks=0.0, teasers=0.0, seed=0
) -> LabelledPages:
    return training_views(
        labelled,
        shorten=shorten,
        hide_markup=hide_markup,
        list_marks=list_marks,
        teasers=teasers,
        seed=seed,
    ).labelled


def content(page: Page, labels: np.ndarray) -> list[str]:
    return [line for line, label in zip(page.lines, labels, strict=True) if label == CONTENT]


@pytest.mark.parametrize("seed", range(5))
def test_content_lines_always_stay(seed):
    whole = {
        page.page_id: content(page, y)
        for page, y in zip(LABELLED.pages, LABELLED.labels, strict=True)
    }
    shown = views(seed=seed)
    for page, y, gold in zip(shown.pages, shown.labels, shown.gold, strict=True):
        assert content(page, y) == whole[page.page_id] == list(gold)


def numbered(labelled: LabelledPages) -> list[tuple[str, int, str, int]]:
    """Page, number, text and label of every line."""
    return [
        (page.page_id, number, line, int(label))
        for page, y in zip(labelled.pages, labelled.labels, strict=True)
        for number, line, label in zip(page.numbers, page.lines, y, strict=True)
    ]


def test_noise_is_dropped_and_what_stays_keeps_its_label_and_number():
    whole, shown = numbered(LABELLED), numbered(views())
    headings = {
        page.lines[int(np.argmax(y == CONTENT))]
        for page, y in zip(LABELLED.pages, LABELLED.labels, strict=True)
    }
    unknown = [line for line in shown if line not in whole]
    assert all(text in headings and label == OTHER for _, _, text, label in unknown)
    assert len(whole) < len(shown) < 2 * len(whole)


def test_a_heading_said_twice_is_content_only_where_it_stands_first():
    shown = views(made_pages(range(40), markup=False), shorten=0.0)
    again = 0
    for page, y in zip(shown.pages, shown.labels, strict=True):
        heading = page.lines[int(np.flatnonzero(y == CONTENT)[0])]
        places = [k for k, line in enumerate(page.lines) if line == heading and y[k] != RELATED]
        assert y[places].tolist() in ([CONTENT], [CONTENT, OTHER])
        again += len(places) == 2
    assert 0 < again < len(shown) / 2


def test_every_page_is_shown_with_and_without_markup():
    shown = views(shorten=0.0)
    forms = Counter((page.page_id, page.markup is None) for page in shown.pages)
    assert forms == {
        (page.page_id, hidden): 1 for page in LABELLED.pages for hidden in (True, False)
    }
    assert set(numbered(LABELLED)) <= set(numbered(shown))


def test_markup_can_be_left_in_sight():
    shown = views(shorten=0.0, hide_markup=False)
    assert shown.pages == LABELLED.pages


def with_lists(page: Page, labels: np.ndarray) -> Page:
    """Put the lines of other articles into a list, and no other line."""
    paths = tuple(
        "html body ul.more li.item a" if label == RELATED else "html body div.list p"
        for label in labels
    )
    return replace(page, markup=replace(page.markup, paths=paths))


def test_items_of_lists_get_one_and_the_same_mark_and_keep_their_labels():
    listed = LABELLED.map_pages(
        [with_lists(page, y) for page, y in zip(LABELLED.pages, LABELLED.labels, strict=True)]
    )
    shown = views(listed, shorten=0.0, list_marks=1.0)
    marks = set()
    for k, (page, y) in enumerate(zip(listed.pages, LABELLED.labels, strict=True)):
        marked = shown.pages[2 * k + 1]
        assert marked.markup is None
        kept = [n for n, line in enumerate(marked.lines) if line[:2] in ("* ", "• ", "- ", "+ ")]
        items = [n for n, path in enumerate(page.markup.paths) if " li" in path]
        assert len(kept) == len(items)
        if len(marked.lines) == len(page.lines):  # without the repeated heading
            assert kept == items
            assert [line.lstrip("*•-+ ") for line in marked.lines] == list(page.lines)
            np.testing.assert_array_equal(shown.labels[2 * k + 1], y)
        used = {marked.lines[n][:2] for n in kept}
        assert len(used) <= 1
        marks |= used
    assert len(marks) > 1


def test_plain_text_has_no_lists_to_mark():
    plain = LABELLED.map_pages([page.without_markup() for page in LABELLED.pages])
    assert len(views(plain, shorten=0.0, list_marks=1.0)) == len(plain)


def test_plain_text_is_shown_once():
    text = made_pages(TRAIN_SITES, markup=False)
    shown = views(text, shorten=0.0)
    assert [page.page_id for page in shown.pages] == [page.page_id for page in text.pages]
    assert all(page.markup is None for page in shown.pages)


def test_the_same_seed_draws_the_same_lines_and_another_seed_others():
    first, same, other = (views(shorten=0.5, seed=seed) for seed in (1, 1, 2))
    assert first.digest() == same.digest() != other.digest()


@pytest.mark.parametrize("seed", range(20))
def test_some_noise_is_left_to_learn_from_however_few_the_pages(seed):
    page = Page("p", ("Home", "It rained all day."), (1, 2))
    y = np.array([NAVIGATION, CONTENT], np.int8)
    shown = views(LabelledPages([page], [y], [""], [()]), seed=seed)
    assert {int(label) for y in shown.labels for label in y} == {CONTENT, NAVIGATION}


def test_a_page_that_is_all_noise_may_vanish_but_leaves_no_page_without_lines():
    noise = Page("n", ("Home", "Search", "Top"), (1, 2, 3))
    y = np.array([NAVIGATION, UNSURE, NAVIGATION], np.int8)
    labelled = LABELLED + LabelledPages([noise] * 20, [y] * 20, [""] * 20, [()] * 20)
    shown = views(labelled)
    assert all(page.lines for page in shown.pages)
    assert 0 < sum(page.page_id == "n" for page in shown.pages) < 20


def test_the_pages_given_are_not_changed():
    before = LABELLED.digest()
    views()
    assert LABELLED.digest() == before


def test_views_say_which_are_the_pages_as_they_were_read():
    options = {"hide_markup": True, "list_marks": 1.0, "teasers": 0.0, "seed": 0}
    read = {page.lines for page in LABELLED.pages}
    shown, as_read = training_views(LABELLED, shorten=0.5, **options)
    assert as_read.tolist() == [page.lines in read for page in shown.pages]
    assert 0.1 < as_read.mean() < 0.9


def test_teasers_of_other_articles_stand_inside_this_one_and_keep_their_label():
    labelled = made_pages(range(30), markup=False)
    whole, shown = (views(labelled, shorten=0.0, teasers=share) for share in (0.0, 1.0))
    inside = 0
    for page, y, before in zip(shown.pages, shown.labels, whole.pages, strict=True):
        where = np.flatnonzero(y == CONTENT)
        added = Counter(page.lines) - Counter(before.lines)
        between = [page.lines[k] for k in range(where[0], where[-1]) if y[k] == RELATED]
        assert set(added) <= {*between, page.lines[where[0]]}
        assert all(len(line) >= 30 for line in added)
        inside += len(set(added) & set(between)) > 0
    assert inside > 20
