"""Outputs of other extractors, each kept as a file beside the version of the peer.

Scoring runs nothing that was run before, and a crash or an overrun is a miss: an empty
output.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from linesift.labelling.archives import Progress
from linesift.labelling.labels import write_atomically
from linesift.reading.page import Page
from linesift.scoring.isolation import Result, call_isolated
from linesift.scoring.peers import WARM_UP, Peer

_INDEX = "pages.jsonl"


class Output(NamedTuple):
    """What a peer made of a page.

    Parameters
    ----------
    text : str
        Empty where it failed.
    seconds : float
        Processor time it took.
    error : str
        Why it failed; empty if it did not.
    """

    text: str
    seconds: float
    error: str


class OutputFolder:
    """The kept outputs of one version of a peer: a text file a page, and an index.

    An output counts for the very bytes it was made from. To have a peer run again, delete
    its folder.

    Parameters
    ----------
    folder : path
        Of all peers.
    peer : Peer
        Installed.
    """

    def __init__(self, folder: str | Path, peer: Peer) -> None:
        self.path = Path(folder) / f"{peer.name}-{peer.version}"

    def read(self) -> dict[tuple[str, str], Output]:
        """Return what is there, by page id and digest of the HTML."""
        found: dict[str, tuple[str, Output]] = {}
        if not (self.path / _INDEX).exists():
            return {}
        for row in (self.path / _INDEX).read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(row)
                text = self._file(entry["page"]).read_bytes().decode("utf-8")
            except (ValueError, FileNotFoundError):  # a run was stopped in the middle
                continue
            # A page has one text: it is that of the bytes it was made from last.
            output = Output(text, entry["seconds"], entry["error"])
            found[entry["page"]] = entry["html"], output
        return {(page, html): output for page, (html, output) in found.items()}

    def write(self, page_id: str, digest: str, output: Output) -> None:
        """Keep an output: first the text, then its row of the index."""
        write_atomically(self._file(page_id), output.text.encode("utf-8", "replace"))
        entry = {"page": page_id, "html": digest, **output._asdict()}
        del entry["text"]
        with (self.path / _INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(entry) + "\n")

    def _file(self, page_id: str) -> Path:
        return self.path / f"{quote(page_id, safe='')}.txt"


def peer_outputs(
    peer: Peer,
    pages: Sequence[Page],
    html: Sequence[bytes],
    folder: str | Path,
    *,
    timeout: float,
    jobs: int,
    progress: Progress,
) -> list[Output]:
    """Return what a peer makes of pages: kept outputs where there are any, else it is run.

    Parameters
    ----------
    peer : Peer
        Installed.
    pages : sequence of Page
    html : sequence of bytes
        Of each page.
    folder : path
        Of the kept outputs of all peers.
    timeout : float
        Seconds for one page; beyond it the page is a miss.
    jobs : int
        Processes.
    progress : callable
        See `linesift.labelling.archives.Progress`.
    """
    kept = OutputFolder(folder, peer)
    there = kept.read()
    keys = [
        (page.page_id, hashlib.sha256(data).hexdigest())
        for page, data in zip(pages, html, strict=True)
    ]
    missing = [i for i, key in enumerate(keys) if key not in there]
    ran = 0

    def done(index: int, result: Result) -> None:
        nonlocal ran
        ran += 1
        key = keys[missing[index]]
        there[key] = Output(result.value or "", result.seconds, result.error)
        kept.write(*key, there[key])
        progress(peer.name, ran, len(missing))

    if missing:
        call_isolated(
            peer.extract,
            [(html[i], pages[i].language) for i in missing],
            timeout=timeout,
            jobs=min(jobs, len(missing)),
            warm_up=WARM_UP,
            done=done,
        )
    return [there[key] for key in keys]
