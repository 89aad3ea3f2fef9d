"""What a page is, seen as a whole: its columns, its tokens, and the model that tells its type."""

from dataclasses import replace

import numpy as np
import pytest

from linesift.labelling.labels import LABELS, PAGE_TYPES
from linesift.models.features import (
    line_features,
    markup_features,
    word_hashes,
)
from linesift.models.pages import (
    GROUPS,
    PageColumns,
    fit_token_weights,
    has_markup,
    page_column_names,
    page_tokens,
    token_scores,
)
from linesift.reading.page import Batch, Markup, Page
from linesift.reading.tag_paths import hashed_paths
from tests.made_pages import TRAIN_SITES, fitted_on_types, typed_pages

TYPED = typed_pages(TRAIN_SITES)


def plain(*lines: str) -> Page:
    return Page("p", lines, tuple(range(1, len(lines) + 1)))


def with_paths(page: Page, *paths: str, hints=()) -> Page:
    shares = (0.0,) * len(paths)
    return replace(page, markup=Markup(shares, paths, "", tuple(hints)))


def columns_of(pages: list[Page], probability: list[np.ndarray]) -> np.ndarray:
    """Columns of some pages; scores of lines are made of their probability."""
    batch = Batch.from_pages(pages)
    words = word_hashes(batch)
    p = np.concatenate(probability) if pages else np.empty(0)
    scores = np.column_stack([np.log(p + k / 7) for k in range(1, 2 * len(LABELS) + 1)])
    line = np.concatenate([line_features(batch), markup_features(batch, words), scores], axis=1)
    return PageColumns(batch, line.astype(np.float32)).of(p)


def by_name(page: Page, probability) -> dict[str, float]:
    (row,) = columns_of([page], [np.array(probability, float)])
    return dict(zip(page_column_names(), row.tolist(), strict=True))


@pytest.fixture(scope="module")
def many():
    """Pages of random length with markup and without, some of no line, and probabilities."""
    rng = np.random.default_rng(3)
    pages = []
    for k in range(120):
        page = TYPED.pages[k % len(TYPED)]
        page = page.select(np.flatnonzero(rng.random(len(page.lines)) < rng.random()))
        pages.append(page.without_markup() if k % 3 == 0 else page)
    pages += [Page("", (), ()), pages[1].select([])]
    return pages, [rng.random(len(page.lines)) for page in pages]


# ---------------------------------------------------------------------------- columns


def test_what_the_lines_of_a_page_say_together_by_hand():
    page = with_paths(plain("a" * 200, "b" * 50, "c" * 10, "d" * 10, "e" * 30), *["ul li"] * 4, "p")
    found = by_name(page, [0.9, 0.6, 0.1, 0.1, 0.3])
    assert found["probability"] == pytest.approx(0.4, abs=1e-4)
    assert np.expm1(found["log_lines"]) == pytest.approx(5)
    assert np.expm1(found["log_characters"]) == pytest.approx(300, rel=1e-5)
    assert np.expm1(found["log_likely_characters"]) == pytest.approx(221, rel=1e-4)
    assert found["likely_share"] == pytest.approx(221 / 300, abs=1e-4)
    above = [found[f"lines_above_{bound}"] for bound in (0.2, 0.5, 0.8)]
    assert np.expm1(above) == pytest.approx([3, 2, 1])
    long = [found[f"lines_from_{least}"] for least in (60, 120, 240)]
    assert np.expm1(long) == pytest.approx([1, 1, 0])
    assert found["likeliest"] == pytest.approx(0.9)
    assert found["likeliest_characters"] == pytest.approx(180)
    assert found["lines_in_lists"] == pytest.approx(4 / 5)
    assert found["characters_in_lists"] == pytest.approx(270 / 300)
    assert np.expm1(found["longest_list"]) == pytest.approx(4)
    assert found["in_list[mean]"] == pytest.approx(4 / 5, abs=1e-4)
    assert found["in_list[by length]"] == pytest.approx(270 / 300, abs=1e-4)


def test_three_lines_in_one_place_are_no_list():
    page = with_paths(plain("a", "b", "c", "d"), "ul li", "ul li", "ul li", "p")
    assert by_name(page, [0.5] * 4)["lines_in_lists"] == 0


def test_columns_of_the_markup_are_unknown_without_it_and_no_others():
    page = TYPED.pages[0]
    p = np.full(len(page.lines), 0.5)
    known, unknown = by_name(page, p), by_name(page.without_markup(), p)
    assert not np.isnan(list(known.values())).any()
    hidden = {name for name, value in unknown.items() if np.isnan(value)}
    assert {"lines_in_lists", "link_share[mean]", "link_share[by length]"} <= hidden
    assert "paths:content[mean]" in hidden
    assert not hidden & {"log_lines", "probability", "log_words[mean]", "ngrams:content[mean]"}
    assert np.isnan(list(by_name(Page("", (), ()), []).values())).all()


def test_the_columns_of_a_page_are_the_same_to_the_last_bit_in_any_batch(many):
    pages, probability = many
    together = columns_of(pages, probability)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(pages))
        shuffled = columns_of([pages[k] for k in order], [probability[k] for k in order])
        np.testing.assert_array_equal(shuffled, together[order])
    for k in range(0, len(pages), 5):
        np.testing.assert_array_equal(columns_of([pages[k]], [probability[k]])[0], together[k])


def test_no_pages_have_the_same_columns():
    assert columns_of([], []).shape == (0, len(page_column_names()))


# ----------------------------------------------------------------------------- tokens


def tokens_of(*pages: Page):
    batch = Batch.from_pages(pages)
    return page_tokens(batch, word_hashes(batch), hashed_paths(batch.split_paths, 10))


def test_words_elements_and_hints_count_once_a_page_and_by_the_root_of_their_number():
    page = with_paths(plain("rain rain river", "rain boats"), "main p", "main p", hints=["img:2"])
    found = tokens_of(page)
    group = found.bucket >> 13
    assert np.bincount(group, minlength=GROUPS)[[0, 2]].tolist() == [3, 1]
    assert (group == 1).any()
    for one in range(GROUPS):
        assert (found.values[group == one] ** 2).sum() == pytest.approx(1)
    assert len(tokens_of(page.without_markup()).bucket) == 3


def test_a_hint_tells_pages_apart_that_are_else_alike():
    page = plain("rain", "river")
    one, other = (with_paths(page, "p", "p", hints=[hint]) for hint in ("og:article", "og:product"))
    both = tokens_of(one, other)
    first, second = (set(both.bucket[both.page == k].tolist()) for k in (0, 1))
    assert len(first - second) == len(second - first) == 1


def test_scores_by_tokens_are_the_same_to_the_last_bit_in_any_batch(many):
    pages = many[0]
    model = fitted_on_types().model_.page_types
    together = model.scores(tokens_of(*pages))
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(pages))
        found = model.scores(tokens_of(*(pages[k] for k in order)))
        np.testing.assert_array_equal(found, together[order])
    for k in range(0, len(pages), 11):
        np.testing.assert_array_equal(model.scores(tokens_of(pages[k]))[0], together[k])


def test_weights_of_tokens_tell_the_types_that_they_were_learned_from():
    types = np.array([PAGE_TYPES.index(name) for name in TYPED.page_types])
    tokens = tokens_of(*TYPED.pages)
    learned = np.flatnonzero(np.arange(len(types)) % 2)
    scores = token_scores(*fit_token_weights(tokens, types, learned, 0.1), tokens)
    assert (scores.argmax(axis=1) == types).mean() > 0.9
    alone = np.flatnonzero(types == 0)
    scores = token_scores(*fit_token_weights(tokens, types, alone, 0.1), tokens)
    assert (scores.argmax(axis=1) == 0).all()


def test_of_which_pages_the_markup_is_known_is_told_of_empty_ones_too():
    page = TYPED.pages[0]
    batch = Batch.from_pages([page, page.without_markup(), Page("", (), ()), page])
    assert has_markup(batch).tolist() == [True, False, False, True]


# -------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"types": np.array([0])}, "codes of page types"),
        ({"types": np.array([1, 0, 5])}, "codes of page types"),
        ({"types": np.array([0, 1, 1])}, "codes of page types"),
        ({"types": np.array([0, 1, len(PAGE_TYPES)])}, "codes of page types"),
        ({"types": np.array([0, 1])}, "trees: expected 1 outputs"),
        ({"types": np.array([0.0, 1.0, 5.0])}, "types"),
        ({"weights": np.zeros((5, len(PAGE_TYPES)), np.int32)}, "weights"),
        ({"weights": np.zeros((GROUPS << 13, len(PAGE_TYPES)), np.float32)}, "weights"),
        ({"weights": np.zeros((GROUPS << 13, 2), np.int32)}, "weights"),
        ({"intercept": np.zeros(2)}, "intercept"),
        ({"intercept": np.full(len(PAGE_TYPES), np.nan)}, "intercept"),
        ({"intercept": np.full(len(PAGE_TYPES), np.inf)}, "intercept"),
        ({"cards_bounds": np.array([0.5, np.nan])}, "cards_bounds: holds numbers that are not"),
        ({"cards_bounds": np.array([0.4, 0.5])}, "cards_bounds: expected .5 to 1"),
        ({"cards_bounds": np.array([0.5, 1.1])}, "cards_bounds: expected .5 to 1"),
        ({"cards_bounds": np.array([0.5])}, "cards_bounds"),
    ],
)
def test_arrays_that_are_no_model_of_page_types_are_refused(change, reason):
    model = fitted_on_types().model_.page_types
    assert model.types.tolist() == [0, 1, 5]
    with pytest.raises(ValueError, match=reason):
        replace(model, **change)


def test_trees_with_other_columns_or_outputs_are_refused():
    model = fitted_on_types().model_
    with pytest.raises(ValueError, match="LineModel.has_content: expected"):
        replace(model, has_content=model.trees)
    with pytest.raises(ValueError, match="PageTypes.trees: expected 3 outputs"):
        replace(model.page_types, trees=model.has_content)
    of_lines = replace(model.page_types, trees=model.kind_trees)  # it tells three kinds, too
    with pytest.raises(ValueError, match="LineModel.page_types: expected"):
        replace(model, page_types=of_lines)
