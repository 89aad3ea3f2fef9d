"""Public data sets of pages with gold text, read in the layouts of their repositories.

Each reader takes the unpacked folder and yields documents. `build_lines` labels them
and writes one Parquet file per set, a row a page, which training reads back with
`read_corpus`. The texts stay on the user's disk: none of them is part of linesift.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from linesift.labelling.archives import Progress, Source
from linesift.labelling.labels import (
    LabelledPages,
    is_test_site,
    label_name,
    no_pages,
    write_atomically,
)
from linesift.labelling.weak_labels import FOUND, label_page
from linesift.reading.page import Markup, Page
from linesift.reading.readers import read_html

SOURCES = {
    source.name: source
    for source in (
        Source("waddle", "rundimeco/waddle", "be875ce12ad9e23ef68ef7f3b0605db6d06bcdb1"),
        Source("fundus", "flairNLP/fundus", "18da6e53592f99cf0ac5770dc63d6ba99ba63ae8"),
        Source(
            "web-content-extraction-benchmark",
            "Murrough-Foley/web-content-extraction-benchmark",
            "c039d5ee9f5a3a984a0e167e63aacd04e76e78a9",
        ),
        Source(
            "article-extraction-dataset",
            "AndyTheFactory/article-extraction-dataset",
            "cf3e2959ffc4fde13e0714d2b6d50c2bd220ed3b",
        ),
    )
}
"""The data sets by name, each at the commit that its manifest was made from."""

_LANGUAGES = {"Greek": "el", "English": "en", "Chinese": "zh", "Polish": "pl", "Russian": "ru"}
_CANONICAL = re.compile(
    r"""<(?:link[^>]{1,1000}rel=["']?canonical|meta[^>]{1,1000}property=["']?og:url)[^>]{0,1000}?"""
    r"""(?:href|content)=["']?(https?://[^"'\s>]+)""",
    re.IGNORECASE,
)
_WCXB_TYPES = {"category": "collection"}
_SECOND_LEVEL = frozenset("ac co com edu go gov net ne or org".split())


@dataclass(frozen=True)
class Document:
    """A page of a data set before its lines are labelled.

    Parameters
    ----------
    page_id : str
        Unique over all sets.
    html : tuple of bytes
        The page; several if it is not known which of them the gold text belongs to.
    gold : tuple of str
        Paragraphs of the article.
    title, site, language : str
        Where known.
    page_type : str
        One of `linesift.labelling.labels.PAGE_TYPES`.
    wanted, unwanted : tuple of str
        Snippets that an extract of the page must hold, and those that it must not; WCXB alone
        has them, and calls them `with` and `without`.
    """

    page_id: str
    html: tuple[bytes, ...]
    gold: tuple[str, ...]
    title: str = ""
    site: str = ""
    language: str = ""
    page_type: str = "article"
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()


def site_of(address: str) -> str:
    """Return the site of an address: its host without what varies within one publisher.

    What is no address, as crawls meet it, has none.

    >>> site_of("https://www1.news.example.co.uk/a"), site_of("m.example.com"), site_of("http://[a")
    ('example.co.uk', 'example.com', '')
    """
    try:
        host = (urlsplit(address if "//" in address else f"//{address}").hostname or "").lower()
    except ValueError:  # a bracket that is not closed
        return ""
    parts = host.split(".")
    take = 3 if len(parts) > 2 and parts[-2] in _SECOND_LEVEL else 2
    return ".".join(parts[-take:])


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
            gold=tuple(_non_empty(paragraphs)),
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
            address = _CANONICAL.search(html[0].decode("utf-8", "replace")) if html else None
            yield Document(
                page_id=f"fundus/{gold_path.parent.name}/{publisher}/{version}",
                html=html,
                gold=tuple(_non_empty(paragraphs)),
                title=article.get("title") or "",
                site=site_of(address[1]) if address else f"{publisher}.fundus".lower(),
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
            gold=tuple(_non_empty((truth.get("main_content") or "").split("\n"))),
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
            gold=tuple(_non_empty((article["articleBody"] or "").split("\n"))),
            title=article.get("title") or "",
            site=site_of(article["url"]),
            language="en",
        )


READERS = {
    "waddle": read_waddle,
    "fundus": read_fundus,
    "web-content-extraction-benchmark": read_wcxb,
    "article-extraction-dataset": read_article_extraction,
}


def _non_empty(paragraphs: Iterable[str]) -> Iterator[str]:
    return (text for text in map(str.strip, paragraphs) if text)


def original_documents(labelled: LabelledPages, raw: Path) -> list[Document | None]:
    """Return what each labelled page was read from: its HTML, and the gold text as the set has it.

    Parameters
    ----------
    labelled : LabelledPages
        Pages of the data sets.
    raw : Path
        Folder of the unpacked data sets.

    Returns
    -------
    documents : list of Document or None
        Each with the one HTML whose lines were labelled; None where it is not at hand or gives
        other lines.
    """
    wanted = {page.page_id: page for page in labelled.pages}
    found: dict[str, Document] = {}
    for name in sorted(READERS.keys() & set(labelled.corpus)):
        if not (raw / name).is_dir():
            continue
        for document in READERS[name](raw / name):
            page = wanted.get(document.page_id)
            if page is None:
                continue
            for html in document.html:
                if read_html(html).lines == page.lines:
                    found[document.page_id] = replace(document, html=(html,))
                    break
    return [found.get(page.page_id) for page in labelled.pages]


@dataclass
class Tally:
    """What became of the pages and lines of a set; printed and kept beside the Parquet file."""

    pages: int = 0
    dropped: dict[str, int] = field(default_factory=Counter)
    lines: dict[str, int] = field(default_factory=Counter)


def label_document(document: Document, corpus: str) -> LabelledPages | str:
    """Return one page with its labels and gold text, or the reason why it is left out.

    The heading counts as content, so it opens the gold text where that leaves it out.
    """
    if not document.gold:
        return "no gold text"
    best = None
    for html in document.html:
        page = read_html(html, document.page_id, site=document.site, language=document.language)
        weak = label_page(page, document.gold, document.title)
        if best is None or weak.found > best[1].found:
            best = page, weak
    if best is None:
        return "no page"
    if best[1].found < FOUND:
        return "gold text not found"
    page, weak = best
    heading = (page.lines[weak.heading],) if weak.heading is not None else ()
    gold = heading + document.gold
    return LabelledPages([page], [weak.labels], [corpus], [gold], [document.page_type])


def build_lines(
    name: str,
    folder: Path,
    target: Path,
    *,
    n_jobs: int,
    progress: Progress,
    sites: Callable[[str], bool] | None = None,
) -> dict[str, Any]:
    """Label a data set and write it as one Parquet file; return the tally.

    Parameters
    ----------
    name : str
        Name of the set, a key of `READERS`.
    folder : Path
        Its unpacked files.
    target : Path
        The Parquet file.
    n_jobs : int
        Worker processes.
    progress : callable
        See `linesift.labelling.archives.Progress`.
    sites : callable, optional
        Says of a site whether its pages are labelled; all are where this is left out.
    """
    from joblib import Parallel, delayed

    documents = [d for d in READERS[name](folder) if sites is None or sites(d.site)]
    results = Parallel(n_jobs=n_jobs, return_as="generator", batch_size=8)(
        delayed(label_document)(document, name) for document in documents
    )
    tally = Tally()
    labelled = no_pages()
    for count, result in enumerate(results, start=1):
        progress(f"label {name}", count, len(documents))
        if isinstance(result, str):
            tally.dropped[result] += 1
            continue
        tally.pages += 1
        for label, number in zip(*np.unique(result.labels[0], return_counts=True), strict=True):
            tally.lines[label_name(int(label))] += int(number)
        labelled += result
    write_corpus(target, labelled)
    return {
        "pages": tally.pages,
        "test_pages": sum(map(is_test_site, labelled.sites)),
        "sites": len(set(labelled.sites)),
        "dropped": dict(tally.dropped),
        "lines": dict(tally.lines),
        "digest": labelled.digest(),
    }


def write_corpus(path: Path, labelled: LabelledPages) -> None:
    """Write labelled pages as Parquet, a row a page, with their digest in the metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    markup = [page.markup for page in labelled.pages]
    table = pa.table(
        {
            "page_id": [page.page_id for page in labelled.pages],
            "site": [page.site for page in labelled.pages],
            "language": [page.language for page in labelled.pages],
            "corpus": labelled.corpus,
            "page_type": labelled.page_types,
            "split": ["test" if is_test_site(site) else "train" for site in labelled.sites],
            "title": [m.title if m else None for m in markup],
            "numbers": pa.array([page.numbers for page in labelled.pages], pa.list_(pa.int32())),
            "lines": pa.array([page.lines for page in labelled.pages], pa.list_(pa.string())),
            "labels": pa.array([list(y) for y in labelled.labels], pa.list_(pa.int8())),
            "link_share": pa.array(
                [m.link_share if m else None for m in markup], pa.list_(pa.float32())
            ),
            "paths": pa.array([m.paths if m else None for m in markup], pa.list_(pa.string())),
            "gold": pa.array(labelled.gold, pa.list_(pa.string())),
        }
    )
    table = table.replace_schema_metadata({"digest": labelled.digest()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_atomically(path, sink.getvalue().to_pybytes())


def read_corpus(path: Path) -> LabelledPages:
    """Return the labelled pages of a Parquet file that `write_corpus` wrote.

    Raises
    ------
    ValueError
        The file is not one of these, or not what its digest says.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        labelled = _labelled(table.to_pylist())
        digest = (table.schema.metadata or {}).get(b"digest", b"").decode()
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise ValueError(f"{path}: not a labelled corpus ({error}); build it again") from error
    if digest != labelled.digest():
        raise ValueError(f"{path}: changed since it was built; build it again")
    return labelled


def read_chunks(path: Path, pages: int = 500) -> Iterator[LabelledPages]:
    """Yield the labelled pages of such a file, so many at a time: it need not fit in memory.

    The digest of the whole is not checked.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=pages):
            yield _labelled(batch.to_pylist())


def _labelled(rows: Sequence[Mapping[str, Any]]) -> LabelledPages:
    return LabelledPages(
        [_page_of(row) for row in rows],
        [np.asarray(row["labels"], np.int8) for row in rows],
        [row["corpus"] for row in rows],
        [tuple(row["gold"]) for row in rows],
        [row["page_type"] for row in rows],
    )


def _page_of(row: Mapping[str, Any]) -> Page:
    markup = None
    if row["paths"] is not None:
        share = np.asarray(row["link_share"], np.float32)
        markup = Markup(tuple(share.tolist()), tuple(row["paths"]), row["title"] or "")
    return Page(
        row["page_id"],
        tuple(row["lines"]),
        tuple(row["numbers"]),
        row["site"],
        row["language"],
        markup,
    )
