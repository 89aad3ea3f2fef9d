"""Made-up labelled pages, and small models fitted on them.

A handful of fake sites in three languages, each with its own markup. Every page has a
menu, an article with a subhead, a teaser in its middle, a list of other articles, and
what else stands around: byline, share buttons, comments, footer.
"""

import contextlib
import os
import random
import tempfile
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


def site_name(number: int) -> str:
    return f"news{number}.example"


def made_page(site: int, number: int, *, own_words: bool = False) -> tuple[str, Page, LabelArray]:
    """Return the HTML of a page, the page and the label of each of its lines.

    Pages are made of the same few phrases, so that half of one stands in any other; with
    words of their own they share none.
    """
    rng = random.Random(1000 * site + number)
    language = _LANGUAGES[site % len(_LANGUAGES)]
    words = _WORDS[language]
    body = _BODIES[site % len(_BODIES)]
    ending = f"{_LETTERS[site]}{_LETTERS[number]}" if own_words else ""

    def phrase(part: str) -> str:
        return " ".join(word + ending for word in rng.choice(words[part]).split())

    def headline() -> str:
        return " ".join(map(phrase, ("who", "does", "where")))

    def sentence() -> str:
        return f"{headline()}, {phrase('why')}."

    def paragraph() -> str:
        return " ".join(sentence() for _ in range(rng.randint(1, 3)))

    title = headline()
    updated, share, comment, rights = words["other"]
    parts = [
        (NAVIGATION, "nav class=menu", [f"<a href=/>{item}</a>" for item in words["menu"]]),
        (CONTENT, f"article class={body}", [f"<h1>{title}</h1>"]),
        (OTHER, "div class=meta", [updated, share]),
        (CONTENT, f"article class={body}", [f"<p>{paragraph()}</p>" for _ in range(2)]),
        (RELATED, "div class=more", [f"{words['related'][0]}: <a href=/1>{headline()}</a>"]),
        (CONTENT, f"article class={body}", [f"<h2>{phrase('who')}</h2>"]),
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
    blocks = "".join(
        f"<{tag}>{''.join(f'<div>{item}</div>' for item in items)}</{tag.split()[0]}>\n"
        for _, tag, items in parts
    )
    html = f"<!doctype html><html lang={language}><head><title>{title}</title></head>\n"
    html += f"<body>{blocks}</body></html>\n"
    labels = np.array([label for label, _, items in parts for _ in items], np.int8)
    page = read_html(html, f"{site_name(site)}/{number}", site=site_name(site), language=language)
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
    gold = [
        tuple(line for line, label in zip(page.lines, y, strict=True) if label == CONTENT)
        for page, y in made
    ]
    return LabelledPages(pages, labels, [corpus] * len(pages), gold)


TRAIN_SITES = range(9)
NEW_SITES = range(9, 12)


@cache
def fitted(**parameters: object) -> LineClassifier:
    """Return a tiny model fitted on the training sites; do not change it."""
    labelled = made_pages(TRAIN_SITES)
    return LineClassifier(**{**TINY, **parameters}).fit(labelled.pages, labelled.labels)


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
