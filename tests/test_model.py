from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from linesift import LineClassifier, read_text
from linesift.context import Context
from linesift.evaluate import evaluate
from linesift.features import (
    hashed_ngrams,
    line_features,
    markup_features,
    word_hashes,
)
from linesift.fitting import Fitting, expit, mean_judgement
from linesift.labels import CONTENT, LABELS, NAVIGATION, OTHER, UNSURE
from linesift.metrics import Threshold
from linesift.model import label_codes
from linesift.page import Batch, Page
from linesift.tag_paths import hashed_paths
from linesift.trees import predict_proba
from linesift.views import training_views
from tests.made_pages import (
    NEW_SITES,
    TINY,
    TRAIN_SITES,
    fitted,
    fitted_on_text,
    made_pages,
)

LABELLED = made_pages(TRAIN_SITES)
NEW = made_pages(NEW_SITES, per_site=2)

VARIANTS = {
    "as it ships": {},
    "single lines": {"context_passes": 0},
    "two looks at the context": {"context_passes": 2},
    "no n-grams": {"ngram_orders": ()},
    "no markup": {"use_markup": False},
    "markup always in sight": {"hide_markup": False},
    "whole pages": {"shorten": 0.0},
}


def fit(labelled, **parameters) -> LineClassifier:
    return LineClassifier(**{**TINY, **parameters}).fit(labelled.pages, labelled.labels)


def assert_same(first, second) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


# -------------------------------------------------------------------- what it learns


@pytest.mark.parametrize("form", ["text", "markup"])
def test_it_tells_articles_from_noise_on_sites_it_has_not_seen(form):
    scores = evaluate("model", fitted(), NEW).forms[form].groups["all"]
    assert scores["line_f1"].value > 0.8
    assert scores["f1_related"].value > 0.8
    assert scores["f1_navigation"].value > 0.8


@pytest.mark.parametrize("variant", VARIANTS)
def test_probabilities_of_every_variant_lie_in_0_to_1_and_sum_to_1(variant):
    for page, proba in zip(
        NEW.pages, fitted(**VARIANTS[variant]).predict_proba(NEW.pages), strict=True
    ):
        assert proba.shape == (len(page.lines), len(LABELS))
        assert proba.min() >= 0
        assert proba.max() <= 1
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_learns_something(variant):
    scores = evaluate("model", fitted(**VARIANTS[variant]), NEW).forms["markup"].groups["all"]
    assert scores["line_f1"].value > 0.8


def test_a_look_at_the_context_finds_what_single_lines_do_not_show():
    alone, looked = (
        evaluate("model", fitted(context_passes=passes), NEW).forms["text"].groups["all"]
        for passes in (0, 1)
    )
    assert looked["line_f1"].value > alone["line_f1"].value


@pytest.mark.parametrize("model", [lambda: fitted(use_markup=False), fitted_on_text])
def test_a_model_that_has_met_no_markup_does_not_look_at_it(model):
    plain = [page.without_markup() for page in NEW.pages]
    assert_same(model().predict_proba(NEW.pages), model().predict_proba(plain))


def test_a_model_without_context_judges_each_line_by_itself():
    model = fitted(context_passes=0)
    page = NEW.pages[0].without_markup()
    lines = [page.select([k]) for k in range(len(page.lines))]
    np.testing.assert_array_equal(
        model.predict_proba([page])[0], np.vstack(model.predict_proba(lines))
    )


@pytest.mark.parametrize("passes", [0, 1])
def test_the_stages_are_what_their_parts_say_in_turn(passes):
    model = fitted(context_passes=passes)
    # Lines in disorder, so that there are some of which no stage is sure.
    rng = np.random.default_rng(0)
    pages = [page.select(rng.permutation(len(page.lines))) for page in NEW.pages]
    batch = Batch.from_pages(pages)
    text, markup = line_features(batch), markup_features(batch, word_hashes(batch))
    ngrams = model.ngrams_.scores(hashed_ngrams(batch, (3, 5), TINY["ngram_bits"], 128, 64))
    paths = model.paths_.scores(hashed_paths(batch.paths, TINY["path_bits"]))[batch.path_ids]
    features = line = np.column_stack([text, markup, ngrams, paths])
    p = expit(model.line_model_.scores(line)[:, 0])
    for stage in model.context_models_:
        _, surroundings = Context(batch, word_hashes(batch), text, markup, ngrams).features(p)
        features = np.column_stack([line, p, surroundings]).astype(np.float32)
        p = expit(stage.scores(features)[:, 0])
    if passes:
        unsure = (p > 0.1) & (p < 0.9)
        assert unsure.any() and not unsure.all()
        p[unsure] = mean_judgement(p, predict_proba(model.trees_, features)[:, 1])[unsure]
    slope, offset = model.calibration_[1]
    p = np.clip(1 / (1 + np.exp(-(slope * np.log(p / (1 - p)) + offset))), 1e-6, 1 - 1e-6)
    found = np.vstack(model.predict_proba(pages))
    np.testing.assert_allclose(found[:, CONTENT], p, rtol=1e-5)
    odds = np.exp(model.kind_network_.scores(features).astype(float))
    kinds = odds / odds.sum(axis=1, keepdims=True)
    unsure = kinds.max(axis=1) < 0.7
    assert unsure.any() and not unsure.all()
    mean = kinds ** (1 / 3) * predict_proba(model.kind_trees_, features) ** (2 / 3)
    kinds[unsure] = (mean / mean.sum(axis=1, keepdims=True))[unsure]
    np.testing.assert_allclose(
        found[:, model.kinds_], kinds * (1 - p)[:, None], rtol=1e-4, atol=1e-7
    )


# ------------------------------------------------------------------- what it promises


@pytest.mark.parametrize("variant", ["as it ships", "two looks at the context", "no n-grams"])
def test_a_page_gets_the_same_numbers_to_the_last_bit_in_any_batch(variant):
    model = fitted(**VARIANTS[variant])
    made = made_pages(range(10), per_site=3).pages
    pages = [made[k % 30].without_markup() if k % 3 else made[k % 30] for k in range(50)]
    together = model.predict_proba(pages)
    assert_same(model.predict_proba(pages[::-1]), together[::-1])
    for k in range(0, 50, 7):
        assert_same(model.predict_proba([pages[k]]), [together[k]])
    order = np.random.default_rng(0).permutation(50)
    assert_same(model.predict_proba([pages[k] for k in order]), [together[k] for k in order])


def test_empty_pages_get_empty_results_and_change_no_other():
    model, empty = fitted(), Page("empty", (), ())
    pages = [empty, NEW.pages[0], empty, NEW.pages[1], empty]
    found = model.predict_proba(pages)
    assert [len(proba) for proba in found] == [len(page.lines) for page in pages]
    assert_same([found[1], found[3]], model.predict_proba(NEW.pages[:2]))
    assert [proba.shape for proba in model.predict_proba([empty])] == [(0, len(LABELS))]
    assert model.predict_proba([]) == []
    assert model.predict([empty])[0].tolist() == []
    assert model.extract_text(empty) == ""


def test_neither_fitting_nor_predicting_changes_the_pages_or_labels():
    labelled = made_pages(TRAIN_SITES)
    before = labelled.digest()
    fit(labelled).predict(labelled.pages)
    assert labelled.digest() == before


def test_the_same_seed_gives_equal_predictions_with_one_process_and_with_two():
    expected = fitted().predict_proba(NEW.pages)
    assert_same(fit(LABELLED).predict_proba(NEW.pages), expected)
    assert_same(fit(LABELLED, n_jobs=2).predict_proba(NEW.pages), expected)


def test_another_seed_gives_another_model():
    found = fit(LABELLED, random_state=1).predict_proba(NEW.pages)
    assert not np.array_equal(np.vstack(found), np.vstack(fitted().predict_proba(NEW.pages)))


@pytest.mark.parametrize("folds", [2, 4, 50])
def test_no_site_is_on_both_sides_of_a_fold(folds):
    views = training_views(
        LABELLED, shorten=0.5, hide_markup=True, list_marks=0.5, teasers=0.0, seed=0
    )
    shown = views.labelled
    fitting = Fitting(views, LineClassifier(folds=folds).get_params())
    site_of_line = np.repeat(shown.sites, [len(page.lines) for page in shown.pages])
    assert len(fitting.folds) == min(folds, len(TRAIN_SITES))
    for learn, judge in fitting.folds:
        assert not set(site_of_line[learn]) & set(site_of_line[judge])
    judged = np.concatenate([judge for _, judge in fitting.folds])
    assert sorted(judged) == list(range(len(site_of_line)))


def test_a_line_is_judged_by_models_that_have_not_seen_its_site():
    views = training_views(
        LABELLED, shorten=0.0, hide_markup=True, list_marks=0.5, teasers=0.0, seed=0
    )
    shown = views.labelled
    odd = shown.sites[0]
    own = np.repeat([site == odd for site in shown.sites], [len(p.lines) for p in shown.pages])
    swapped = [
        np.where(y == CONTENT, OTHER, CONTENT).astype(np.int8) if site == odd else y
        for site, y in zip(shown.sites, shown.labels, strict=True)
    ]
    settings = LineClassifier(**{**TINY, "folds": 9}).get_params()
    fittings = [
        Fitting(views._replace(labelled=replace(shown, labels=labels)), settings)
        for labels in (shown.labels, swapped)
    ]
    # What is said of the odd site hangs on the labels of the others, which are the same.
    line, line_swapped = (fitting.linear()[-1] for fitting in fittings)
    np.testing.assert_array_equal(line[own], line_swapped[own])
    assert not np.array_equal(line[~own], line_swapped[~own], equal_nan=True)
    prior = np.full(len(line), 0.5)
    judged, judged_swapped = (fitting.judged(line, prior)[1] for fitting in fittings)
    np.testing.assert_array_equal(judged[own], judged_swapped[own])
    assert not np.array_equal(judged[~own], judged_swapped[~own])


# ----------------------------------------------------------- as scikit-learn expects it


def test_parameters_are_stored_as_given_and_cloned():
    model = LineClassifier(ngram_orders=[2, 3], folds=7)
    assert model.get_params()["ngram_orders"] == [2, 3]
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(folds=3, linear_alpha=0.5) is model
    assert (model.folds, model.linear_alpha) == (3, 0.5)
    with pytest.raises(ValueError, match="flods"):
        model.set_params(flods=2)


def test_a_clone_is_not_fitted_and_fits_to_the_same_model():
    copy = clone(fitted())
    with pytest.raises(NotFittedError):
        copy.predict(NEW.pages)
    copy.fit(LABELLED.pages, LABELLED.labels)
    assert_same(copy.predict_proba(NEW.pages), fitted().predict_proba(NEW.pages))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_lines"])
def test_a_model_that_is_not_fitted_says_so(method):
    with pytest.raises(NotFittedError, match="not fitted"):
        getattr(LineClassifier(), method)(NEW.pages)


PAGE = read_text("Home\nIt rained all day, they said.\nMenu", "p")


@pytest.mark.parametrize(
    ("pages", "labels", "message"),
    [
        ([PAGE], [[NAVIGATION, CONTENT]], "page 'p': expected 3 labels, got 2"),
        ([PAGE, PAGE], [[NAVIGATION, CONTENT, OTHER]], "expected 2 label arrays, got 1"),
        ([PAGE], [[NAVIGATION] * 3], "content"),
        ([PAGE], [[CONTENT] * 3], "content"),
        ([PAGE], [[CONTENT, UNSURE, UNSURE]], "content"),
        ([PAGE], [[UNSURE] * 3], "content"),
        ([], [], "content"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_the_reason(pages, labels, message):
    with pytest.raises(ValueError, match=message):
        LineClassifier(**TINY).fit(pages, labels)


# -------------------------------------------------------------------- unusual training


def with_labels(page: Page, site: str, labels: list[int]) -> tuple[Page, np.ndarray]:
    return Page(site, page.lines, page.numbers, site), np.array(labels, np.int8)


MIXED = [NAVIGATION, CONTENT, NAVIGATION]


@pytest.mark.parametrize(
    "sites",
    [
        {"a": MIXED},
        {"a": MIXED, "b": [UNSURE] * 3},
        {"a": MIXED, "b": [CONTENT] * 3},
        {"a": MIXED, "b": MIXED},
        {"a": [NAVIGATION, CONTENT, UNSURE], "b": [OTHER, CONTENT, NAVIGATION]},
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", range(4))
def test_few_and_odd_pages_are_learned_from_without_failing(sites, seed):
    pairs = [with_labels(PAGE, site, labels) for site, labels in sites.items()]
    model = LineClassifier(**TINY, random_state=seed)
    model.fit([page for page, _ in pairs], [y for _, y in pairs])
    assert model.predict([PAGE])[0].shape == (3,)


def test_unsure_lines_are_not_learned_from():
    noisy = made_pages(TRAIN_SITES)
    is_related = [y == LABELS.index("related") for y in noisy.labels]
    unsure = [
        np.where(mask, UNSURE, y).astype(np.int8)
        for mask, y in zip(is_related, noisy.labels, strict=True)
    ]
    model = LineClassifier(**TINY).fit(noisy.pages, unsure)
    given = np.concatenate(model.predict(NEW.pages))
    assert "related" not in given
    assert {"content", "navigation"} <= set(given)


def test_labels_may_be_plain_lists():
    model = LineClassifier(**TINY).fit(LABELLED.pages, [y.tolist() for y in LABELLED.labels])
    assert_same(model.predict_proba(NEW.pages), fitted().predict_proba(NEW.pages))


# ------------------------------------------------------------------------- its answers


@pytest.mark.parametrize(
    ("probabilities", "threshold", "expected"),
    [
        ([0.6, 0.3, 0.1, 0.0], 0.5, "content"),
        ([0.5, 0.3, 0.1, 0.1], 0.5, "content"),
        ([0.4, 0.1, 0.3, 0.2], 0.5, "navigation"),
        ([0.4, 0.1, 0.3, 0.2], 0.4, "content"),
        ([0.2, 0.5, 0.2, 0.1], 0.1, "content"),
        ([0.9, 0.02, 0.03, 0.05], 0.95, "other"),
    ],
)
def test_content_starts_at_the_threshold_and_below_it_is_the_likeliest_noise(
    probabilities, threshold, expected
):
    assert LABELS[label_codes(np.array([probabilities]), Threshold(threshold))[0]] == expected


def test_predicted_lines_carry_label_probability_and_whether_to_keep_them():
    model = fitted()
    predictions = model.predict_lines(NEW.pages)
    assert any(prediction.keep.any() for prediction in predictions)
    for page, proba, labels, prediction in zip(
        NEW.pages,
        model.predict_proba(NEW.pages),
        model.predict(NEW.pages),
        predictions,
        strict=True,
    ):
        assert prediction.page is page
        assert prediction.labels == labels.tolist()
        np.testing.assert_array_equal(prediction.probabilities, proba[:, CONTENT])
        content, threshold = proba[:, CONTENT], model.threshold()
        kept_lines = (content >= threshold.line) & (content.max() >= threshold.page)
        np.testing.assert_array_equal(prediction.keep, kept_lines)
        kept = [line for line, keep in zip(page.lines, prediction.keep, strict=True) if keep]
        assert prediction.text == "".join(f"{line}\n" for line in kept)
        assert model.extract_text(page) == prediction.text


def test_a_threshold_may_be_given_by_name():
    model = fitted()
    assert set(model.thresholds_) == {"precision", "balanced", "recall"}
    assert model.threshold() == model.threshold("balanced") == model.thresholds_["balanced"]
    assert model.threshold(0.3) == (0.3, 0.0)
    lines = [model.threshold(name).line for name in ("recall", "balanced", "precision")]
    assert lines == sorted(lines)
    for name, (line, page) in model.thresholds_.items():
        for one in model.predict_lines(NEW.pages, threshold=name):
            some = one.probabilities.max() >= page
            np.testing.assert_array_equal(one.keep, (one.probabilities >= line) & some)
    with pytest.raises(ValueError, match="expected 0 to 1 or one of precision, .* got 'most'"):
        model.predict_lines(NEW.pages, threshold="most")


def test_nothing_is_kept_of_a_page_without_a_line_that_is_surely_content():
    menu = read_text("Home\nSport\nCulture\nContact\nTerms of use")
    model = copy(fitted())
    (lines,) = model.predict_lines([menu])
    lowest = float(lines.probabilities.max())
    for page, gives in ((lowest, True), (lowest + 1e-6, False)):
        model.thresholds_ = {"balanced": (lowest, page)}
        assert (model.extract_text(menu) != "") == gives
    assert model.extract_text(menu, threshold=lowest) != ""


def test_the_threshold_given_decides_what_is_kept():
    page = NEW.pages[0]
    everything = fitted().predict_lines([page], threshold=0.0)[0]
    assert everything.keep.all()
    assert everything.text == "".join(f"{line}\n" for line in page.lines)
    assert fitted().extract_text(page, threshold=1.0) == ""
