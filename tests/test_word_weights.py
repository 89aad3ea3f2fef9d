import numpy as np
import pytest

from linesift.labelling.labels import LABELS
from linesift.models.features import hashed_ngrams
from linesift.models.linear import HashedLinear
from linesift.models.packing import pack
from linesift.reading.page import Batch, Page
from linesift.reports.word_weights import word_weights
from tests.made_pages import fitted

ODD_LINES = (
    "It rained all day, they said.",
    "x",
    "—",
    "  leading and   inner spaces ",
    "日本語の記事です。Tokyo 2021",
    "emoji 😀 and half \ud800 a pair",
    "الحكومة قالت أمس",
    "word " * 100,
    "y" * 1000,
)


@pytest.mark.parametrize("orders", [(3,), (3, 5), (5, 3)])
def test_what_the_words_of_a_line_add_makes_its_score(orders):
    rng = np.random.default_rng(0)
    linear = HashedLinear(
        pack(np.append(rng.integers(-127, 128, (len(LABELS), 1 << 12)), [[0]] * 4, axis=1)),
        rng.random(len(LABELS), np.float32),
        rng.random(len(LABELS), np.float32),
    )
    batch = Batch.from_pages([Page("p", ODD_LINES, tuple(range(len(ODD_LINES))))])
    words = list(word_weights(linear, (orders, 128, 64), batch))
    added = np.array([np.sum([weights for _, weights in one], axis=0) for one in words])
    scores = linear.scores(hashed_ngrams(batch, orders, 12, 128, 64))
    np.testing.assert_allclose(added + linear.intercept, scores, rtol=1e-4, atol=1e-4)


def test_words_of_a_line_are_those_that_the_model_looks_at():
    batch = Batch.from_pages([Page("p", ("one two " + "x" * 50 + " three four",), (1,))])
    linear = fitted().model_.ngrams
    (words,) = word_weights(linear, ((3, 5), 7, 10), batch)
    assert [word for word, _ in words] == ["one", "two" + "three", "four"]
