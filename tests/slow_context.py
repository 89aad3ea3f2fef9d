"""The columns of the context, line by line and word by word: slow, and plain to see through."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from linesift.labelling.labels import CONTENT, LABELS, PAGE_TYPES

NAN = math.nan
FAR = 64
LEVELS = ("element", "parent", "grandparent")

Column = list[float]


def columns_of_page(
    lines: Sequence[str],
    paths: Sequence[str] | None,
    single: dict[str, Column],
    scores: np.ndarray,
    page_types: Column,
    p: Column,
) -> dict[str, Column]:
    """Every column of the context of one page.

    Parameters
    ----------
    lines : sequence of str
        Lower case, words of five letters or fewer: then words and lines are the same
        where they are written the same.
    paths : sequence of str or None
        Elements without digits in their names.
    single : dict
        What each line says by itself, and its markup.
    scores : ndarray of shape (n_lines, n_labels)
    page_types : list of float
        Probability of each page type.
    p : list of float
        Probabilities.
    """
    every = range(len(lines))
    lengths = [len(line) for line in lines]
    columns: dict[str, Column] = {}

    def windows(name: str, sizes: Sequence[int], of: Callable[[list[int]], float]) -> None:
        for size in sizes:
            before = [[j for j in every if i - size <= j < i] for i in every]
            after = [[j for j in every if i < j <= i + size] for i in every]
            columns[f"{name}[before {size}]"] = [of(window) for window in before]
            columns[f"{name}[after {size}]"] = [of(window) for window in after]

    def mean(values: Column) -> Callable[[list[int]], float]:
        known = [0.0 if math.isnan(v) else v for v in values]
        return lambda window: sum(known[j] for j in window) / max(len(window), 1)

    def beside(values: Column, offset: int) -> Column:
        return [values[i + offset] if i + offset in every else NAN for i in every]

    def distances(name: str, is_kind: list[bool]) -> None:
        above = [[i - j for j in range(i) if is_kind[j]] for i in every]
        below = [[j - i for j in every if j > i and is_kind[j]] for i in every]
        columns[f"lines_since_{name}"] = [min([*found, FAR]) for found in above]
        columns[f"lines_until_{name}"] = [min([*found, FAR]) for found in below]

    for offset in (-1, 1):
        for name in ("log_characters", "ends_sentence", "share_digits", "link_share"):
            columns[f"{name}[{offset:+d}]"] = beside(single[name], offset)
        others = beside(single["log_characters"], offset)
        columns[f"longer_than[{offset:+d}]"] = [
            own - other for own, other in zip(single["log_characters"], others, strict=True)
        ]
    windows("log_characters", (5, 25), mean(single["log_characters"]))
    windows("ends_sentence", (5, 25), mean(single["ends_sentence"]))
    windows("share_digits", (25,), mean(single["share_digits"]))
    windows("link_share", (5, 25), mean(single["link_share"]))
    if paths is None:
        for name in columns:
            if name.startswith("link_share["):
                columns[name] = [NAN for _ in every]
    for name in ("log_characters", "ends_sentence"):
        columns[f"{name}[page]"] = [mean(single[name])(list(every)) for _ in every]
    columns["log_lines[page]"] = [math.log1p(len(lines)) for _ in every]
    distances("sentence", [v > 0 for v in single["ends_sentence"]])
    distances("heading", [v == 1 for v in single["heading"]])
    distances("colon", [v > 0 for v in single["ends_colon"]])
    _forms(columns, single)
    for name, share in zip(PAGE_TYPES, page_types, strict=True):
        columns[f"type:{name}"] = [share for _ in every]

    odds = np.exp(np.nan_to_num(scores.astype(float)))
    share = odds / odds.sum(axis=1, keepdims=True)
    for code, label in enumerate(LABELS):
        if code != CONTENT:
            windows(label, (3, 10), mean(share[:, code].tolist()))

    for offset in (-3, -2, -1, 1, 2, 3):
        columns[f"probability[{offset:+d}]"] = beside(p, offset)
    _prose(columns, [round(math.expm1(v)) >= 15 for v in single["log_words"]], p)
    windows("probability", (2, 5, 10, 25), mean(p))
    gains = [(own - 0.5) * length for own, length in zip(p, lengths, strict=True)]
    windows("gain", (2, 5, 10, 25), lambda window: sum(gains[j] for j in window))
    columns["probability[page]"] = [mean(p)(list(every)) for _ in every]
    distances("confident", [v > 0.8 for v in p])
    distances("likely", [v > 0.5 for v in p])
    distances("unlikely", [v < 0.2 for v in p])

    in_run = _run(columns, gains, lengths)
    _words(columns, [set(line.split()) for line in lines], p, in_run)
    copies = Counter(lines)
    columns["copies"] = [math.log1p(copies[line]) for line in lines]
    columns["is_later_copy"] = [float(line in lines[:i]) for i, line in enumerate(lines)]
    _places(columns, paths, lengths, p)
    return columns


def _forms(columns: dict[str, Column], single: dict[str, Column]) -> None:
    """Add how many neighbours have as many words, more or less, and begin and end alike."""
    marks = ("ends_sentence", "ends_colon", "starts_digit", "starts_upper", "time_of_day")
    forms = [
        (round(1.5 * words), *(single[name][i] > 0 for name in marks))
        for i, words in enumerate(single["log_words"])
    ]
    every = range(len(forms))

    def alike(i: int, step: int) -> int:
        """Count the lines next to each other, from this one on, that are of its form."""
        count, j = 0, i + step
        while j in every and forms[j] == forms[i]:
            count, j = count + 1, j + step
        return count

    columns["lines_of_form"] = [math.log1p(alike(i, -1) + 1 + alike(i, 1)) for i in every]
    columns["lines_of_form_above"] = [math.log1p(alike(i, -1)) for i in every]


def _prose(columns: dict[str, Column], is_prose: list[bool], p: Column) -> None:
    """Add how likely the next paragraph above and below is content, and how far away it is."""
    every = range(len(p))
    for name, sides in (
        ("above", [range(i - 1, -1, -1) for i in every]),
        ("below", [range(i + 1, len(p)) for i in every]),
    ):
        found = [next((j for j in side if is_prose[j]), None) for side in sides]
        columns[f"probability[prose {name}]"] = [NAN if j is None else p[j] for j in found]
        columns[f"lines_to_prose_{name}"] = [
            math.log1p(FAR if j is None else abs(j - i)) for i, j in enumerate(found)
        ]


def _run(columns: dict[str, Column], gains: Column, lengths: list[int]) -> list[bool]:
    """Of all stretches with the largest gain the one that ends first, and begins last."""
    every = range(len(gains))
    best, end, start = max((sum(gains[i : j + 1]), -j, i) for i in every for j in every if i <= j)
    end = -end
    inside = [best > 0 and start <= i <= end for i in every]
    columns["in_run"] = [float(one) for one in inside]
    columns["lines_after_run_start"] = [max(-FAR, min(i - start, FAR)) for i in every]
    columns["lines_before_run_end"] = [max(-FAR, min(end - i, FAR)) for i in every]
    between = [sum(lengths[j] for j in every if i < j < start or end < j < i) for i in every]
    columns["characters_to_run"] = [math.log1p(count) for count in between]
    kept = sum(length for length, one in zip(lengths, inside, strict=True) if one)
    columns["run_share[page]"] = [kept / sum(lengths) for _ in every]
    columns["run_lines[page]"] = [math.log1p(end - start + 1) for _ in every]
    columns["run_gain[page]"] = [math.log1p(max(best, 0)) for _ in every]
    return inside


def _words(
    columns: dict[str, Column], words: list[set[str]], p: Column, in_run: list[bool]
) -> None:
    """Add what share of the telling words of a line other lines use."""
    telling = [{word for word in line if len(word) >= 4} for line in words]
    columns["telling_words"] = [math.log1p(max(len(line), 1)) for line in telling]

    def share(of: Callable[[list[int]], float]) -> Column:
        found = []
        for i, line in enumerate(telling):
            users = [[j for j, by in enumerate(telling) if j != i and word in by] for word in line]
            found.append(sum(map(of, users)) / max(len(line), 1))
        return found

    def content(users: list[int]) -> float:
        return sum(p[j] for j in users)

    columns["words_in_content"] = share(lambda users: min(content(users), 1))
    columns["words_in_content_rare"] = share(
        lambda users: min(content(users), 1) / math.sqrt(1 + len(users))
    )
    columns["words_in_run"] = share(lambda users: any(in_run[j] for j in users))
    columns["words_in_noise"] = share(lambda users: min(len(users) - content(users), 1))
    columns["words_elsewhere"] = share(lambda users: len(users) > 0)
    columns["words_mostly_content"] = share(
        lambda users: (content(users) + 0.1) / (len(users) + 0.3)
    )


def _places(
    columns: dict[str, Column], paths: Sequence[str] | None, lengths: list[int], p: Column
) -> None:
    """Add what stands in the element of a line, or under its parents; a path keeps one element."""
    every = range(len(lengths))
    for levels, name in enumerate(LEVELS):
        if paths is None:
            for column in ("lines_in", "content_in", "probability_in"):
                columns[f"{column}_{name}"] = [NAN for _ in every]
            continue
        elements = [path.split() for path in paths]
        place = [tuple(one[: max(len(one) - levels, 1)]) for one in elements]
        there = [[j for j in every if j != i and place[j] == place[i]] for i in every]
        whole = sum(p[j] * lengths[j] for j in every)
        columns[f"lines_in_{name}"] = [math.log1p(len(found)) for found in there]
        columns[f"content_in_{name}"] = [
            sum(p[j] * lengths[j] for j in found) / whole for found in there
        ]
        columns[f"probability_in_{name}"] = [
            sum(p[j] for j in found) / len(found) if found else NAN for found in there
        ]
