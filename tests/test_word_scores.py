import math

import numpy as np
import pytest

from linesift.labelling.documents import Document
from linesift.scoring.word_scores import WordScores, score_words, share_found, word_f1


@pytest.mark.parametrize(
    ("text", "gold", "expected"),
    [
        ("a b c d", "a b", 2 / 3),  # precision 1/2, recall 1
        ("b A", "a, B!", 1),  # neither order nor case nor marks
        ("a a a", "a", 1 / 2),  # counted as often as it stands
        ("snake_case", "snake case", 0),  # an underscore is part of a word
        ("日本", "日 本", 0),  # as published: no word is taken apart
        ("", "a", 0),
        ("a", "", 0),
        ("", "", 1),
    ],
)
def test_word_f1_is_the_published_one(text, gold, expected):
    assert word_f1(text, gold) == pytest.approx(expected)


def test_a_snippet_is_found_as_it_stands_whatever_its_case():
    assert share_found(["It Rained", "rained all"], "it rained\nall day") == 0.5
    assert math.isnan(share_found([], "text"))


def test_the_gold_text_is_that_of_the_set_and_a_page_without_snippets_counts_for_none():
    documents = [
        Document(
            "made/1", (b"",), ("one two", "three"), wanted=("one",), unwanted=("menu", "three")
        ),
        Document("made/2", (b"",), ("four",)),
    ]
    scores = score_words(["one\ntwo three", "five"], documents, ["a.example", "b.example"])
    assert {name: one.value for name, one in scores.estimates().items()} == {
        "word_f1": 0.5,
        "with": 1,
        "without": 0.5,
    }
    second = scores.estimates(np.array([False, True]))
    assert {name: one.value for name, one in second.items()} == {"word_f1": 0}


def test_a_difference_is_paired_and_of_the_same_pages():
    sites = ["a.example", "b.example"]
    high, low = (
        WordScores({"word_f1": np.array(values)}, sites) for values in ([0.9, 0.3], [0.8, 0.2])
    )
    found = high.higher_than(low)["word_f1"]
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="the same pages"):
        high.higher_than(WordScores(low.columns, sites[::-1]))
