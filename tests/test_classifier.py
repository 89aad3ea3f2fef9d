from dataclasses import replace

import numpy as np
import pytest
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold

from linesift import LineClassifier, read_text
from linesift.labelling.labels import CONTENT, LABELS, NAVIGATION, OTHER, UNSURE, label_name
from linesift.reading.page import Page
from linesift.scoring.evaluate import evaluate
from linesift.training.fitting import Fitting
from linesift.training.views import Shares, training_views
from tests.made_pages import (
    NEW_SITES,
    TINY,
    TRAIN_SITES,
    VARIANTS,
    assert_same,
    fitted,
    made_pages,
)

LABELLED = made_pages(TRAIN_SITES)
NEW = made_pages(NEW_SITES, per_site=2)


def fit(labelled, **parameters) -> LineClassifier:
    return LineClassifier(**{**TINY, **parameters}).fit(labelled.pages, labelled.labels)


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


# ------------------------------------------------------------------- what it promises


def test_neither_fitting_nor_predicting_changes_the_pages_or_labels():
    labelled = made_pages(TRAIN_SITES)
    before = labelled.digest()
    fit(labelled).predict(labelled.pages)
    assert labelled.digest() == before


def test_the_same_seed_gives_equal_predictions_with_one_process_and_with_two():
    expected = fitted().predict_proba(NEW.pages)
    assert_same(fit(LABELLED).predict_proba(NEW.pages), expected)
    assert_same(fit(LABELLED, n_jobs=2).predict_proba(NEW.pages), expected)


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
def test_processes_are_counted_as_scikit_learn_does(monkeypatch, n_jobs):
    used = [1]
    monkeypatch.setattr(
        "linesift.training.fitting.Parallel",
        lambda n_jobs: used.append(n_jobs) or (lambda jobs: [f(*a) for f, a, _ in jobs]),
    )
    fit(LABELLED, n_jobs=n_jobs)
    assert max(used) == min(effective_n_jobs(n_jobs), 4)  # three folds and all of them together


def test_another_seed_gives_another_model():
    found = fit(LABELLED, random_state=1).predict_proba(NEW.pages)
    assert not np.array_equal(np.vstack(found), np.vstack(fitted().predict_proba(NEW.pages)))


@pytest.mark.parametrize("folds", [2, 4, 50])
def test_no_site_is_on_both_sides_of_a_fold(folds):
    shares = Shares(shorten=0.5, teasers=0, cut=0, breaks=0, runs=0, letters=0, without_article=0.5)
    views = training_views(LABELLED, shares, hide_markup=True, seed=0)
    shown = views.labelled
    fitting = Fitting(views, LineClassifier(folds=folds).get_params())
    site_of_line = np.repeat(shown.sites, [len(page.lines) for page in shown.pages])
    assert len(fitting.folds) == min(folds, len(TRAIN_SITES))
    for learn, judge in fitting.folds:
        assert not set(site_of_line[learn]) & set(site_of_line[judge])
    judged = np.concatenate([judge for _, judge in fitting.folds])
    assert sorted(judged) == list(range(len(site_of_line)))


def test_a_line_is_judged_by_models_that_have_not_seen_its_site():
    shares = Shares(shorten=0, teasers=0, cut=0, breaks=0, runs=0, letters=0, without_article=0)
    views = training_views(LABELLED, shares, hide_markup=True, seed=0)
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


@pytest.mark.parametrize("odd", [4, -2, 256, 0.4])
def test_what_is_no_label_code_is_refused_before_anything_is_learned(odd):
    labels = [y.tolist() for y in LABELLED.labels]
    labels[1][0] = odd
    with pytest.raises(ValueError, match=f"expected label codes 0 to 3, or -1 .*, got {odd}"):
        LineClassifier(**TINY).fit(LABELLED.pages, labels)


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"ngram_orders": (2,)}, "ngram_orders: expected 3 to 16, got 2"),
        ({"ngram_orders": (3, 3)}, "ngram_orders: one stands twice"),
        ({"ngram_tail": 5000}, "ngram_tail: expected 0 to 4096, got 5000"),
        ({"ngram_bits": 40}, "ngram_bits: expected 0 to 30, got 40"),
        ({"path_bits": -1}, "path_bits: expected 0 to 30, got -1"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_ngrams_that_no_model_has_are_refused_before_anything_is_learned(
    parameter, message, streamed
):
    model, pages = LineClassifier(**parameter), (LABELLED.pages, LABELLED.labels)
    with pytest.raises(ValueError, match=f"^LineClassifier.{message}"):
        model.fit_stream(iter([pages])) if streamed else model.fit(*pages)


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


def test_labels_may_be_given_by_name():
    names = [[label_name(code) for code in one] for one in LABELLED.labels]
    by_name = LineClassifier(**TINY).fit(LABELLED.pages, names)
    assert_same(by_name.predict_proba(NEW.pages[:3]), fitted().predict_proba(NEW.pages[:3]))
    with pytest.raises(ValueError, match="page 'a': expected one of content, .*; got 'advert'"):
        LineClassifier(**TINY).fit([read_text("x", "a")], [["advert"]])


# ------------------------------------------------------------------------------ weights

ON_TEXT = {**TINY, "ngram_orders": (), "use_markup": False, "context_passes": 0, "page_trees": 0}
"""Parameters of a model of nothing but networks over single lines."""


def test_pages_of_no_weight_are_as_good_as_not_there():
    turned = [np.where(y == CONTENT, OTHER, CONTENT).astype(np.int8) for y in NEW.labels]
    model = LineClassifier(**TINY).fit(
        [*LABELLED.pages, *NEW.pages],
        [*LABELLED.labels, *turned],
        sample_weight=[1] * len(LABELLED) + [0] * len(NEW),
    )
    assert_same(model.predict_proba(NEW.pages), fitted().predict_proba(NEW.pages))


def test_pages_of_little_weight_teach_little():
    """Of pages whose labels are turned round, that is: N-grams would learn those by heart."""
    many = made_pages(TRAIN_SITES, per_site=2)
    turned = {CONTENT: OTHER, OTHER: CONTENT}
    lies = [
        np.array([turned.get(int(one), one) for one in y], np.int8) if k % 3 == 0 else y
        for k, y in enumerate(many.labels)
    ]
    is_lie = np.arange(len(lies)) % 3 == 0

    def right(weight: np.ndarray) -> float:
        plain = {"cut": 0.0, "breaks": 0.0, "runs": 0.0, "letters": 0.0}
        model = LineClassifier(**ON_TEXT, **plain, learning_rate=0.01)
        model.fit(many.pages, lies, sample_weight=weight)
        told = np.concatenate([p[:, CONTENT] > 0.5 for p in model.predict_proba(NEW.pages)])
        return float((told == (np.concatenate(NEW.labels) == CONTENT)).mean())

    assert right(np.where(is_lie, 0.01, 1)) > 0.9
    assert right(np.where(is_lie, 1, 0.01)) < 0.7


def test_weights_count_against_each_other_and_all_alike_are_none():
    one, other = (
        LineClassifier(**ON_TEXT).fit(LABELLED.pages, LABELLED.labels, sample_weight=weight)
        for weight in ([3.0] * len(LABELLED), 1 + np.arange(len(LABELLED)) % 2)
    )
    alike = LineClassifier(**ON_TEXT).fit(LABELLED.pages, LABELLED.labels)
    assert_same(one.predict_proba(NEW.pages), alike.predict_proba(NEW.pages))
    first, second = (np.vstack(each.predict_proba(NEW.pages)) for each in (one, other))
    assert not np.array_equal(first, second)


def test_the_weight_of_a_page_that_nobody_is_sure_of_is_left_out_with_it():
    unsure = np.full_like(LABELLED.labels[0], UNSURE)
    weight = 1 + np.arange(len(LABELLED)) % 3
    model = LineClassifier(**ON_TEXT).fit(
        [LABELLED.pages[0], *LABELLED.pages],
        [unsure, *LABELLED.labels],
        sample_weight=[99.0, *weight],
    )
    without = LineClassifier(**ON_TEXT)
    without.fit(LABELLED.pages, LABELLED.labels, sample_weight=weight)
    assert_same(model.predict_proba(NEW.pages), without.predict_proba(NEW.pages))


def test_one_page_may_have_nearly_all_the_weight():
    weight = np.full(len(LABELLED), 1e-12)
    weight[0] = 1e3
    model = LineClassifier(**TINY).fit(LABELLED.pages, LABELLED.labels, sample_weight=weight)
    assert np.isfinite(np.concatenate(model.predict_proba(NEW.pages))).all()


@pytest.mark.parametrize(
    "weight",
    [[1.0], [1.0] * 10, [[1.0] * 9], 1.0, [-1.0, *[1.0] * 8], [np.nan] * 9, [np.inf, *[1.0] * 8]],
    ids=str,
)
def test_weights_that_are_not_one_for_each_page_from_zero_on_are_refused(weight):
    with pytest.raises(ValueError, match="sample_weight: expected 9 numbers from 0 on, got"):
        LineClassifier(**TINY).fit(LABELLED.pages, LABELLED.labels, sample_weight=weight)


def test_weights_that_leave_nothing_to_learn_from_are_refused():
    with pytest.raises(ValueError, match="training needs lines that are content"):
        LineClassifier(**TINY).fit(LABELLED.pages, LABELLED.labels, sample_weight=[0] * 9)


# ------------------------------------------------------------------------------- scores


def test_a_model_scores_itself_by_the_line_f1_that_evaluation_gives():
    labels = [*NEW.labels[:-1], np.full_like(NEW.labels[-1], UNSURE)]
    labelled = replace(NEW, labels=labels)
    expected = evaluate("model", fitted(), labelled, forms=("markup",)).forms["markup"]
    assert fitted().score(NEW.pages, labels) == expected.groups["all"]["line_f1"].value


def test_a_page_counts_in_the_score_by_its_weight():
    labels = [np.full_like(NEW.labels[0], CONTENT), *NEW.labels[1:]]
    scores = [fitted().score([page], [y]) for page, y in zip(NEW.pages, labels, strict=True)]
    weight = np.arange(len(scores)) ** 2
    expected = np.average(scores, weights=weight)
    assert expected != pytest.approx(np.mean(scores))
    found = fitted().score(NEW.pages, labels, sample_weight=weight)
    assert found == pytest.approx(expected)


def test_scikit_learn_searches_a_grid_with_sites_kept_whole():
    small = LineClassifier(**{**TINY, "context_passes": 0})
    search = GridSearchCV(small, {"linear_epochs": [1, 2]}, cv=GroupKFold(2), refit=False)
    search.fit(LABELLED.pages, LABELLED.labels, groups=LABELLED.sites)
    scores = search.cv_results_["mean_test_score"]
    assert search.best_params_ == {"linear_epochs": 1 + int(scores.argmax())}
    assert ((scores > 0) & (scores <= 1)).all()


def test_labels_may_be_plain_lists():
    model = LineClassifier(**TINY).fit(LABELLED.pages, [y.tolist() for y in LABELLED.labels])
    assert_same(model.predict_proba(NEW.pages), fitted().predict_proba(NEW.pages))
