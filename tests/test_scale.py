"""The datatrove step: what it gives is what `linesift predict` gives, wherever it runs."""

import gzip
import json
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from linesift import save_model
from linesift.cli import main
from linesift.labelling.labels import LABELS
from linesift.models.model_file import make_card
from linesift.reading.readers import read_bytes
from tests.made_pages import NEW_SITES, fitted, made_page

pytest.importorskip("datatrove", reason="needs the extra 'scale': pip install 'linesift[scale]'")

from datatrove.data import Document
from datatrove.executor import RayPipelineExecutor, SlurmPipelineExecutor
from datatrove.pipeline.writers import JsonlWriter

import linesift.crawling.scale
from examples.crawl_datatrove import build_executor, build_pipeline
from linesift.crawling.scale import LineCleaner

HTML = [made_page(site, number)[0] for site in NEW_SITES for number in range(3)]
TEXT = ["\r\n".join(read_bytes(html.encode()).lines) for html in HTML]
ODD = [
    "",
    " \n ",
    "\ufeff" + TEXT[0],
    TEXT[1] + "\x0b\u2028end \ud800 of it",
    HTML[0] + "\0<p>more",
]
PAGES = [*HTML, *TEXT, *ODD]
PICTURE = "GIF89a\n" + TEXT[0]
EXAMPLE = Path(__file__).parents[1] / "examples" / "crawl_datatrove.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, fitted(), make_card(fitted()))
    return str(path)


def documents(texts: list[str]) -> list[Document]:
    return [Document(text, id=str(number)) for number, text in enumerate(texts)]


@cache
def predicted(model: str, page: str, *options: str) -> bytes:
    """Return what the command prints for a page in a file of its own."""
    arguments = ["predict", "--model", model, *options, "-"]
    result = CliRunner().invoke(main, arguments, input=page.encode("utf-8", "replace"))
    assert result.exit_code == 0
    return result.stdout_bytes


def stat(cleaner: LineCleaner, name: str) -> int:
    return cleaner.stats[name].total


# ----------------------------------------------------------------------------- the text


@pytest.mark.parametrize("batch_size", [1, 4, 1000])
def test_a_document_becomes_what_the_command_prints_in_any_batch_and_in_order(model, batch_size):
    cleaner = LineCleaner(model, keep_empty=True, batch_size=batch_size)
    found = list(cleaner(documents(PAGES)))
    assert [one.id for one in found] == [str(number) for number in range(len(PAGES))]
    for document, page in zip(found, PAGES, strict=True):
        assert document.text.encode() == predicted(model, page)
    assert all(one.text for one in found[: len(HTML)])


def test_the_threshold_is_that_of_the_command(model):
    found = list(LineCleaner(model, threshold=0.0, keep_empty=True)(documents(PAGES)))
    expected = [predicted(model, page, "--threshold", "0") for page in PAGES]
    assert [one.text.encode() for one in found] == expected
    assert expected != [predicted(model, page) for page in PAGES]


def test_labels_are_kept_where_asked_for(model):
    found = list(LineCleaner(model, keep_labels=True, keep_empty=True)(documents(PAGES)))
    for document, page in zip(found, PAGES, strict=True):
        printed = predicted(model, page, "--format", "jsonl").decode()
        rows = [json.loads(line) for line in printed.split("\n") if line]
        metadata = document.metadata
        lines = [one.encode("utf-8", "replace").decode() for one in metadata["lines"]]
        assert lines == [row["text"] for row in rows]
        assert metadata["labels"] == [row["label"] for row in rows]
        rounded = [round(probability, 4) for probability in metadata["probabilities"]]
        assert rounded == [row["probability"] for row in rows]
    plain = LineCleaner(model, keep_empty=True)(documents(PAGES))
    no_types = {"page_type": None, "page_type_probability": None}  # told by no such model
    assert all(one.metadata == no_types for one in plain)


# ------------------------------------------------------------- statistics and what is dropped


def test_statistics_count_the_lines_of_each_label(model):
    cleaner = LineCleaner(model, keep_labels=True)
    labels = [label for one in cleaner(documents(HTML)) for label in one.metadata["labels"]]
    for label in LABELS:
        assert stat(cleaner, f"lines_{label}") == labels.count(label)
        assert cleaner.stats[f"lines_{label}"].n == len(HTML)


def test_documents_without_article_are_dropped_or_kept_and_counted(model):
    pages = [HTML[0], "", HTML[1], " \n "]
    dropping = LineCleaner(model)
    assert [one.id for one in dropping(documents(pages))] == ["0", "2"]
    assert (stat(dropping, "dropped_empty"), stat(dropping, "forwarded")) == (2, 2)
    keeping = LineCleaner(model, keep_empty=True)
    assert [one.text == "" for one in keeping(documents(pages))] == [False, True, False, True]
    assert (stat(keeping, "kept_empty"), stat(keeping, "forwarded")) == (2, 4)


def test_what_is_no_page_is_dropped_with_its_reason_and_the_others_go_on(model, tmp_path):
    writer = JsonlWriter(str(tmp_path), compression=None)
    cleaner = LineCleaner(model, exclusion_writer=writer, keep_empty=True)
    assert [one.id for one in cleaner(documents([HTML[0], PICTURE, HTML[1]]))] == ["0", "2"]
    assert stat(cleaner, "dropped_unreadable") == 1
    with (tmp_path / "00000.jsonl").open(encoding="utf-8") as file:
        (excluded,) = (json.loads(line) for line in file)
    assert excluded["text"] == PICTURE
    assert excluded["metadata"]["filter_reason"] == "unreadable"


# ----------------------------------------------------------------------------- in a task


def test_the_model_is_loaded_once_and_only_when_a_document_comes(model, monkeypatch):
    loaded = []

    def load(path):
        loaded.append(path)
        return fitted()

    monkeypatch.setattr(linesift.crawling.scale, "load_model", load)
    cleaner = LineCleaner(model, batch_size=2)
    assert list(cleaner([])) == loaded == []
    assert len(list(cleaner(documents(HTML)))) == len(HTML)
    assert loaded == [model]


def test_the_step_travels_to_another_machine_before_and_after_use(model):
    cleaner = LineCleaner(model, keep_empty=True)
    sent = pickle.loads(pickle.dumps(cleaner))
    expected = [one.text for one in cleaner(documents(PAGES))]
    used = pickle.loads(pickle.dumps(cleaner))
    for other in (sent, used):
        assert [one.text for one in other(documents(PAGES))] == expected


# --------------------------------------------------------------------------- the example


def warc_record(page: str, address: str) -> bytes:
    """Return the answer of a server as a WARC file holds it, a gzip member of its own."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page.encode()
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: 2026-05-12T10:40:00Z\r\n"
        f"WARC-Record-ID: <{address}>\r\nWARC-Target-URI: {address}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(answer)}\r\n"
    )
    return gzip.compress(head.encode() + b"\r\n" + answer + b"\r\n\r\n")


@pytest.fixture
def warcs(tmp_path) -> Path:
    """Folder of two WARC files that share the pages of the made sites."""
    folder = tmp_path / "warcs"
    folder.mkdir()
    for name, pages in (("a", HTML[::2]), ("b", HTML[1::2])):
        records = [warc_record(page, f"http://{name}.example/{i}") for i, page in enumerate(pages)]
        (folder / f"{name}.warc.gz").write_bytes(b"".join(records))
    return folder


def test_the_example_cleans_warc_files_in_two_tasks(model, warcs, tmp_path):
    output = tmp_path / "output"
    command = [sys.executable, EXAMPLE, warcs, output, "--tasks", "2", "--model", model]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    for task, pages in enumerate((HTML[::2], HTML[1::2])):
        with gzip.open(output / "pages" / f"{task:05}.jsonl.gz", "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        assert [text.encode() for text in texts] == [predicted(model, page) for page in pages]
    statistics = json.loads((output / "logs" / "stats.json").read_text())
    (cleaner,) = (step["stats"] for step in statistics if step["name"].endswith("linesift"))
    assert cleaner["forwarded"] == len(HTML)
    assert cleaner["lines_content"]["total"] > 0


@pytest.mark.parametrize(
    ("name", "kind"), [("slurm", SlurmPipelineExecutor), ("ray", RayPipelineExecutor)]
)
def test_the_same_pipeline_is_made_for_a_cluster(model, warcs, tmp_path, name, kind):
    # No cluster here: that the executor is made, and its pipeline can be sent, is all there is.
    import dill

    pipeline = build_pipeline(str(warcs), str(tmp_path / "output"), model=model)
    executor = build_executor(name, pipeline, str(tmp_path / "output"), 8, "cpu", "01:00:00")
    assert (type(executor), executor.world_size) == (kind, 8)
    sent = dill.loads(dill.dumps(executor.pipeline))
    assert [type(step) for step in sent] == [type(step) for step in pipeline]
    assert len(list(sent[1](sent[0](), rank=0, world_size=1))) == len(HTML)
