"""Tables of pages in, the same tables with their articles out: pandas or polars.

Neither is imported here; a table is asked for what both can do.
"""

from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeVar

from linesift.labelling.labels import OWN_TEXT
from linesift.models.model_file import load_model
from linesift.models.predict import predict_pages
from linesift.models.prediction import LinePredictor
from linesift.reading.page import Page
from linesift.reading.readers import ReadError, read_bytes, read_string

Frame = TypeVar("Frame")

ADDED = ("article", "page_type", "lines", "labels", "probabilities", "error")
"""Columns that `predict_frame` adds; those of the lines only when asked for."""
_OF_LINES = ("lines", "labels", "probabilities")


def predict_frame(
    frame: Frame,
    model: LinePredictor | None = None,
    *,
    column: str = "text",
    threshold: float | str = "balanced",
    page_types: str | Sequence[str] = OWN_TEXT,
    lines: bool = False,
) -> Frame:
    r"""Return a table of pages with the article of each.

    Parameters
    ----------
    frame : pandas.DataFrame or polars.DataFrame
        A row a page; stays as it is.
    model : LinePredictor, optional
        The shipped one by default.
    column : str
        Where the pages are: text or HTML, as strings or bytes; nothing for no page.
    threshold : float, 0 to 1, or {"precision", "balanced", "recall"}
        As in `LinePredictor.predict_lines`.
    page_types : sequence of str, or "all"
        Of which types content is kept, as there.
    lines : bool
        Whether to add the columns `lines`, `labels` and `probabilities` too, a list each.

    Returns
    -------
    frame
        Of the same kind, with the same rows in the same order, and with the columns
        `article` (the kept lines, a line feed after each), `page_type` (empty where the
        model tells none) and `error` (why a page could not be read, else empty).

    Raises
    ------
    TypeError
        It is no such table, or a page is neither string nor bytes.
    ValueError
        There is no such column or more than one, or one that would be added is there.

    Examples
    --------
    >>> import pandas as pd
    >>> lead = "It rained all day, they said, and the river rose. By noon the streets were closed."
    >>> found = predict_frame(pd.DataFrame({"text": [f"Home\n{lead}\nRead also: more news", None]}))
    >>> found["article"].to_list() == [f"{lead}\n", ""]
    True
    """
    library = type(frame).__module__.partition(".")[0]
    table: Any = frame
    if library not in ("pandas", "polars") or type(frame).__name__ != "DataFrame":
        kind = f"{type(frame).__module__}.{type(frame).__name__}"
        raise TypeError(f"expected a DataFrame of pandas or polars, got {kind}")
    added = [name for name in ADDED if lines or name not in _OF_LINES]
    _check_columns(list(table.columns), column, added)
    pages, errors = _read(table[column].to_list())
    found = list(
        predict_pages(model or load_model(), pages, threshold=threshold, page_types=page_types)
    )
    values: dict[str, list[Any]] = {
        "article": [prediction.text for prediction in found],
        "page_type": [prediction.page_type for prediction in found],
        "lines": [list(prediction.page.lines) for prediction in found],
        "labels": [prediction.labels for prediction in found],
        "probabilities": [prediction.probabilities.tolist() for prediction in found],
        "error": errors,
    }
    columns = {name: values[name] for name in added}
    if library == "pandas":
        columns = columns if pages else {name: _no_values(name) for name in added}
        return table.assign(**columns)
    return table.with_columns(**{name: _series(table, name, columns[name]) for name in added})


def _no_values(name: str) -> Any:
    """Return an empty pandas column of the kind that it has where there are values."""
    import pandas

    return pandas.Series([], dtype=object if name in _OF_LINES else str)


def _series(table: Any, name: str, values: list[Any]) -> Any:
    """Return a polars column; an empty one knows its type by no value."""
    import polars

    text, number = polars.String, polars.Float64
    kinds = {"lines": polars.List(text), "labels": polars.List(text)}
    kinds |= {"probabilities": polars.List(number)}
    return polars.Series(name, values, dtype=kinds.get(name, text))


def _check_columns(present: list[str], column: str, added: Sequence[str]) -> None:
    if column not in present:
        raise ValueError(f"no column {column!r}; there are {', '.join(map(str, present))}")
    if (count := present.count(column)) > 1:
        raise ValueError(f"there are {count} columns {column!r}; rename or drop the others")
    taken = [name for name in added if name in present]
    if taken:
        raise ValueError(f"column {taken[0]!r} is there already; rename or drop it")


def _read(values: list[Any]) -> tuple[list[Page], list[str]]:
    """Return the pages, without lines where one cannot be read, and the reasons."""
    pages, errors = [], []
    for row, value in enumerate(values):
        page, error = Page("", (), ()), ""
        try:
            if isinstance(value, str):
                page = read_string(value)
            elif isinstance(value, bytes):
                page = read_bytes(value)
            elif not _is_nothing(value):
                raise TypeError(
                    f"row {row}: expected text, bytes or nothing, got {type(value).__name__}"
                )
        except ReadError as problem:
            error = str(problem)
        pages.append(page)
        errors.append(error)
    return pages, errors


def _is_nothing(value: Any) -> bool:
    """Tell whether a cell is empty: None, NaN, or what pandas has for it."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Real) and value != value
