"""Time by size of pages made to hinder, and of ordinary ones: python experiments/adversarial.py.

Each kind of page is read and judged at growing sizes, in processor time of this process, best
of three where that is under a second. The plot is docs/time-by-size.png, the table stands on
standard output: the longest time a kind took, and how many times an ordinary page of that size.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from linesift import load_model
from linesift.models.prediction import LinePredictor
from linesift.reading.readers import ReadError, read_bytes

PLOT = Path(__file__).resolve().parents[1] / "docs" / "time-by-size.png"
SIZES = [1 << 10 + 2 * k for k in range(6)]  # bytes: 1 kB to 1 MB
SENTENCE = "It rained all day, they said, and the river rose by a hand. "
ORDINARY = (
    '<div class="menu"><ul><li><a href="/">Home</a></li><li><a href="/n">News</a></li></ul></div>'
    f'<div class="article"><h2>The river</h2><p>{SENTENCE * 4}</p><p>{SENTENCE * 3}</p></div>'
    '<div class="more"><p>Read also: <a href="/a">the bridge is closed again</a></p></div>\n'
)


def again(piece: str) -> Callable[[int], str]:
    """Return what makes a page of one piece, repeated up to a size."""
    return lambda size: "<!doctype html>" + piece * (size // len(piece))


def numbered(piece: str) -> Callable[[int], str]:
    """Return what makes a page of pieces that differ by their number."""
    return lambda size: (
        "<!doctype html>" + "".join(piece.format(k) for k in range(size // (len(piece) + 3)))
    )


KINDS: dict[str, Callable[[int], str]] = {
    "ordinary": again(ORDINARY),
    "nested <div>": again("<div>"),
    "nested <div>, text in each": again("<div>word "),
    "nested lists": again("<ul><li>"),
    "nested tables": again("<table><tr><td>"),
    "nested <b><i>": again("<b><i>"),
    "<b> left open, in paragraphs": numbered("<p><b id={}>x"),
    "links left open, in blocks": again("<a href=/><div>"),
    "misnested <b> and <div>": lambda n: "<b><div>" * (n // 12) + "</b>" * (n // 12),
    "end tags of nothing": lambda n: "<div>" * (n // 10) + "</p>" * (n // 8),
    "one tag, many attributes": lambda n: f"<p {' '.join(f'a{k}' for k in range(n // 7))}>x",
    "many options": lambda n: "<html><select>" + "<option>x" * (n // 9),
    "many links": again("<a href=/>link</a> "),
    "short lines": again("<p>x"),
    "repeated lines": again("<p>the same line again</p>"),
    "one line of words": lambda n: "word " * (n // 5),
    "one line without spaces": lambda n: "x" * n,
    "lines of text": lambda n: "a line of plain text\n" * (n // 21),
    "combining marks": lambda n: "e" + "\u0301" * (n // 2),
    "<": lambda n: "<html>" + "<" * n,
    "comments never closed": again("<!-- "),
    "NULs": lambda n: "<html>" + "\0" * n,
}


def main() -> None:
    """Print a table of all kinds and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--plot", type=Path, default=PLOT)
    arguments = parser.parse_args()
    model = load_model()
    model.predict_lines([read_bytes(ORDINARY.encode())])  # tables are made at the first call
    times: dict[str, list[float]] = {}
    print("| page | longest, s | times an ordinary page of its size | 1 MB, s |\n|---|---|---|---|")
    for kind, make in KINDS.items():
        times[kind] = [seconds(model, make(size).encode()) for size in SIZES]
        ratios = [a / b for a, b in zip(times[kind], times["ordinary"], strict=True)]
        worst = max(range(len(SIZES)), key=ratios.__getitem__)
        print(
            f"| {kind.replace('<', '&lt;')} | {max(times[kind]):.2f} "
            f"| {ratios[worst]:.1f} (at {SIZES[worst] >> 10:,} kB) | {times[kind][-1]:.2f} |",
            flush=True,
        )
    draw(times, arguments.plot)


def seconds(model: LinePredictor, data: bytes) -> float:
    """Return the processor time in which a page is read and judged, or refused."""
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        try:
            model.predict_lines([read_bytes(data)])
        except ReadError:
            pass
        best = min(best, time.process_time() - began)
        if best > 1:
            break
    return best


def draw(times: dict[str, list[float]], path: Path) -> None:
    """Draw time against size, a line a kind; those that come near the worst are named."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    named = sorted(times, key=lambda kind: -times[kind][-1])[:7]
    kilobytes = [size / 1024 for size in SIZES]
    for kind, values in times.items():
        if kind == "ordinary":
            axes.plot(kilobytes, values, color="black", linewidth=2.5, label="an ordinary page")
        elif kind in named:
            axes.plot(kilobytes, values, marker="o", markersize=3, label=kind)
        else:
            axes.plot(kilobytes, values, color="0.8", linewidth=1, zorder=0)
    axes.plot([], [], color="0.8", label=f"{len(times) - 1 - len(named)} other kinds")
    axes.set(xscale="log", yscale="log", xlabel="size, kB", ylabel="seconds to read and judge")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
