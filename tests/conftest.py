"""What all tests share: the saved pages, and property tests that repeat themselves exactly."""

import os
from pathlib import Path

# Two threads that wait for each other on a busy machine make a tiny fit take seconds.
# Set before anything loads OpenMP; processes that tests start inherit it.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# A file is the work of one process; one of these begun last would leave the others idle.
BEGUN_FIRST = ("test_train.py", "test_mlflow_ui.py", "test_docs.py", "test_review_browser.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take a minute and more before the others."""
    items.sort(key=lambda item: item.path.name not in BEGUN_FIRST)


@pytest.fixture(scope="session")
def saved_pages() -> Path:
    """Folder of small pages, each `name.html` with its lines labelled in `name.tsv`."""
    return Path(__file__).parent / "pages"


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> str:
    """File of a small model fitted on made-up pages."""
    from linesift import save_model
    from linesift.models.model_file import make_card
    from tests.made_pages import fitted

    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, fitted(), make_card(fitted()))
    return str(path)


@pytest.fixture(scope="session")
def typed_model(tmp_path_factory) -> str:
    """File of a small model that tells made-up articles, threads and front pages apart."""
    from linesift import save_model
    from linesift.models.model_file import make_card
    from tests.made_pages import fitted_on_types

    path = tmp_path_factory.mktemp("typed") / "model.safetensors"
    save_model(path, fitted_on_types(), make_card(fitted_on_types()))
    return str(path)
