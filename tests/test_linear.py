import numpy as np
import pytest
from scipy.sparse import lil_matrix
from sklearn.linear_model import SGDClassifier

from linesift.labelling.labels import CONTENT, LABELS, NAVIGATION, OTHER, RELATED
from linesift.models.features import Tokens
from linesift.models.linear import HashedLinear, fit_hashed_linear, take_rows
from linesift.models.packing import pack

BITS = 6


@pytest.fixture(scope="module")
def tokens():
    """Rows of random tokens, the second of them empty."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 12, 80)
    sizes[1] = 0
    hashes = rng.integers(0, 1 << BITS, sizes.sum()).astype(np.uint32)
    return Tokens((hashes,), np.cumsum(sizes) - sizes, sizes, 1 << BITS)


@pytest.fixture(scope="module")
def labels(tokens):
    rng = np.random.default_rng(6)
    return rng.choice([CONTENT, RELATED, NAVIGATION], len(tokens.counts)).astype(np.int8)


def fit(tokens, rows, labels):
    return fit_hashed_linear(tokens, rows, labels, alpha=1e-3, epochs=4, seed=2)


def test_scores_are_those_of_scikit_learn_on_the_same_sparse_rows(tokens, labels):
    learn = np.arange(60)
    matrix = lil_matrix((len(labels), 1 << BITS), dtype=np.float32)
    for row, (first, count) in enumerate(zip(tokens.starts, tokens.counts, strict=True)):
        for token in tokens.hashes[0][first : first + count]:
            matrix[row, token] += 1 / np.sqrt(count)
    matrix = matrix.tocsr()
    scores = fit(tokens, learn, labels[learn]).scores(tokens)
    for label in (CONTENT, RELATED, NAVIGATION):
        composed = SGDClassifier(
            loss="log_loss", alpha=1e-3, average=True, max_iter=4, tol=None, random_state=2
        ).fit(matrix[learn], labels[learn] == label)
        expected = composed.decision_function(matrix)
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(
            scores[:, label], expected, rtol=0, atol=0.02 * np.abs(expected).max()
        )


def test_a_label_never_seen_is_never_likely(tokens, labels):
    scores = fit(tokens, np.arange(len(labels)), labels).scores(tokens)
    assert (scores[:, OTHER] < -5).all()
    assert (scores.argmax(axis=1) != OTHER).all()


def test_the_only_label_seen_is_always_likely(tokens, labels):
    model = fit(tokens, np.arange(10), np.full(10, RELATED, np.int8))
    assert (model.scores(tokens).argmax(axis=1) == RELATED).all()


def test_rows_are_scored_each_by_itself(tokens, labels):
    model = fit(tokens, np.arange(len(labels)), labels)
    together = model.scores(tokens)
    assert together.shape == (len(labels), len(LABELS))
    for row in range(len(labels)):
        alone = model.scores(take_rows(tokens, np.array([row])))
        np.testing.assert_array_equal(alone[0], together[row])


def test_a_row_without_tokens_gets_the_intercept(tokens, labels):
    model = fit(tokens, np.arange(len(labels)), labels)
    np.testing.assert_array_equal(model.scores(tokens)[1], model.intercept)


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
    hashes = np.arange(6, dtype=np.uint32)
    tokens = Tokens((hashes, hashes + 6), np.array([0, 2, 2, 5]), np.array([4, 0, 6, 2]), 12)
    taken = take_rows(tokens, np.array(rows, np.intp))
    assert [one.tolist() for one in taken.hashes] == [tokens_taken, [t + 6 for t in tokens_taken]]
    assert taken.starts.tolist() == bounds[:-1]
    assert taken.counts.tolist() == [[4, 0, 6, 2][row] for row in rows]


@pytest.mark.parametrize("orders", [1, 3])
@pytest.mark.parametrize("length", [5, 84, 85, 257, 258, 259, 5000])
def test_sums_of_rows_of_any_length_stay_apart(length, orders):
    largest = np.array([[127, -127], [-127, 127], [0, 0], [1, -1]])
    model = HashedLinear(
        pack(np.pad(largest, ((0, 0), (0, 1)))), np.ones(4, np.float32), np.zeros(4, np.float32)
    )
    row = np.zeros(length, np.uint32)
    starts, counts = np.array([0, length]), np.array([orders * length] * 2)
    tokens = Tokens((np.concatenate([row, row + 1]),) * orders, starts, counts, 2)
    expected = largest.T * np.sqrt(orders * length)
    np.testing.assert_allclose(model.scores(tokens), expected, rtol=1e-6)


def test_the_same_seed_gives_the_same_model(tokens, labels):
    first, second = (fit(tokens, np.arange(len(labels)), labels) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.intercept, second.intercept)


def test_more_columns_than_fit_into_one_number_are_refused():
    """A label more than four would lose its scores without a word."""
    with pytest.raises(ValueError, match="expected up to 4 columns, got 5"):
        pack(np.ones((5, 3), int))
