from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from linesift.labelling.labels import CONTENT, NAVIGATION, OTHER, RELATED, UNSURE, LabelledPages
from linesift.reading.page import Markup, Page
from linesift.training.views import Shares, TrainingViews, training_views
from tests.made_pages import TRAIN_SITES, made_pages, typed_pages

LABELLED = made_pages(TRAIN_SITES)


NOTHING = Shares(shorten=0, teasers=0, cut=0, breaks=0, runs=0, letters=0, without_article=0)


def all_views(labelled=LABELLED, *, hide_markup=True, seed=0, **shares: float) -> TrainingViews:
    return training_views(labelled, replace(NOTHING, **shares), hide_markup=hide_markup, seed=seed)


def views(labelled=LABELLED, *, shorten=1.0, **options) -> LabelledPages:
    return all_views(labelled, shorten=shorten, **options).labelled


def untitled(labelled: LabelledPages) -> LabelledPages:
    """Return pages whose head has no title, which else stands in some of the views."""
    return labelled.map_pages(
        [replace(page, markup=replace(page.markup, title="")) for page in labelled.pages]
    )


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
    whole, shown = numbered(LABELLED), numbered(views(untitled(LABELLED)))
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
    read = {page.lines for page in LABELLED.pages}
    shown, as_read, _, source = all_views(shorten=0.5)
    assert as_read.tolist() == [page.lines in read for page in shown.pages]
    assert 0.1 < as_read.mean() < 0.9
    assert [LABELLED.pages[k].page_id for k in source] == [page.page_id for page in shown.pages]


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


def test_shares_of_nothing_show_a_page_with_markup_as_it_is():
    shown = all_views(hide_markup=False)
    assert shown.labelled.digest() == LABELLED.digest()
    assert shown.as_read.all()


def test_an_article_cut_short_begins_as_it_does_and_keeps_the_noise_around():
    shown = views(LABELLED, shorten=0.0, cut=1.0, hide_markup=False)
    shorter = 0
    for page, y, whole, truth in zip(
        shown.pages, shown.labels, LABELLED.pages, LABELLED.labels, strict=True
    ):
        left, all_of_it = content(page, y), content(whole, truth)
        assert 2 <= len(left) <= 6
        assert left == all_of_it[: len(left)]
        shorter += len(left) < len(all_of_it)
        noise = [
            [(line, int(label)) for line, label in zip(*one, strict=True) if label != CONTENT]
            for one in ((page.lines, y), (whole.lines, truth))
        ]
        assert noise[0] == noise[1]
    assert shorter > 2


def test_broken_lines_are_pieces_of_the_lines_and_keep_their_labels():
    sentence = "It rained all day by the harbour, they said, and the river rose by a hand."
    boats = "See the map of the harbour for all of the boats"
    lines = (f"{sentence} {sentence}", "Home | Weather | Sport", boats)
    page = Page("p", lines, (1, 2, 3), markup=Markup((0.0, 0.5, 0.4), ("body p",) * 3))
    y = np.array([CONTENT, NAVIGATION, OTHER], np.int8)
    many = LabelledPages([page] * 40, [y] * 40, [""] * 40, [()] * 40)
    shown = views(many, shorten=0.0, breaks=1.0)
    plain = [k for k, one in enumerate(shown.pages) if one.markup is None]
    assert len(plain) == 40
    at_widths, at_links = 0, 0
    for k in plain:
        given, labels = shown.pages[k].lines, shown.labels[k]
        for line, label in zip(lines, y, strict=True):
            pieces = [one for one, code in zip(given, labels, strict=True) if code == label]
            joined = [" ".join(pieces), " | ".join(pieces)]
            assert line in joined
            at_widths += label == CONTENT and len(pieces) > 1
            at_links += label == OTHER and len(pieces) > 1
        assert shown.pages[k].numbers == tuple(range(1, len(given) + 1))
    assert at_widths > 5 and at_links > 5
    assert all(one.lines == lines for one in shown.pages if one.markup is not None)


def test_a_title_above_the_lines_is_doubtful_and_moves_no_label():
    named = LABELLED.map_pages(
        [replace(page, markup=replace(page.markup, title="A title")) for page in LABELLED.pages]
    )
    whole = {
        page.page_id: content(page, y) for page, y in zip(named.pages, named.labels, strict=True)
    }
    titled = 0
    for seed in range(20):
        shown = views(named, shorten=0.0, seed=seed)
        for page, y in zip(shown.pages, shown.labels, strict=True):
            if page.lines[0] == "A title":
                titled += 1
                assert page.markup is None
                assert y[0] == UNSURE
                page, y = page.select(np.arange(1, len(y))), y[1:]
            assert "A title" not in page.lines
            assert not (y == UNSURE).any()
            assert content(page, y) == whole[page.page_id]
    assert 20 < titled < 60  # a fifth of 180 views, but for chance


def test_a_page_without_its_article_is_shown_once_more_and_teaches_no_line():
    whole, more = all_views(), all_views(without_article=1.0)
    without = ~more.has_content
    assert without.sum() == len(whole.labelled) == (~without).sum()
    noise = {
        tuple(line for line, label in zip(page.lines, y, strict=True) if label != CONTENT)
        for page, y in zip(LABELLED.pages, LABELLED.labels, strict=True)
    }
    for k in np.flatnonzero(without):
        assert (more.labelled.labels[k] == UNSURE).all()
        assert more.labelled.pages[k].lines in noise
        assert not more.as_read[k]
    assert more.has_content[~without].all()


def test_pages_have_content_where_a_line_is_and_front_pages_have_none():
    typed = typed_pages(range(2))
    found = all_views(typed, hide_markup=False, without_article=1.0).has_content
    assert found.tolist() == [True, False, True, False, False] * 2


# ------------------------------------------------------------------------ runs of lines

LONG = " ".join(
    f"The {name} boat left the harbour at dawn, and all who stood there waved."
    for name in ("first", "second", "third", "fourth")
)


def run_of(page: Page, labels: list[int], seeds: range) -> list[tuple[Page, np.ndarray]]:
    """Return the page with its article as a run of short lines, drawn with each seed.

    Those whose heading stands a second time are left out.
    """
    y = np.array(labels, np.int8)
    one = LabelledPages([page], [y], [""], [()])
    shown = [all_views(one, hide_markup=False, runs=1.0, seed=k).labelled for k in seeds]
    runs = [(each.pages[0], each.labels[0]) for each in shown]
    return [(run, y) for run, y in runs if run.lines.count("Boats") == 1]


def test_an_article_as_a_run_keeps_heading_noise_and_order_and_has_short_lines_that_begin_alike():
    page = Page("p", ("Home | Sport", "Boats", LONG, "Read also", LONG, "Top"), (1, 2, 3, 4, 5, 6))
    labels = [NAVIGATION, CONTENT, CONTENT, RELATED, CONTENT, OTHER]
    words = set(LONG.lower().replace(",", "").replace(".", "").split())
    for run, y in run_of(page, labels, range(30)):
        noise = [(line, code) for line, code in zip(run.lines, y, strict=True) if code != CONTENT]
        assert noise == [("Home | Sport", NAVIGATION), ("Read also", RELATED), ("Top", OTHER)]
        assert y[np.flatnonzero(np.diff(y, prepend=9))].tolist() == labels[:1] + labels[2:]
        heading, *article = content(run, y)
        assert heading == "Boats"
        assert len(article) > 2 * 4
        assert all(len(line) < len(LONG) / 2 and not line[0].islower() for line in article)
        said = " ".join(article).lower().replace(",", " ").replace(".", " ").split()
        assert words <= set(said)
        assert run.numbers == tuple(range(1, len(run.lines) + 1))


def test_a_run_is_verses_or_cells_or_rows_of_them():
    page = Page("p", ("Boats", LONG, "Top"), (1, 2, 3))
    kinds = Counter()
    for run, y in run_of(page, [CONTENT, CONTENT, OTHER], range(60)):
        article = content(run, y)[1:]
        if any(" | " in line for line in article):
            kinds["rows"] += 1
            assert all(line.count(" | ") == 3 for line in article[:-1])
        elif " ".join(article).lower() == LONG.lower():
            kinds["verses"] += 1
        else:
            kinds["cells"] += 1
            assert all(any(map(str.isdigit, line)) for line in article[2::3])
            assert not any(line.endswith((".", ",")) for line in article)
    assert set(kinds) == {"rows", "verses", "cells"}
    assert min(kinds.values()) > 3


def test_rows_of_a_page_with_markup_stand_in_a_table_and_nothing_else_does():
    paths = ("nav a", "main h1", "main p", "footer p")
    lines = ("Home | Sport", "Boats", LONG, "Terms | Contact")
    page = Page("p", lines, (1, 2, 3, 4), markup=Markup((1.0, 0.0, 0.0, 0.5), paths))
    of_tables = 0
    for run, y in run_of(page, [NAVIGATION, CONTENT, CONTENT, OTHER], range(30)):
        assert run.markup.paths[:2] == ("nav a", "main h1")
        assert run.markup.paths[-1] == "footer p"
        (path,) = set(run.markup.paths[2:-1])
        assert path == ("main table tbody tr" if " | " in run.lines[2] else "main p")
        assert y.tolist() == [NAVIGATION, CONTENT, *[CONTENT] * (len(y) - 3), OTHER]
        assert len(run.markup.link_share) == len(run.lines)
        of_tables += path.endswith(" tr")
    assert 5 < of_tables < 25


def test_a_long_article_is_broken_up_to_some_number_of_lines():
    many = tuple(f"{LONG} {number}" for number in range(60))
    page = Page("p", ("Boats", *many), tuple(range(1, 62)))
    for run, _ in run_of(page, [CONTENT] * 61, range(5)):
        assert run.lines[-1] == many[-1]
        assert 120 < len(run.lines) < 300


# ------------------------------------------------------------------------ other letters


def in_other_letters(page: Page, seed: int) -> Page:
    """Return the page as plain text in other letters; its single line of content is the first."""
    y = np.full(len(page.lines), OTHER, np.int8)
    y[0] = CONTENT
    one = LabelledPages([page], [y], [""], [()])
    shown = all_views(one, letters=1.0, seed=seed).labelled
    plain = [each for each in shown.pages if each.markup is None]
    assert all(each == page for each in shown.pages if each.markup is not None)
    return plain[0]


TEXT = (
    "It rained all day, they said: 12:40. The river rose by a hand!",
    "Дощ ішов увесь день, казали вони; Річка — 40 %.",
    "It rained? IT RAINED! it rained…",
    "天气 Straße İstanbul",
)


@pytest.mark.parametrize("seed", range(10))
def test_other_letters_leave_lengths_marks_digits_capitals_and_which_words_are_the_same(seed):
    page = Page("p", TEXT, (1, 2, 3, 4))
    shown = in_other_letters(page, seed)
    assert shown.lines != TEXT
    for line, before in zip(shown.lines, TEXT, strict=True):
        assert len(line) == len(before)
        for new, old in zip(line, before, strict=True):
            assert new == old or (old.isalpha() and new.isalpha())
            assert new.isupper() == old.isupper() and new.islower() == old.islower()
    before, after = ("\n".join(lines).lower().split() for lines in (TEXT, shown.lines))
    renamed = dict(zip(before, after, strict=True))
    assert [renamed[word] for word in before] == after
    changed = sum(old != new for old, new in renamed.items() if old.isalpha())
    assert changed > len(renamed) / 2


def test_letters_are_drawn_anew_for_each_page_and_in_several_alphabets():
    shown = [in_other_letters(Page("p", TEXT, (1, 2, 3, 4)), seed).lines for seed in range(20)]
    assert len(set(shown)) == 20
    first = [lines[0].lower()[0] for lines in shown]
    for alphabet in ("abcdefghijklmnopqrstuvwxyz", "абвгґдеєжзиіїйклмн", "αβγδεζηθικλμνξοπρστ"):
        assert set(first) & set(alphabet)


def test_a_title_above_a_page_in_other_letters_is_in_them_too():
    markup = Markup((0.0,) * 3, ("h1", "p", "p"), "The river rose")
    page = Page("p", ("The river rose", "It rained all day.", "Top"), (1, 2, 3), markup=markup)
    shown = [in_other_letters(page, seed) for seed in range(40)]
    titled = [each for each in shown if len(each.lines) > 3]
    assert titled
    for each in titled:
        assert each.lines[0] == each.lines[1] != "The river rose"


def test_a_page_without_letters_stays_as_it_is():
    page = Page("p", ("12:40", "天气", "—"), (1, 2, 3))
    assert in_other_letters(page, 0).lines == page.lines
