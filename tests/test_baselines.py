import numpy as np
import pytest
from sklearn.base import clone

from linesift.labelling.labels import CONTENT, LABELS, OTHER
from linesift.models.baselines import C4Rule, RefinedWebRule, RunRule
from linesift.reading.page import Page
from linesift.scoring.evaluate import evaluate
from tests.made_pages import NEW_SITES, made_pages

SENTENCE = "It rained all day, they said."
WORD = "rain "


def page(*lines: str) -> Page:
    return Page("p", lines, tuple(range(1, len(lines) + 1)))


def kept(*lines: str) -> list[bool]:
    return RunRule().predict_lines([page(*lines)])[0].keep.tolist()


@pytest.mark.parametrize(
    ("line", "is_sentence"),
    [
        ("It rained all day long.", True),
        ("It rained all day!", False),  # four words
        ("It rained all day long", False),
        ("“It rained all day long.”", True),
        ("Did it rain all day (or not?)", True),
        ("Весь день шёл сильный дождь…", True),
        ("今天下了大雨。", True),
        ("今天下雨", False),
    ],
)
def test_a_line_counts_for_the_run_if_it_is_a_sentence_of_five_words(line, is_sentence):
    assert kept(line) == [is_sentence]


def test_a_short_line_inside_the_run_is_kept_and_those_around_it_are_not():
    assert kept("Home", SENTENCE, "A subhead", SENTENCE, "Top") == [False, True, True, True, False]


def test_a_long_stretch_of_noise_cuts_the_run_and_the_longer_side_stays():
    noise = "x" * 100
    assert kept(SENTENCE, noise, SENTENCE, SENTENCE) == [False, False, True, True]
    assert kept(SENTENCE, SENTENCE, noise, SENTENCE) == [True, True, False, False]


def test_the_run_has_the_largest_sum_of_signed_lengths():
    rng = np.random.default_rng(11)
    for _ in range(100):
        is_sentence = rng.random(rng.integers(1, 12)) < 0.5
        lines = [WORD * int(rng.integers(5, 20)) + ("." if good else "") for good in is_sentence]
        gains = [
            len(line) if good else -len(line) for line, good in zip(lines, is_sentence, strict=True)
        ]
        sums = [sum(gains[i:j]) for i in range(len(gains)) for j in range(i + 1, len(gains) + 1)]
        chosen = np.flatnonzero(kept(*lines))
        assert sum(gains[k] for k in chosen) == max(0, *sums)
        assert (np.diff(chosen) == 1).all()


def test_it_says_content_or_other_and_is_sure():
    proba = RunRule().predict_proba([page("Home", SENTENCE), page("Top")])
    assert [p[:, CONTENT].tolist() for p in proba] == [[0, 1], [0]]
    assert [p[:, OTHER].tolist() for p in proba] == [[1, 0], [1]]
    assert [p.shape[1] for p in proba] == [len(LABELS)] * 2


def test_pages_without_lines_or_sentences_give_nothing():
    assert RunRule().extract_text(page()) == ""
    assert RunRule().extract_text(page("Home", "Search")) == ""


@pytest.mark.parametrize(
    ("line", "keep"),
    [
        (SENTENCE, True),
        ("It rained all day long", False),
        ("It rained.", False),
        ("Весь день шёл сильный дождь…", True),
        ("You must switch on JavaScript to read this.", False),
    ],
)
def test_the_rule_of_c4_keeps_sentences_of_five_words(line, keep):
    assert C4Rule().predict_lines([page(line)])[0].keep.tolist() == [keep]


@pytest.mark.parametrize(
    ("line", "keep"),
    [
        (SENTENCE, True),
        ("Old bridge opens", True),
        ("News", False),
        ("12 05", False),
        ("3 likes", False),
        ("1.2K followers", False),
        ("3 likes are not many", True),
        ("LATEST NEWS of TODAY", False),
        ("Sign in to go on", False),
        ("The rest of it: read more...", False),
        ("No items in cart", False),
        ("They read more in winter than in summer", True),
        ("It was raining all day and all night and nobody could read more", True),
        ("今天下了大雨", True),
    ],
)
def test_the_rule_of_refinedweb_drops_what_no_sentence_looks_like(line, keep):
    assert RefinedWebRule().predict_lines([page(line)])[0].keep.tolist() == [keep]


@pytest.mark.parametrize("rule", [C4Rule(), RefinedWebRule()])
def test_a_line_rule_says_content_or_other_of_each_line_by_itself(rule):
    both = rule.predict_proba([page("Home", SENTENCE), page()])
    assert both[0][:, CONTENT].tolist() == [0, 1]
    assert both[0][:, OTHER].tolist() == [1, 0]
    assert both[1].shape == (0, len(LABELS))


def test_it_needs_no_fitting_and_reads_no_labels():
    labelled = made_pages(NEW_SITES)
    fitted = clone(RunRule()).fit(labelled.pages, labelled.labels)
    for one, other in zip(
        fitted.predict(labelled.pages), RunRule().predict(labelled.pages), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_it_is_a_baseline_worth_beating():
    scores = evaluate("rule", RunRule(), made_pages(NEW_SITES)).forms["text"].groups["all"]
    assert scores["line_f1"].value > 0.5
