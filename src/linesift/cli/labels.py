"""`linesift labels`: label files to Label Studio and back."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linesift.cli.common import (
    Commands,
    InputError,
    examples,
    load_model,
    model_option,
    one_sentence,
)
from linesift.cli.review import complain, labels_option

if TYPE_CHECKING:
    from linesift.labelling.label_store import LabelStore
    from linesift.review.label_studio import Imported


@click.group(
    cls=Commands,
    epilog=examples(
        "linesift labels export data/pages --predictions --output tasks.json",
        "linesift labels import export.json",
    ),
)
def labels() -> None:
    """Take label files to Label Studio and back."""


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
    store.save(file.page, file.labels, changes, remarks=file.remarks)
    return len(changes)
