"""A coverage-guided fuzzer over every reader and over whole predictions: python -m tests.fuzz.

Each target of `tests.any_bytes` is a process of its own under atheris, with a limit on the
time of an input and on memory. It needs the extra `fuzz`. Inputs that break a promise are
kept below `--findings`; make each a test.
"""

import argparse
import json
import math
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

from tests.any_bytes import SEEDS

SHARES: dict[str, float] = {"html": 7.8, "repeated": 0.2, "text": 36, "encoding": 8, "labels": 28}
SHARES |= {"hand_labels": 4, "archive": 1, "warc": 4, "packed_warc": 2, "jsonl": 5}
SHARES |= {"body": 2, "prediction": 2}
"""Inputs in a hundred that each target gets: cheap ones more."""
LONGEST = 2048  # bytes of an input; size itself is what experiments/adversarial.py is for
SECONDS = 10  # after which an input counts as one that hangs
MEGABYTES = 2048
WORDS = r"""
<div> </div> <p> <b\x20 <a\x20href= <table> <td> <svg> <![CDATA[ ]]> <!-- --> <script> </script>
<select> <option> <template> &amp; =\" <title> <meta\x20charset= \xef\xbb\xbf \xff\xfe \x00
\xed\xa0\x80 \xe2\x80\xae \xcc\x81 \xf0\x9f\x91\xa9 \x85 \x0c \x0b content\x09 other?\x09
unsure\x09 #\x20page:\x20 page\x09line\x09label\x09hash\x0a WARC/1.0\x0d\x0a
WARC-Type:\x20response\x0d\x0a Content-Length:\x20 \x0d\x0a\x0d\x0a HTTP/1.1\x20200\x20OK\x0d\x0a
Content-Type:\x20text/html\x0d\x0a Transfer-Encoding:\x20chunked {\"text\":\x20\" \\ud800
\x1f\x8b\x08 \x28\xb5\x2f\xfd \x78\x9c
""".split()
"""What the readers look for, as a dictionary of the fuzzer writes it."""


def main() -> None:
    """Fuzz all targets, or the one named, and print a table; exit 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=SHARES)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--output", type=Path, help="write the table as JSON, too")
    parser.add_argument("--one", nargs=2, metavar=("TARGET", "STATE"), help=argparse.SUPPRESS)
    arguments, rest = parser.parse_known_args()
    if arguments.one:
        fuzz_here(*arguments.one, rest)
        return
    rows = []
    print("| target | inputs | seconds | slowest, s | MB | edges | findings |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for target, share in SHARES.items():
        if arguments.target in (None, target):
            inputs = math.ceil(arguments.inputs * share / 100)
            row = fuzz(target, inputs, arguments.seed, arguments.findings)
            rows.append(row)
            print(
                f"| {target} | {row['inputs']:,} | {row['seconds']:.0f} | {row['slowest']:.3f} "
                f"| {row['MB']} | {row['edges']} | {len(row['findings'])} |",
                flush=True,
            )
    print(f"| together | {sum(row['inputs'] for row in rows):,} | | | | | |")
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")
    sys.exit(any(row["findings"] for row in rows))


def fuzz(target: str, inputs: int, seed: int, findings: Path) -> dict:
    """Return what came of one target, fuzzed in a process of its own."""
    folder = findings / target
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    state, words = findings / f"{target}.json", findings / "words"
    state.unlink(missing_ok=True)
    words.write_text("".join(f'"{word}"\n' for word in WORDS))
    seeds = findings / "seeds" / target
    seeds.mkdir(parents=True, exist_ok=True)
    for number, seed_input in enumerate(SEEDS[target]):
        (seeds / str(number)).write_bytes(seed_input)
    command = [sys.executable, "-m", "tests.fuzz", "--one", target, str(state)]
    command += [
        f"-atheris_runs={inputs}",
        f"-seed={seed}",
        f"-max_len={LONGEST}",
        "-len_control=10",
        "-reload=0",
    ]
    command += [f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}", f"-dict={words}"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, f"-artifact_prefix={folder}/", str(seeds)], capture_output=True, text=True
    )
    row = json.loads(state.read_text()) if state.exists() else {"inputs": 0, "slowest": 0, "MB": 0}
    found = [path.name for path in sorted(set(folder.iterdir()) - before)]
    edges = [int(one) for one in re.findall(r"cov: (\d+)", done.stderr)]
    if done.returncode and not found:
        found.append(f"exit code {done.returncode}")
    if found:
        (folder / "output.txt").write_text(done.stdout + done.stderr)
    return {
        **{"target": target, **row, "seconds": time.monotonic() - began},
        **{"edges": max(edges, default=0), "findings": found},
    }


def fuzz_here(target: str, state: str, options: list[str]) -> None:
    """Fuzz in this process until the inputs are used up; its state stands in a file."""
    import atheris

    for name in [name for name in sys.modules if name.startswith(("linesift", "tests.any_bytes"))]:
        del sys.modules[name]  # to be imported again, watched
    with atheris.instrument_imports(include=["linesift"]):
        from tests.any_bytes import TARGETS

    check, count, slowest = TARGETS[target], 0, 0.0
    (limit,) = (int(one.partition("=")[2]) for one in options if one.startswith("-atheris_runs"))

    def judge(data: bytes) -> None:
        nonlocal count, slowest
        began = time.perf_counter()
        try:
            check(data)
        finally:
            count += 1
            if count > 1:  # the first one loads models and tables
                slowest = max(slowest, time.perf_counter() - began)
            if count % 1000 == 0 or count >= limit - 2:
                largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
                row = {"inputs": count, "slowest": slowest, "MB": largest}
                Path(state).write_text(json.dumps(row))

    atheris.Setup([sys.argv[0], *options], judge)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
