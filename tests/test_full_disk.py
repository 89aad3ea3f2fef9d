"""A disk that takes no more: one sentence, exit code 2, whole files only, and it goes on later.

A limit on the size of files stands in for the disk; the system refuses a write in the same way.
"""

import json
import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from linesift.labelling.labels import load_label_file

ROOT = Path(__file__).parents[1]
LINESIFT = [sys.executable, "-c", "from linesift.cli import main\nmain()"]
PAGES = sorted(map(str, (ROOT / "tests" / "pages").glob("*.html")))


def run(*arguments: str, room: int | None = None, **options) -> subprocess.CompletedProcess[str]:
    """Run linesift, which can write files of so many bytes."""
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (room, room)) if room else None
    streams = {"stderr": subprocess.PIPE, "text": True} | options
    return subprocess.run([*LINESIFT, *arguments], preexec_fn=limit, **streams)


def is_one_sentence(result: subprocess.CompletedProcess[str]) -> bool:
    (line,) = result.stderr.splitlines()
    return result.returncode == 2 and line.startswith("Error: ")


@pytest.fixture
def crawl(tmp_path) -> str:
    path = tmp_path / "crawl.jsonl"
    lines = [f"It rained all day, they said, and the river rose by {k} feet." for k in range(20)]
    rows = [{"id": f"{k}", "text": "\n".join(lines)} for k in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_parts_are_whole_or_not_there_and_the_run_goes_on(crawl, tmp_path, form):
    command = ("predict", "--format", form, "--part-size", "20", crawl, "--output")
    assert is_one_sentence(run(*command, str(tmp_path / "full"), room=1500))
    assert not list((tmp_path / "full").glob(f"part-*.{form}"))
    for folder in ("full", "free"):
        assert run(*command, str(tmp_path / folder)).returncode == 0
    parts = {path.name: path.read_bytes() for path in (tmp_path / "free").glob("part-*")}
    assert len(parts) == 3
    assert {path.name: path.read_bytes() for path in (tmp_path / "full").glob("part-*")} == parts


def test_label_files_are_whole_or_not_there(tmp_path):
    command = ("prelabel", "--labels", str(tmp_path / "labels"), *PAGES)
    sizes = {}
    assert run(*command).returncode == 0
    for path in (tmp_path / "labels").iterdir():
        sizes[path.name] = path.stat().st_size
        path.unlink()
    assert is_one_sentence(run(*command, room=max(sizes.values()) - 1))
    for path in (tmp_path / "labels").iterdir():
        assert path.stat().st_size == sizes[path.name]
        assert load_label_file(path).page.lines


def test_an_export_that_cannot_be_finished_leaves_the_old_one(tmp_path):
    old = tmp_path / "tasks.json"
    old.write_text("[]")
    command = ("labels", "export", str(ROOT / "tests" / "pages"), "--output", str(old))
    assert is_one_sentence(run(*command, room=1500))
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.json"]
    assert old.read_text() == "[]"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("form", ["text", "tsv", "html"])
def test_a_standard_output_that_takes_no_more_is_one_sentence(form):
    with open("/dev/full", "w") as full:
        result = run("predict", "--format", form, PAGES[0], stdout=full)
    assert is_one_sentence(result)
    assert "No space left on device; make room" in result.stderr
