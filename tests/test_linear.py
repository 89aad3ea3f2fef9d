import numpy as np
import pytest
from scipy.sparse import lil_matrix
from sklearn.linear_model import SGDClassifier

from linesift.labels import CONTENT, LABELS, NAVIGATION, OTHER, RELATED
from linesift.linear import fit_hashed_linear, take_rows

BITS = 6


@pytest.fixture(scope="module")
def tokens():
    """Rows of random tokens, the second of them empty, and a label for each."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 12, 80)
    sizes[1] = 0
    starts = np.concatenate([[0], np.cumsum(sizes)])
    hashes = rng.integers(0, 1 << BITS, starts[-1]).astype(np.uint32)
    labels = rng.choice([CONTENT, RELATED, NAVIGATION], len(sizes)).astype(np.int8)
    return hashes, starts, labels


def fit(tokens, rows, labels):
    hashes, starts, _ = tokens
    return fit_hashed_linear(hashes, starts, rows, labels, bits=BITS, alpha=1e-3, epochs=4, seed=2)


def test_scores_are_those_of_scikit_learn_on_the_same_sparse_rows(tokens):
    hashes, starts, labels = tokens
    learn = np.arange(60)
    matrix = lil_matrix((len(labels), 1 << BITS), dtype=np.float32)
    for row, (first, last) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
        for token in hashes[first:last]:
            matrix[row, token] += 1 / np.sqrt(last - first)
    matrix = matrix.tocsr()
    scores = fit(tokens, learn, labels[learn]).scores(hashes, starts)
    for label in (CONTENT, RELATED, NAVIGATION):
        composed = SGDClassifier(
            loss="log_loss", alpha=1e-3, average=True, max_iter=4, tol=None, random_state=2
        ).fit(matrix[learn], labels[learn] == label)
        expected = composed.decision_function(matrix)
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(scores[:, label], expected, rtol=2e-3, atol=2e-3)


def test_a_label_never_seen_is_never_likely(tokens):
    hashes, starts, labels = tokens
    scores = fit(tokens, np.arange(len(labels)), labels).scores(hashes, starts)
    assert (scores[:, OTHER] < -5).all()
    assert (scores.argmax(axis=1) != OTHER).all()


def test_the_only_label_seen_is_always_likely(tokens):
    hashes, starts, labels = tokens
    model = fit(tokens, np.arange(10), np.full(10, RELATED, np.int8))
    assert (model.scores(hashes, starts).argmax(axis=1) == RELATED).all()


def test_rows_are_scored_each_by_itself(tokens):
    hashes, starts, labels = tokens
    model = fit(tokens, np.arange(len(labels)), labels)
    together = model.scores(hashes, starts)
    assert together.shape == (len(labels), len(LABELS))
    for row in range(len(labels)):
        alone = model.scores(*take_rows(hashes, starts, np.array([row])))
        np.testing.assert_array_equal(alone[0], together[row])


def test_a_row_without_tokens_gets_the_intercept(tokens):
    hashes, starts, labels = tokens
    model = fit(tokens, np.arange(len(labels)), labels)
    np.testing.assert_array_equal(model.scores(hashes, starts)[1], model.intercept)


@pytest.mark.parametrize(
    ("rows", "tokens_taken", "bounds"),
    [
        ([2, 0], [2, 3, 4, 0, 1], [0, 3, 5]),
        ([1], [], [0, 0]),
        ([1, 3, 1], [5], [0, 0, 1, 1]),
        ([0, 0], [0, 1, 0, 1], [0, 2, 4]),
        ([], [], [0]),
    ],
)
def test_taken_rows_keep_their_tokens_in_the_order_asked_for(rows, tokens_taken, bounds):
    hashes, starts = np.arange(6, dtype=np.uint32), np.array([0, 2, 2, 5, 6])
    taken, found = take_rows(hashes, starts, np.array(rows, np.intp))
    assert (taken.tolist(), found.tolist()) == (tokens_taken, bounds)


def test_the_same_seed_gives_the_same_model(tokens):
    labels = tokens[2]
    first, second = (fit(tokens, np.arange(len(labels)), labels) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.intercept, second.intercept)
