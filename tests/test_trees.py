import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from linesift.trees import predict_proba, quantised


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


@pytest.mark.parametrize("n_rows", [1, 1999, 2000, 2001, 5500])
def test_blocks_of_rows_get_what_all_rows_at_once_get(n_rows):
    columns = random_columns(n_rows)
    model = HistGradientBoostingClassifier(max_iter=5, early_stopping=False)
    model.fit(random_columns(500), np.arange(500) % 3)
    np.testing.assert_array_equal(predict_proba(model, columns), model.predict_proba(columns))
