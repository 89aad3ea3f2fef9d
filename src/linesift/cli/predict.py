"""`linesift predict`: pages in, their articles or labelled lines out."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linesift.cli.common import InputError, ThresholdType, model_option, one_sentence, progress_bar

if TYPE_CHECKING:
    from linesift.crawl import Outcome
    from linesift.model import PagePrediction
    from linesift.parts import Output
    from linesift.sources import Record

_NAMED = 20  # failures named one by one; the others are counted


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl", "tsv", "parquet"]),
    help="text (the default): the article; jsonl: an object a line; tsv: label TAB text. "
    "With --output jsonl (the default) or parquet: a row a page.",
)
@model_option
@click.option(
    "--threshold",
    type=ThresholdType(),
    metavar="[precision|balanced|recall|0..1]",
    default="balanced",
    show_default=True,
    help="What matters most, or the probability from which a line is kept.",
)
@click.option(
    "--input-format",
    type=click.Choice(["page", "warc", "jsonl", "parquet"]),
    help="What every input is; default: what its name says, a page if it says nothing.",
)
@click.option(
    "--text-field",
    metavar="NAME",
    default="text",
    show_default=True,
    help="Field of JSONL and Parquet that holds the text or HTML of a page.",
)
@click.option(
    "--id-field", metavar="NAME", help="Field that names the page; default: id, else url."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that judge pages side by side.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write parts into a folder; the same command again goes on where a run stopped.",
)
@click.option("--labels", is_flag=True, help="With --output: also all lines with their labels.")
@click.option(
    "--part-size",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="With --output: pages a part.",
)
@click.pass_context
def predict(
    context: click.Context,
    inputs: tuple[str, ...],
    form: str | None,
    model_path: str | None,
    threshold: float | str,
    input_format: str | None,
    text_field: str,
    id_field: str | None,
    jobs: int,
    output: Path | None,
    labels: bool,
    part_size: int,
) -> None:
    """Print the article text of pages: text or HTML, files, folders or standard input (-).

    WARC, WET, JSONL (also .gz and .zst) and Parquet hold many pages. A page that cannot be
    read is named with its reason, the others go on, and the exit code is 1.

    \b
    Examples:
      linesift predict page.txt
      curl -s https://example.org/news | linesift predict -
      linesift predict --format jsonl pages/ > lines.jsonl
      linesift predict --jobs 2 --output articles crawl.warc.gz
    """
    _check_format(form, labels, to_folder=output is not None)
    from linesift.crawl import Judge, model_of_process
    from linesift.sources import Fields, read_records

    fields = Fields(text_field, (id_field,)) if id_field else Fields(text_field)
    with one_sentence():
        model_of_process(model_path)  # what is wrong with it is said before anything is read
    records = read_records(inputs, input_format=input_format, fields=fields)
    if output is None:
        judge = Judge(model_path, threshold, fields, RENDERERS[form or "text"])
        context.exit(_print(records, judge, jobs, blank_between=form in (None, "text")))
    settings = {
        "inputs": [[name, _size(name)] for name in inputs],
        "input format": input_format,
        "fields": [fields.text, *fields.ids],
        "threshold": threshold,
    }
    from linesift.parts import page_row

    judge = Judge(model_path, threshold, fields, partial(page_row, labels=labels))
    with one_sentence("crawl"):
        parts = _parts(output, form or "jsonl", labels, part_size, model_path, settings)
        context.exit(_write(records, judge, jobs, parts))


def _check_format(form: str | None, labels: bool, *, to_folder: bool) -> None:
    if to_folder and form in ("text", "tsv"):
        raise InputError(f"--output takes --format jsonl or parquet, not {form}")
    if not to_folder and form == "parquet":
        raise InputError("--format parquet needs --output FOLDER")
    if not to_folder and labels:
        raise InputError("--labels needs --output FOLDER; --format jsonl prints labels")


class _Failures:
    """Names the pages that cannot be read as they are met, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, outcome: "Outcome") -> None:
        self.count += 1
        if self.count <= _NAMED:
            click.echo(f"linesift: {outcome.name}: {outcome.error}", err=True)

    def close(self) -> None:
        if self.count > _NAMED:
            click.echo(f"linesift: and {self.count - _NAMED:,} more without a page", err=True)


def _exit_code(pages: int, failed: int) -> int:
    return 0 if not failed else 1 if pages else 2


# ----------------------------------------------------------------- standard output


def _print(records: "Iterator[Record]", judge: Any, jobs: int, *, blank_between: bool) -> int:
    """Print what becomes of each record; return the exit code."""
    from linesift.crawl import CrawlError, judged

    failures = _Failures()
    printed = 0
    try:
        with progress_bar("pages", 0) as advance:
            for outcome in judged(records, judge, n_jobs=jobs):
                if outcome.error:
                    failures.note(outcome)
                    continue
                if blank_between and printed:
                    click.echo()
                click.echo(outcome.page, nl=False)
                printed += 1
                advance("pages", printed, 0)
    except CrawlError as error:
        raise InputError(str(error)) from error
    failures.close()
    return _exit_code(printed, failures.count)


def _text(prediction: "PagePrediction") -> bytes:
    return _printable(prediction.text)


def _tsv(prediction: "PagePrediction") -> bytes:
    page = prediction.page
    rows = [f"{label}\t{line}" for label, line in zip(prediction.labels, page.lines, strict=True)]
    return _printable("".join(f"{row}\n" for row in [f"# page: {page.page_id}", *rows]))


def _jsonl(prediction: "PagePrediction") -> bytes:
    page = prediction.page
    columns = {
        "line": page.numbers,
        "text": page.lines,
        "label": prediction.labels,
        "probability": [round(one, 4) for one in prediction.probabilities.tolist()],
        "keep": prediction.keep.tolist(),
    }
    rows = (
        {"page": page.page_id, **dict(zip(columns, row, strict=True))}
        for row in zip(*columns.values(), strict=True)
    )
    return _printable("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))


RENDERERS: dict[str, Callable[["PagePrediction"], bytes]] = {
    "text": _text,
    "jsonl": _jsonl,
    "tsv": _tsv,
}


def _printable(text: str) -> bytes:
    """Return UTF-8 whatever the locale; lone surrogates become question marks."""
    return text.encode("utf-8", "replace")


# ------------------------------------------------------------------------- a folder


def _parts(
    folder: Path,
    form: str,
    labels: bool,
    part_size: int,
    model_path: str | None,
    settings: dict[str, Any],
) -> "Output":
    from importlib import metadata

    from linesift.model_file import model_digest
    from linesift.parts import Output

    settings |= {"format": form, "labels": labels, "part size": part_size}
    settings |= {"model": model_digest(model_path), "linesift": metadata.version("linesift")}
    return Output(folder, form, labels, part_size, settings)


def _size(name: str) -> int | None:
    """Return the size of a file: another one under its name is another input."""
    path = Path(name)
    return path.stat().st_size if path.is_file() else None


def _write(records: "Iterator[Record]", judge: Any, jobs: int, output: "Output") -> int:
    """Write what becomes of each record into parts; return the exit code."""
    from linesift.parts import Progress, write_crawl

    failures = _Failures()
    done = 0

    with progress_bar("pages", 0) as advance:

        def begin(progress: Progress) -> None:
            nonlocal done
            done = progress.records

        def watch(outcome: "Outcome") -> None:
            nonlocal done
            done += 1
            if outcome.error:
                failures.note(outcome)
            advance("pages", done, 0)

        progress = write_crawl(records, judge, output, n_jobs=jobs, watch=watch, begin=begin)
    failures.close()
    if not progress.complete:
        click.echo(
            f"linesift: stopped after {progress.records:,} pages; "
            "the same command again goes on from there",
            err=True,
        )
        return 130
    return _exit_code(progress.pages, progress.failed)
