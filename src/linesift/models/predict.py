"""Predict many pages: in batches of lines, in the order given, without holding them all."""

from collections.abc import Iterable, Iterator, Sequence

from linesift.labelling.labels import OWN_TEXT
from linesift.models.prediction import LinePredictor, PagePrediction
from linesift.reading.page import Page

BATCH_LINES = 10_000
"""Lines judged at a time: enough that array operations pay, few enough to fit a cache."""


def predict_pages(
    model: LinePredictor,
    pages: Iterable[Page],
    *,
    threshold: float | str = "balanced",
    page_types: str | Sequence[str] = OWN_TEXT,
    batch_lines: int = BATCH_LINES,
) -> Iterator[PagePrediction]:
    """Yield the prediction of each page in the order given.

    Parameters
    ----------
    model : LinePredictor
        Fitted.
    pages : iterable of Page
        Read only as far as the next batch needs.
    threshold : float, 0 to 1, or {"precision", "balanced", "recall"}
        As in `LinePredictor.predict_lines`.
    page_types : sequence of str, or "all"
        Of which types content is kept, as there.
    batch_lines : int
        Lines judged at a time; results do not depend on it.
    """
    batch: list[Page] = []
    size = 0
    for page in pages:
        batch.append(page)
        size += len(page.lines)
        if size >= batch_lines:
            yield from model.predict_lines(batch, threshold=threshold, page_types=page_types)
            batch, size = [], 0
    if batch:
        yield from model.predict_lines(batch, threshold=threshold, page_types=page_types)
