from dataclasses import replace

import pytest

from linesift.models.baselines import RunRule
from linesift.scoring.evaluate import evaluate
from linesift.scoring.promotion import DECIDING, judge
from tests.made_pages import fitted, made_pages

PAGES = made_pages(range(9, 30))


@pytest.fixture(scope="module")
def good():
    return evaluate("good", fitted(), PAGES)


@pytest.fixture(scope="module")
def poor():
    return evaluate("poor", RunRule(), PAGES)


def floor(report, **limits):
    return {"digest": report.digest, "floors": {"text": {"all": limits}}}


def test_the_first_champion_has_to_hold_the_floor_alone(poor):
    value = poor.forms["text"].groups["all"][DECIDING].value
    assert judge(poor, None, floor(poor, line_f1=value)).promoted
    refused = judge(poor, None, floor(poor, line_f1=value + 0.01))
    assert not refused.promoted
    assert len(refused.short) == 1
    assert "floor" in refused.reason


def test_a_candidate_that_is_better_beyond_chance_is_promoted(good, poor):
    verdict = judge(good, poor, floor(good))
    assert verdict.promoted
    assert verdict.higher["text"][DECIDING].low > 0
    assert "higher on text only and markup" in verdict.reason


def test_a_candidate_that_is_worse_is_not(good, poor):
    verdict = judge(poor, good, floor(good))
    assert not verdict.promoted
    assert "lower on text only and markup" in verdict.reason


def test_a_candidate_that_is_only_as_good_is_not(good):
    verdict = judge(good, good, floor(good))
    assert not verdict.promoted
    assert "not higher than the champion's by more than chance" in verdict.reason
    assert verdict.higher["text"][DECIDING].value == 0


def test_better_in_one_form_is_enough_and_worse_in_one_is_too_much(good, poor):
    mixed = replace(poor, forms={"text": poor.forms["text"], "markup": good.forms["markup"]})
    assert judge(good, mixed, floor(good)).promoted
    assert judge(mixed, poor, floor(good)).promoted
    other = replace(good, forms={"text": good.forms["text"], "markup": poor.forms["markup"]})
    refused = judge(other, mixed, floor(good))
    assert not refused.promoted
    assert "lower on markup" in refused.reason


def test_a_candidate_below_the_floor_is_refused_however_much_better_it_is(good, poor):
    verdict = judge(good, poor, floor(good, line_f1=1.01))
    assert not verdict.promoted
    assert verdict.higher["text"][DECIDING].low > 0


def test_other_pages_are_refused(good):
    elsewhere = evaluate("elsewhere", fitted(), made_pages(range(30, 40)))
    with pytest.raises(ValueError, match="other pages"):
        judge(good, elsewhere, floor(good))
