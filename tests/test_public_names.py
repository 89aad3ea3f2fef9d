"""What `import linesift` offers, and how it looks in an interpreter: names, version, values."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest

import linesift
from linesift import Page, read_html, read_text
from linesift.models.prediction import PagePrediction
from linesift.training.site_classifier import SiteClassifier
from tests.made_pages import fitted, fitted_on_text, fitted_on_types, made_pages


def test_the_version_is_that_of_the_package():
    assert linesift.__version__ == version("linesift")


def test_what_is_offered_is_what_is_public_and_can_be_had():
    offered = [name for name in dir(linesift) if not name.startswith("__")]
    assert offered == sorted(linesift.__all__)
    assert "__version__" in dir(linesift)
    assert all(hasattr(linesift, name) for name in dir(linesift))


def test_names_and_version_are_told_without_importing_what_is_slow():
    code = (
        "import sys, linesift; dir(linesift), linesift.__version__;"
        "sys.exit(', '.join({'linesift.models.model', 'sklearn'} & {*sys.modules}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'linesift' has no attribute 'nothing'"):
        _ = linesift.nothing


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (read_html("<p>It rained.<p>It snowed.", "uk-fair"), "Page('uk-fair', 2 lines, markup)"),
        (read_text("It rained.", "a\nb"), r"Page('a\nb', 1 line, plain text)"),
        (Page("", (), ()), "Page('', 0 lines, plain text)"),
    ],
)
def test_a_page_is_one_line_whatever_it_holds(page, shown):
    assert repr(page) == shown


def test_a_prediction_says_how_much_is_kept_and_of_what():
    page = read_text("Home\nIt rained.\nIt snowed.", "rain")
    found = PagePrediction(page, np.array([2, 0, 0]), np.array([0.1, 0.9, 0.8], np.float32))
    assert repr(found) == "PagePrediction('rain', 2 of 3 lines kept)"
    of_cards = replace(found, page_type="listing", page_type_probability=0.876, is_wanted=False)
    assert repr(of_cards) == "PagePrediction('rain', 0 of 3 lines kept, listing 0.88)"


def test_a_model_says_in_one_line_what_it_looks_at(tmp_path):
    assert repr(fitted_on_types().model_) == (
        "LineModel(n-grams of 3, 5; markup; context passes: 2; trees; 3 page types)"
    )
    assert repr(fitted_on_text().model_) == (
        "LineModel(n-grams of 3, 5; plain text alone; context passes: 2; trees)"
    )
    path = tmp_path / "base.safetensors"
    linesift.save_model(path, fitted(), {"format": linesift.models.model_file.FORMAT})
    labelled = made_pages([0])
    taught = SiteClassifier(base=str(path)).fit(labelled.pages, labelled.labels)
    assert repr(taught.model_) == f"SiteModel(on {fitted().model_!r})"
