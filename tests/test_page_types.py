"""Page types and pages without content, as they are learned and told."""

from dataclasses import replace

import numpy as np
import pytest

from linesift.labelling.labels import CONTENT, PAGE_TYPES, UNSURE
from linesift.training.classifier import LineClassifier
from linesift.training.fitting import Fitting, _cards_bounds
from linesift.training.views import Shares, training_views
from tests.made_pages import NEW_SITES, TINY, TRAIN_SITES, assert_same, fitted_on_types, typed_pages

TYPED = typed_pages(TRAIN_SITES, per_site=2)
NEW = typed_pages(NEW_SITES, per_site=2)


def test_the_type_of_pages_of_new_sites_is_told_with_and_without_markup():
    for pages in (NEW.pages, [page.without_markup() for page in NEW.pages]):
        found = fitted_on_types().predict_page_types(pages)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        told = [PAGE_TYPES[k] for k in found.argmax(axis=1)]
        assert (
            np.mean([one == type_ for one, type_ in zip(told, NEW.page_types, strict=True)]) > 0.9
        )
        never_seen = [k for k, name in enumerate(PAGE_TYPES) if name not in NEW.page_types]
        assert not found[:, never_seen].any()


def test_pages_without_their_article_give_nothing_and_those_with_one_keep_it():
    model = fitted_on_types()
    chosen = [name != "listing" for name in NEW.page_types]
    articles = NEW.select(chosen)
    bare = [
        page.select(np.flatnonzero(y != CONTENT))
        for page, y in zip(articles.pages, articles.labels, strict=True)
    ]
    kept = [
        one.keep[y == CONTENT]
        for one, y in zip(model.predict_lines(articles.pages), articles.labels, strict=True)
    ]
    assert np.concatenate(kept).mean() > 0.9
    assert np.mean([one.keep.any() for one in model.predict_lines(bare)]) < 0.1
    # Lines alone tell most of these pages apart; trees of whole pages tell nearly all.
    bound = model.threshold().markup_page
    for pages, has_content in ((articles.pages, True), (bare, False)):
        chance = model.predicted(pages).has_content
        assert ((chance >= bound) == has_content).mean() > 0.9
        assert np.mean((chance > 0.5) == has_content) > 0.9


def test_no_trees_of_types_are_no_types_and_no_trees_of_pages_no_judgement_of_whole_pages():
    model = fitted_on_types(type_trees=0, page_trees=0).model_
    assert model.page_types is None
    assert model.has_content is None
    assert np.isnan(model.predict_page_types(NEW.pages)).all()
    assert {one.page_type for one in model.predict_lines(NEW.pages)} == {""}
    assert fitted_on_types().model_.page_types is not None
    assert fitted_on_types().model_.has_content is not None


@pytest.mark.parametrize(
    "types", [None, [""] * len(TYPED), ["article"] * len(TYPED), ["forum"] + ["article"] * 53]
)
def test_without_two_types_of_twenty_views_each_a_model_tells_none(types):
    model = LineClassifier(**TINY, context_passes=0)
    model.fit(TYPED.pages, TYPED.labels, page_types=types)
    assert model.model_.page_types is None


def test_page_types_need_one_for_each_page():
    with pytest.raises(ValueError, match="expected 54 page types, got 2"):
        LineClassifier(**TINY).fit(TYPED.pages, TYPED.labels, page_types=["article", "forum"])


def test_hardly_any_article_is_above_the_bound_of_its_form_and_no_bound_is_low():
    assert (fitted_on_types().model_.page_types.cards_bounds >= 0.7).all()
    chance = np.concatenate([np.linspace(0, 0.9, 1000), np.linspace(0, 0.3, 1000)])
    has_markup = np.arange(2000) < 1000
    articles = np.ones(2000, bool)
    without, within = _cards_bounds(chance, articles, has_markup)
    assert without == 0.7
    assert 1 <= (chance[:1000] > within).sum() <= 6
    assert _cards_bounds(chance, ~articles, has_markup).tolist() == [0.7, 0.7]


# --------------------------------------------------------------------------- out of site


def judged(labelled):
    """Return views, and what is said out of site of their types."""
    shares = Shares(shorten=0, teasers=0, cut=0, breaks=0, runs=0, letters=0, without_article=0.5)
    views = training_views(labelled, shares, hide_markup=True, seed=0)
    fitting = Fitting(views, LineClassifier(**{**TINY, "folds": 9}).get_params())
    rng = np.random.default_rng(0)
    line = fitting.line(None, None)
    probability = rng.random(fitting.batch.n_lines)
    _, types = fitting.page_types(line, probability)
    trees, bounds = fitting.content_of_pages(line, probability, types)
    assert trees is not None
    for form in (0, 1):
        recall, balanced, precision = (
            bounds[name][form] for name in ("recall", "balanced", "precision")
        )
        assert 0 == recall < balanced <= precision < 1
    return views, types


def test_what_is_said_of_a_page_in_training_hangs_on_no_type_of_its_own_site():
    odd = TYPED.sites[0]
    own = [site == odd for site in TYPED.sites]
    swapped = {"article": "listing", "listing": "forum", "forum": "article"}
    types = [
        swapped[name] if is_own else name
        for name, is_own in zip(TYPED.page_types, own, strict=True)
    ]
    views, first = judged(TYPED)
    _, second = judged(replace(TYPED, page_types=types))
    of_odd = np.array([site == odd for site in views.labelled.sites])
    assert_same([first[of_odd]], [second[of_odd]])
    assert not np.array_equal(first[~of_odd], second[~of_odd])


def test_types_are_learned_of_no_page_whose_article_was_taken_out():
    views, types = judged(TYPED)
    taken_out = np.array([(y == UNSURE).all() for y in views.labelled.labels])
    assert taken_out.any() and not views.has_content[taken_out].any()
    told = types.argmax(axis=1)
    expected = np.array([PAGE_TYPES.index(name) for name in views.labelled.page_types])
    assert (told == expected)[~taken_out].mean() > 0.9
