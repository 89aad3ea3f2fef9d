import re
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linesift.models.features import (
    LINE_FEATURES,
    MARKUP_FEATURES,
    hashed_ngrams,
    line_features,
    line_hashes,
    markup_features,
    word_hashes,
)
from linesift.reading.page import Batch, Markup, Page
from linesift.reading.tag_paths import SplitPaths, hashed_paths
from linesift.reading.tokens import Tokens
from tests.made_pages import TRAIN_SITES, made_pages

LINES = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\n") | st.sampled_from("12:. ,日Ж🎉"),
        min_size=1,
        max_size=30,
    ),
    min_size=1,
    max_size=6,
)


def columns_of(pages: list[Page]) -> np.ndarray:
    """Columns of markup of the lines of pages."""
    batch = Batch.from_pages(pages)
    return markup_features(batch, word_hashes(batch))


def batch_of(*lines: str) -> Batch:
    return Batch.from_pages([Page("p", lines, tuple(range(1, len(lines) + 1)))])


def ngrams(*lines: str, orders=(3, 4, 5), bits=20, head=128, tail=64) -> list[list[int]]:
    """Hashed n-grams of each line."""
    return rows_of(hashed_ngrams(batch_of(*lines), orders, bits, head, tail))


def rows_of(tokens: Tokens) -> list[list[int]]:
    """Tokens of each row, in ascending order."""
    parts = zip(*(np.split(one, tokens.starts[1:]) for one in tokens.hashes), strict=True)
    rows = [np.sort(np.concatenate(part)) for part in parts]
    rows = [row[row != tokens.no_token].tolist() for row in rows]
    assert [len(row) for row in rows] == tokens.counts.tolist()
    return rows


# ------------------------------------------------------------------------- columns


BY_HAND = {
    "Йшов дощ, і річка піднялась.": {
        "log_characters": np.log1p(28),
        "log_words": np.log1p(5),
        "mean_word_length": 22 / 5,
        "share_short_words": 2 / 5,
        "share_capitalised": 1 / 5,
        "share_upper": 1 / 22,
        "share_digits": 0,
        "share_punctuation": 2 / 28,
        "commas_per_word": 1 / 5,
        "sentence_ends": 1,
        "sentence_ends_per_word": 1 / 5,
        "ends_sentence": 1,
        "ends_letter": 0,
        "starts_upper": 1,
        "starts_lower": 0,
        "year": 0,
    },
    "ГЛАВНАЯ | Новости": {
        "log_words": np.log1p(2),
        "share_upper": 8 / 14,
        "share_capitalised": 1,
        "separators": 1,
        "separators_per_word": 1 / 2,
        "ends_letter": 1,
        "ends_sentence": 0,
    },
    "в 12:30 и 14:05 —": {
        "time_of_day": 2,
        "colons": 2,
        "dashes": 1,
        "starts_lower": 1,
        "starts_upper": 0,
        "share_digits": 8 / 17,
        "ends_letter": 0,
    },
    '"It rained in 2021 and 12345 times," he said (twice).': {
        "starts_mark": 1,
        "year": 1,
        "commas_per_word": 1 / 10,
        "ends_sentence": 1,
    },
    "2021 was wet": {"year": 1, "starts_digit": 1, "starts_mark": 0},
    "He said “no.”": {"ends_sentence": 1, "ends_dots": 0, "sentence_ends": 1},
    "Read on...": {"ends_dots": 1, "ends_sentence": 1, "sentence_ends": 3},
    "Читайте також:": {"ends_colon": 1, "colons": 1, "ends_sentence": 0},
    "今天下雨了。": {
        "log_characters": np.log1p(5 * 3 + 1),  # an ideograph counts three characters
        "log_words": np.log1p(5 * 0.6),
        "mean_word_length": 5,
        "share_short_words": 0,
        "share_punctuation": 1 / 16,
        "starts_upper": 1,
        "ends_sentence": 1,
        "ends_letter": 0,
        "share_upper": 0,
    },
    "Ура 🎉🎉": {
        "log_characters": np.log1p(6),
        "log_words": np.log1p(1),
        "symbols": 2,
        "share_punctuation": 2 / 6,
        "starts_upper": 1,
        "ends_letter": 0,
    },
    "𠀀𠀁": {
        "log_words": np.log1p(2 * 0.6),
        "mean_word_length": 5,
        "symbols": 0,
        "ends_letter": 1,
    },
    "© 2020 A_B €5 @home": {"symbols": 4, "year": 1},
}


@pytest.mark.parametrize("line", BY_HAND)
def test_columns_are_what_a_person_counts(line):
    row = dict(zip(LINE_FEATURES, line_features(batch_of("before", line, "after"))[1], strict=True))
    expected = BY_HAND[line]
    assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_every_column_of_every_line_is_a_number():
    features = line_features(batch_of("a", ".", " ", "—", "1", "日", "🎉", "\u200b", "x" * 5000))
    assert features.shape == (9, len(LINE_FEATURES))
    assert np.isfinite(features).all()


@given(LINES)
def test_a_line_does_not_depend_on_the_other_lines_of_the_batch(lines):
    together = line_features(batch_of(*lines))
    alone = np.vstack([line_features(batch_of(line)) for line in lines])
    np.testing.assert_array_equal(together, alone)


@given(LINES)
def test_ngrams_never_cross_lines(lines):
    assert ngrams(*lines) == [ngrams(line)[0] for line in lines]


def test_nothing_comes_of_an_empty_batch():
    empty = Batch.from_pages([])
    assert line_features(empty).shape == (0, len(LINE_FEATURES))
    assert markup_features(empty, word_hashes(empty)).shape == (0, len(MARKUP_FEATURES))
    assert line_hashes(empty).shape == (0,)
    for tokens in (hashed_ngrams(empty, (3,), 10, 8, 8), hashed_paths(SplitPaths(()), 10)):
        assert [len(one) for one in tokens.hashes] == [0]
        assert len(tokens.starts) == len(tokens.counts) == 0
    hashes, lines = word_hashes(empty)
    assert hashes.shape == lines.shape == (0,)


# ------------------------------------------------------------------------- n-grams


@pytest.mark.parametrize(
    ("line", "orders", "count"),
    [
        ("ab", (3,), 2),  # with both ends of the line: ^ab, ab$
        ("ab", (3, 4), 3),
        ("ab", (5,), 0),
        ("a", (3,), 1),
        ("дощ", (3, 4, 5), 3 + 2 + 1),
        ("🎉🎉", (3,), 2),
        ("x" * 500, (3,), 192),
    ],
)
def test_ngrams_are_counted_with_both_ends_of_the_line(line, orders, count):
    assert [len(found) for found in ngrams("before", line, "after", orders=orders)][1] == count


def test_long_lines_are_cut_to_head_and_tail():
    cut = [
        ngrams(f"abcd{middle}xyz", head=4, tail=3)[0] for middle in ("", "0", "middle", "m" * 9999)
    ]
    assert cut[0] == cut[1] == cut[2] == cut[3]
    assert ngrams("abce" + "m" * 50 + "xyz", head=4, tail=3)[0] != cut[0]
    assert ngrams("abcd" + "m" * 50 + "xyy", head=4, tail=3)[0] != cut[0]


def test_ngrams_see_neither_case_nor_which_digit():
    upper, lower, other = ngrams("ЙШОВ 12 ДНІВ", "йшов 97 днів", "йшов дв днів")
    assert upper == lower
    assert upper != other


@pytest.mark.parametrize("bits", [8, 10, 18])
def test_hashes_lie_below_the_number_of_buckets(bits):
    for tokens in (
        hashed_ngrams(batch_of("Дощ ішов цілий день. 🎉", "x"), (3, 4, 5), bits, 128, 64),
        hashed_paths(SplitPaths(("html body div.menu a", "p")), bits),
    ):
        assert max(row[-1] for row in rows_of(tokens)) < 2**bits == tokens.no_token


# ----------------------------------------------------------------- lines and words


@given(LINES)
def test_equal_lines_hash_equal_wherever_they_stand(lines):
    hashes = line_hashes(batch_of(*lines, *reversed(lines)))
    assert hashes.tolist() == hashes[::-1].tolist()


def test_different_lines_of_many_pages_hash_differently():
    lines = {line.lower() for page in made_pages(TRAIN_SITES).pages for line in page.lines}
    assert len(np.unique(line_hashes(batch_of(*lines)))) == len(lines)


def test_words_are_compared_without_their_endings_and_small_words_left_out():
    hashes, lines = word_hashes(batch_of("Річка річковий і та", "РІЧКА", "日本語", "nothing"))
    assert lines.tolist() == [0, 0, 1, 2, 2, 3]
    assert hashes[1] != hashes[0] == hashes[2]
    assert len(set(hashes[2:].tolist())) == 4


def slow_words(line: str) -> list[str]:
    """Return what the words of a line are known by: five letters, or two ideographs."""
    runs = re.findall(r"[a-zа-яіїєґ]+|[\u4e00-\u9fff]+", line.lower())
    words = []
    for run in runs:
        if "\u4e00" <= run[0] <= "\u9fff":
            words += [run[k : k + 2] for k in range(len(run) - 1)]
        elif len(run) >= 4:
            words.append(run[:5])
    return words


def test_words_are_those_of_a_slow_count_and_hash_alike_only_where_they_are():
    rng = np.random.default_rng(5)
    parts = "річка Річки річковий та news newspaper new 日本語 日本 語 12 , 🎉 a- ab".split()
    lines = [
        "".join(f"{part}{' ' * rng.integers(0, 2)}" for part in rng.choice(parts, 6)).strip()
        for _ in range(300)
    ]
    hashes, where = word_hashes(batch_of(*lines))
    expected = [(number, word) for number, line in enumerate(lines) for word in slow_words(line)]
    assert where.tolist() == [number for number, _ in expected]
    pairs = {(word, value) for (_, word), value in zip(expected, hashes.tolist(), strict=True)}
    assert len(pairs) == len({word for word, _ in pairs}) == len({value for _, value in pairs})


def test_the_numbers_that_the_shipped_model_was_trained_on_are_still_made():
    # Who changes them on purpose trains the model in the package anew (`make shipped`).
    pages = [
        *made_pages(TRAIN_SITES[:4]).pages,
        Page("p", ("東京の news 12:40 🎉", "Ž- a."), (1, 2)),
    ]
    batch = Batch.from_pages(pages)
    words = word_hashes(batch)
    ngrams = hashed_ngrams(batch, (3, 5), 15, 64, 16)
    paths = hashed_paths(batch.split_paths, 15)
    exact = (*words, line_hashes(batch), *ngrams.hashes, *paths.hashes)
    assert [zlib.crc32(np.asarray(one, np.int64).tobytes()) for one in exact] == [
        2855157580,
        283401352,
        3657591648,
        1759655570,
        2161388494,
        3901273809,
    ]
    for columns, told in (
        (line_features(batch), 38708.720),
        (markup_features(batch, words), 17293.877),
    ):
        weight = np.arange(1, columns.size + 1).reshape(columns.shape)
        assert np.nansum(np.sqrt(weight) * columns) == pytest.approx(told, rel=1e-6)


# ---------------------------------------------------------------------- the markup


def marked(lines: tuple[str, ...], paths: tuple[str, ...], title: str = "") -> Page:
    share = tuple(np.linspace(0, 1, len(lines)).tolist())
    return Page("m", lines, tuple(range(1, len(lines) + 1)), markup=Markup(share, paths, title))


def test_markup_columns_are_what_the_paths_say():
    page = marked(
        ("The river flooded", "Home"),
        ("html body article.main header h1", "html body nav.menu ul li a"),
        title="River flooded the valley",
    )
    heading, link = (dict(zip(MARKUP_FEATURES, row, strict=True)) for row in columns_of([page]))
    on = {name for name in MARKUP_FEATURES if name.startswith("in_") and heading[name]}
    assert on == {"in_header", "in_article"}
    assert (heading["depth"], heading["heading"], heading["link_share"]) == (5, 1, 0)
    assert heading["title_share"] == 1
    on = {name for name in MARKUP_FEATURES if name.startswith("in_") and link[name]}
    assert on == {"in_list", "in_link", "in_navigation"}
    assert (link["depth"], link["heading"], link["link_share"]) == (6, 0, 1)
    assert link["title_share"] == 0


def test_rows_of_unknown_markup_are_nan_and_the_others_are_not():
    page = marked(("One", "Two"), ("html body p", "html body p"))
    features = columns_of([page.without_markup(), page])
    assert features[:, 0].tolist() == [0, 0, 1, 1]
    assert np.isnan(features[:2, 1:]).all()
    assert not np.isnan(features[2:]).any()


def test_a_title_speaks_for_its_own_page_only():
    pages = [
        marked(("Herons return",), ("html body p",), "Herons return"),
        marked(("Herons return",), ("html body p",), "Weather"),
    ]
    assert columns_of(pages)[:, -1].tolist() == [1, 0]


def path_tokens(path: str) -> set[int]:
    (row,) = rows_of(hashed_paths(SplitPaths((path,)), 30))
    return set(row)


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("p", 2),  # the tag, and the tag at distance 0
        ("body p", 4),
        ("body div.menu a", 2 * 4),
        ("html body div.menu a", 2 * 4 + 1),  # the fourth element counts without distance
        ("body div.newsList#top a", 2 * (1 + 1 + 5)),  # div, newslist, news, list, top
    ],
)
def test_tokens_of_a_path_are_tags_and_names_with_and_without_distance(path, count):
    assert len(path_tokens(path)) == count


def test_tokens_tell_at_which_distance_an_element_stands():
    near, far = path_tokens("main div.menu a"), path_tokens("main div.menu span a")
    # main, div, menu and a, and the a nearest to the line; what moved away is another token.
    assert len(near & far) == 5
    assert path_tokens("div.newsList a") & path_tokens("div.news a") > path_tokens(
        "div a"
    ) & path_tokens("div.news a")


def test_paths_of_a_batch_are_hashed_each_by_itself():
    paths = ("body p", "body div.menu a", "p")
    rows = rows_of(hashed_paths(SplitPaths(paths), 30))
    assert [set(row) for row in rows] == [path_tokens(path) for path in paths]


def test_lines_get_the_same_numbers_in_large_batches_worked_on_in_blocks():
    lines = [f"{k} Дощ ішов, 東京 і ще {'довгий рядок ' * (k % 40)}🎉" for k in range(2000)]
    batch = batch_of(*lines)
    assert len(batch.blocks) > 2
    parts = [batch_of(*lines[k : k + 100]) for k in range(0, len(lines), 100)]
    for function in (line_features, line_hashes):
        np.testing.assert_array_equal(function(batch), np.concatenate([*map(function, parts)]))
    words, where = word_hashes(batch)
    by_part = [word_hashes(part) for part in parts]
    np.testing.assert_array_equal(words, np.concatenate([value for value, _ in by_part]))
    first = [100 * k + line for k, (_, line) in enumerate(by_part)]
    np.testing.assert_array_equal(where, np.concatenate(first))
