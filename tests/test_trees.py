from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from linesift.models.odds import softmax
from linesift.models.trees import fit_trees, masked, quantised


def random_columns(n_rows: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    columns = np.column_stack(
        [
            rng.normal(size=n_rows),
            np.exp(3 * rng.normal(size=n_rows)),
            rng.integers(0, 7, n_rows),
            np.where(rng.random(n_rows) < 0.3, np.nan, rng.random(n_rows)),
        ]
    )
    return columns.astype(np.float32)


@pytest.mark.parametrize("n_rows", [1, 200, 4000, 60_000])
def test_columns_get_few_values_and_those_near_by(n_rows):
    columns = random_columns(n_rows)
    found = quantised(columns)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(found), np.isnan(columns))
    for column, few in zip(columns.T, found.T, strict=True):
        known = ~np.isnan(column)
        assert len(np.unique(few[known])) <= 255
        ranks = np.searchsorted(np.sort(column[known]), [column[known], few[known]])
        assert np.abs(ranks[0] - ranks[1]).max(initial=0) <= max(n_rows * 0.01, 2)


def test_columns_with_few_values_stay_as_they_are():
    columns = random_columns(120_000)[:, [2]]
    columns[77] = 99.0  # not in the sample that quantiles are drawn from
    np.testing.assert_array_equal(quantised(columns), columns)
    rare = np.where(np.arange(120_000) % 400 == 1, np.arange(120_000), 0).astype(np.float32)
    assert len(np.unique(quantised(rare[:, None]))) <= 255


def test_trees_grown_on_few_values_judge_raw_values_alike():
    columns = random_columns(4000)
    target = np.nan_to_num(columns[:, 0] * columns[:, 2] + columns[:, 3]) > 0.2
    weight = np.random.default_rng(1).random(len(columns))
    model = HistGradientBoostingClassifier(max_iter=20, early_stopping=False)
    model.fit(quantised(columns), target, sample_weight=weight)
    new = random_columns(9000)[4000:]
    for rows in (columns, new):
        np.testing.assert_array_equal(
            model.predict_proba(rows), model.predict_proba(quantise_like(columns, rows))
        )


def quantise_like(fitted: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Replace each value by the nearest that training saw, as a person would by hand."""
    result = rows.copy()
    for k, column in enumerate(quantised(fitted).T):
        values = np.unique(column[~np.isnan(column)]).astype(float)
        known = ~np.isnan(rows[:, k])
        distance = np.abs(rows[known, k].astype(float)[:, None] - values)
        result[known, k] = values[distance.argmin(axis=1)]
    return result


# ------------------------------------------------------------------------ as bit masks


def grown(n_classes: int, **options: int) -> HistGradientBoostingClassifier:
    columns = random_columns(3000)
    classes = np.digitize(np.nan_to_num(columns[:, 0] + columns[:, 3]), range(1, n_classes))
    options = {"max_iter": 30, "max_leaf_nodes": 31, "early_stopping": False} | options
    return HistGradientBoostingClassifier(**options).fit(columns, classes)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("options", [{}, {"max_leaf_nodes": 32}, {"max_leaf_nodes": 2}], ids=str)
def test_masks_say_what_the_walk_of_scikit_learn_says(n_classes, options):
    model = grown(n_classes, **options)
    columns = random_columns(5000)
    rng = np.random.default_rng(2)
    columns[rng.random(columns.shape) < 0.1] = np.nan
    # And the borders themselves, where a rounding would show.
    borders = masked(model).borders.ravel()
    columns[: len(borders), 0] = borders[:5000]
    found = softmax(masked(model).scores(columns))
    np.testing.assert_allclose(found, model.predict_proba(columns), rtol=1e-12)


def test_a_border_that_single_precision_would_round_up_parts_the_same_rows():
    low = np.nextafter(np.float32(1), np.float32(2))
    high = np.nextafter(low, np.float32(2))  # of the middle between them the nearest, by ties
    column = np.repeat(np.array([low, high]), 100)[:, None]
    model = HistGradientBoostingClassifier(max_iter=3).fit(column, column[:, 0] == high)
    found = softmax(masked(model).scores(column))
    np.testing.assert_allclose(found, model.predict_proba(column))
    assert np.ptp(found) > 0


def test_trees_that_cannot_split_say_the_same_of_all_rows():
    model = grown(2, min_samples_leaf=5000)
    found = masked(model).scores(random_columns(700))
    np.testing.assert_allclose(softmax(found), model.predict_proba(random_columns(700)))
    assert np.ptp(found) == 0


@pytest.mark.parametrize("n_rows", [0, 1, 511, 512, 513, 2000])
def test_rows_get_the_same_to_the_last_bit_in_any_company(n_rows):
    trees, columns = masked(grown(3)), random_columns(2000)
    np.testing.assert_array_equal(
        trees.scores(columns[:n_rows]), trees.scores(np.asfortranarray(columns))[:n_rows]
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_row_alone_gets_what_it_gets_among_others(n_classes):
    trees, columns = masked(grown(n_classes)), random_columns(100)
    alone = [trees.scores(columns[k : k + 1]) for k in range(len(columns))]
    np.testing.assert_array_equal(np.concatenate(alone), trees.scores(columns))


def test_a_column_that_holds_nothing_does_not_stop_the_fit():
    columns = random_columns(400)
    columns[:, 1] = np.nan
    trees = fit_trees(columns, np.arange(400) % 2, np.ones(400), trees=3, leaves=4, least=5, seed=0)
    assert np.isnan(columns[:, 1]).all()  # the caller's columns stay as they are
    assert trees.scores(columns).shape == (400, 1)


@pytest.mark.parametrize("leaves", [1, 33])
def test_more_leaves_than_bits_are_refused(leaves):
    with pytest.raises(ValueError, match=f"leaves: expected 2 to 32, got {leaves}"):
        fit_trees(
            random_columns(40),
            np.arange(40) % 2,
            np.ones(40),
            trees=1,
            leaves=leaves,
            least=1,
            seed=0,
        )


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("columns", lambda a: a + 100, "columns: expected 0 to 7"),
        ("columns", lambda a: a - 100, "columns: expected 0 to 7"),
        ("struck", lambda a: a | np.uint32(1 << 30), "leaves no leaf"),
        ("values", lambda a: a[:-1], "leaves do not fit"),
        ("values", lambda a: a * np.nan, "not finite"),
        ("borders", lambda a: a.astype(float), "expected float32, got float64"),
        ("baseline", lambda a: np.zeros(7), "30 trees, 7 outputs"),
        ("baseline", lambda a: a[:0], "30 trees, 0 outputs"),
    ],
)
def test_trees_that_could_not_be_applied_cannot_be_made(name, change, message):
    trees = masked(grown(2))
    with pytest.raises(ValueError, match=message):
        replace(trees, **{name: change(getattr(trees, name))})
