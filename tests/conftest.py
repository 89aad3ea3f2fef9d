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


@pytest.fixture(scope="session")
def saved_pages() -> Path:
    """Folder of small pages, each `name.html` with its lines labelled in `name.tsv`."""
    return Path(__file__).parent / "pages"
