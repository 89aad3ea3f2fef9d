from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from linesift import read_html, read_text
from linesift.labelling.labels import CONTENT, LABELS, OWN_TEXT, PAGE_TYPES, RELATED
from linesift.models.context import Context
from linesift.models.features import hashed_ngrams, line_features, markup_features, word_hashes
from linesift.models.odds import expit, mean_judgement, softmax
from linesift.models.pages import PageColumns, page_tokens
from linesift.models.prediction import Predicted, label_codes, page_predictions, wanted_page_types
from linesift.models.thresholds import Threshold
from linesift.reading.page import Batch, Page
from linesift.reading.tag_paths import hashed_paths
from tests.made_pages import (
    NEW_SITES,
    TINY,
    VARIANTS,
    assert_same,
    fitted,
    fitted_on_text,
    fitted_on_types,
    made_pages,
    typed_pages,
)

NEW = made_pages(NEW_SITES, per_site=2)


# ------------------------------------------------------------------------- its stages


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
    model = fitted_on_types(context_passes=passes).model_
    # Lines in disorder, so that there are some of which no stage is sure.
    rng = np.random.default_rng(0)
    pages = [page.select(rng.permutation(len(page.lines))) for page in NEW.pages]
    batch = Batch.from_pages(pages)
    text, markup = line_features(batch), markup_features(batch, word_hashes(batch))
    ngrams = model.ngrams.scores(hashed_ngrams(batch, (3, 5), TINY["ngram_bits"], 128, 64))
    path_tokens = hashed_paths(batch.split_paths, TINY["path_bits"])
    paths = model.paths.scores(path_tokens)[batch.path_ids]
    features = line = np.column_stack([text, markup, ngrams, paths])
    p = expit(model.line_network.scores(line)[:, 0])
    columns = PageColumns(batch, line).of(p)
    tokens = page_tokens(batch, word_hashes(batch), path_tokens)
    seen = np.column_stack([model.page_types.scores(tokens), columns])
    known = softmax(model.page_types.trees.scores(seen))
    page_types = np.zeros((len(pages), len(PAGE_TYPES)), np.float32)
    page_types[:, model.page_types.types] = known
    np.testing.assert_array_equal(model.predict_page_types(pages), page_types)
    for stage in model.context_networks:
        context = Context(batch, word_hashes(batch), text, markup, ngrams, page_types)
        _, surroundings = context.features(p)
        features = np.column_stack([line, p, surroundings]).astype(np.float32)
        p = expit(stage.scores(features)[:, 0])
    if passes:
        unsure = (p > 0.1) & (p < 0.9)
        assert unsure.any() and not unsure.all()
        p[unsure] = mean_judgement(p, expit(model.trees.scores(features)[:, 0]))[unsure]
    whole = np.column_stack([page_types, PageColumns(batch, line).of(p)])
    chance = expit(model.has_content.scores(whole)[:, 0])
    np.testing.assert_allclose(model.predicted(pages).has_content, chance, rtol=1e-6)
    slope, offset = model.calibration[1]
    p = np.clip(1 / (1 + np.exp(-(slope * np.log(p / (1 - p)) + offset))), 1e-6, 1 - 1e-6)
    found = np.vstack(model.predict_proba(pages))
    np.testing.assert_allclose(found[:, CONTENT], p, rtol=1e-5)
    odds = np.exp(model.kind_network.scores(features).astype(float))
    kinds = odds / odds.sum(axis=1, keepdims=True)
    unsure = kinds.max(axis=1) < 0.7
    assert unsure.any() and not unsure.all()
    mean = kinds ** (1 / 3) * softmax(model.kind_trees.scores(features)) ** (2 / 3)
    kinds[unsure] = (mean / mean.sum(axis=1, keepdims=True))[unsure]
    np.testing.assert_allclose(
        found[:, model.kinds], kinds * (1 - p)[:, None], rtol=1e-4, atol=1e-7
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


def test_page_types_are_the_same_to_the_last_bit_in_any_batch():
    model = fitted_on_types()
    pages = [*typed_pages(range(9, 14)).pages, Page("empty", (), ())]
    pages += [page.without_markup() for page in pages]
    order = np.random.default_rng(0).permutation(len(pages))
    together = model.predict_page_types(pages)
    shuffled = model.predict_page_types([pages[k] for k in order])
    np.testing.assert_array_equal(shuffled, together[order])
    for k in range(len(pages)):
        np.testing.assert_array_equal(model.predict_page_types([pages[k]]), together[k : k + 1])


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
    assert LABELS[label_codes(np.array([probabilities]), threshold)[0]] == expected


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
        content = proba[:, CONTENT]
        assert prediction.threshold == model.threshold().of_page(content)
        kept_lines = (content >= prediction.threshold) & prediction.has_content
        np.testing.assert_array_equal(prediction.keep, kept_lines)
        kept = [line for line, keep in zip(page.lines, prediction.keep, strict=True) if keep]
        assert prediction.text == "".join(f"{line}\n" for line in kept)
        assert model.extract_text(page) == prediction.text


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("One line.", "expected pages, got str; linesift.read_text and"),
        (["One line."], "expected pages, got str; linesift.read_text and"),
        (NEW.pages[0], "expected a list of pages, got one Page; put it into a list"),
    ],
)
@pytest.mark.parametrize("model", [fitted, fitted_on_text])
def test_what_is_no_list_of_pages_is_refused_with_what_to_do(model, given, reason):
    for predict in (model().predict, model().predict_proba, model().predict_lines):
        with pytest.raises(TypeError, match=reason):
            predict(given)


def test_a_threshold_may_be_given_by_name():
    model = fitted()
    assert set(model.thresholds_) == {"precision", "balanced", "recall"}
    assert model.threshold() == model.threshold("balanced")
    assert model.threshold() == (*model.thresholds_["balanced"], 1.0)
    assert model.threshold(0.3) == (0.3, 0.0, 0.0, None)
    names = ("recall", "balanced", "precision")
    for column in ("line", "page", "markup_page"):
        bounds = [getattr(fitted_on_types().threshold(name), column) for name in names]
        assert bounds == sorted(bounds)
        assert bounds[0] < bounds[2]
    of_pages = [
        [one.threshold for one in model.predict_lines(NEW.pages, threshold=name)] for name in names
    ]
    assert (np.diff(of_pages, axis=0) > 0).all()
    with pytest.raises(ValueError, match="expected 0 to 1 or one of precision, .* got 'most'"):
        model.predict_lines(NEW.pages, threshold="most")
    for number in (-0.1, 1.01, 50, float("nan"), None):  # 50 per cent would keep nothing
        with pytest.raises(ValueError, match="expected 0 to 1 or one of"):
            model.predict_lines(NEW.pages, threshold=number)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_the_threshold_of_a_page_promises_the_best_f_score(beta):
    """Against all sets of lines, one by one: no other has a higher expectation of F-beta."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        p = rng.random(7) ** rng.uniform(0.3, 3)
        kept = p >= Threshold(0.0, beta=beta).of_page(p)
        sets = np.array(list(product((False, True), repeat=len(p))))[1:]
        scores = (1 + beta**2) * (sets @ p) / (sets.sum(axis=1) + beta**2 * p.sum())
        np.testing.assert_array_equal(kept, sets[scores.argmax()])


def test_below_the_lowest_threshold_no_line_is_kept_and_a_number_is_the_threshold_of_all_pages():
    doubtful = np.array([0.3, 0.2, 0.1])
    assert Threshold(0.25, beta=1.0).of_page(doubtful) == 0.25
    assert Threshold(0.1).of_page(doubtful) == Threshold(0.1).of_page(doubtful[:0]) == 0.1
    assert Threshold(0.2, beta=1.0).of_page(np.zeros(3)) == 0.2


def told_of(chance: float, page: float, page_types=OWN_TEXT, *, markup: bool = False):
    """Return what is said of a page whose chance of having content is known.

    The bound of the other form is one that it would fall on the other side of.
    """
    lines = np.array([[0.9, 0.1, 0, 0], [0.1, 0.9, 0, 0]], np.float32)
    article = np.eye(len(PAGE_TYPES), dtype=np.float32)[:1]
    predicted = Predicted([lines], article, np.array([chance]))
    wanted = wanted_page_types(page_types)
    read = read_html("<p>It rained.<p>Read also")
    other = 0.0 if chance < page else 1.0
    bounds = (other, page) if markup else (page, other)
    read = read if markup else read.without_markup()
    (found,) = page_predictions([read], predicted, Threshold(0.5, *bounds), wanted)
    return found


@pytest.mark.parametrize("markup", [False, True])
def test_nothing_is_kept_of_a_page_that_hardly_has_any_content(markup):
    kept, dropped = told_of(0.6, 0.6, markup=markup), told_of(0.599, 0.6, markup=markup)
    assert (kept.has_content, kept.labels) == (True, ["content", "related"])
    assert (dropped.has_content, dropped.labels) == (False, ["related", "related"])
    assert dropped.text == ""
    # Who asks for cards does not mind that a page has nothing else.
    assert told_of(0.1, 0.6, "all").text == "It rained.\n"
    assert told_of(0.1, 0.0).text == "It rained.\n"


def test_the_threshold_given_decides_what_is_kept():
    page = NEW.pages[0]
    everything = fitted().predict_lines([page], threshold=0.0)[0]
    assert everything.keep.all()
    assert everything.text == "".join(f"{line}\n" for line in page.lines)
    assert fitted().extract_text(page, threshold=1.0) == ""


# ------------------------------------------------------------------------- page types


def said_of(page_type: str, page_types=OWN_TEXT, *, markup: bool = True):
    """Return what is kept of content, related and other lines on a page of some type."""
    page = read_html("<p>It rained.<p>Read also<p>Top")
    if not markup:
        page = page.without_markup()
    lines = np.array([[0.9, 0.1, 0, 0], [0.1, 0.9, 0, 0], [0.1, 0, 0, 0.9]], np.float32)
    types = np.full(len(PAGE_TYPES), 0.05, np.float32)
    types[PAGE_TYPES.index(page_type)] = 0.7
    wanted = wanted_page_types(page_types)
    (found,) = page_predictions([page], Predicted([lines], types[None]), Threshold(0.5), wanted)
    assert found.page_type == page_type
    assert found.page_type_probability == pytest.approx(0.7)
    assert found.labels == ["content", "related", "other"]
    return found.keep.tolist()


@pytest.mark.parametrize("page_type", PAGE_TYPES)
def test_content_is_kept_of_pages_with_a_text_of_their_own_and_cards_where_they_are_asked_for(
    page_type,
):
    of_cards = page_type in ("listing", "collection")
    assert said_of(page_type) == [not of_cards, False, False]
    assert said_of(page_type, "all") == said_of(page_type, page_type) == [True, of_cards, False]
    assert said_of(page_type, [page_type, "forum"]) == [True, of_cards, False]
    others = [name for name in PAGE_TYPES if name != page_type]
    assert said_of(page_type, others) == said_of(page_type, []) == [False] * 3


def test_a_page_is_taken_for_one_of_cards_from_the_bound_of_its_form_on():
    """Articles are many and listings few: a bound that hardly any article passes is higher."""
    page = read_html("<p>It rained.<p>Read also<p>Top")
    lines = np.array([[0.9, 0.1, 0, 0], [0.1, 0.9, 0, 0], [0.1, 0, 0, 0.9]], np.float32)
    types = np.zeros((2, len(PAGE_TYPES)), np.float32)
    types[:, PAGE_TYPES.index("article")], types[:, PAGE_TYPES.index("listing")] = 0.3, 0.7
    predicted = Predicted([lines, lines], types, cards_bounds=(0.6, 0.8))
    found = page_predictions([page.without_markup(), page], predicted, Threshold(0.5))
    assert [one.page_type for one in found] == ["listing", "article"]
    assert found[1].keep.tolist() == [True, False, False]
    # Where cards are asked for, what is likelier decides.
    _, found = page_predictions([page, page], predicted, Threshold(0.5), PAGE_TYPES)
    assert found.keep.tolist() == [True, True, False]


# ----------------------------------------------------------------- lines without words


def test_marks_of_a_converter_are_what_the_lines_around_them_are_and_change_no_other():
    page = NEW.pages[0].without_markup()
    model = fitted_on_types()
    plain = model.predict_proba([page])[0]
    marks = ("---", "* * *", "![A boat](a.png)", "[](/)")
    at = np.random.default_rng(0).integers(0, len(page.lines) + 1, 8)
    lines = np.insert(np.array(page.lines, object), at, [marks[k % 4] for k in range(8)])
    is_mark = np.insert(np.zeros(len(page.lines), bool), at, True)
    marked = replace(page, lines=tuple(lines), numbers=tuple(range(len(lines))))
    predicted = model.predicted([marked, page])
    assert_same(predicted.page_types[:1], predicted.page_types[1:])
    found = predicted.lines[0]
    assert_same([found[~is_mark]], [plain])
    numbers = np.cumsum(~is_mark) - 1
    for k in np.flatnonzero(is_mark):
        above, below = numbers[k], numbers[k] + 1
        if above < 0 or below == len(plain):
            assert found[k].tolist() == [0, 0, 0, 1]
        else:
            assert found[k, CONTENT] == min(plain[above, CONTENT], plain[below, CONTENT])


@pytest.mark.parametrize("text", ["---", "```\n\n***"])
def test_a_page_of_marks_alone_has_no_content(text):
    page = read_text(text)
    (alone,) = fitted_on_types().predict_lines([page])
    _, beside = fitted_on_types().predict_lines([NEW.pages[0], page])
    for found in (alone, beside):
        assert set(found.labels) == {"other"}
        assert found.page_type == ""
        assert not found.has_content


def test_plain_text_is_not_dropped_for_being_taken_for_a_listing():
    """As text alone types are told too unsurely: what the lines are must do."""
    assert said_of("listing", markup=False) == [True, False, False]
    assert said_of("forum", ["article"], markup=False) == [False, False, False]
    assert said_of("listing", "all", markup=False) == [True, True, False]


def test_a_model_that_tells_no_types_keeps_content_whatever_is_asked_for():
    for wanted in ("all", "forum", [], OWN_TEXT):
        for found, usual in zip(
            fitted().predict_lines(NEW.pages, page_types=wanted),
            fitted().predict_lines(NEW.pages),
            strict=True,
        ):
            assert found.keep.tolist() == usual.keep.tolist()
            assert (found.page_type, found.is_wanted, found.cards) == ("", True, None)
            assert np.isnan(found.page_type_probability)
            assert found.type_columns == {"page_type": None, "page_type_probability": None}


@pytest.mark.parametrize("wanted", ["news", ["article", "news"], ["all", "article"], "", [""]])
def test_a_page_type_that_there_is_not_is_refused(wanted):
    with pytest.raises(ValueError, match="page_types: expected 'all' or some of article, forum"):
        fitted().predict_lines(NEW.pages, page_types=wanted)


def test_cards_of_front_pages_come_out_where_they_are_asked_for_and_else_nothing():
    typed = typed_pages(NEW_SITES)
    model = fitted_on_types()
    for page, y, found in zip(
        typed.pages, typed.labels, model.predict_lines(typed.pages), strict=True
    ):
        if found.page_type != "listing":
            assert model.extract_text(page) == found.text != ""
            assert model.extract_text(page, page_types="listing") == ""
            continue
        assert model.extract_text(page) == found.text == ""
        (asked,) = model.predict_lines([page], page_types="all")
        assert asked.keep[y == RELATED].mean() > 0.9
        assert asked.text == model.extract_text(page, page_types="listing")
