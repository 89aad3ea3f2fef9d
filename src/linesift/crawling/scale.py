"""A step of a datatrove pipeline that cleans documents, on one machine or on a cluster.

datatrove moves documents from readers to writers in tasks that know nothing of each
other, on local processes, Slurm or Ray; the step only cleans. A task is the work of one
core, so the step keeps the model to one thread: threads of several tasks on one machine
would wait for each other. The only module that knows datatrove.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.writers.disk_base import DiskWriter
from threadpoolctl import threadpool_limits

from linesift.labelling.labels import LABELS, OWN_TEXT
from linesift.models.model_file import load_model
from linesift.models.predict import predict_pages
from linesift.models.prediction import LinePredictor, PagePrediction
from linesift.reading.page import Page
from linesift.reading.readers import ReadError, read_bytes

_EMPTY = (False, "empty")
_UNREADABLE = (False, "unreadable")


class LineCleaner(BaseFilter):
    r"""Replaces the text of each document, HTML or plain text, by its article.

    The text is what `linesift predict` prints for it, and the metadata get the type of the
    page: `page_type` and `page_type_probability`, None where the model tells none. The
    statistics of the step count the lines of each label (`lines_content` and so on), the
    documents left without an article (`dropped_empty`, or `kept_empty`) and those that are
    neither text nor HTML (`dropped_unreadable`).

    Parameters
    ----------
    model : str or Path, optional
        A model file; without one, the model that ships with the package. Each task
        loads it when its first document comes, so its machine must have the file.
    threshold : float, 0 to 1, or {"precision", "balanced", "recall"}
        As in `LinePredictor.predict_lines`.
    page_types : sequence of str, or "all"
        Of which types content is kept, as there.
    keep_empty : bool
        Whether a document without an article goes on, with an empty text.
    keep_labels : bool
        Whether all lines of a document, their labels and their probabilities of being
        content go into its metadata: `lines`, `labels`, `probabilities`.
    exclusion_writer : DiskWriter, optional
        Where dropped documents go, with the text they came with.
    batch_size : int
        Documents judged together; results do not depend on it.

    Examples
    --------
    >>> text = "It rained all day, they said, and the river rose.\nRead also: more news"
    >>> cleaner = LineCleaner(keep_empty=True, keep_labels=True)
    >>> (document,) = cleaner([Document(text, id="page.txt")])
    >>> document.metadata["lines"]
    ['It rained all day, they said, and the river rose.', 'Read also: more news']
    """

    name = "linesift"

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        threshold: float | str = "balanced",
        page_types: str | Sequence[str] = OWN_TEXT,
        keep_empty: bool = False,
        keep_labels: bool = False,
        exclusion_writer: DiskWriter | None = None,
        batch_size: int = 64,
    ):
        super().__init__(exclusion_writer, batch_size)
        self.model = model
        self.threshold = threshold
        self.page_types = page_types
        self.keep_empty = keep_empty
        self.keep_labels = keep_labels
        self._loaded: LinePredictor | None = None

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        """Clean one document; return whether it goes on, or why not."""
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Document]) -> list[bool | tuple[bool, str]]:
        """Clean documents together; return of each whether it goes on, or why not."""
        if self._loaded is None:
            self._loaded = load_model(self.model)
        pages = [_read(document) for document in batch]
        readable = (page for page in pages if page is not None)
        with threadpool_limits(1):
            predictions = predict_pages(
                self._loaded, readable, threshold=self.threshold, page_types=self.page_types
            )
            return list(self._clean(batch, pages, predictions))

    def _clean(
        self,
        batch: list[Document],
        pages: list[Page | None],
        predictions: Iterator[PagePrediction],
    ) -> Iterator[bool | tuple[bool, str]]:
        """Write each prediction into the document it belongs to."""
        for document, page in zip(batch, pages, strict=True):
            if page is None:
                yield _UNREADABLE
                continue
            prediction = next(predictions)
            counts = np.bincount(prediction.codes, minlength=len(LABELS))
            for label, count in zip(LABELS, counts.tolist(), strict=True):
                self.stat_update(f"lines_{label}", value=count)
            document.metadata |= prediction.type_columns
            if self.keep_labels:
                document.metadata |= {
                    "lines": list(page.lines),
                    "labels": prediction.labels,
                    "probabilities": prediction.probabilities.tolist(),
                }
            empty = not prediction.keep.any()
            if empty and not self.keep_empty:
                yield _EMPTY
                continue
            if empty:
                self.stat_update("kept_empty")
            document.text = prediction.text
            yield True


def _read(document: Document) -> Page | None:
    """Return the page that `linesift predict` would read from a file of this text."""
    try:
        return read_bytes(document.text.encode("utf-8", "replace"), document.id)
    except ReadError:
        return None
