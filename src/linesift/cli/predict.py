"""`linesift predict`: pages in, their articles or labelled lines out."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linesift.cli import render
from linesift.cli.common import (
    InputError,
    PageTypesType,
    examples,
    is_terminal,
    model_option,
    note,
    one_sentence,
    progress_bar,
    threshold_option,
)
from linesift.reading.text import visible

if TYPE_CHECKING:
    from linesift.crawling.crawl import Outcome
    from linesift.crawling.parts import Output, Progress
    from linesift.reading.sources import Record

_WHEN = ("auto", "always", "never")
_NAMED = 20  # failures named one by one; the others are counted


class _Predict(click.Command):
    """Takes `--color` alone for `--color=auto`, as other tools do, and a page may come after it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Return what is left of the arguments."""
        end = args.index("--") if "--" in args else len(args)  # behind it are names of files
        pairs = zip(args[:end], [*args, ""][1:], strict=False)
        told = [
            "--color=auto" if one == "--color" and following not in _WHEN else one
            for one, following in pairs
        ]
        return super().parse_args(ctx, told + args[end:])


@click.command(
    cls=_Predict,
    epilog=examples(
        "linesift predict page.txt",
        "curl -s https://example.org/news | linesift predict -",
        "linesift predict --color page.txt",
        "linesift predict --format jsonl pages/ > lines.jsonl",
        "linesift predict --format html page.html > report.html",
        "linesift predict --jobs 2 --output articles crawl.warc.gz",
    ),
)
@click.argument("inputs", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl", "tsv", "html", "parquet"]),
    help="text (the default): the article; jsonl: an object a line; tsv: label TAB text; "
    "html: one page to look at, with the reasons. "
    "With --output jsonl (the default) or parquet: a row a page.",
)
@click.option(
    "--color",
    type=click.Choice(_WHEN),
    metavar="[=auto|always|never]",
    help="Every line of a page (as --format tsv), its noise dimmed and coloured by label; "
    "auto, as tsv does without this: on a terminal, unless NO_COLOR is set.",
)
@model_option
@threshold_option
@click.option(
    "--page-types",
    type=PageTypesType(),
    metavar="all|TYPE,TYPE,...",
    show_default="all but listing,collection",
    help="Of which types of pages text is kept: article, forum, documentation, product, "
    "service, listing, collection. Of the last two these are the cards, teasers of other pages.",
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
    help="With --output: pages a part, those that cannot be read included.",
)
@click.pass_context
def predict(
    context: click.Context,
    inputs: tuple[str, ...],
    form: str | None,
    color: str | None,
    model_path: str | None,
    threshold: float | str,
    page_types: tuple[str, ...] | None,
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
    """
    form = _checked_format(form, color, labels, to_folder=output is not None)
    if output is None and sys.stdout is None:
        raise InputError("standard output is closed; open it, or give --output FOLDER")
    from linesift.crawling.crawl import Judge, model_of_process
    from linesift.labelling.labels import OWN_TEXT
    from linesift.reading.sources import Fields, read_records

    page_types = page_types or OWN_TEXT
    fields = Fields(text_field, (id_field,)) if id_field else Fields(text_field)
    with one_sentence():
        model_of_process(model_path)  # what is wrong with it is said before anything is read
    records = read_records(inputs, input_format=input_format, fields=fields)
    if output is None:
        renderer = _renderer(form, color, model_path)
        judge = Judge(model_path, threshold, fields, renderer, page_types)
        if form == "html":
            context.exit(_print_report(records, judge, jobs))
        articles = form == "text"
        apart = _stands_apart(form, color)
        context.exit(_print(records, judge, jobs, blank_between=apart, articles=articles))
    from linesift.crawling.parts import page_row

    judge = Judge(model_path, threshold, fields, partial(page_row, labels=labels), page_types)
    with one_sentence("crawl"):
        _check_outside(output, inputs)
        settings = {
            "inputs": [[name, _held(name)] for name in inputs],
            "input format": input_format,
            "fields": [fields.text, *fields.ids],
            "threshold": threshold,
            "page types": page_types,
        }
        parts = _parts(output, form, labels, part_size, model_path, settings)
        context.exit(_write(records, judge, jobs, parts))


def _checked_format(form: str | None, color: str | None, labels: bool, *, to_folder: bool) -> str:
    """Return the format in use, or say what does not go together."""
    if color is not None and (to_folder or form not in (None, "tsv")):
        raise InputError("--color is for lines on a terminal: give it alone or with --format tsv")
    if to_folder and form not in (None, "jsonl", "parquet"):
        raise InputError(f"--output takes --format jsonl or parquet, not {form}")
    if not to_folder and form == "parquet":
        raise InputError("--format parquet needs --output FOLDER")
    if not to_folder and labels:
        raise InputError("--labels needs --output FOLDER; --format jsonl prints labels")
    return form or ("jsonl" if to_folder else "tsv" if color else "text")


def _renderer(form: str, color: str | None, model_path: str | None) -> Callable[..., Any]:
    if form == "html":
        return partial(render.for_report, model=model_path)
    return render.colored_tsv if _in_color(form, color) else render.RENDERERS[form]


def _in_color(form: str, color: str | None) -> bool:
    return form == "tsv" and render.wants_color(color or "auto", terminal=is_terminal(sys.stdout))


def _stands_apart(form: str, color: str | None) -> bool:
    """Tell whether a blank line stands between two pages: for eyes, not for programs."""
    return form == "text" or _in_color(form, color)


class _Failures:
    """Names the pages that cannot be read as they are met, and counts them.

    Names and reasons hold what archives hold, which is not to steer a terminal.
    """

    def __init__(self) -> None:
        self.count = 0

    def note(self, outcome: "Outcome") -> None:
        self.count += 1
        if self.count <= _NAMED:
            said = "".join(piece for piece, _ in visible(f"{outcome.name}: {outcome.error}"))
            note(said)

    def close(self) -> None:
        if self.count > _NAMED:
            note(f"and {self.count - _NAMED:,} more without a page")


def _exit_code(pages: int, failed: int) -> int:
    return 0 if not failed else 1 if pages else 2


# ----------------------------------------------------------------- standard output


def _print(
    records: "Iterator[Record]", judge: Any, jobs: int, *, blank_between: bool, articles: bool
) -> int:
    """Print what becomes of each record; return the exit code."""
    printed = empty = 0
    # On a terminal the pages themselves show how far it is, and a bar would share their lines.
    with _pages(records, judge, jobs, bar=not is_terminal(sys.stdout)) as (pages, failures):
        for page in pages:
            if blank_between and printed:
                click.echo()
            click.echo(page, nl=False)
            printed += 1
            empty += not page
    if articles and empty:  # nothing printed looks like nothing done
        what = (
            "no article in the page"
            if printed == 1
            else f"no article in {empty:,} of {printed:,} pages"
        )
        note(f"{what}; --color shows all lines, --threshold recall and --page-types all keep more")
    return _exit_code(printed, failures.count)


def _print_report(records: "Iterator[Record]", judge: Any, jobs: int) -> int:
    """Print one HTML page on all records, once they are read; return the exit code."""
    from linesift.reports.report import HtmlReport

    with HtmlReport() as report:
        with _pages(records, judge, jobs) as (pages, failures):
            for page in pages:
                report.add(page)
        if report.n_pages:
            for chunk in report.chunks():
                click.echo(chunk, nl=False)
        return _exit_code(report.n_pages, failures.count)


@contextmanager
def _pages(
    records: "Iterator[Record]", judge: Any, jobs: int, *, bar: bool = True
) -> Iterator[tuple[Iterator[Any], _Failures]]:
    """Give what the judge made of each page, and the failures met on the way."""
    from linesift.crawling.crawl import CrawlError, judged

    failures = _Failures()

    def pages() -> Iterator[Any]:
        done = 0
        for outcome in judged(records, judge, n_jobs=jobs):
            if outcome.error:
                failures.note(outcome)
                continue
            yield outcome.page
            done += 1
            advance("pages", done, 0)

    try:
        with progress_bar("pages", 0, wanted=bar) as advance:
            yield pages(), failures
    except CrawlError as error:
        raise InputError(str(error)) from error
    failures.close()


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

    from linesift.crawling.parts import Output
    from linesift.models.model_file import model_digest

    settings |= {"format": form, "labels": labels, "part size": part_size}
    settings |= {"model": model_digest(model_path), "linesift": metadata.version("linesift")}
    return Output(folder, form, labels, part_size, settings)


def _check_outside(output: Path, inputs: tuple[str, ...]) -> None:
    """Say so where what is written would be read."""
    place = Path(os.path.realpath(output))  # `Path.resolve` fails on links that go in circles
    for name in inputs:
        if name not in ("", "-") and place.is_relative_to(os.path.realpath(name)):
            raise InputError(f"{output}: lies in {name}, which is read; give a folder beside it")


def _held(name: str) -> int | str | None:
    """Return what tells an input from another one under its name.

    That is the size of a file, and of a folder a digest of the names and sizes in it: a run
    that goes on reads past so many records, which must be those that it has read before.
    """
    from linesift.reading.readers import ReadError, page_files
    from linesift.reading.sources import Record

    path = Path(name)
    try:
        if path.is_file():
            return path.stat().st_size
        if not path.is_dir():
            return None
        digest = hashlib.sha256()
        for file in page_files(name):
            digest.update(f"{file}\0{Record(file).size}\0".encode("utf-8", "replace"))
    except (OSError, ReadError):  # whoever reads it meets the reason
        return None
    return digest.hexdigest()


def _write(records: "Iterator[Record]", judge: Any, jobs: int, output: "Output") -> int:
    """Write what becomes of each record into parts; return the exit code."""
    from linesift.crawling.parts import Progress, write_crawl

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
    if progress.pages:
        note(_summary(progress, output))
    return _exit_code(progress.pages, progress.failed)


def _summary(progress: "Progress", output: "Output") -> str:
    """Return what a folder holds at the end, all runs that it took together."""
    pages = "1 page" if progress.pages == 1 else f"{progress.pages:,} pages"
    said = f"{pages} in {output.folder}, {progress.empty:,} without an article"
    return said + (f"; {progress.failed:,} could not be read" if progress.failed else "")
