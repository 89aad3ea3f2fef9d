"""Public data sets of pages with gold text, read in the layouts of their repositories.

Each reader takes the unpacked folder and yields documents. A `Source` says where the
archive is from and which of its files the reader opens.
"""

import gzip
import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from linesift.labelling.documents import Document, address_of, non_empty, site_of

_LANGUAGES = {"Greek": "el", "English": "en", "Chinese": "zh", "Polish": "pl", "Russian": "ru"}
_WCXB_TYPES = {"category": "collection"}


def _plain(html: str) -> str:
    """Return the text of a paragraph; what begins after the last ">" is no tag."""
    tagged, end, rest = html.rpartition(">")
    return unescape(re.sub(r"<[^>]+>", " ", tagged + end) + rest)


def read_waddle(folder: Path) -> Iterator[Document]:
    """Yield DAnIEL 2.1: news in five languages, host and date in the file name."""
    root = folder / "corpora" / "Corpus_daniel_v2.1"
    languages = json.loads((root / "doc_lg.json").read_text(encoding="utf-8"))
    for path in sorted((root / "html").iterdir()):
        gold = (root / "reference" / path.name).read_text(encoding="utf-8", errors="replace")
        paragraphs = [_plain(p.partition("<p>")[2]) for p in gold.split("</p>")[:-1] if "<p>" in p]
        host = path.name.split("_")[1]
        yield Document(
            page_id=f"waddle/{path.name}",
            html=(path.read_bytes(),),
            gold=tuple(non_empty(paragraphs)),
            site=site_of(host),
            language=_LANGUAGES.get(languages[path.name], ""),
        )


def read_fundus(folder: Path) -> Iterator[Document]:
    """Yield the test pages of fundus: one publisher each, several versions of some."""
    root = folder / "tests" / "resources" / "parser" / "test_data"
    for gold_path in sorted(root.glob("*/*.json")):
        publisher = gold_path.stem
        html = tuple(
            gzip.decompress(path.read_bytes())
            for path in sorted(gold_path.parent.glob(f"{publisher}_*.html.gz"))
        )
        versions = json.loads(gold_path.read_text(encoding="utf-8"))
        for version, article in versions.items():
            body = article.get("body") or {}
            paragraphs = list(body.get("summary", []))
            for section in body.get("sections", []):
                paragraphs += [*section["headline"], *section["paragraphs"]]
            address = address_of(html[0]) if html else ""
            yield Document(
                page_id=f"fundus/{gold_path.parent.name}/{publisher}/{version}",
                html=html,
                gold=tuple(non_empty(paragraphs)),
                title=article.get("title") or "",
                site=site_of(address) if address else f"{publisher}.fundus".lower(),
            )


def read_wcxb(folder: Path) -> Iterator[Document]:
    """Yield the development split of the WCXB benchmark: pages of seven types."""
    for gold_path in sorted((folder / "dev" / "ground-truth").glob("*.json")):
        record = json.loads(gold_path.read_text(encoding="utf-8"))
        truth = record["ground_truth"]
        page_type = record["_internal"]["page_type"]["primary"]
        html_path = folder / "dev" / "html" / f"{gold_path.stem}.html.gz"
        yield Document(
            page_id=f"wcxb/{gold_path.stem}",
            html=(gzip.decompress(html_path.read_bytes()),),
            gold=tuple(non_empty((truth.get("main_content") or "").split("\n"))),
            title=truth.get("title") or "",
            site=site_of(record.get("url") or ""),
            language="en",
            page_type=_WCXB_TYPES.get(page_type, page_type),
            wanted=tuple(truth.get("with") or ()),
            unwanted=tuple(truth.get("without") or ()),
        )


def read_article_extraction(folder: Path) -> Iterator[Document]:
    """Yield the article extraction data set: English news of 2023."""
    articles = json.loads((folder / "articles.json").read_text(encoding="utf-8"))
    for key, article in sorted(articles.items()):
        path = folder / "html" / f"{key}.html"
        if not path.is_file():
            continue
        yield Document(
            page_id=f"aed/{key}",
            html=(path.read_bytes(),),
            gold=tuple(non_empty((article["articleBody"] or "").split("\n"))),
            title=article.get("title") or "",
            site=site_of(article["url"]),
            language="en",
        )
