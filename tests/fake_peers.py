"""Stand-ins for other extractors; in a module of their own, as other processes import them."""

import os
import time

from linesift.reading.readers import read_html
from linesift.scoring.peers import Peer


def all_lines(html: bytes, language: str) -> str:
    return "\n".join(read_html(html).lines)


def long_lines(html: bytes, language: str) -> str:
    return "\n".join(line for line in read_html(html).lines if len(line) > 60)


def troubled(html: bytes, language: str) -> str:
    if b"crash" in html:
        os._exit(1)
    if b"nap" in html:
        time.sleep(1)
    if b"hang" in html:
        time.sleep(600)
    if b"raise" in html:
        raise ValueError("no such page")
    return f"{language}: {html.decode()}"


def never_starts(html: bytes, language: str) -> str:
    os._exit(1)


def named(function: object, package: str = "click") -> Peer:
    """Return a stand-in that passes for an installed peer."""
    return Peer(function.__name__, package, function)
