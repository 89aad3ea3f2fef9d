"""The public data sets: where each is from, which of its files are read, and by what."""

import csv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from linesift.labelling.archives import Source
from linesift.labelling.documents import Document, site_of
from linesift.labelling.extractor_readers import read_parser, read_readability
from linesift.labelling.gold_readers import (
    read_article_extraction,
    read_fundus,
    read_waddle,
    read_wcxb,
)

_DANIEL = "corpora/Corpus_daniel_v2.1/"
_TEST_PAGES = ("*/test-pages/*/source.html", "*/test-pages/*/expected*")

SOURCES = {
    source.name: source
    for source in (
        Source(
            "waddle",
            "rundimeco/waddle",
            "be875ce12ad9e23ef68ef7f3b0605db6d06bcdb1",
            (f"{_DANIEL}doc_lg.json", f"{_DANIEL}html/*", f"{_DANIEL}reference/*"),
            (f"{_DANIEL}reference/", f"{_DANIEL}html/"),
        ),
        Source(
            "fundus",
            "flairNLP/fundus",
            "18da6e53592f99cf0ac5770dc63d6ba99ba63ae8",
            (
                "tests/resources/parser/test_data/*/*.json",
                "tests/resources/parser/test_data/*/*.html.gz",
                "tests/resources/parser/test_data/*/meta.info",
            ),
        ),
        Source(
            "web-content-extraction-benchmark",
            "Murrough-Foley/web-content-extraction-benchmark",
            "c039d5ee9f5a3a984a0e167e63aacd04e76e78a9",
            ("dev/ground-truth/*.json", "dev/html/*.html.gz"),
        ),
        Source(
            "article-extraction-dataset",
            "AndyTheFactory/article-extraction-dataset",
            "cf3e2959ffc4fde13e0714d2b6d50c2bd220ed3b",
            ("articles.json", "html/*.html"),
        ),
        Source(
            "parser",
            "postlight/parser",
            "e8ba7ece291efa4d915d50dd4deeec17d54359f2",
            ("fixtures/*.html", "src/extractors/custom/*/index.js"),
        ),
        Source(
            "readability",
            "mozilla/readability",
            "ab4027a8b37669745016869a37a504727992b2ba",
            _TEST_PAGES,
        ),
        Source(
            "readability.php",
            "fivefilters/readability.php",
            "0e2370d2488f79651caf11164853e892775e294c",
            _TEST_PAGES,
        ),
        Source(
            "SmartReader",
            "Strumenta/SmartReader",
            "882c7073fcdc3afa478c389ae5a960334ae58146",
            _TEST_PAGES,
        ),
        Source("uk-pages-open", "", "", ("index.tsv", "*/*.html")),
        Source(
            "failfast.org.ua",
            "vlisivka/failfast.org.ua",
            "88f8909a7747ec00dc413c5887f93d01c1b658aa",
            ("docs/blog/*/index.html",),
        ),
        Source(
            "tneu-news-parser",
            "tneudevteam/tneu-news-parser",
            "fe78a7950df79b86a9ce907b8a904625982dfa80",
            ("test/*.html",),
        ),
    )
}
"""The data sets by name, each at the commit that its manifest was made from."""


def read_uk_pages(folder: Path) -> Iterator[Document]:
    """Yield Ukrainian pages of 26 repositories, of which nobody extracted the text."""
    with (folder / "index.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            name = row["file"].partition("/")[2]
            yield _bare(folder / name, f"uk-pages-open/{name}", row["host"], "")


def read_bare(pattern: str, site: str, page_type: str, folder: Path) -> Iterator[Document]:
    """Yield Ukrainian pages of one site, of which nobody extracted the text."""
    for path in sorted(folder.glob(pattern)):
        name = path.relative_to(folder).as_posix()
        yield _bare(path, f"{folder.name}/{name}", site, page_type)


def _bare(path: Path, page_id: str, host: str, page_type: str) -> Document:
    return Document(
        page_id=page_id,
        html=(path.read_bytes(),),
        gold=None,
        site=site_of(host),
        language="uk",
        page_type=page_type,
    )


READERS: dict[str, Callable[[Path], Iterator[Document]]] = {
    "waddle": read_waddle,
    "fundus": read_fundus,
    "web-content-extraction-benchmark": read_wcxb,
    "article-extraction-dataset": read_article_extraction,
    "parser": read_parser,
    "readability": read_readability,
    "readability.php": read_readability,
    "SmartReader": read_readability,
    "uk-pages-open": read_uk_pages,
    "failfast.org.ua": partial(read_bare, "docs/blog/*/index.html", "failfast.org.ua", "article"),
    "tneu-news-parser": partial(read_bare, "test/**/*.html", "tneu.edu.ua", ""),
}
"""By name of the set: from its unpacked folder to its pages."""
