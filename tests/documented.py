"""Code blocks of README, CONTRIBUTING and docs, and a folder that holds what they speak of."""

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from linesift import read_page
from linesift.labelling.corpora import write_corpus
from linesift.labelling.labels import label_files, load_label_file
from linesift.review.label_studio import to_task
from tests.made_pages import made_page, made_pages, tracking_database
from tests.test_sources import response

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
"""What the site is built from."""
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: where it stands, what it says it is, what it holds."""

    document: Path
    line: int
    kind: str
    text: str

    @property
    def where(self) -> str:
        """Its place, as editors understand it."""
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    def commands(self) -> list[tuple[str, str | None]]:
        """Return what is typed, each with the output that is shown for it, if any is."""
        if self.kind == "sh":
            joined = self.text.replace("\\\n", "")
            typed = [line.strip() for line in joined.splitlines()]
            return [(line, None) for line in typed if line and not line.startswith("#")]
        pieces = re.split(r"^\$ (.*)\n", self.text, flags=re.MULTILINE)
        assert not pieces[0], f"{self.where}: a console block begins with '$ '"
        return list(zip(pieces[1::2], pieces[2::2], strict=True))


def blocks_of(document: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a document in order."""
    text = document.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(document, line, found[1], found[2])


def fill(folder: Path) -> None:
    """Put there what a reader has: a clone with its data, pages, crawls, labels, a tracked run."""
    for name in ("train.py", "pyproject.toml", "constraints.txt", "Makefile"):
        shutil.copy(ROOT / name, folder)
    for name in ("conf", "docs", "experiments", "examples", "data/pages", "tests/pages"):
        shutil.copytree(ROOT / name, folder / name)
    _fill_pages(folder)
    _fill_labels(folder)
    (folder / "models").mkdir()
    for name in ("latest", "my_site"):
        shutil.copy(
            ROOT / "src/linesift/shipped.safetensors", folder / f"models/{name}.safetensors"
        )
    _fill_corpora(folder / "data")
    _fill_runs(folder)
    (folder / ".config/fish/completions").mkdir(parents=True)
    _stand_in_for_the_network(folder / "bin")


def _fill_pages(folder: Path) -> None:
    """Write pages one by one and as crawls of each kind."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    saved = sorted((ROOT / "tests/pages").glob("*.html"))
    (folder / "pages").mkdir()
    for path in saved:
        shutil.copy(path, folder / "pages")
    shutil.copy(saved[0], folder / "page.html")
    # The page whose lines and labels open the README.
    first = next(blocks_of(ROOT / "README.md")).commands()[0][1] or ""
    lines = [row.partition("\t")[2] for row in first.splitlines() if not row.startswith("#")]
    (folder / "page.txt").write_text("\n".join(lines), encoding="utf-8")
    addresses = [f"https://{path.stem}.example/" for path in saved]
    records = [
        response(address, path.read_bytes()) for address, path in zip(addresses, saved, strict=True)
    ]
    (folder / "crawl.warc.gz").write_bytes(b"".join(map(gzip.compress, records)))
    texts = ["\n".join(read_page(path).lines) for path in saved]
    pq.write_table(pa.table({"url": addresses, "text": texts}), folder / "crawl.parquet")
    rows = [
        json.dumps({"address": address, "html": text})
        for address, text in zip(addresses, texts, strict=True)
    ]
    (folder / "pages.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))


def _fill_labels(folder: Path) -> None:
    """Write labels of the pages, and an export of Label Studio."""
    (folder / "labels").mkdir()
    for path in label_files(ROOT / "tests/pages"):
        shutil.copy(path, folder / "labels")
    tasks = [to_task(load_label_file(path)) for path in label_files(ROOT / "data/pages")]
    (folder / "export.json").write_text(json.dumps(tasks), encoding="utf-8")


def _fill_corpora(data: Path) -> None:
    """Write made-up pages where the public corpora would be, labelled and raw."""
    write_corpus(
        data / "lines/waddle.parquet", made_pages(range(30), corpus="waddle", own_words=True)
    )
    raw = (data / "raw/waddle/corpora/Corpus_daniel_v2.1/html", data / "raw/fundus/pages")
    for site, source in enumerate(raw):
        source.mkdir(parents=True)
        for number in range(2):
            (source / f"{number}.html").write_text(made_page(site, number)[0], encoding="utf-8")


def _fill_runs(folder: Path) -> None:
    """Write the runs that are looked at, as train.py names them."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    (folder / "mlflow.db").write_bytes(tracking_database())
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("linesift", str(folder / "mlruns"))
    for name, passes, score in (("default", "2", 0.9), ("no_context", "0", 0.8)):
        run = client.create_run(experiment, run_name=name)
        metrics = [Metric(key, score, 0, 0) for key in ("text/line_f1", "text/label/related")]
        client.log_batch(run.info.run_id, metrics, [Param("context.context_passes", passes)])
        client.set_terminated(run.info.run_id)


def _stand_in_for_the_network(bin_folder: Path) -> None:
    bin_folder.mkdir()
    curl = bin_folder / "curl"
    curl.write_text('#!/bin/sh\ncat "$HOME/page.html"\n')
    curl.chmod(0o755)
