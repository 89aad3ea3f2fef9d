"""`linesift predict`: pages in, their articles or labelled lines out."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from linesift.cli.common import ThresholdType, load_model, progress_bar

if TYPE_CHECKING:
    from linesift.archives import Progress
    from linesift.model import PagePrediction
    from linesift.page import Page

_GATHERED = 64  # pages judged together


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl", "tsv"]),
    default="text",
    show_default=True,
    help="text: the article; jsonl: an object a line; tsv: label TAB text.",
)
@click.option(
    "--model", "model_path", metavar="FILE", help="A model file; default: the shipped one."
)
@click.option(
    "--threshold",
    type=ThresholdType(),
    metavar="[precision|balanced|recall|0..1]",
    default="balanced",
    show_default=True,
    help="What matters most, or the probability from which a line is kept.",
)
@click.pass_context
def predict(
    context: click.Context,
    inputs: tuple[str, ...],
    form: str,
    model_path: str | None,
    threshold: float | str,
) -> None:
    """Print the article text of pages: text or HTML, files, folders or standard input (-).

    A page that cannot be read is named with its reason, the others go on, and the exit
    code is 1.

    \b
    Examples:
      linesift predict page.txt
      curl -s https://example.org/news | linesift predict -
      linesift predict --format jsonl pages/ > lines.jsonl
    """
    model = load_model(model_path)
    files, failures = _find_files(inputs)
    written = 0
    with progress_bar("pages", len(files)) as advance:
        for batch in _read_batches(files, failures, advance):
            for prediction in model.predict_lines(batch, threshold=threshold):
                _write(prediction, form, first=written == 0)
                written += 1
    for name, reason in failures:
        click.echo(f"linesift: {name}: {reason}", err=True)
    context.exit(1 if failures and written else 2 if failures else 0)


def _find_files(inputs: tuple[str, ...]) -> tuple[list[str], list[tuple[str, str]]]:
    from linesift.readers import ReadError, page_files

    files: list[str] = []
    failures: list[tuple[str, str]] = []
    for name in inputs:
        try:
            found = page_files(name)
        except ReadError as error:
            failures.append((name, str(error)))
            continue
        if not found:
            failures.append((name, "the folder holds no files"))
        files += found
    return files, failures


def _read_batches(
    files: list[str], failures: list[tuple[str, str]], advance: "Progress"
) -> Iterator[list["Page"]]:
    """Yield the pages in their order, many at a time; note the ones that cannot be read."""
    from linesift.readers import ReadError, read_page

    batch: list[Page] = []
    for count, file in enumerate(files, start=1):
        try:
            batch.append(read_page(file))
        except ReadError as error:
            failures.append((file, str(error)))
        if len(batch) >= _GATHERED or count == len(files):
            yield batch
            batch = []
            advance("pages", count, len(files))


def _write(prediction: "PagePrediction", form: str, *, first: bool) -> None:
    page = prediction.page
    if form == "text":
        if not first:
            click.echo()
        click.echo(_printable(prediction.text), nl=False)
    elif form == "tsv":
        click.echo(_printable(f"# page: {page.page_id}"))
        for label, line in zip(prediction.labels, page.lines, strict=True):
            click.echo(_printable(f"{label}\t{line}"))
    else:
        rows = zip(
            page.numbers,
            page.lines,
            prediction.labels,
            prediction.probabilities.tolist(),
            prediction.keep.tolist(),
            strict=True,
        )
        for number, line, label, probability, keep in rows:
            row = {
                "page": page.page_id,
                "line": number,
                "text": line,
                "label": label,
                "probability": round(probability, 4),
                "keep": keep,
            }
            click.echo(_printable(json.dumps(row, ensure_ascii=False)))


def _printable(text: str) -> bytes:
    """Return UTF-8 whatever the locale; lone surrogates become question marks."""
    return text.encode("utf-8", "replace")
