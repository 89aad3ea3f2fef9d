"""A real `linesift review`, for tests that talk to one."""

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

LINESIFT = Path(sys.executable).with_name("linesift")


@contextmanager
def reviewing(model: str, *arguments: object):
    """Run `linesift review`; give the process and its link."""
    process = subprocess.Popen(
        [LINESIFT, "review", "--no-browser", "--model", model, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, re.search(r"http://\S+", process.stdout.readline())[0]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
