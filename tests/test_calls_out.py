"""What opens a connection: nothing but `linesift fetch`, and what is told an address."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_train import command

ROOT = Path(__file__).parents[1]
PAGE = str(ROOT / "tests" / "pages" / "uk-well.html")
LINESIFT = ["-c", "from linesift.cli import main\nmain()"]
# Runs in every Python process that is started below, before anything else.
WATCH = """
import os, sys

def watch(event, arguments):
    if event == "socket.connect" and not isinstance(arguments[1], tuple):
        return  # a socket of this machine's file system
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
        with open(os.environ["CALLS"], "a") as file:
            file.write(f"{event} {arguments[1:]}\\n")

sys.addaudithook(watch)
"""


@pytest.fixture
def watched(tmp_path) -> tuple[dict[str, str], Path]:
    """Return the environment of watched processes, and where they write what they call."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    calls = tmp_path / "calls.txt"
    calls.touch()
    return {"PYTHONPATH": str(tmp_path / "watch"), "CALLS": str(calls)}, calls


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


def test_a_training_on_a_database_calls_nobody_and_tells_nobody(watched, tmp_path):
    environment, calls = watched
    told = command(tmp_path, "experiments=run_rule")
    told["env"] |= environment
    done = subprocess.run(**told, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert calls.read_text() == ""
