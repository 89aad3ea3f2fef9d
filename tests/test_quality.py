"""The quality gate: the shipped model against floors, on the pages they were measured on."""

import json
from pathlib import Path

import numpy as np
import pytest

from linesift.labelling.archives import fetch, read_manifest
from linesift.labelling.corpora import build_lines, read_test_pages
from linesift.labelling.corpus_readers import SOURCES
from linesift.labelling.labels import is_test_site, read_label_folder
from linesift.models.baselines import RunRule
from linesift.models.model_file import load_model, read_card
from linesift.scoring.evaluate import check_floor, evaluate

ROOT = Path(__file__).resolve().parent.parent
MIRROR = ROOT.parent / "shared" / "corpora"


@pytest.fixture(scope="module")
def shipped():
    return load_model()


def _floor(name):
    return json.loads((ROOT / "tests" / name).read_text(encoding="utf-8"))


def test_shipped_model_holds_the_floor_on_hand_labelled_pages(shipped):
    """The model in the package was trained without these pages; its card counts all the others."""
    pages = read_label_folder(ROOT / "data" / "pages")
    held_out = np.array([page.page_id.endswith("geneva-talks") for page in pages.pages])
    assert read_card()["data"]["train_pages"]["hand"] == (~held_out).sum()
    report = evaluate("linesift", shipped, pages.select(held_out))
    assert check_floor(report, _floor("quality_floor_hand.json")) == []


@pytest.fixture(scope="module")
def report(shipped, held_out):
    return evaluate("linesift", shipped, held_out)


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    """Return the pages of the test sites: labelled before, or labelled now from a mirror."""
    lines = ROOT / "data" / "lines"
    if len(list(lines.glob("*.parquet"))) < len(SOURCES):
        if not all((MIRROR / source.archive).is_file() for source in SOURCES.values()):
            pytest.skip(
                "the public corpora are neither built (make corpora) nor beside the checkout"
            )
        folder = tmp_path_factory.mktemp("corpora")
        lines = folder / "lines"
        for name, source in SOURCES.items():
            manifest = read_manifest(ROOT / "data" / "manifests" / f"{name}.sha256")
            raw = fetch(source, manifest, folder, mirror=MIRROR, url="", progress=_silent)
            target = lines / f"{name}.parquet"
            build_lines(name, raw, target, n_jobs=2, progress=_silent, sites=is_test_site)
    return read_test_pages(lines)


def _silent(what, done, of):
    pass


def test_shipped_model_holds_the_floor_on_test_sites(report):
    assert check_floor(report, _floor("quality_floor.json")) == []


def test_shipped_model_leaves_the_run_rule_behind_beyond_the_intervals(report, held_out):
    rule = evaluate("run rule", RunRule(), held_out, forms=("text",))
    by_rule, by_model = (r.forms["text"].groups["all"]["line_f1"] for r in (rule, report))
    assert by_model.low > by_rule.high
