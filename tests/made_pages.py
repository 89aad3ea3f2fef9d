"""Made-up labelled pages, and small models fitted on them.

A handful of fake sites in three languages, each with its own markup. Every page has a
menu, an article with a subhead, a teaser in its middle, a list of other articles, and
what else stands around: byline, share buttons, comments, footer.
"""

import contextlib
import os
import random
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from linesift.labelling.labels import CONTENT, NAVIGATION, OTHER, RELATED, LabelArray, LabelledPages
from linesift.reading.page import Page
from linesift.reading.readers import read_html
from linesift.training.classifier import LineClassifier

TINY = {
    "ngram_bits": 10,
    "path_bits": 10,
    "hidden_units": 16,
    "trees": 5,
    "kind_trees": 2,
    "type_trees": 12,
    "page_trees": 10,
    "folds": 2,
}
"""Parameters of a `LineClassifier` that is fitted in a moment."""

VARIANTS: dict[str, dict[str, object]] = {
    "as it ships": {},
    "single lines": {"context_passes": 0},
    "two looks at the context": {"context_passes": 2},
    "no n-grams": {"ngram_orders": ()},
    "no markup": {"use_markup": False},
    "markup always in sight": {"hide_markup": False},
    "whole pages": {"shorten": 0.0},
}
"""Parameters that change what the model is made of."""

_WORDS = {
    "en": {
        "who": "The council,The old mill,A gardener,The harbour office,Our library".split(","),
        "does": "opened again,lost its roof,planted forty trees,counted the herons".split(","),
        "where": "near the river,behind the market,on the eastern shore,in the valley".split(","),
        "why": "because the rain had stopped,after a long and quiet winter".split(","),
        "menu": "Home,Weather,Sport,Contact us,Search".split(","),
        "related": ("Read also", "Latest news"),
        "other": ("Updated at 12:40", "Share this page", "Add a comment", "All rights reserved"),
    },
    "uk": {
        "who": "Міська рада,Старий млин,Наша бібліотека,Портове управління,Садівниця".split(","),
        "does": "знову відкрилася,втратив частину даху,посадила сорок дерев".split(","),
        "where": "біля широкої річки,за міським ринком,на східному березі".split(","),
        "why": "тому що дощ нарешті вщух,після довгої та тихої зими".split(","),
        "menu": "Головна,Погода,Спорт,Контакти,Пошук".split(","),
        "related": ("Читайте також", "Останні новини"),
        "other": ("Оновлено о 12:40", "Поділитися", "Додати коментар", "Усі права захищено"),
    },
    "ru": {
        "who": "Городской совет,Старая мельница,Наша библиотека,Управление порта".split(","),
        "does": "снова открылась,потеряла часть крыши,посадил сорок деревьев".split(","),
        "where": "у широкой реки,за городским рынком,на восточном берегу".split(","),
        "why": "потому что дождь наконец утих,после долгой и тихой зимы".split(","),
        "menu": "Главная,Погода,Спорт,Контакты,Поиск".split(","),
        "related": ("Читайте также", "Последние новости"),
        "other": ("Обновлено в 12:40", "Поделиться", "Добавить комментарий", "Все права защищены"),
    },
}
_LANGUAGES = tuple(_WORDS)
_LETTERS = "bcdfghjklmnpqrstvwxz"
_BODIES = ("story", "text-body", "entry")


_Parts = list[tuple[int, str, list[str]]]


def site_name(number: int) -> str:
    return f"news{number}.example"


def made_page(site: int, number: int, *, own_words: bool = False) -> tuple[str, Page, LabelArray]:
    """Return the HTML of a page, the page and the label of each of its lines.

    Pages are made of the same few phrases, so that half of one stands in any other; with
    words of their own they share none.
    """
    rng = random.Random(1000 * site + number)
    ending = _LETTERS[site % len(_LETTERS)] * (1 + site // len(_LETTERS)) + _LETTERS[number]
    words = _words(site, ending if own_words else "")
    body = _BODIES[site % len(_BODIES)]

    def headline() -> str:
        return _headline(rng, words)

    def paragraph() -> str:
        return _paragraph(rng, words)

    title = headline()
    updated, share, comment, rights = words["other"]
    parts = [
        (NAVIGATION, "nav class=menu", [f"<a href=/>{item}</a>" for item in words["menu"]]),
        (CONTENT, f"article class={body}", [f"<h1>{title}</h1>"]),
        (OTHER, "div class=meta", [updated, share]),
        (CONTENT, f"article class={body}", [f"<p>{paragraph()}</p>" for _ in range(2)]),
        (RELATED, "div class=more", [f"{words['related'][0]}: <a href=/1>{headline()}</a>"]),
        (CONTENT, f"article class={body}", [f"<h2>{rng.choice(words['who'])}</h2>"]),
        (
            CONTENT,
            f"article class={body}",
            [f"<p>{paragraph()}</p>" for _ in range(rng.randint(1, 4))],
        ),
        (RELATED, "aside class=latest", [f"<h3>{words['related'][1]}</h3>"]),
        (
            RELATED,
            "aside class=latest",
            [f"<a href=/{k}>{headline()}</a>" for k in range(rng.randint(2, 6))],
        ),
        (OTHER, "section class=comments", [comment]),
        (OTHER, "footer", [rights]),
    ]
    return _page_of(parts, title, site, f"{number}")


def made_thread(site: int, number: int) -> tuple[str, Page, LabelArray]:
    """Return likewise a thread of a forum: posts, each below the name of who wrote it."""
    rng = random.Random(1000 * site + number)
    words = _words(site)
    title = _headline(rng, words)
    parts: _Parts = [
        (NAVIGATION, "nav class=menu", [f"<a href=/>{item}</a>" for item in words["menu"]]),
        (CONTENT, "div class=thread", [f"<h1>{title}</h1>"]),
    ]
    for _ in range(rng.randint(3, 6)):
        parts.append((OTHER, "div class=author", [f"<a href=/u>{rng.choice('abcdef')}_77</a>"]))
        parts.append((CONTENT, "div class=post", [f"<p>{_paragraph(rng, words)}</p>"]))
    return _page_of([*parts, (OTHER, "footer", [words["other"][3]])], title, site, f"t{number}")


def made_front(site: int, number: int) -> tuple[str, Page, LabelArray]:
    """Return likewise a front page: cards of articles, a headline and a sentence each."""
    rng = random.Random(1000 * site + number)
    words = _words(site)
    cards = []
    for k in range(rng.randint(8, 14)):
        cards += [f"<a href=/{k}>{_headline(rng, words)}</a>", f"<p>{_sentence(rng, words)}</p>"]
    parts: _Parts = [
        (NAVIGATION, "nav class=menu", [f"<a href=/>{item}</a>" for item in words["menu"]]),
        (RELATED, "main class=cards", cards),
        (OTHER, "footer", [words["other"][3]]),
    ]
    return _page_of(parts, site_name(site), site, f"f{number}")


def _words(site: int, ending: str = "") -> dict[str, Sequence[str]]:
    words = _WORDS[_LANGUAGES[site % len(_LANGUAGES)]]
    phrases = ("who", "does", "where", "why")
    own = {
        part: [" ".join(word + ending for word in phrase.split()) for phrase in words[part]]
        for part in phrases
    }
    return words | own


def _headline(rng: random.Random, words: dict[str, Sequence[str]]) -> str:
    return " ".join(rng.choice(words[part]) for part in ("who", "does", "where"))


def _sentence(rng: random.Random, words: dict[str, Sequence[str]]) -> str:
    return f"{_headline(rng, words)}, {rng.choice(words['why'])}."


def _paragraph(rng: random.Random, words: dict[str, Sequence[str]]) -> str:
    return " ".join(_sentence(rng, words) for _ in range(rng.randint(1, 3)))


def _page_of(parts: _Parts, title: str, site: int, name: str) -> tuple[str, Page, LabelArray]:
    language = _LANGUAGES[site % len(_LANGUAGES)]
    blocks = "".join(
        f"<{tag}>{''.join(f'<div>{item}</div>' for item in items)}</{tag.split()[0]}>\n"
        for _, tag, items in parts
    )
    html = f"<!doctype html><html lang={language}><head><title>{title}</title></head>\n"
    html += f"<body>{blocks}</body></html>\n"
    labels = np.array([label for label, _, items in parts for _ in items], np.int8)
    page = read_html(html, f"{site_name(site)}/{name}", site=site_name(site), language=language)
    assert len(page.lines) == len(labels)
    return html, page, labels


def made_pages(
    sites: range,
    *,
    per_site: int = 1,
    markup: bool = True,
    corpus: str = "made",
    own_words: bool = False,
) -> LabelledPages:
    """Return labelled pages of these sites, with markup or as plain text."""
    made = [
        made_page(site, number, own_words=own_words)[1:]
        for site in sites
        for number in range(per_site)
    ]
    pages = [page if markup else page.without_markup() for page, _ in made]
    labels = [y for _, y in made]
    return LabelledPages(pages, labels, [corpus] * len(pages), _gold(made))


def typed_pages(sites: range, *, per_site: int = 1) -> LabelledPages:
    """Return of each of these sites so many articles, threads and front pages, with their types."""
    kinds = {"article": made_page, "forum": made_thread, "listing": made_front}
    made = [
        (name, *make(site, number)[1:])
        for site in sites
        for name, make in kinds.items()
        for number in range(per_site)
    ]
    types, pages, labels = (list(column) for column in zip(*made, strict=True))
    gold = _gold(list(zip(pages, labels, strict=True)))
    return LabelledPages(pages, labels, ["made"] * len(pages), gold, types)


def _gold(made: Sequence[tuple[Page, LabelArray]]) -> list[tuple[str, ...]]:
    return [
        tuple(line for line, label in zip(page.lines, y, strict=True) if label == CONTENT)
        for page, y in made
    ]


TRAIN_SITES = range(9)
NEW_SITES = range(9, 12)


@cache
def fitted(**parameters: object) -> LineClassifier:
    """Return a tiny model fitted on the training sites; do not change it."""
    labelled = made_pages(TRAIN_SITES)
    return LineClassifier(**{**TINY, **parameters}).fit(labelled.pages, labelled.labels)


@cache
def fitted_on_types(**parameters: object) -> LineClassifier:
    """Return a tiny model that knows articles, threads and front pages; do not change it."""
    labelled = typed_pages(TRAIN_SITES, per_site=2)
    model = LineClassifier(**{**TINY, "without_article": 0.8, **parameters})
    return model.fit(labelled.pages, labelled.labels, page_types=labelled.page_types)


@cache
def fitted_on_text() -> LineClassifier:
    """Return a tiny model that has only ever seen plain text; do not change it."""
    labelled = made_pages(TRAIN_SITES, markup=False)
    return LineClassifier(**TINY).fit(labelled.pages, labelled.labels)


@cache
def tracking_database() -> bytes:
    """Return an MLflow database without runs: making one takes seconds, copying it nothing."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        path = Path(folder) / "mlflow.db"
        MlflowClient(f"sqlite:///{path}").search_experiments()
        return path.read_bytes()


def assert_same(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    """Hold the arrays of some pages against those of the same pages, to the last bit."""
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
