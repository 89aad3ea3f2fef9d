import pytest
from hypothesis import given
from hypothesis import strategies as st

from linesift.reading.text import shingles, split_lines, words


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_line_numbers_are_those_of_an_editor(end):
    text = end.join(["", "one", "", " \t ", "five", ""])
    assert split_lines(text) == [(2, "one"), (5, "five")]


@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\x0c", "\x0b", "\x85", "\x1c", "\x1e"])
def test_what_ends_no_line_in_an_editor_ends_none_here(inside):
    assert split_lines(f"one{inside}two\nthree") == [(1, f"one{inside}two"), (2, "three")]


def test_mixed_line_ends_each_count_once():
    assert [number for number, _ in split_lines("1\r\n2\n3\r4\n\r6")] == [1, 2, 3, 4, 6]


@pytest.mark.parametrize("text", ["", "\n\r\n", "\u00a0\u2003\n\t"])
def test_text_without_words_has_no_lines(text):
    assert split_lines(text) == []


@given(st.lists(st.text("ab \t\u00a0\x0c", max_size=5)))
def test_a_line_is_found_under_its_number(rows):
    expected = [(n, row.rstrip()) for n, row in enumerate(rows, start=1) if row.strip()]
    assert split_lines("\n".join(rows)) == expected


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("МІСТО", "місто"),
        ("Straße", "STRASSE"),
        ("и\u0306", "й"),
        ("ﬁn № ２０２１", "fin no 2021"),
        ("«Міст», — сказала мерка.", "міст сказала мерка"),
        ("snake_case", "snake case"),
        ("one\u00a0two\u2028three", "one two three"),
    ],
)
def test_texts_that_read_alike_have_the_same_words(one, two):
    assert words(one) == words(two)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("市长说 OK 了", ["市", "长", "说", "ok", "了"]),
        ("カタカナとひらがな", list("カタカナとひらがな")),
        ("2021年5月", ["2021", "年", "5", "月"]),
        ("서울 시장", ["서울", "시장"]),
        ("… — !?", []),
    ],
)
def test_chinese_and_japanese_count_one_word_a_character(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [("abcde", ["abc", "bcd", "cde"]), ("abc", ["abc"]), ("ab", ["ab"]), ("", [])],
)
def test_a_text_shorter_than_a_shingle_is_one_shingle(tokens, expected):
    assert shingles(tokens, size=3) == [tuple(run) for run in expected]
