"""What opens a connection: nothing but `linesift fetch`, and what is told an address.

The same for training: tests/test_train.py.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.calls import watch

ROOT = Path(__file__).parents[1]
PAGE = str(ROOT / "tests" / "pages" / "uk-well.html")
LINESIFT = ["-c", "from linesift.cli import main\nmain()"]


@pytest.fixture
def watched(tmp_path) -> tuple[dict[str, str], Path]:
    return watch(tmp_path)


def test_the_watch_sees_a_connection(watched):
    environment, calls = watched
    code = "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9', timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 1
    assert "socket.connect" in calls.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", PAGE),
        ("predict", "--format", "html", PAGE),
        ("predict", "--jobs", "2", "--output", "parts", PAGE),
        ("prelabel", "--labels", "labels", PAGE),
        ("card",),
    ],
)
def test_no_command_that_judges_pages_calls_out(watched, tmp_path, arguments):
    environment, calls = watched
    run = [sys.executable, *LINESIFT, *arguments]
    done = subprocess.run(run, cwd=tmp_path, env=os.environ | environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert calls.read_text() == ""
