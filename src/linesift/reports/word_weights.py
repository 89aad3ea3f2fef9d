"""What each word of a line adds to its score by n-grams.

A linear score is a sum over n-grams, so it can be handed back to the characters that they
cover, and from there to words: nothing is lost, and nothing is estimated.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from linesift.models.features import Floats, hashed_ngrams
from linesift.models.linear import HashedLinear
from linesift.models.packing import sums
from linesift.reading.page import Batch
from linesift.reading.text import word_spans


def word_weights(
    linear: HashedLinear, shape: tuple[tuple[int, ...], int, int], batch: Batch
) -> Iterator[list[tuple[str, Floats]]]:
    """Yield the words of each line with what each adds to the log-odds of each label.

    An n-gram's weight is shared out evenly among its characters. What the words of a line
    add, and the intercept, make its score. Of a long line the middle is not looked at.

    Parameters
    ----------
    linear : HashedLinear
        Over hashed n-grams.
    shape : tuple
        Lengths of the n-grams, characters looked at from the head and from the tail.
    batch : Batch

    Examples
    --------
    >>> from linesift.reading.page import Page
    >>> ones = np.ones(4, np.float32)
    >>> weights = np.append(np.ones(8, np.int64), 0)  # 1 for the first label, whatever the n-gram
    >>> linear = HashedLinear(weights, ones, ones)
    >>> batch = Batch.from_pages([Page("p", ("Read",), (1,))])
    >>> ((word, added),) = next(word_weights(linear, ((3,), 9, 9), batch))
    >>> word, added.round(3).tolist()  # four n-grams, over the root of their number
    ('Read', [2.0, 0.0, 0.0, 0.0])
    """
    orders, head, tail = shape
    for block in batch.blocks:
        added, first = _character_weights(linear, orders, head, tail, block)
        lengths = block.line_lengths
        for start, at, length in zip(block.line_starts, first, lengths, strict=True):
            codes = block.codes[start : start + length]
            if length > head + tail:
                codes = np.concatenate([codes[:head], codes[length - tail :]])
            text = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
            own = added[at : at + len(text)]
            yield [
                (text[low:high].strip(), own[low:high].sum(axis=0))
                for low, high in word_spans(text)
            ]


def _character_weights(
    linear: HashedLinear, orders: Sequence[int], head: int, tail: int, batch: Batch
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return what each character adds (n, n_labels), and where each line's first one stands."""
    tokens = hashed_ngrams(batch, tuple(orders), linear.bits, head, tail)
    size = len(tokens.hashes[0])
    n_labels = len(linear.intercept)
    is_character = np.ones(size, bool)
    is_character[tokens.starts] = False
    is_character[-1] = False  # the line feed after the last line
    counted = np.concatenate([[0], np.cumsum(is_character)])
    total = np.zeros((size, n_labels), np.float64)
    each = np.arange(size)
    # `hashed_ngrams` gives its arrays from the shortest n-grams to the longest.
    for order, hashes in zip(sorted(orders), tokens.hashes, strict=True):
        # One number a row: there is nothing to sum, only to unpack.
        weights = sums(linear.weights[hashes], each, largest=1, n_columns=n_labels)
        ends = np.minimum(each + order, size)
        share = weights / np.maximum(counted[ends] - counted[each], 1)[:, None]
        for k in range(order):
            total[k:] += share[: size - k]
    row = np.repeat(np.arange(len(tokens.starts)), np.diff(tokens.starts, append=size))
    total /= np.sqrt(np.maximum(tokens.counts, 1))[row][:, None]
    return (total * linear.scale).astype(np.float32), tokens.starts + 1
