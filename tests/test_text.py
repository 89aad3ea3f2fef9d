import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linesift.reading.text import is_ideograph, shingles, split_lines, word_spans, words


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
        ("so\u00adft\u200b \ufeffhyphen", "soft hyphen"),
        ("می\u200cرود", "میرود"),
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
    ("text", "expected"),
    [
        ("पुराना बाज़ार, फिर!", ["पुराना", "बाज़ार", "फिर"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("שָׁלוֹם", ["שָׁלוֹם"]),
        ("и\u0301мя e\u20ddx", ["и\u0301мя", "e\u20ddx"]),
    ],
)
def test_a_word_with_combining_marks_is_whole(text, expected):
    assert words(text) == [unicodedata.normalize("NFKC", word) for word in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ที่นี่ 25 คน", ["ที่", "นี่", "25", "ค", "น"]),
        ("ກິລາ", ["ກິ", "ລ", "າ"]),
        ("အား၊ OKကစား", ["အား", "ok", "က", "စား"]),
        ("កីឡា។", ["កី", "ឡា"]),
    ],
)
def test_scripts_without_spaces_count_one_word_a_letter_with_its_signs(text, expected):
    assert words(text) == expected
    assert all(map(is_ideograph, [word for word in expected if not word.isascii()]))


@given(st.text(st.sampled_from("aб1 ,_日ทัิ่កាើအား\u0301\u00ad")))
def test_spans_of_words_cover_a_text(text):
    spans = word_spans(text)
    assert "".join(text[low:high] for low, high in spans) == text
    assert all(low < high for low, high in spans)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [("abcde", ["abc", "bcd", "cde"]), ("abc", ["abc"]), ("ab", ["ab"]), ("", [])],
)
def test_a_text_shorter_than_a_shingle_is_one_shingle(tokens, expected):
    assert shingles(tokens, size=3) == [tuple(run) for run in expected]
