"""What a line says by itself: columns over a batch of lines, as array operations.

Every line of every page stands in one array of code points. A look-up table gives each
code point its classes, and one `reduceat` per column sums them over each line. Nothing
here looks at a neighbouring line: that is `linesift.models.context`.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.models.characters import (
    CLOSING,
    COLON,
    COMMA,
    DASH,
    DIGIT,
    END,
    IDEOGRAPH,
    KHMER,
    LETTER,
    LINE_FEED,
    LOWER,
    PUNCTUATION,
    SEPARATOR,
    SPACE,
    SYMBOL,
    THAI,
    UNSPACED,
    UPPER,
    WORD,
    class_table,
    fold_table,
)
from linesift.reading.page import NO_PATH, Batch, Page
from linesift.reading.tag_paths import PATH_FEATURES, path_features
from linesift.reading.tokens import Tokens

Floats = npt.NDArray[np.float32]
Words = tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]
"""Hashes of words, and the line that each stands in."""

# What a letter of a script without spaces between words says, in characters and in words of
# five characters: then lines of all scripts look alike, and what is learned in one language
# holds in another.
_WEIGHTS = {IDEOGRAPH: (3, 0.6), THAI: (1.1, 0.22), KHMER: (1.6, 0.32)}
_LONG = 40  # letters of a line of Thai from which on it is sentences
_PER_GAP = 0.5  # sentence ends, and commas, that a space says there: some of both


LINE_FEATURES = (
    "log_characters",
    "log_words",
    "mean_word_length",
    "share_short_words",
    "share_capitalised",
    "share_upper",
    "share_digits",
    "share_punctuation",
    "commas_per_word",
    "sentence_ends",
    "sentence_ends_per_word",
    "separators",
    "separators_per_word",
    "symbols",
    "dashes",
    "colons",
    "ends_sentence",
    "ends_colon",
    "ends_letter",
    "ends_dots",
    "starts_upper",
    "starts_lower",
    "starts_digit",
    "starts_mark",
    "time_of_day",
    "year",
)
"""Names of the columns of `line_features`, in order."""


def line_features(batch: Batch) -> Floats:
    """Return what the text of each line says, of shape (n_lines, len(LINE_FEATURES)).

    Examples
    --------
    >>> from linesift.reading.page import Batch, Page
    >>> batch = Batch.from_pages([Page("p", ("It rained, all day.", "Menu"), (1, 2))])
    >>> columns = dict(zip(LINE_FEATURES, line_features(batch).T))
    >>> columns["ends_sentence"].tolist(), columns["commas_per_word"].tolist()
    ([1.0, 0.0], [0.25, 0.0])
    """
    # Columns are stretches of memory here and in all that follows: half the cost of rows.
    features = np.empty((len(LINE_FEATURES), batch.n_lines), np.float32)
    first = 0
    for block in batch.blocks if batch.n_lines else ():
        rows = slice(first, first := first + block.n_lines)
        for column, values in zip(features, _line_features(block), strict=True):
            column[rows] = values
    return features.T


def _line_features(batch: Batch) -> list[npt.NDArray[Any]]:
    classes = class_table()[batch.table_rows]
    starts = batch.line_starts

    def total(mask: npt.NDArray[np.bool_]) -> Floats:
        return np.add.reduceat(mask, starts, dtype=np.int32).astype(np.float32)

    def has(bits: int) -> npt.NDArray[np.bool_]:
        return (classes & bits) != 0

    before = np.concatenate([[0], classes[:-1]]).astype(np.uint16)
    word = has(WORD) & ~has(UNSPACED)
    word_start = word & (((before & WORD) == 0) | ((before & UNSPACED) != 0))
    characters, words = batch.line_lengths.astype(np.float64), total(word_start)
    word_characters = total(word)
    for script, (each, words_each) in _WEIGHTS.items():
        of_script = has(script)
        if of_script.any():
            bases = total(of_script & has(LETTER | IDEOGRAPH))
            characters += each * bases - total(of_script)  # a vowel sign is no character
            words += words_each * bases
            word_characters += each * bases
    some_words = np.maximum(words, 1)
    letters = np.maximum(total(has(LETTER)), 1)
    capitals = _sentence_starts(classes, before, starts)
    commas, ends, separators = total(has(COMMA)), total(has(END)), total(has(SEPARATOR))
    digit = has(DIGIT)
    first = classes[starts]
    last_at = starts + batch.line_lengths - 1
    last = classes[last_at]
    before_last = classes[np.maximum(last_at - 1, starts)]
    closed = ((last & CLOSING) != 0) & ((before_last & END) != 0)
    gaps, unmarked = _unmarked_sentences(classes, before, starts, ends)
    unmarked &= (last & (WORD | UNSPACED)) != 0
    commas += _PER_GAP * gaps
    ends += _PER_GAP * gaps + unmarked
    punctuation = total(has(PUNCTUATION)) + gaps + unmarked
    columns = {
        "log_characters": np.log1p(characters),
        "log_words": np.log1p(words),
        "mean_word_length": word_characters / some_words,
        "share_short_words": _short_words(word, word_start, starts) / some_words,
        "share_capitalised": (total(word_start & has(UPPER)) + capitals) / some_words,
        "share_upper": (total(has(UPPER)) + capitals) / letters,
        "share_digits": total(digit) / characters,
        "share_punctuation": punctuation / characters,
        "commas_per_word": commas / some_words,
        "sentence_ends": np.minimum(ends, 20),
        "sentence_ends_per_word": ends / some_words,
        "separators": np.minimum(separators, 20),
        "separators_per_word": separators / some_words,
        "symbols": np.minimum(total(has(SYMBOL)), 10),
        "dashes": np.minimum(total(has(DASH)), 10),
        "colons": np.minimum(total(has(COLON)), 10),
        "ends_sentence": closed | ((last & END) != 0) | unmarked,
        "ends_colon": (last & COLON) != 0,
        "ends_letter": ((last & (WORD | UNSPACED)) != 0) & ~unmarked,
        "ends_dots": ((last & END) != 0) & ((before_last & END) != 0),
        "starts_upper": ((first & LETTER) != 0) & ((first & LOWER) == 0),
        "starts_lower": (first & LOWER) != 0,
        "starts_digit": (first & DIGIT) != 0,
        "starts_mark": (first & (PUNCTUATION | SEPARATOR)) != 0,
        "time_of_day": np.minimum(total(_matches(classes, "d:dd")), 5),
        "year": np.minimum(total(_matches(classes, "dddd ") & ((before & DIGIT) == 0)), 5),
    }
    return [columns[name] for name in LINE_FEATURES]


def _sentence_starts(
    classes: npt.NDArray[np.uint16], before: npt.NDArray[np.uint16], starts: npt.NDArray[np.int64]
) -> Floats | int:
    """Return how many sentences of each line begin with a letter that has no capital form.

    Each counts as a capital: else a line in Arabic looks like one in which all is lower case.
    """
    caseless = (classes & (LETTER | UPPER | LOWER | IDEOGRAPH)) == LETTER
    if not caseless.any():
        return 0
    begins = (before & SPACE) != 0
    begins[1:] &= (before[:-1] & END) != 0
    begins[starts] = True
    return np.add.reduceat(caseless & begins, starts, dtype=np.int32).astype(np.float32)


def _unmarked_sentences(
    classes: npt.NDArray[np.uint16],
    before: npt.NDArray[np.uint16],
    starts: npt.NDArray[np.int64],
    ends: Floats,
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return how many spaces each line has for marks, and whether it is sentences without any.

    Thai and Lao have no full stop: a space stands between sentences and between clauses.
    Khmer and Burmese have one, but not everyone writes it.
    """
    gaps, unmarked = np.zeros(len(starts), np.float32), np.zeros(len(starts), bool)
    letter = (classes & (THAI | KHMER)) != 0
    if letter.any():
        for script, always in ((THAI, True), (KHMER, False)):
            bases = np.add.reduceat(
                (classes & (script | LETTER)) == script | LETTER, starts, dtype=np.int32
            )
            unmarked |= (bases >= _LONG) & (always | (ends == 0))
        gap = ((classes & SPACE) != 0) & ((before & (THAI | KHMER)) != 0)
        gap[:-1] &= letter[1:]
        gaps += unmarked * np.add.reduceat(gap, starts, dtype=np.int32)
    return gaps, unmarked


def _short_words(
    word: npt.NDArray[np.bool_], word_start: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64]
) -> Floats:
    """Return how many words of each line have three characters at most: function words mostly."""
    padded = np.concatenate([word, np.zeros(3, bool)])
    begins = np.concatenate([word_start, np.zeros(3, bool)])
    size = len(word)
    goes_on = np.ones(size, bool)
    for k in range(1, 4):
        goes_on &= padded[k : size + k] & ~begins[k : size + k]
    return np.add.reduceat(word_start & ~goes_on, starts, dtype=np.int32).astype(np.float32)


def _matches(classes: npt.NDArray[np.uint16], shape: str) -> npt.NDArray[np.bool_]:
    """Return where a shape begins: `d` a digit, `:` a colon, a space anything but a digit."""
    size = len(classes) - len(shape) + 1
    found = np.zeros(len(classes), bool)
    if size <= 0:
        return found
    hit = np.ones(size, bool)
    for k, kind in enumerate(shape):
        at = classes[k : size + k]
        if kind == "d":
            hit &= (at & DIGIT) != 0
        elif kind == ":":
            hit &= (at & COLON) != 0
        else:
            hit &= (at & DIGIT) == 0
    found[:size] = hit
    return found


_MULTIPLIER = np.uint32(2654435761)  # Knuth's multiplicative hash, 2**32 over the golden ratio
_PRIME = np.uint32(0x01000193)  # of the FNV hash


def hashed_ngrams(batch: Batch, orders: tuple[int, ...], bits: int, head: int, tail: int) -> Tokens:
    """Return the hashed character n-grams of each line.

    Both ends of a line count as one character, so that how lines begin and end is seen.

    Parameters
    ----------
    batch : Batch
    orders : tuple of int
        Lengths of the n-grams, each 3 or more.
    bits : int
        Hashes lie below `2 ** bits`.
    head, tail : int
        How many characters are looked at from both ends of a line.

    Examples
    --------
    >>> from linesift.reading.page import Batch, Page
    >>> tokens = hashed_ngrams(Batch.from_pages([Page("p", ("abc", "d"), (1, 2))]), (3,), 18, 9, 9)
    >>> tokens.counts.tolist(), tokens.starts.tolist()
    ([3, 1], [0, 4])
    """
    no_token = 1 << bits
    if not batch.n_lines:
        nothing = np.empty(0, np.int64)
        return Tokens((np.empty(0, np.uint32),) * len(orders), nothing, nothing, no_token)
    rows = _shortened(batch, head, tail)
    breaks = rows == LINE_FEED
    size, longest = len(rows), max(orders)
    padded = np.concatenate([_mixed_table()[rows], np.zeros(longest, np.uint32)])
    stop = np.concatenate([breaks, np.ones(longest, bool)])
    value = padded[:size].copy()
    outside = np.zeros(size, bool)  # a line feed between the first and the last character
    hashes = []
    for k in range(1, longest):
        if k >= 2:
            outside |= stop[k - 1 : size + k - 1]
        value *= _PRIME
        value += padded[k : size + k]
        if k + 1 in orders:
            mixture = value >> np.uint32(13)
            mixture ^= value
            mixture *= _MULTIPLIER
            mixture >>= np.uint32(32 - bits)
            mixture[outside] = no_token
            hashes.append(mixture)
    # The n-grams that begin at the line feed before a line belong to that line.
    starts = np.flatnonzero(breaks)[:-1]
    lengths = np.minimum(batch.line_lengths, head + tail)
    counts = sum((np.maximum(lengths + 3 - order, 0) for order in orders), np.zeros_like(lengths))
    return Tokens(tuple(hashes), starts, counts, no_token)


@cache
def _mixed_table() -> npt.NDArray[np.uint32]:
    """Return the number by which each code point enters the hash of an n-gram."""
    mixed = (fold_table().astype(np.uint32) + np.uint32(1)) * _MULTIPLIER
    return mixed ^ (mixed >> np.uint32(15))


def _shortened(batch: Batch, head: int, tail: int) -> npt.NDArray[np.uint16]:
    """Return the table rows with the middle of long lines left out, after one line feed."""
    rows = np.concatenate([np.array([LINE_FEED], np.uint16), batch.table_rows])
    long = np.flatnonzero(batch.line_lengths > head + tail)
    if not len(long):
        return rows
    first = batch.line_starts[long] + 1 + head
    last = batch.line_starts[long] + 1 + batch.line_lengths[long] - tail
    borders = np.column_stack([first, last]).ravel()
    stretches = np.diff(borders, prepend=0, append=len(rows))
    kept = np.ones(len(stretches), bool)
    kept[1::2] = False
    return rows[np.repeat(kept, stretches)]


def word_hashes(batch: Batch) -> Words:
    """Return hashes of the telling words of each line, and the line that each stands in.

    A word counts by its first five letters, which folds most inflection of Slavic and
    other languages; words under four letters mostly say nothing and are left out. In
    text without spaces each pair of neighbouring ideographs is a word, and each run of four
    characters of Thai and the like.

    Examples
    --------
    >>> from linesift.reading.page import Batch, Page
    >>> batch = Batch.from_pages([Page("p", ("Президент и", "президентом 日本語"), (1, 2))])
    >>> hashes, lines = word_hashes(batch)
    >>> lines.tolist(), bool(hashes[0] == hashes[1])
    ([0, 1, 1, 1], True)
    """
    values, lines, first = [], [], 0
    for block in batch.blocks:
        value, line = _word_hashes(block)
        values.append(value)
        lines.append(line + first)
        first += block.n_lines
    return np.concatenate(values), np.concatenate(lines)


def _word_hashes(batch: Batch) -> Words:
    classes = class_table()[batch.table_rows]
    letters = np.concatenate([(classes & (LETTER | UNSPACED)) == LETTER, np.zeros(5, bool)])
    letter = letters[:-5]
    codes = np.concatenate([fold_table()[batch.table_rows], np.zeros(5, np.uint16)])
    begins = letter.copy()
    begins[1:] &= ~letter[:-1]
    for k in range(1, 4):
        begins &= letters[k : len(letter) + k]
    starts = np.flatnonzero(begins)
    value = np.zeros(len(starts), np.uint32)
    for k in range(5):
        value *= _PRIME
        value += codes[starts + k] if k < 4 else codes[starts + k] * letters[starts + k]
    for script, length in ((IDEOGRAPH, 2), (THAI | KHMER, 4)):
        inside = (classes & script) != 0
        if inside.any():
            runs = inside & ((classes & (LETTER | IDEOGRAPH)) != 0)
            for k in range(1, length):
                runs[:-k] &= inside[k:]
                runs[-k:] = False
            at = np.flatnonzero(runs)
            begins |= runs
            run_value = codes[at].astype(np.uint32)
            for k in range(1, length):
                run_value = run_value * _PRIME + codes[at + k]
            order = np.argsort(np.concatenate([starts, at]), kind="stable")
            starts = np.concatenate([starts, at])[order]
            value = np.concatenate([value, run_value])[order]
    value *= _MULTIPLIER
    counts = np.add.reduceat(begins, batch.line_starts, dtype=np.int64) if len(begins) else 0
    return value, np.repeat(np.arange(batch.n_lines), counts)


def line_hashes(batch: Batch) -> npt.NDArray[np.uint32]:
    """Return one hash of the folded text of each line: equal lines, equal hashes."""
    if not batch.n_lines:
        return np.empty(0, np.uint32)
    return np.concatenate([_line_hashes(block) for block in batch.blocks])


def _line_hashes(batch: Batch) -> npt.NDArray[np.uint32]:
    folded = fold_table()[batch.table_rows].astype(np.uint32)
    position = np.arange(len(folded)) - np.repeat(batch.line_starts, batch.line_lengths + 1)
    mixed = (folded + np.uint32(1)) * (position.astype(np.uint32) * np.uint32(2) + _MULTIPLIER)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * _MULTIPLIER
    return np.add.reduceat(mixed, batch.line_starts, dtype=np.uint32)


MARKUP_FEATURES = ("has_markup", "link_share", *PATH_FEATURES, "title_share")
"""Names of the columns of `markup_features`, in order."""


def markup_features(batch: Batch, words: Words) -> Floats:
    """Return what the markup says of each line, of shape (n_lines, len(MARKUP_FEATURES)).

    Lines whose markup is unknown are NaN in all columns but the first.

    Parameters
    ----------
    batch : Batch
    words : tuple of ndarray
        From `word_hashes`.
    """
    features = np.full((len(MARKUP_FEATURES), batch.n_lines), np.nan, np.float32).T
    known = batch.path_ids != NO_PATH
    features[:, 0] = known
    if known.any():
        features[known, 2:-1] = path_features(batch.split_paths)[batch.path_ids[known]]
        features[:, 1] = batch.link_share
        features[known, -1] = _title_share(batch, words)[known]
    return features


def _title_share(batch: Batch, words: Words) -> Floats:
    """Return the share of each line's telling words that the title of its page holds."""
    share = np.zeros(batch.n_lines, np.float32)
    titles = Batch.from_pages([Page("", (t or " ",), (1,)) for t in batch.titles])
    title_words, title_page = word_hashes(titles)
    value, line = words
    if not len(title_words) or not len(value):
        return share
    page = batch.page_of_line[line].astype(np.uint64)
    shared = np.isin(
        (page << np.uint64(32)) | value,
        (title_page.astype(np.uint64) << np.uint64(32)) | title_words,
    )
    total = np.bincount(line, minlength=batch.n_lines)
    hits = np.bincount(line, weights=shared, minlength=batch.n_lines)
    return (hits / np.maximum(total, 1)).astype(np.float32)
