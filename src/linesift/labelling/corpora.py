"""Labelled lines of the public data sets, kept as Parquet.

`build_lines` labels the documents of a set and writes one Parquet file, a row a page, which
training reads back with `read_corpus`. The texts stay on the user's disk: none of them is part
of linesift.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from linesift.labelling.archives import Progress
from linesift.labelling.corpus_readers import READERS
from linesift.labelling.documents import Document
from linesift.labelling.labels import (
    UNSURE,
    LabelledPages,
    is_test_site,
    label_name,
    no_pages,
    write_atomically,
)
from linesift.labelling.weak_labels import FOUND, label_page
from linesift.reading.page import Markup, Page
from linesift.reading.readers import read_html

JUDGED_SITES = frozenset(("autonews.ru", "detector.media", "habr.com", "lenta.ru", "vc.ru"))
"""Sites on which the model is judged as on pages it met nowhere: in no set are they read."""


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

    The heading counts as content, so it opens the gold text where that leaves it out. All
    lines are unsure where nobody extracted a gold text: such pages wait for hand labels.
    """
    if document.site in JUDGED_SITES:
        return "site on which models are judged"
    if document.left_out:
        return document.left_out
    if document.gold is None:
        return _unlabelled(document, corpus)
    if not document.gold:
        return "no gold text"
    best = None
    for html in document.html:
        page = read_html(html, document.page_id, site=document.site, language=document.language)
        weak = label_page(page, document.gold, document.title, document.page_type)
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


def _unlabelled(document: Document, corpus: str) -> LabelledPages:
    page = read_html(
        document.html[0], document.page_id, site=document.site, language=document.language
    )
    unsure = np.full(len(page.lines), UNSURE, np.int8)
    return LabelledPages([page], [unsure], [corpus], [()], [document.page_type])


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
        "test_pages": sum(map(is_test_site, labelled.select(labelled.is_labelled).sites)),
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
            "hints": pa.array([m.hints if m else None for m in markup], pa.list_(pa.string())),
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


def read_test_pages(folder: Path) -> LabelledPages:
    """Return the labelled pages of the test sites of all corpora in a folder: what is scored.

    Raises
    ------
    ValueError
        As of `read_corpus`.
    """
    pages = no_pages()
    for path in sorted(folder.glob("*.parquet")):
        corpus = read_corpus(path)
        pages += corpus.select([is_test_site(site) for site in corpus.sites])
    return pages.select(pages.is_labelled)


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
        markup = Markup(
            tuple(share.tolist()), tuple(row["paths"]), row["title"] or "", tuple(row["hints"])
        )
    return Page(
        row["page_id"],
        tuple(row["lines"]),
        tuple(row["numbers"]),
        row["site"],
        row["language"],
        markup,
    )
