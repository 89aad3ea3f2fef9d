"""`linesift labels`: label files to Label Studio and back; hand labels to lines read anew."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linesift.cli.common import (
    Commands,
    InputError,
    corpus_files,
    examples,
    load_model,
    model_option,
    one_sentence,
)
from linesift.cli.review import complain, labels_option

if TYPE_CHECKING:
    from linesift.labelling.carrying import Carried
    from linesift.labelling.label_store import LabelStore
    from linesift.review.label_studio import Imported


@click.group(
    cls=Commands,
    epilog=examples(
        "linesift labels export data/pages --predictions --output tasks.json",
        "linesift labels import export.json",
        "linesift labels carry",
    ),
)
def labels() -> None:
    """Take label files to Label Studio and back, and hand labels to lines read anew."""


@labels.command(epilog=examples("linesift labels export data/pages --output tasks.json"))
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write; default: standard output.",
)
@click.option("--predictions", is_flag=True, help="With what the model says of every line.")
@model_option
def export(folder: Path, output: Path | None, predictions: bool, model_path: str | None) -> None:
    """Write the label files of a folder as tasks of Label Studio, in JSON.

    Paste docs/label-studio.xml into the project as its labelling interface.
    """
    from linesift.labelling.labels import label_files, load_label_file, write_atomically
    from linesift.review.label_studio import to_task

    if model_path is not None and not predictions:
        raise click.UsageError("--model says whose --predictions to write; give both")
    with one_sentence():
        files = [load_label_file(path) for path in label_files(folder)]
        if not files:
            raise InputError(f"{folder}: no label files; 'linesift prelabel' writes some")
        if predictions:
            from linesift.models.model_file import model_digest
            from linesift.review.pages import guess_pages

            version = f"linesift {model_digest(model_path)[:12]}"
            guesses = guess_pages(load_model(model_path), [file.page for file in files])
            tasks = [
                to_task(file, (guess.labels, guess.certainty), version=version)
                for file, guess in zip(files, guesses, strict=True)
            ]
        else:
            tasks = [to_task(file) for file in files]
        text = json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"
        if output is None:
            click.echo(text.encode(), nl=False)
        else:
            write_atomically(output, text.encode())


@labels.command("import", epilog=examples("linesift labels import export.json --labels data/pages"))
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@labels_option
@click.option("--force", is_flag=True, help="Replace labels that people gave, too.")
def import_(file: Path, labels: Path, force: bool) -> None:
    """Merge an export of Label Studio (JSON) into label files.

    Lines without a label stay as they are. Several annotators: the ground truth counts,
    else what was changed last.
    """
    from linesift.labelling.label_store import LabelStore
    from linesift.review.label_studio import read_tasks

    with one_sentence():
        found = read_tasks(file.read_bytes(), str(file))
        if not found:
            raise InputError(f"{file}: no task has a complete annotation")
        store = LabelStore(labels)
        for one in found:  # what is wrong with any page is said before anything is written
            differing = _differing(store, one)
            if differing and not force:
                lines = "1 line is" if differing == 1 else f"{differing:,} lines are"
                raise InputError(
                    f"{one.file.page.page_id}: {lines} labelled otherwise by hand in {labels}; "
                    "--force replaces that"
                )
        saved = sum(_save(store, one) for one in found)
    for one in found:
        if one.annotators > 1:
            said = f"of {one.annotators} annotations one counts; they differ on"
            complain(one.file.page.page_id, f"{said} {one.disagreed} lines")
    click.echo(f"imported {saved:,} labels of {len(found):,} pages into {labels}", err=True)


@labels.command(
    epilog=examples("linesift labels carry", "linesift labels carry --labels data/labels")
)
@click.option(
    "--labels",
    "folder",
    default="data/labels",
    show_default=True,
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="FOLDER",
    help="Hand labels of the public sets.",
)
@click.option(
    "--lines",
    default="data/lines",
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The sets as they are read now, by 'linesift lines'.",
)
@click.pass_context
def carry(context: click.Context, folder: Path, lines: Path) -> None:
    """Carry hand labels over to the lines of pages that are read in another way than then.

    Lines that were joined or split keep their label. What cannot be told is labelled unsure
    and named; the exit code is 1 then.
    """
    from linesift.labelling.carrying import carry_labels
    from linesift.labelling.corpora import read_chunks
    from linesift.labelling.hand_labels import read_label_rows, write_label_rows
    from linesift.labelling.labels import label_files

    with one_sentence():
        files = {path: dict(read_label_rows(path)) for path in label_files(folder)}
        if not files:
            raise InputError(f"{folder}: no hand labels")
        file_of = {page: path for path, pages in files.items() for page in pages}
        carried = {
            page.page_id: carry_labels(files[file_of[page.page_id]][page.page_id], page)
            for path in corpus_files(lines)
            for chunk in read_chunks(path)
            for page in chunk.pages
            if page.page_id in file_of
        }
        for page_id, one in carried.items():
            files[file_of[page_id]][page_id] = one.lines
        for path, pages in files.items():
            write_label_rows(path, pages)
    missing = [page_id for page_id in file_of if page_id not in carried]
    for page_id in missing:
        complain(page_id, f"no such page in {lines}; its labels stay as they are")
    doubtful = sum(_say_what_is_unsure(page_id, one) for page_id, one in carried.items())
    count = sum(len(one.lines) for one in carried.values())
    click.echo(
        f"carried the labels of {len(carried):,} pages to {count:,} lines; "
        f"{doubtful:,} lines to look at, {len(missing):,} pages not found",
        err=True,
    )
    context.exit(1 if doubtful or missing else 0)


def _say_what_is_unsure(page_id: str, carried: "Carried") -> int:
    """Name the lines of a page that could not be told; return how many there are."""
    said = {
        "in no line that was labelled, so unsure now": carried.unplaced,
        "made of lines with different labels, so unsure now": carried.disagreeing,
        "labelled, and in no line any more": carried.lost,
    }
    for reason, numbers in said.items():
        for number in numbers:
            complain(page_id, f"line {number} is {reason}")
    return sum(map(len, said.values()))


def _differing(store: "LabelStore", one: "Imported") -> int:
    there, _ = store.read(one.file.page)
    if there is None:
        return 0
    both = there.by_hand & one.file.by_hand
    return int((there.labels != one.file.labels)[both].sum())


def _save(store: "LabelStore", one: "Imported") -> int:
    """Merge the labels of a page into its file; return how many there are."""
    from linesift.labelling.label_store import Change

    file = one.file
    changes = {
        number: Change(int(label))
        for number, label, by_hand in zip(file.page.numbers, file.labels, file.by_hand, strict=True)
        if by_hand
    }
    store.save(file.page, file.labels, changes, remarks=file.remarks, page_type=file.page_type)
    return len(changes)
