"""Make the pictures of how-it-works.md from the pages of tests/pages, in a Chromium that is there.

Run from the root of the repository: python docs/pictures.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from linesift import read_page

PAGES = Path("tests/pages")
PICTURES = Path("docs")
WIDTH = 1060  # pixels; narrower, and the reasons go below the lines
COLOURS = 128  # enough for letters on plain ground


class Shown(NamedTuple):
    """A line whose reasons are shown, and the lines around it that the picture holds."""

    page: str
    line: int
    first: int
    last: int
    as_text: bool = False


PICTURE = {
    "how-run": Shown("uk-bridge", line=2, first=1, last=13, as_text=True),
    "how-comments": Shown("uk-well", line=8, first=2, last=18),
    "how-tags": Shown("uk-bridge", line=9, first=5, last=16),
    "how-wrong": Shown("en-fair", line=16, first=6, last=19, as_text=True),
}


def main() -> None:
    """Write each picture of `PICTURE`."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, shown in PICTURE.items():
            report = Path(folder, f"{name}.html")
            page = PAGES / f"{shown.page}.html"
            if shown.as_text:
                lines = read_page(page).lines
                page = Path(folder, f"{shown.page}.txt")
                page.write_text("\n".join(lines))
            command = Path(sys.executable).with_name("linesift")
            made = subprocess.check_output([command, "predict", "--format", "html", page])
            report.write_bytes(made)
            view = browser.new_page(viewport={"width": WIDTH, "height": 1400})
            view.goto(report.as_uri())
            _take(view, shown, PICTURES / f"{name}.png")
            view.close()
        browser.close()


def _take(view: Page, shown: Shown, path: Path) -> None:
    """Write the lines of a picture, and beside them the reasons of one."""
    lines = view.locator(".lines > li")
    lines.nth(shown.line - 1).focus()
    # The lines outside of the picture go, so that the reasons stand beside those that are in it.
    view.evaluate(
        "([first, last]) => document.querySelectorAll('.lines > li').forEach((line, k) => {"
        " if (k + 1 < first || k + 1 > last) line.style.display = 'none' })",
        [shown.first, shown.last],
    )
    boxes = [lines.nth(shown.first - 1).bounding_box(), view.locator("#why").bounding_box()]
    boxes.append(lines.nth(shown.last - 1).bounding_box())
    top = min(box["y"] for box in boxes) - 12
    bottom = max(box["y"] + box["height"] for box in boxes) + 12
    view.screenshot(path=path, clip={"x": 0, "y": top, "width": WIDTH, "height": bottom - top})
    Image.open(path).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(
        path, optimize=True
    )


if __name__ == "__main__":
    main()
