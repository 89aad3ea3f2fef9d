import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linesift.labelling.alignment import align

ONE = "The council will open the old bridge to walkers on Saturday morning."
TWO = "Cars must wait until the second half of the coming month."
THREE = "Buses return as soon as engineers have tested every single pillar."


def covered(gold, lines) -> list[float]:
    return align(gold, lines).coverage.tolist()


def repeated(gold, lines) -> list[int]:
    return np.flatnonzero(align(gold, lines).repeated).tolist()


def test_lines_of_the_article_are_covered_and_others_are_not():
    lines = ["Home page of the town", ONE, "Read more about our ferry today", TWO, THREE, "Contact"]
    found = align([ONE, TWO, THREE], lines)
    assert found.coverage.tolist() == [0, 1, 0, 1, 1, 0]
    assert found.found == 1
    assert not found.repeated.any()


def test_case_punctuation_and_unicode_form_do_not_matter():
    gold = ["Міський голова обіцяв відкрити міст у суботу."]
    lines = ["МІСЬКИЙ ГОЛОВА, ОБІЦЯВ — «ВІДКРИТИ» МІСТ У СУБОТУ", "Мiськi новини"]
    assert covered(gold, lines) == [1, 0]


@pytest.mark.parametrize(
    ("gold", "lines"),
    [
        ([f"{ONE} {TWO}"], [ONE, TWO]),
        ([ONE, TWO], [f"{ONE} {TWO}"]),
        ([ONE[:30], ONE[30:]], [ONE]),
    ],
    ids=["gold joins lines", "line joins gold", "gold cuts a line"],
)
def test_lines_need_not_be_cut_like_the_gold_text(gold, lines):
    assert min(covered(gold, lines)) == 1


def test_a_line_with_something_added_is_covered_in_part():
    (coverage,) = covered([ONE], [f"{ONE} Photo by the town council press office."])
    assert coverage == pytest.approx(12 / 19)


def test_words_of_the_gold_in_another_order_are_not_covered():
    shuffled = " ".join(reversed(ONE.split()))
    assert covered([ONE, TWO], [ONE, shuffled, TWO]) == [1, 0, 1]


def test_what_is_missing_on_the_page_is_not_found():
    found = align([ONE, TWO], [ONE])
    assert found.found == pytest.approx(12 / 23)


# Short lines


@pytest.mark.parametrize("word", ["Bridge", "old bridge", "Saturday", "Council", "the"])
def test_menu_words_that_stand_in_the_gold_are_not_covered(word):
    lines = [word, "Weather", ONE, "Weather", word, "Weather", TWO, "Weather", word]
    assert covered([ONE, TWO], lines) == [0, 0, 1, 0, 0, 0, 1, 0, 0]


def test_a_short_line_goes_on_beside_a_placed_one():
    """Titles and pieces of a paragraph that `<br>` cut, above and below what was placed."""
    gold = ["Old bridge opens", ONE, "At last.", TWO]
    assert covered(gold, ["Old bridge opens", ONE, "At last.", TWO]) == [1, 1, 1, 1]
    assert covered(gold, ["bridge opens", ONE, "At", "last", TWO]) == [1, 1, 1, 1, 1]


def test_a_short_line_apart_counts_only_as_a_whole_gold_line():
    gold = [ONE, "What comes next", TWO]
    lines = [ONE, "Advertisement", "What comes next", "Advertisement", TWO]
    assert covered(gold, lines) == [1, 0, 1, 0, 1]
    lines[2] = "comes next"
    assert covered(gold, lines) == [1, 0, 0, 0, 1]


def test_short_lines_alone_place_nothing():
    gold = [ONE, "Weather", "What comes next"]
    assert covered(gold, ["Weather", "Sport", "What comes next"]) == [0, 0, 0]


def test_a_short_line_on_the_wrong_side_is_a_copy():
    gold = [ONE, "What comes next", TWO]
    lines = [ONE, TWO, "Advertisement", "What comes next"]
    assert covered(gold, lines) == [1, 1, 0, 0]
    assert repeated(gold, lines) == [3]


def test_whole_gold_lines_in_a_row_keep_their_order():
    gold = [ONE, "first", "second", "third", TWO]
    lines = [ONE, "ad", "first", "ad", "third", "second", "ad", TWO]
    assert covered(gold, lines) == [1, 0, 1, 0, 1, 0, 0, 1]


# Second copies


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_second_copy_is_marked_not_covered(place):
    teaser = TWO
    lines = [ONE, TWO, THREE]
    lines = [teaser, "ad", *lines] if place == "before" else [*lines, "ad", teaser]
    copy = lines.index(TWO) if place == "before" else 4
    coverage = covered([ONE, TWO, THREE], lines)
    assert coverage[copy] == 0
    assert sum(coverage) == 3
    assert repeated([ONE, TWO, THREE], lines) == [copy]


def test_a_copy_of_a_short_gold_line_is_marked():
    assert repeated([ONE, "At last.", TWO], [ONE, "At last", TWO, "Menu", "AT LAST"]) == [4]


def test_a_line_is_not_a_copy_for_a_few_shared_words():
    other = "Nobody knows when somebody will open the old bridge to trains, trams and heavy lorries"
    assert repeated([ONE, TWO], [ONE, TWO, f"{other} again, or at least so our readers say."]) == []


def test_of_two_copies_the_one_beside_the_article_is_placed():
    lines = [ONE, *["Menu"] * 60, ONE, TWO]
    assert np.flatnonzero(covered([ONE, TWO], lines)).tolist() == [61, 62]
    assert repeated([ONE, TWO], lines) == [0]


def test_gold_text_is_accounted_for_once():
    gold = " ".join(f"w{i}" for i in range(20))
    parts = [" ".join(gold.split()[low:high]) for low, high in ((0, 12), (5, 20))]
    assert covered([gold], parts) == [0, 1]
    assert repeated([gold], parts) == [0]


def test_a_line_does_not_claim_gold_text_that_it_skips():
    """Its ends stand in the gold text, the long middle stands in another line."""
    start, middle, end, noise = (
        " ".join(f"{letter}{i}" for i in range(size))
        for letter, size in zip("abcd", (5, 30, 5, 30), strict=True)
    )
    found = align([f"{start} {middle} {end}"], [f"{start} {noise} {end}", middle])
    assert found.coverage[1] == 1
    assert found.found == pytest.approx(35 / 40)


# Repetition inside the gold text


def test_a_phrase_that_the_gold_repeats_does_not_break_the_chain():
    phrase = "the harbour fair of the northern towns"
    gold = [
        f"Everyone who came to {phrase} was given a red paper hat at the gate.",
        f"It rained on the first day, yet {phrase} had more guests than ever before.",
        f"The mayor said {phrase} will be back next year with twice as many stalls.",
    ]
    found = align(gold, ["Menu", *gold, "Menu"])
    assert found.coverage.tolist() == [0, 1, 1, 1, 0]
    assert found.found == 1


def test_a_phrase_too_common_to_tell_the_place_still_lies_inside_its_line():
    gold = [f"Item {i} said the press office of the town today number {i}" for i in range(30)]
    found = align(gold, ["Menu", *gold])
    assert found.coverage[0] == 0
    assert found.found > 0.5


def test_a_refrain_is_placed_as_often_as_the_gold_has_it():
    refrain = "And the river went on flowing under the bridge."
    gold = [ONE, refrain, TWO, refrain, THREE, refrain]
    assert covered(gold, gold) == [1] * 6


# Chinese and Japanese


def test_chinese_lines_are_aligned_by_character():
    gold = ["市长说这座桥将在星期六重新开放。", "公交车下个月恢复运行。"]
    lines = ["首页", "市长说这座桥将在星期六重新开放", "新闻", "公交车下个月恢复运行。", "公交车"]
    assert covered(gold, lines) == [0, 1, 0, 1, 0]


def test_japanese_lines_are_aligned_by_character():
    gold = ["市長は橋が土曜日に再開すると述べた。"]
    assert covered(gold, ["ニュース", "市長は橋が土曜日に再開すると述べた"]) == [0, 1]


# Nothing to align


@pytest.mark.parametrize("gold", [[], [""], ["…", " "]])
def test_without_gold_text_nothing_is_covered(gold):
    found = align(gold, [ONE, "", "!"])
    assert found.coverage.tolist() == [0, 0, 0]
    assert found.repeated.tolist() == [False] * 3
    assert found.found == 0


def test_without_lines_nothing_is_found():
    found = align([ONE], [])
    assert found.coverage.shape == found.repeated.shape == (0,)
    assert found.found == 0


def test_lines_without_words_are_neither_covered_nor_copies():
    found = align([ONE, TWO], ["", ONE, "—", "", TWO, "***"])
    assert found.coverage.tolist() == [0, 1, 0, 0, 1, 0]
    assert not found.repeated.any()


# Properties


@st.composite
def articles(draw: st.DrawFn) -> list[str]:
    """Paragraphs of words that differ; at least one is long enough to be placed."""
    sizes = draw(st.lists(st.integers(1, 9), max_size=6))
    sizes.insert(draw(st.integers(0, len(sizes))), draw(st.integers(4, 12)))
    words = iter(range(1000))
    return [" ".join(f"w{next(words)}" for _ in range(size)) for size in sizes]


noise = st.lists(st.sampled_from(["menu", "read more here", "all the other news of today"]))


@given(articles(), st.data())
def test_an_article_is_covered_whatever_noise_stands_between(gold, data):
    assert covered(gold, gold) == [1] * len(gold)
    lines, places = list(data.draw(noise)), []
    for paragraph in gold:
        places.append(len(lines))
        lines += [paragraph, *data.draw(noise)]
    found = align(gold, lines)
    assert np.flatnonzero(found.coverage).tolist() == places
    assert found.coverage[places].tolist() == [1] * len(gold)
    assert found.found == 1
    assert not found.repeated.any()


texts = st.lists(st.lists(st.sampled_from("abcde"), max_size=12).map(" ".join), max_size=8)


@given(texts, texts)
def test_coverage_is_a_share_and_copies_are_not_covered(gold, lines):
    """Over five words only, where all that can repeat does."""
    found = align(gold, lines)
    assert found.coverage.shape == found.repeated.shape == (len(lines),)
    assert ((found.coverage >= 0) & (found.coverage <= 1)).all()
    assert 0 <= found.found <= 1
    assert not (found.repeated & (found.coverage > 0)).any()
