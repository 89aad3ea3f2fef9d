import numpy as np
import pytest

from linesift.labelling.overlap import stands_in

TEXT = [f"word{k}" for k in range(103)]  # 100 runs of four words


def shared(runs: int) -> list[str]:
    """Return a text that has so many runs in common with TEXT, and as many of its own."""
    return [" ".join(TEXT[: runs + 3]), "and then something else"]


@pytest.mark.parametrize(("runs", "copied"), [(0, False), (20, False), (21, True), (100, True)])
def test_more_than_a_fifth_is_a_copy(runs, copied):
    assert stands_in([[" ".join(TEXT)]], [["Not this one."], shared(runs)]).tolist() == [copied]


def test_what_several_texts_hold_a_little_of_is_no_copy_of_any():
    others = [[" ".join(TEXT[k : k + 18])] for k in range(0, 90, 18)]
    assert stands_in([[" ".join(TEXT)]], others).tolist() == [False]


def test_paragraphs_case_and_marks_make_no_difference():
    others = [["One two. Three FOUR five", "six"]]
    assert stands_in([["one", "two three, four", "five six"]], others).tolist() == [True]


def test_of_chinese_each_character_is_a_word():
    assert stands_in([["今天上午桥梁开放"], ["天气很好"]], [["市长说今天上午桥梁"]]).tolist() == [
        True,
        False,
    ]


@pytest.mark.parametrize("others", [[], [[]], [[""]]])
def test_nothing_stands_in_nothing(others):
    found = stands_in([[], ["", " "], ["One two three four."]], others)
    assert found.dtype == np.bool_
    assert found.tolist() == [False] * 3


def test_a_text_of_few_words_is_a_copy_only_of_the_same_words():
    assert stands_in([["One two"], ["Two one"]], [["one TWO"]]).tolist() == [True, False]
