"""The command line: thin commands over the library.

Bad input ends with one sentence on standard error and exit code 2. Standard output holds
results and nothing else; progress goes to standard error, and only on a terminal.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from linesift.archives import Progress
    from linesift.model import LinePredictor, PagePrediction
    from linesift.page import Page

_GATHERED = 64  # pages judged together
_WIDE = 180  # characters that a table of all scores takes


class InputError(click.ClickException):
    """Something that the user can mend; shown as one sentence."""

    exit_code = 2


class ThresholdType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A probability, or the name of a preset."""

    name = "threshold"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Return the number or the name, or fail with what was expected."""
        from linesift.metrics import PRESETS

        if value in PRESETS:
            return str(value)
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 1:
            self.fail(f"expected 0 to 1 or one of {', '.join(PRESETS)}; got {value!r}")
        return number


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("linesift"), prog_name="linesift")
def main() -> None:
    """Keep the article of a web page, line by line, and leave out the rest."""


@main.command()
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
    model = _load(model_path)
    files, failures = _find_files(inputs)
    written = 0
    with _progress("pages", len(files)) as advance:
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


@main.command()
@click.option(
    "--model", "model_path", metavar="FILE", help="A model file; default: the shipped one."
)
@click.option(
    "--lines",
    default="data/lines",
    show_default=True,
    metavar="FOLDER",
    help="Labelled corpora; the pages of their test sites are scored.",
)
@click.option(
    "--labels",
    default="data/labels",
    show_default=True,
    metavar="FOLDER",
    help="Hand labels of some of these pages, scored beside the aligned ones.",
)
@click.option(
    "--pages",
    metavar="FOLDER",
    help="Score these hand-labelled pages instead.",
)
@click.option("--threshold", type=ThresholdType(), default="balanced", show_default=True)
@click.option("--report", metavar="FOLDER", help="Write all scores and curves there.")
@click.option("--floor", metavar="FILE", help="Fail if a score falls below this floor.")
@click.pass_context
def evaluate(
    context: click.Context,
    model_path: str | None,
    lines: str,
    labels: str,
    pages: str | None,
    threshold: float | str,
    report: str | None,
    floor: str | None,
) -> None:
    """Score a model on labelled pages that it was not trained on.

    Prints line, character and text F1 with 95 % intervals, as plain text and with
    markup, beside the untuned run rule.

    \b
    Examples:
      linesift evaluate
      linesift evaluate --pages data/pages
    """
    from linesift.baselines import RunRule
    from linesift.evaluate import check_floor, write_report
    from linesift.evaluate import evaluate as score

    model = _load(model_path)
    labelled = _labelled_pages(lines, pages)
    reports = [
        score("linesift", model, labelled, threshold=threshold),
        score("run rule", RunRule(), labelled, forms=("text",)),
    ]
    _print_reports(reports)
    if pages is None:
        _print_yardstick(model, labelled, labels, threshold)
    if report is not None:
        with _one_sentence():
            write_report(report, reports)
        click.echo(f"all scores: {report}", err=True)
    if floor is not None:
        with _one_sentence():
            limits = json.loads(Path(floor).read_text(encoding="utf-8"))
            if not isinstance(limits, dict) or not {"digest", "floors"} <= limits.keys():
                raise ValueError(f"{floor}: expected a floor with 'digest' and 'floors'")
        short = check_floor(reports[0], limits)
        for sentence in short:
            click.echo(f"linesift: {sentence}", err=True)
        context.exit(1 if short else 0)


def _print_yardstick(
    model: "LinePredictor", labelled: Any, folder: str, threshold: float | str
) -> None:
    """Print scores by hand labels, and how far the aligned labels agree with them."""
    from linesift.evaluate import evaluate as score
    from linesift.hand_labels import confusion, hand_labelled, read_hand_labels
    from linesift.labels import CONTENT

    with _one_sentence():
        by_hand = hand_labelled(labelled, read_hand_labels(folder))
    if not len(by_hand):
        return
    click.echo(f"{len(by_hand)} of these pages by hand labels ({folder}):")
    _print_reports([score("linesift", model, by_hand, threshold=threshold)], labels=True)
    counts = confusion(by_hand, labelled)
    content = counts[CONTENT, CONTENT]
    noise = counts[1:, 1:]
    click.echo(
        f"aligned labels against these: content wrong {counts[1:, CONTENT].sum()}, missed "
        f"{counts[CONTENT, 1:].sum()} of {content + counts[CONTENT, 1:].sum()}; "
        f"kind of noise wrong {noise.sum() - noise.trace()} of {noise.sum()} lines"
    )


def _labelled_pages(lines: str, pages: str | None) -> Any:
    from linesift.labels import read_label_folder
    from linesift.training import load_data

    with _one_sentence():
        if pages is not None:
            labelled = read_label_folder(pages)
        elif not list(Path(lines).glob("*.parquet")):
            raise click.UsageError(
                f"{lines}: no labelled corpora; build them with 'linesift fetch' and "
                "'linesift lines', or score hand-labelled pages with --pages"
            )
        else:
            labelled = load_data(pages=None, lines=lines).test
    if not len(labelled):
        raise click.UsageError(f"{pages or lines}: holds no labelled page")
    return labelled


def _print_reports(reports: list[Any], *, labels: bool = False) -> None:
    """Print one table: a row for each system, form and group; if wanted, F1 of each label."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from linesift.labels import LABELS

    # Beyond a terminal nothing limits the width, and a folded table is hard to read on.
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    scores = ["line_f1", "character_f1", "text_f1"]
    if labels:
        scores = ["line_f1", "character_f1", *(f"f1_{label}" for label in LABELS)]
    elif console.width >= _WIDE:
        scores += ["line_precision", "line_recall"]
    table = Table("system", "reads", "pages of", *scores, box=SIMPLE, pad_edge=False)
    for column in table.columns[3:]:
        column.justify = "right"
    for one in reports:
        for form, result in one.forms.items():
            for group, values in result.groups.items():
                table.add_row(one.system, form, group, *(str(values[name]) for name in scores))
    console.print(table)


@main.command()
@click.argument("names", nargs=-1)
@click.option("--raw", default="data/raw", show_default=True, metavar="FOLDER", help="Where to.")
@click.option(
    "--manifests", default="data/manifests", show_default=True, metavar="FOLDER", help="What to."
)
@click.option(
    "--mirror",
    envvar="LINESIFT_MIRROR",
    metavar="FOLDER",
    help="Archives already at hand; what is not there is downloaded.",
)
@click.option(
    "--url",
    default="https://github.com/{repository}/archive/{commit}.tar.gz",
    show_default=True,
    help="Where to download from.",
)
def fetch(names: tuple[str, ...], raw: str, manifests: str, mirror: str | None, url: str) -> None:
    """Fetch the public data sets, verify and unpack them. Run again, it goes on.

    \b
    Example:
      linesift fetch --mirror ~/archives
    """
    from linesift.archives import fetch as fetch_one
    from linesift.archives import read_manifest

    for source in _sources(names):
        with _one_sentence(), _progress(source.name, 0) as advance:
            folder = fetch_one(
                source,
                read_manifest(Path(manifests) / f"{source.name}.sha256"),
                Path(raw),
                mirror=Path(mirror).expanduser() if mirror else None,
                url=url,
                progress=advance,
            )
        click.echo(f"{source.name}: {folder}")


@main.command()
@click.argument("names", nargs=-1)
@click.option("--raw", default="data/raw", show_default=True, metavar="FOLDER", help="From where.")
@click.option(
    "--lines", default="data/lines", show_default=True, metavar="FOLDER", help="Where to."
)
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Worker processes.")
def lines(names: tuple[str, ...], raw: str, lines: str, jobs: int) -> None:
    """Label the lines of the fetched data sets by their gold texts, one Parquet file each."""
    from linesift.corpora import build_lines

    for source in _sources(names):
        folder = Path(raw) / source.name
        if not folder.is_dir():
            raise click.UsageError(f"{folder}: not fetched yet; run 'linesift fetch'")
        with _one_sentence(), _progress(source.name, 0) as advance:
            target = Path(lines) / f"{source.name}.parquet"
            tally = build_lines(source.name, folder, target, n_jobs=jobs, progress=advance)
            tally_file = Path(lines) / f"{source.name}.json"
            tally_file.write_text(json.dumps(tally, indent=2) + "\n", encoding="utf-8")
        dropped = ", ".join(f"{count} {why}" for why, count in tally["dropped"].items()) or "none"
        click.echo(
            f"{source.name}: {tally['pages']} pages of {tally['sites']} sites, "
            f"{tally['test_pages']} of them held out; left out: {dropped}; "
            f"{tally['lines'].get('unsure', 0)} of {sum(tally['lines'].values())} lines doubtful"
        )


@main.command()
@click.option(
    "--model", "model_path", metavar="FILE", help="A model file; default: the shipped one."
)
def card(model_path: str | None) -> None:
    """Print the card of a model: its data, versions and scores, as JSON."""
    from linesift.model_file import read_card

    with _one_sentence():
        click.echo(json.dumps(read_card(model_path), indent=2, ensure_ascii=False))


def _sources(names: tuple[str, ...]) -> list[Any]:
    from linesift.corpora import SOURCES

    for name in names:
        if name not in SOURCES:
            raise click.UsageError(f"{name}: expected one of {', '.join(SOURCES)}")
    return [SOURCES[name] for name in names or SOURCES]


def _load(path: str | None) -> "LinePredictor":
    from linesift.model_file import load_model

    with _one_sentence():
        return load_model(path)


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turn what a user can cause into one sentence and exit code 2."""
    from linesift.archives import ArchiveError

    try:
        yield
    except ImportError as error:
        raise InputError(f"{error}; install it with: pip install 'linesift[train]'") from error
    except (ValueError, OSError, ArchiveError) as error:
        raise InputError(str(error)) from error


@contextmanager
def _progress(title: str, total: int) -> Iterator["Progress"]:
    """Show a bar on standard error if that is a terminal; say nothing otherwise."""
    if not sys.stderr.isatty():
        yield lambda what, done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Remaining(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(title, total=total or None)
        yield lambda what, done, of: bar.update(
            task, description=what, completed=done, total=of or None
        )
