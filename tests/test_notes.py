from dataclasses import replace

import pytest

from linesift.labelling.labels import LabelledPages
from linesift.tracking.notes import notes
from linesift.training.classifier import LineClassifier
from linesift.training.train import Data, Training, train
from tests.made_pages import TINY, TRAIN_SITES, made_pages

MANY = range(9, 50)


@pytest.fixture(scope="module")
def training() -> Training:
    data = Data(made_pages(TRAIN_SITES), made_pages(MANY))
    return train(LineClassifier(**TINY), data)


def said(training: Training, **changes) -> str:
    words = {"question": "Is it any good?", "changed": (), "commit": "abc123"}
    return notes(training, **(words | changes))


def test_notes_say_what_was_asked_trained_on_and_scored(training):
    question, trained, scored = said(training).split("\n\n")[:3]
    assert question == "Is it any good?"
    assert trained == "Trained on 9 pages of 9 sites (made 9), with the default settings."
    assert scored.startswith(f"Scored on {len(MANY)} pages of {len(MANY)} sites: pages of sites")
    for form, reads in (("text", "text only"), ("markup", "markup")):
        score = training.report.forms[form].groups["all"]["line_f1"]
        assert f"{score} on {reads}" in scored
    rule = training.baseline.forms["text"].groups["all"]["line_f1"]
    assert scored.endswith(f"the untuned run rule has {rule}.")


def test_pages_whose_site_nobody_told_are_not_counted_as_sites(training):
    pages = [replace(page, site="") for page in training.data.train.pages]
    of_unknown = replace(training.data, train=training.data.train.map_pages(pages))
    assert "Trained on 9 pages of unknown site (" in said(replace(training, data=of_unknown))


def test_settings_that_were_changed_are_named(training):
    assert "with `context=once model.trees=5`." in said(
        training, changed=["context=once", "model.trees=5"]
    )


def test_code_that_is_in_no_commit_is_unusual(training):
    sentence = "- the code had changes that are in no commit"
    assert sentence in said(training, commit="abc123-dirty")
    assert sentence not in said(training)


def test_few_scored_pages_and_a_model_that_is_not_ahead_of_the_rule_are_unusual():
    two = made_pages(range(2), markup=False)
    none = LabelledPages([], [], [], [])
    small = train(LineClassifier(**TINY), Data(two, none))
    found = said(small)
    assert "- only 2 pages were scored: too few to tell runs apart" in found
    baseline = replace(small, report=replace(small.baseline, system="linesift"))
    assert (
        "- on text not ahead of the untuned run rule beyond chance: by 0.000 [0.000, 0.000]"
        in said(baseline)
    )


def test_a_label_that_is_hardly_found_is_unusual_and_one_that_is_found_is_not(training):
    form = training.report.forms["text"]
    overall = form.groups["all"]
    poor = replace(overall["f1_other"], value=0.1, low=0.05, high=0.2)
    good = replace(overall["f1_related"], value=0.9)
    groups = form.groups | {"all": overall | {"f1_other": poor, "f1_related": good}}
    forms = training.report.forms | {"text": replace(form, groups=groups)}
    found = said(replace(training, report=replace(training.report, forms=forms)))
    assert "- `other` is hardly found on text only: F1 0.100 [0.050, 0.200]" in found
    assert "`related` is hardly found on text" not in found


@pytest.mark.parametrize("step", [-0.001, 0.0])
def test_markup_that_makes_it_worse_is_unusual(training, step):
    text, markup = (training.report.forms[name] for name in ("text", "markup"))
    value = text.groups["all"]["line_f1"].value + step
    score = replace(markup.groups["all"]["line_f1"], value=value)
    groups = markup.groups | {"all": markup.groups["all"] | {"line_f1": score}}
    forms = training.report.forms | {"markup": replace(markup, groups=groups)}
    found = said(replace(training, report=replace(training.report, forms=forms)))
    assert ("- lower with markup than without" in found) == (step < 0)


def test_a_language_that_lags_beyond_its_interval_is_unusual(training):
    form = training.report.forms["markup"]
    overall = form.groups["all"]["line_f1"]
    worse = replace(overall, value=overall.low - 0.2, low=overall.low - 0.3, high=overall.low - 0.1)
    groups = form.groups | {"language:uk": form.groups["language:uk"] | {"line_f1": worse}}
    forms = training.report.forms | {"markup": replace(form, groups=groups)}
    found = said(replace(training, report=replace(training.report, forms=forms)))
    assert f"- uk lags on markup: line F1 {worse}" in found
