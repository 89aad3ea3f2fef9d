"""What a process and its children call: a watch that Python starts with."""

import os
from pathlib import Path

# Runs in every Python process of that environment, before anything else.
_WATCH = """
import os, sys

def watch(event, arguments):
    if event == "socket.connect" and not isinstance(arguments[1], tuple):
        return  # a socket of this machine's file system
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
        with open(os.environ["CALLS"], "a") as file:
            file.write(f"{event} {arguments[1:]}\\n")

sys.addaudithook(watch)
"""


def watch(folder: Path) -> tuple[dict[str, str], Path]:
    """Return what the environment of watched processes has, and where they write what they call."""
    (folder / "watch").mkdir()
    (folder / "watch" / "sitecustomize.py").write_text(_WATCH)
    calls = folder / "calls.txt"
    calls.touch()
    path = [str(folder / "watch"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path), "CALLS": str(calls)}, calls
