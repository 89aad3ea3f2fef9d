import json
from dataclasses import replace

import pytest

from linesift.models.baselines import RunRule
from linesift.scoring.evaluate import check_floor, evaluate, read_floor
from linesift.scoring.metrics import Estimate
from linesift.scoring.promotion import DECIDING, floors_of, judge, seed_scores
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


# ----------------------------------------------------------------- a floor from several seeds


def of_seed(good, **values):
    """Return a report of made-up scores: the given ones, and those of a model for the rest."""
    made = {name: Estimate(value, value, value) for name, value in values.items()}
    form = good.forms["text"]
    scores = form.groups["all"] | made
    names = ("all", "language:uk", "type:forum", "type:listing", "corpus:made", "articles:lists")
    groups = dict.fromkeys(names, scores)
    return replace(good, forms={"text": replace(form, groups=groups)})


@pytest.fixture(scope="module")
def seeds(good):
    f1, kept = (0.90, 0.91, 0.92, 0.93, 0.94), (0.01, 0.02, 0.03, 0.04, 0.05)
    return [of_seed(good, line_f1=a, related_kept=b) for a, b in zip(f1, kept, strict=True)]


def test_a_floor_is_two_sample_deviations_from_the_mean_rounded_outwards(seeds):
    found = {(one.group, one.score): one for one in seed_scores(seeds)}
    line_f1, kept = found["all", "line_f1"], found["all", "related_kept"]
    assert (line_f1.mean, line_f1.deviation) == pytest.approx((0.92, 0.0158114), abs=1e-6)
    assert line_f1.floor == 0.888  # .92 - .03162 = .88838
    assert kept.floor == 0.062  # less is better: .03 + .03162 = .06162


def test_a_floor_holds_line_and_character_f1_of_groups_and_nothing_of_listings(seeds):
    floors = floors_of(seed_scores(seeds))
    assert list(floors) == ["text"]
    both = {"line_f1", "character_f1"}
    assert {group: set(limits) for group, limits in floors["text"].items() if group != "all"} == {
        "language:uk": both,
        "type:forum": both,
        "corpus:made": {"line_f1"},
        "articles:lists": both,
    }
    assert {"text_f1", "related_kept", "no_article_kept"} < set(floors["text"]["all"])


def test_a_floor_of_seeds_can_be_read_back_and_holds_all_but_what_is_beyond_luck(
    seeds, good, tmp_path
):
    path = tmp_path / "floor.json"
    made = {"digest": good.digest, "seeds": len(seeds), "floors": floors_of(seed_scores(seeds))}
    path.write_text(json.dumps(made))
    limits = read_floor(path)
    assert all(check_floor(report, limits) == [] for report in seeds[1:])
    short = check_floor(of_seed(good, line_f1=0.887, related_kept=0.03), limits)
    assert short
    assert all("line_f1 is 0.887, the floor is 0.888" in one for one in short)


def test_a_floor_needs_enough_seeds_and_one_set_of_pages(seeds):
    with pytest.raises(ValueError, match="expected 5 trainings or more, got 4"):
        seed_scores(seeds[:4])
    with pytest.raises(ValueError, match="other pages"):
        seed_scores([*seeds[:4], replace(seeds[4], digest="elsewhere")])
