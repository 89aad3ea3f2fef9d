import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from linesift.labelling.labels import (
    CONTENT,
    LABELS,
    NAVIGATION,
    OTHER,
    RELATED,
    UNSURE,
    LabelledPages,
)
from linesift.reading.page import Page
from linesift.scoring.metrics import (
    SCORE_NAMES,
    calibration_points,
    estimates,
    f1_score,
    precision_recall_points,
    score_pages,
    text_f1,
)

C, R, N, O, U = CONTENT, RELATED, NAVIGATION, OTHER, UNSURE  # noqa: E741


def scored(*pages, probability=None):
    """Scores of pages given as (site, lines, true labels, given labels)."""
    labelled = LabelledPages(
        [
            Page(f"p{k}", lines, tuple(range(1, len(lines) + 1)), site, "en")
            for k, (site, lines, _, _) in enumerate(pages)
        ],
        [np.array(truth, np.int8) for _, _, truth, _ in pages],
        ["made"] * len(pages),
        [
            tuple(line for line, label in zip(lines, truth, strict=True) if label == C)
            for _, lines, truth, _ in pages
        ],
    )
    given = [np.array(codes, np.intp) for *_, codes in pages]
    if probability is None:
        proba = [np.eye(len(LABELS), dtype=np.float32)[codes] for codes in given]
    else:
        proba = [np.column_stack([p, 1 - np.array(p), *np.zeros((2, len(p)))]) for p in probability]
    return score_pages(labelled, proba, given)


def values(scores) -> dict[str, float]:
    return {name: score.value for name, score in estimates(scores).items()}


# --------------------------------------------------------------------- single scores


@pytest.mark.parametrize(
    ("true", "false", "missed", "expected"),
    [(2, 1, 1, 4 / 6), (3, 0, 0, 1), (0, 2, 3, 0), (0, 0, 0, 1), (0, 1, 0, 0)],
)
def test_f1_of_counts(true, false, missed, expected):
    counts = (np.array([float(n)]) for n in (true, false, missed))
    assert f1_score(*counts) == pytest.approx([expected])


@pytest.mark.parametrize(
    ("kept", "gold", "expected"),
    [
        (["a b c d e"], ["a b c d e"], 1),
        (["a b c d e"], ["a b c d"], 2 / 3),  # two runs against one, one shared
        (["a b c d a b c d"], ["a b c d"], 2 / 6),  # counted as often as they stand
        (["A b,", "C d!"], ["a b c d"], 1),  # neither case, signs nor line ends count
        (["x y z w"], ["a b c d"], 0),
        ([], ["a b c d"], 0),
        (["a b c d"], [], 0),
        ([], [], 1),
        (["今天下雨"], ["今天下雨"], 1),
    ],
)
def test_text_f1_counts_runs_of_four_words(kept, gold, expected):
    assert text_f1(kept, gold) == pytest.approx(expected)


# ------------------------------------------------------------------- pages together


TWO_PAGES = (
    (
        "a.example",
        ("one two", "one two three four five six", "abc", "menu"),
        [C, C, R, N],
        [N, C, C, N],
    ),
    ("b.example", ("one two three four five six", "by"), [C, O], [C, O]),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("line_f1", (0.5 + 1) / 2),
        ("line_precision", (0.5 + 1) / 2),
        ("line_recall", (0.5 + 1) / 2),
        ("line_f1_pooled", 2 / 3),
        ("line_precision_pooled", 2 / 3),
        ("line_recall_pooled", 2 / 3),
        ("character_f1", 2 * 54 / (2 * 54 + 3 + 7)),
        ("short_content_recall", 0),
        ("related_kept", 1),
        ("failed_pages", 0),
        ("f1_content", 2 / 3),
        ("f1_related", 0),
        ("f1_navigation", 2 / 3),
        ("f1_other", 1),
    ],
)
def test_scores_of_two_pages_by_hand(name, expected):
    assert values(scored(*TWO_PAGES))[name] == pytest.approx(expected)


def test_text_f1_compares_what_comes_out_with_the_article():
    # On the first page three of four runs are shared, and one run more was to be found.
    first = text_f1(["one two three four five six", "abc"], ["one two one two three four five six"])
    assert values(scored(*TWO_PAGES))["text_f1"] == pytest.approx((first + 1) / 2)


def test_wrong_lines_are_shares_of_all_known_ones():
    page = ("a.example", ("a", "b", "c", "d", "e"), [C, N, R, C, U], [C, R, C, N, C])
    found = values(scored(page))
    assert (found["wrong_label"], found["wrong_keep"]) == (0.75, 0.5)


def test_every_score_has_a_name():
    assert tuple(estimates(scored(*TWO_PAGES))) == SCORE_NAMES


def test_a_page_under_half_counts_as_failed():
    lost = ("c.example", ("a", "b", "c"), [C, C, C], [N, N, C])
    bad = ("d.example", ("a", "b", "c", "d"), [C, C, C, C], [N, N, N, C])
    assert values(scored(lost, bad))["failed_pages"] == 0.5


@pytest.mark.parametrize(
    ("given", "f1", "precision", "recall"),
    [([N, N], 1, 1, 1), ([C, N], 0, 0, 1)],
)
def test_pages_without_content_count_by_whether_anything_was_kept(given, f1, precision, recall):
    found = values(scored(("a.example", ("x", "y"), [N, R], given)))
    assert found["line_f1"] == f1
    assert found["line_precision"] == precision
    assert found["line_recall"] == recall


def test_a_page_of_which_nothing_was_kept_has_no_precision():
    found = values(scored(("a.example", ("x", "y"), [C, R], [N, N])))
    assert found["line_precision"] == found["line_recall"] == found["line_f1"] == 0


@pytest.mark.parametrize("given", LABELS)
def test_unsure_lines_count_in_no_line_score(given):
    site, lines, truth, codes = TWO_PAGES[0]
    more = (site, (*lines, "is it?"), [*truth, U], [*codes, LABELS.index(given)])
    expected, found = values(scored(TWO_PAGES[0])), values(scored(more))
    for name in set(SCORE_NAMES) - {"text_f1"}:
        assert found[name] == expected[name], name


def test_calibration_error_is_the_mean_gap_between_probability_and_outcome():
    page = ("a.example", ("a", "b", "c", "d"), [C, N, C, U], [C, C, N, C])
    scores = scored(page, probability=[[0.9, 0.7, 0.2, 0.99]])
    assert values(scores)["calibration_error"] == pytest.approx((0.1 + 0.7 + 0.8) / 3)
    probability, content = calibration_points(scores)
    assert probability == pytest.approx([0.2, 0.7, 0.9])
    assert content == pytest.approx([1, 0, 1])


def test_lines_of_one_bin_make_up_for_each_other():
    page = ("a.example", ("a", "b"), [C, N], [C, C])
    scores = scored(page, probability=[[0.51, 0.53]])
    assert values(scores)["calibration_error"] == pytest.approx(0.02)


def test_precision_and_recall_at_each_threshold_by_hand():
    proba = [np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]]), np.array([[0.8, 0.2], [0.1, 0.9]])]
    labels = [np.array([C, C, U], np.int8), np.array([N, C], np.int8)]
    thresholds, precision, recall = precision_recall_points(labels, proba)
    assert thresholds == pytest.approx([0.9, 0.8, 0.6, 0.1])
    assert precision == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4])
    assert recall == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1])


def test_lines_of_one_probability_are_kept_together_at_a_threshold():
    rng = np.random.default_rng(2)
    proba = [rng.integers(1, 6, (20, 1)) / 8 for _ in range(5)]
    labels = [rng.choice([C, N], 20).astype(np.int8) for _ in proba]
    points = precision_recall_points(labels, proba)
    is_content, score = np.concatenate(labels) == C, np.concatenate(proba)[:, 0]
    precision, recall, thresholds = precision_recall_curve(is_content, score)
    expected = thresholds, precision[:-1], recall[:-1]
    for ours, theirs in zip(points, expected, strict=True):
        np.testing.assert_allclose(ours, theirs[::-1])


# ------------------------------------------------------------------------- intervals


def random_pages(sites):
    rng = np.random.default_rng(4)
    return [
        (site, tuple("abcdefgh"), rng.choice([C, R, N, O], 8), rng.choice([C, C, R, N, O], 8))
        for site in sites
    ]


def test_intervals_hold_the_value_and_are_the_same_each_time():
    scores = scored(*random_pages([f"s{k % 12}.example" for k in range(40)]))
    found = estimates(scores)
    assert found == estimates(scores)
    for name, score in found.items():
        assert score.low <= score.value <= score.high, name
    assert found["line_f1"].low < found["line_f1"].high
    assert estimates(scores, seed=1)["line_f1"].value == found["line_f1"].value
    assert estimates(scores, seed=1) != found


def test_an_interval_is_as_wide_as_one_of_95_percent():
    pages = random_pages([f"s{k}.example" for k in range(200)])
    f1 = [estimates(scored(page))["line_f1"].value for page in pages]
    found = estimates(scored(*pages))["line_f1"]
    margin = 1.96 * np.std(f1) / np.sqrt(len(f1))  # of a mean of so many, nearly normal
    assert found.high - found.value == pytest.approx(margin, rel=0.1)
    assert found.value - found.low == pytest.approx(margin, rel=0.1)


def test_pages_of_one_site_move_together():
    lines, right, wrong = ("a", "b"), ([C, N], [C, N]), ([C, N], [N, C])
    one_site = scored(("s", lines, *right), ("s", lines, *wrong))
    two_sites = scored(("s", lines, *right), ("t", lines, *wrong))
    together, apart = estimates(one_site)["line_f1"], estimates(two_sites)["line_f1"]
    assert (together.low, together.value, together.high) == (0.5, 0.5, 0.5)
    assert (apart.low, apart.value, apart.high) == (0, 0.5, 1)


def test_the_chosen_pages_are_scored_as_if_they_were_all():
    pages = random_pages(["a", "b", "c", "b"])
    chosen = np.array([False, True, False, True])
    assert estimates(scored(*pages), chosen) == estimates(scored(pages[1], pages[3]))
