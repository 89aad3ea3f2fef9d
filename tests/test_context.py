from dataclasses import replace

import numpy as np
import pytest

from linesift.labelling.labels import CONTENT, LABELS, NAVIGATION, PAGE_TYPES, RELATED
from linesift.models.context import Context, _best_run, _Bounds
from linesift.models.features import (
    LINE_FEATURES,
    MARKUP_FEATURES,
    line_features,
    markup_features,
    word_hashes,
)
from linesift.models.prediction import unknown_types
from linesift.reading.page import Batch, Markup, Page
from tests.made_pages import TRAIN_SITES, made_pages
from tests.slow_context import columns_of_page


def plain(*lines: str) -> Page:
    return Page("p", lines, tuple(range(1, len(lines) + 1)))


def context_of(batch: Batch, scores: np.ndarray, page_types: np.ndarray | None = None) -> Context:
    if page_types is None:
        page_types = unknown_types(len(batch.page_starts) - 1)
    words = word_hashes(batch)
    text, markup = line_features(batch), markup_features(batch, words)
    return Context(batch, words, text, markup, scores, page_types)


def context(pages: list[Page], probability, scores=None, page_types=None) -> dict[str, np.ndarray]:
    """Columns of the context by name."""
    batch = Batch.from_pages(pages)
    if scores is None:
        scores = np.full((batch.n_lines, len(LABELS)), np.nan, np.float32)
    surroundings = context_of(batch, scores, page_types)
    names, features = surroundings.features(np.asarray(probability, float))
    assert features.shape == (batch.n_lines, len(names))
    return dict(zip(names, features.T, strict=True))


# ----------------------------------------------------------------------- by hand


def test_the_kinds_of_noise_around_a_line_by_hand():
    pages = [plain("One.", "Two", "Three four."), plain("Five")]
    third = np.log(3)  # odds of 3 against 1 for each of the three others
    scores = np.zeros((4, len(LABELS)), np.float32)
    scores[0, RELATED] = scores[1, NAVIGATION] = scores[2, RELATED] = third
    columns = context(pages, [0.5] * 4, scores)
    assert columns["related[after 3]"].tolist() == pytest.approx([1 / 3, 1 / 2, 0, 0], abs=1e-4)
    assert columns["related[before 10]"].tolist() == pytest.approx([0, 1 / 2, 1 / 3, 0], abs=1e-4)
    assert columns["navigation[before 3]"].tolist() == pytest.approx(
        [0, 1 / 6, (1 / 6 + 1 / 2) / 2, 0], abs=1e-4
    )
    assert context(pages, [0.5] * 4)["other[after 3]"].tolist() == [0.25, 0.25, 0, 0]


@pytest.fixture(scope="module")
def two_pages():
    pages = [plain("One.", "Two", "Three four."), plain("Five", "Six.")]
    return context(pages, [0.9, 0.1, 0.6, 0.2, 0.8])


NAN = np.nan


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("probability[-1]", [NAN, 0.9, 0.1, NAN, 0.2]),
        ("probability[+1]", [0.1, 0.6, NAN, 0.8, NAN]),
        ("probability[+2]", [0.6, NAN, NAN, NAN, NAN]),
        ("probability[-3]", [NAN] * 5),
        ("ends_sentence[-1]", [NAN, 1, 0, NAN, 0]),
        ("ends_sentence[+1]", [0, 1, NAN, 1, NAN]),
        ("probability[before 2]", [0, 0.9, 0.5, 0, 0.2]),
        ("probability[after 2]", [0.35, 0.6, 0, 0.8, 0]),
        ("probability[after 25]", [0.35, 0.6, 0, 0.8, 0]),
        ("gain[before 2]", [0, 0.4 * 4, 0.4 * 4 - 0.4 * 3, 0, -0.3 * 4]),
        ("ends_sentence[before 5]", [0, 1, 0.5, 0, 0]),
        ("probability[page]", [1.6 / 3] * 3 + [0.5] * 2),
        ("ends_sentence[page]", [2 / 3] * 3 + [1 / 2] * 2),
        ("log_lines[page]", [np.log(4)] * 3 + [np.log(3)] * 2),
        ("lines_since_confident", [64, 1, 2, 64, 64]),
        ("lines_until_likely", [2, 1, 64, 1, 64]),
        ("lines_until_sentence", [2, 1, 64, 1, 64]),
        ("lines_since_likely", [64, 1, 2, 64, 64]),
        ("lines_since_unlikely", [64, 64, 1, 64, 64]),
        # Gains 1.6, -1.2, 1.1 and -1.2, 1.2: both ends of the first page are worth its middle.
        ("in_run", [1, 0, 0, 0, 1]),
        ("lines_after_run_start", [0, 1, 2, -1, 0]),
        ("lines_before_run_end", [0, -1, -2, 1, 0]),
        ("run_share[page]", [4 / 18] * 3 + [4 / 8] * 2),
        ("characters_to_run", np.log1p([0, 0, 3, 0, 0])),
        ("link_share[+1]", [NAN] * 5),
        ("content_in_element", [NAN] * 5),
        ("copies", [np.log(2)] * 5),
        ("is_later_copy", [0] * 5),
    ],
)
def test_a_neighbourhood_ends_at_the_borders_of_the_page(two_pages, name, expected):
    np.testing.assert_allclose(two_pages[name], expected, atol=1e-4)


def test_a_line_said_twice_on_a_page_is_counted_on_that_page_only():
    columns = context([plain("Menu", "Text", "menu"), plain("Menu")], np.full(4, 0.5))
    np.testing.assert_allclose(columns["copies"], np.log1p([2, 1, 2, 1]))
    assert columns["is_later_copy"].tolist() == [0, 0, 1, 0]


def test_words_shared_with_lines_judged_content_are_weighed_by_their_probability():
    lines = ("river flooded bridge", "river boats", "menu search", "river weather")
    columns = context([plain(*lines)], [1.0, 0.0, 0.0, 0.5])
    # Of the words of a line, how surely others that are content use them.
    expected = [0.5 / 3, 1 / 2, 0, 1 / 2]
    np.testing.assert_allclose(columns["words_in_content"], expected, atol=1e-6)
    np.testing.assert_allclose(columns["words_elsewhere"], [1 / 3, 1 / 2, 0, 1 / 2], atol=1e-6)
    np.testing.assert_allclose(np.exp(columns["telling_words"]) - 1, [3, 2, 2, 2], atol=1e-5)


def test_words_of_many_lines_weigh_less_by_hand():
    lines = "river alone", "river bridge", "river", "bridge"
    columns = context([plain(*lines)], [0.9, 0.2, 0.6, 0.4])
    # What the other lines with "river", "bridge" or "alone" have of content.
    rare = [0.8 / np.sqrt(3) / 2, (1 / np.sqrt(3) + 0.4 / np.sqrt(2)) / 2, 1 / np.sqrt(3)]
    np.testing.assert_allclose(columns["words_in_content_rare"][:3], rare, atol=1e-6)
    mostly = [(0.9 / 2.3 + 0.1 / 0.3) / 2, (1.6 / 2.3 + 0.5 / 1.3) / 2, 1.2 / 2.3]
    np.testing.assert_allclose(columns["words_mostly_content"][:3], mostly, atol=1e-6)
    noise = [1 / 2, (0.5 + 0.6) / 2, 0.9]
    np.testing.assert_allclose(columns["words_in_noise"][:3], noise, atol=1e-6)


def test_words_shared_with_another_page_do_not_count():
    columns = context([plain("river flooded"), plain("river boats")], [1.0, 1.0])
    assert columns["words_in_content"].tolist() == [0, 0]
    assert columns["words_elsewhere"].tolist() == [0, 0]


def test_content_under_the_same_element_speaks_for_a_line():
    page = made_pages(range(1), per_site=1).pages[0]
    labels = made_pages(range(1), per_site=1).labels[0]
    columns = context([page], np.where(labels == CONTENT, 0.9, 0.1))
    paragraphs = [k for k, path in enumerate(page.markup.paths) if path.endswith(" p")]
    links = [k for k, path in enumerate(page.markup.paths) if ".menu" in path]
    assert columns["probability_in_element"][paragraphs] == pytest.approx(0.9)
    assert columns["probability_in_element"][links] == pytest.approx(0.1)
    assert columns["content_in_element"][paragraphs].min() > columns["content_in_element"][links][0]


def some_page(rng: np.random.Generator) -> Page:
    """Return a page of few different words and places, with markup or without."""
    size = int(rng.integers(1, 40))
    words = ["the", "river", "boat", "mills", "news", "a", "12", "wind.", "tale:"]
    longest = int(rng.choice([6, 30]))
    lines = [" ".join(rng.choice(words, rng.integers(1, longest))) for _ in range(size)]
    places = ["body", "body div", "body div p", "body div ul li", "body div ol li", "body main h2"]
    paths = tuple(str(one) for one in rng.choice(places, size))
    shares = tuple(float(one) for one in rng.choice([0.0, 0.25, 1.0], size))
    page = plain(*lines)
    return replace(page, markup=Markup(shares, paths)) if rng.random() < 0.7 else page


def test_every_column_is_what_a_slow_count_line_by_line_says():
    rng = np.random.default_rng(11)
    pages = [some_page(rng) for _ in range(60)]
    batch = Batch.from_pages(pages)
    words = word_hashes(batch)
    line, markup = line_features(batch), markup_features(batch, words)
    single = dict(zip((*LINE_FEATURES, *MARKUP_FEATURES), np.hstack([line, markup]).T, strict=True))
    # In sixty-fourths, so that sums are exact, and no two best runs differ by a rounding.
    probability = rng.integers(0, 65, batch.n_lines) / 64
    scores = rng.normal(size=(batch.n_lines, len(LABELS))).astype(np.float32)
    scores[rng.random(batch.n_lines) < 0.2] = NAN
    page_types = rng.random((len(pages), len(PAGE_TYPES))).astype(np.float32)
    columns = context(pages, probability, scores, page_types)
    for number, (page, start) in enumerate(zip(pages, batch.page_starts[:-1], strict=True)):
        rows = slice(start, start + len(page.lines))
        expected = columns_of_page(
            page.lines,
            page.markup and page.markup.paths,
            {name: values[rows].tolist() for name, values in single.items()},
            scores[rows],
            page_types[number].tolist(),
            probability[rows].tolist(),
        )
        assert expected.keys() == columns.keys()
        for name, values in expected.items():
            np.testing.assert_allclose(
                columns[name][rows], values, atol=2e-4, rtol=1e-5, err_msg=name
            )


# ------------------------------------------------------------------ the best run


def best_sum(gains: list[float]) -> float:
    """Largest sum of neighbouring gains, by trying them all; 0 for none."""
    sums = [sum(gains[i:j]) for i in range(len(gains)) for j in range(i + 1, len(gains) + 1)]
    return max(0, *sums)


def test_the_best_run_is_the_maximum_subarray_of_its_page():
    rng = np.random.default_rng(7)
    pages = [
        plain(*("x" * int(size) for size in rng.integers(1, 200, rng.integers(1, 15))))
        for _ in range(200)
    ]
    # In sixteenths, so that sums are exact; many pages then have several best runs.
    probability = rng.integers(0, 17, sum(len(page.lines) for page in pages)) / 16
    inside = context(pages, probability)["in_run"].astype(bool)
    start = 0
    some = 0
    for page in pages:
        rows = slice(start, start + len(page.lines))
        gains = [
            (p - 0.5) * len(line) for p, line in zip(probability[rows], page.lines, strict=True)
        ]
        chosen = np.flatnonzero(inside[rows])
        assert sum(gains[k] for k in chosen) == best_sum(gains)
        assert (np.diff(chosen) == 1).all()
        some += bool(len(chosen))
        start = rows.stop
    assert some > 100


def test_a_page_without_likely_lines_has_no_run():
    columns = context([plain("a", "bb"), plain("c")], [0.1, 0.5, 0.9])
    assert columns["in_run"].tolist() == [0, 0, 1]
    assert columns["run_gain[page]"][0] == 0


# ------------------------------------------------------------------------ batches


@pytest.fixture(scope="module")
def many():
    """300 pages of random length, some with markup, with a probability for each line."""
    rng = np.random.default_rng(3)
    made = made_pages(TRAIN_SITES, per_site=10).pages
    pages = []
    for k in range(300):
        page = made[k % len(made)]
        page = page.select(np.flatnonzero(rng.random(len(page.lines)) < rng.random()))
        pages.append(page.without_markup() if k % 3 == 0 else page)
    return pages, [rng.random(len(page.lines)) for page in pages]


def values(pages: list[Page], probability: list[np.ndarray]) -> list[np.ndarray]:
    batch = Batch.from_pages(pages)
    p = np.concatenate(probability)
    scores = np.column_stack([p, p * p, np.sin(9 * p), np.cos(9 * p)]).astype(np.float32)
    surroundings = context_of(batch, scores)
    _, features = surroundings.features(p)
    return np.split(features, batch.page_starts[1:-1])


def test_the_context_of_a_page_is_the_same_to_the_last_bit_in_any_batch(many):
    pages, probability = many
    order = np.random.default_rng(0).permutation(len(pages))
    together = values(pages, probability)
    shuffled = values([pages[k] for k in order], [probability[k] for k in order])
    for place, k in enumerate(order):
        np.testing.assert_array_equal(shuffled[place], together[k])
    for k in range(0, len(pages), 7):
        np.testing.assert_array_equal(values([pages[k]], [probability[k]])[0], together[k])


def test_more_pages_than_a_step_of_fixed_size_could_keep_apart_have_runs_of_their_own():
    n_pages = 530_000  # times 2**44 is more than 64 bits hold
    batch = Batch.from_pages([plain("a", "b")] * n_pages)
    probability, lengths = np.tile([0.9, 0.2], n_pages), np.tile([9, 1], n_pages)
    inside, columns = _best_run(_Bounds(batch), probability, lengths)
    assert (inside == np.tile([True, False], n_pages)).all()
    assert np.ptp(columns["run_gain[page]"]) == 0


def test_empty_pages_in_a_batch_change_nothing(many):
    pages, probability = many[0][1:4], many[1][1:4]
    nothing, no_lines = plain(), np.empty(0)
    mixed = values(
        [nothing, pages[0], nothing, nothing, pages[1], pages[2], nothing],
        [no_lines, probability[0], no_lines, no_lines, probability[1], probability[2], no_lines],
    )
    assert [len(part) for part in mixed] == [
        0,
        len(mixed[1]),
        0,
        0,
        len(mixed[4]),
        len(mixed[5]),
        0,
    ]
    for got, expected in zip(
        (mixed[1], mixed[4], mixed[5]), values(pages, probability), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


def test_a_batch_without_lines_has_the_same_columns(two_pages):
    assert list(context([], [])) == list(two_pages)
    assert list(context([plain()], [])) == list(two_pages)


def test_the_probabilities_given_are_not_changed(many):
    pages, probability = many
    given = np.concatenate(probability)
    before = given.copy()
    context(pages, given)
    np.testing.assert_array_equal(given, before)
