import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from linesift.models.network import Network, _whole_weights, fit_network

OPTIONS = {"hidden": 8, "alpha": 1e-3, "epochs": 5, "learning_rate": 0.01, "seed": 3}


def columns(n_rows: int, seed: int = 0) -> np.ndarray:
    """Columns of four scales; the last is unknown in a third of the rows, the fifth everywhere."""
    rng = np.random.default_rng(seed)
    made = [
        rng.normal(size=n_rows),
        1e4 + 1e3 * rng.normal(size=n_rows),
        rng.integers(0, 2, n_rows),
        np.full(n_rows, 7.0),
        np.full(n_rows, np.nan),
        np.where(rng.random(n_rows) < 0.33, np.nan, rng.random(n_rows)),
    ]
    return np.column_stack(made).astype(np.float32)


def classes(features: np.ndarray, number: int = 2) -> np.ndarray:
    score = features[:, 0] + features[:, 2] + np.nan_to_num(features[:, 5], nan=0.5)
    return np.searchsorted([1.0] if number == 2 else [0.5, 1.5], score)


def fitted(number: int = 2) -> Network:
    features = columns(3000)
    weight = np.ones(len(features), np.float32)
    return fit_network(features, classes(features, number), weight, **OPTIONS)


@pytest.mark.parametrize("number", [2, 3])
def test_a_network_learns_what_its_columns_tell(number):
    new = columns(1000, seed=1)
    scores = fitted(number).scores(new)
    assert scores.shape == (1000, 1 if number == 2 else number)
    found = scores[:, 0] > 0 if number == 2 else scores.argmax(axis=1)
    assert np.mean(found == classes(new, number)) > 0.95


def test_it_judges_as_the_model_of_scikit_learn_on_scaled_columns():
    features = columns(3000)[:, :3]
    target = classes(columns(3000))
    network = fit_network(features, target, np.ones(3000, np.float32), **OPTIONS)
    edges = (np.array([network.lowest, network.highest]) + network.shift) / network.scale
    cut = np.clip(features, *edges)
    scaled = (cut - cut.mean(axis=0)) / cut.std(axis=0)
    model = MLPClassifier(
        (8,),
        alpha=1e-3,
        batch_size=512,
        learning_rate_init=0.01,
        max_iter=34,
        tol=0,
        n_iter_no_change=34,
        random_state=3,
    )  # few rows: 34 epochs of six batches
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaled, target)
    probability = 1 / (1 + np.exp(-network.scores(features)[:, 0]))
    np.testing.assert_allclose(probability, model.predict_proba(scaled)[:, 1], atol=0.01)


def test_an_unknown_value_counts_as_the_mean_of_its_column():
    network = fitted()
    unknown, mean = columns(200, seed=2), columns(200, seed=2)
    unknown[:, 1], mean[:, 1] = np.nan, network.shift[1] / network.scale[1]
    np.testing.assert_array_equal(network.scores(unknown), network.scores(mean))


def test_values_beyond_all_that_was_seen_are_cut():
    network = fitted()
    far, edge = columns(50, seed=2), columns(50, seed=2)
    far[:, 1] = np.inf
    edge[:, 1] = (network.highest[1] + network.shift[1]) / network.scale[1]
    assert np.isfinite(network.scores(far)).all()
    np.testing.assert_array_equal(network.scores(far), network.scores(edge))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("n_rows", [0, 1, 2, 255, 1024, 1025, 2500])
def test_what_is_said_of_a_row_does_not_hang_on_the_rows_beside_it(n_rows, threads):
    network = fitted(3)
    rows = columns(2500, seed=4)
    together = network.scores(rows)
    with threadpool_limits(threads):
        alone = network.scores(rows[2500 - n_rows :])
    np.testing.assert_array_equal(alone, together[2500 - n_rows :])


def test_the_hidden_sums_are_exact_for_the_largest_values_that_columns_can_hold():
    features = np.random.default_rng(0).normal(size=(2000, 200)).astype(np.float32)
    target = (features[:, :20].sum(axis=1) > 0).astype(int)
    network = fit_network(features, target, np.ones(2000, np.float32), **OPTIONS)
    whole = np.maximum(-network.lowest, network.highest)
    assert (np.abs(network.hidden_weights.astype(np.int64)).T @ whole < 2**24).all()
    np.testing.assert_array_equal(network.hidden_weights, np.rint(network.hidden_weights))
    sums = whole @ network.hidden_weights
    exact = whole.astype(np.int64) @ network.hidden_weights.astype(np.int64)
    np.testing.assert_array_equal(sums, exact)


@pytest.mark.parametrize("size", [0, 1e-40, 1e-30, 1e-9, 1e9])
def test_units_that_the_penalty_has_shrunk_to_nothing_stay_finite(size):
    weights = np.full((3, 2), size, np.float32)
    weights[2, 0] = 1.0  # on a column that never changes
    whole, scale = _whole_weights(weights, np.array([4.0, 300.0, 0.0], np.float32))
    assert np.isfinite(whole).all() and np.isfinite(scale).all() and (whole[2] == 0).all()
    assert (np.array([4, 300, 0]) @ np.abs(whole) < 2**24).all()
    np.testing.assert_allclose(whole[:2] * scale, weights[:2], rtol=1e-3, atol=1e-6)


def test_rows_that_count_nothing_are_not_learned_from():
    features = columns(2000)
    target = classes(features)
    wrong = np.concatenate([target, 1 - target])
    weight = np.repeat([1.0, 1e-6], 2000).astype(np.float32)
    network = fit_network(np.tile(features, (2, 1)), wrong, weight, **OPTIONS)
    assert np.mean((network.scores(features)[:, 0] > 0) == target) > 0.95


def test_the_same_seed_gives_the_same_network():
    features = columns(600)
    weight = np.ones(600, np.float32)
    one, same, other = (
        fit_network(features, classes(features), weight, **{**OPTIONS, "seed": seed})
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.hidden_weights, same.hidden_weights)
    assert not np.array_equal(one.hidden_weights, other.hidden_weights)
