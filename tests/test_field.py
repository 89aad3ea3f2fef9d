"""Pages like those that people report trouble with: what the shipped model keeps of them.

The cases lie beside a checkout of the project and are skipped where they are missing. The floor
is the mean over five trainings that differ in the seed, less two standard deviations.
"""

import json
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from linesift import load_model, read_html, read_text
from linesift.labelling.labels import CONTENT, LABELS
from linesift.models.prediction import LinePredictor
from linesift.reading.page import Page

ROOT = Path(__file__).parents[1]
CASES = ROOT.parent / "shared" / "field"
FLOOR = ROOT / "tests" / "quality_floor_field.json"
READERS = {
    "input.txt": lambda path: read_text(path.read_text(encoding="utf-8"), path.parent.name),
    "input.html": lambda path: read_html(path.read_bytes(), path.parent.name),
}


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no field cases in {CASES}")
@pytest.mark.parametrize("name", READERS)
def test_the_shipped_model_holds_its_floor_on_pages_that_people_report(name):
    floor = json.loads(FLOOR.read_text(encoding="utf-8"))
    assert mean_line_f1(load_model(), name) >= floor["floors"][name]


def mean_line_f1(model: LinePredictor, name: str) -> float:
    """Return the mean line F1 over the cases that have an input of this name."""
    paths = sorted(CASES.glob(f"*/{name}"))
    pages = [READERS[name](path) for path in paths]
    kept = [one.keep for one in model.predict_lines(pages)]
    expected = [expected_lines(path.with_name("expected.tsv")) for path in paths]
    return float(np.mean([line_f1(*one) for one in zip(pages, kept, expected, strict=True)]))


def expected_lines(path: Path) -> list[tuple[str, bool]]:
    """Return the lines of a case, without spaces, and whether each is content."""
    rows = (row.partition("\t") for row in path.read_text(encoding="utf-8").splitlines())
    return [
        ("".join(text.split()), label == LABELS[CONTENT])
        for label, _, text in rows
        if text.strip() and not label.startswith("# ")
    ]


def line_f1(page: Page, kept: np.ndarray, expected: list[tuple[str, bool]]) -> float:
    """Return F1 of the kept lines; one that HTML joined or split counts as what it is part of."""
    lines = ["".join(line.split()) for line in page.lines]
    there = [text for text, _ in expected]
    pairs: list[tuple[bool, bool]] = []
    for found, i, i_end, j, j_end in SequenceMatcher(None, there, lines, False).get_opcodes():
        if found == "equal":
            pairs += [(expected[i + k][1], kept[j + k]) for k in range(i_end - i)]
            continue
        met: set[int] = set()
        for k in range(j, j_end):
            inside = [n for n in range(i, i_end) if there[n] in lines[k] or lines[k] in there[n]]
            met.update(inside)
            pairs += [(expected[n][1], kept[k]) for n in inside] or [(False, kept[k])]
        pairs += [(expected[n][1], False) for n in range(i, i_end) if n not in met]
    true = sum(wanted and keep for wanted, keep in pairs)
    errors = sum(bool(wanted) != bool(keep) for wanted, keep in pairs)
    return 2 * true / (2 * true + errors) if true + errors else 1.0
