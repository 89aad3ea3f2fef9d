"""How `linesift predict` writes a page to standard output, a function a format."""

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from linesift.reading.text import visible

if TYPE_CHECKING:
    from linesift.models.prediction import PagePrediction
    from linesift.reports.report import ReportPage

_STYLES = {"content": "2", "related": "2;33", "navigation": "2;34", "other": "2;35"}
"""Escape codes of what is left out, by label: dim, and noise yellow, blue or magenta."""
_HEADING, _KEPT, _QUIET, _STEERS = "1", "0", "2", "7"
_WIDEST_LABEL = max(map(len, _STYLES))


def text(prediction: "PagePrediction") -> bytes:
    """Return the kept lines."""
    return _printable(prediction.text)


def tsv(prediction: "PagePrediction") -> bytes:
    """Return label TAB text of each line, below the name of the page."""
    page = prediction.page
    rows = [f"{label}\t{line}" for label, line in zip(prediction.labels, page.lines, strict=True)]
    return _printable("".join(f"{row}\n" for row in [f"# page: {page.page_id}", *rows]))


def jsonl(prediction: "PagePrediction") -> bytes:
    """Return an object for each line."""
    page = prediction.page
    columns = {
        "line": page.numbers,
        "text": page.lines,
        "label": prediction.labels,
        "probability": [round(one, 4) for one in prediction.probabilities.tolist()],
        "keep": prediction.keep.tolist(),
    }
    rows = (
        {"page": page.page_id, **dict(zip(columns, row, strict=True)), **prediction.type_columns}
        for row in zip(*columns.values(), strict=True)
    )
    return _printable("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))


def colored_tsv(prediction: "PagePrediction") -> bytes:
    """Return what `tsv` does for eyes: labels in one width, what is left out dim and coloured.

    Control characters of the page stand by name, so that no page can steer a terminal.
    """
    page = prediction.page
    rows = [_styled(_HEADING, f"# page: {page.page_id}")]
    lines = zip(prediction.labels, page.lines, prediction.keep.tolist(), strict=True)
    for label, line, keep in lines:
        style = _KEPT if keep else _STYLES[label]
        quiet = _QUIET if keep else style
        rows.append(f"{_styled(quiet, label.ljust(_WIDEST_LABEL))}  {_styled(style, line)}")
    return _printable("".join(f"{row}\n" for row in rows))


def _styled(codes: str, shown: str) -> str:
    pieces = (
        f"\x1b[{_STEERS}m{piece}\x1b[0;{codes}m" if steers else piece
        for piece, steers in visible(shown)
    )
    return f"\x1b[{codes}m{''.join(pieces)}\x1b[0m"


def for_report(prediction: "PagePrediction", *, model: str | None) -> "ReportPage":
    """Return what a report shows of a page: why each line is judged as it is."""
    from linesift.crawling.crawl import model_of_process
    from linesift.reports.reasons import explain
    from linesift.reports.report import ReportPage

    return ReportPage(prediction, explain(model_of_process(model), prediction))


RENDERERS: dict[str, Callable[["PagePrediction"], bytes]] = {
    "text": text,
    "jsonl": jsonl,
    "tsv": tsv,
}


def wants_color(when: str, *, terminal: bool) -> bool:
    """Tell whether to colour: always, never, or on a terminal that says nothing against it.

    `NO_COLOR` with any value says so, and so does `TERM=dumb`.
    """
    if when != "auto":
        return when == "always"
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _printable(shown: str) -> bytes:
    """Return UTF-8 whatever the locale; lone surrogates become question marks."""
    return shown.encode("utf-8", "replace")
