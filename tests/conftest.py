"""What all tests share: the saved pages, and property tests that repeat themselves exactly."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def saved_pages() -> Path:
    """Folder of small pages, each `name.html` with its lines labelled in `name.tsv`."""
    return Path(__file__).parent / "pages"
