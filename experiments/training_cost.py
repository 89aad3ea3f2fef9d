"""Time and memory of a training, by the number of pages: python experiments/training_cost.py.

Each row is a process of its own. Beyond the pages of the corpora, the same pages count once
more as those of other sites: what is learned is then of no interest, what it costs is.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

LINES = Path(__file__).resolve().parents[1] / "data" / "lines"
CHUNK = 500
PAGES = (320, 640, 1280, 2560, 3700)
STREAMED = (2560, 5120, 10240)


def main() -> None:
    """Print a row per number of pages, in memory and streamed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--jobs", type=int, default=2, help="processes of each training")
    parser.add_argument("--one", nargs=2, metavar=("WAY", "PAGES"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        way, pages = arguments.one
        print(json.dumps(cost(way, int(pages), arguments.jobs)))
        return
    print("| | pages | lines | seconds | MB |\n|---|---|---|---|---|")
    for way, sizes in (("fit", PAGES), ("fit_stream", STREAMED)):
        for pages in sizes:
            command = [sys.executable, __file__, "--jobs", str(arguments.jobs)]
            done = subprocess.run([*command, "--one", way, str(pages)], capture_output=True)
            if done.returncode:
                sys.exit(done.stderr.decode())
            row = json.loads(done.stdout)
            print(f"| {way} | {pages:,} | {row['lines']:,} | {row['s']:.0f} | {row['MB']:,} |")


def cost(way: str, pages: int, jobs: int) -> dict[str, float]:
    """Return the lines, seconds and largest resident memory of one training."""
    from linesift.labelling.labels import no_pages
    from linesift.training.classifier import LineClassifier

    model, lines = LineClassifier(n_jobs=jobs), 0
    if way == "fit":
        labelled = sum(chunks(pages), no_pages())
        lines = sum(map(len, labelled.labels))
        began = time.monotonic()
        model.fit(labelled.pages, labelled.labels)
    else:

        def given() -> Iterator[tuple]:
            nonlocal lines
            for chunk in chunks(pages):
                lines += sum(map(len, chunk.labels))
                yield chunk.pages, chunk.labels

        began = time.monotonic()
        model.fit_stream(given(), sample=1000)
    seconds = time.monotonic() - began
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    largest = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, children)
    return {"lines": lines, "s": seconds, "MB": largest >> 10}


def chunks(pages: int) -> Iterator:
    """Yield so many labelled pages, some at a time, read from disk again and again."""
    from linesift.labelling.corpora import read_chunks

    paths = sorted(LINES.glob("*.parquet"))
    if not paths:
        sys.exit(f"no labelled corpora in {LINES}; build them with 'make corpora'")
    met, turn = 0, 0
    while True:
        for path in paths:
            for chunk in read_chunks(path, CHUNK):
                chosen = list(islice(chunk.pages, pages - met))
                named = [replace(page, site=f"{turn} {page.site}") for page in chosen]
                met += len(named)
                keep = [k < len(named) for k in range(len(chunk))]
                yield chunk.select(keep).map_pages(named)
                if met == pages:
                    return
        turn += 1


if __name__ == "__main__":
    main()
