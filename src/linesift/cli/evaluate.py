"""`linesift evaluate`: scores of a model on pages that it was not trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from linesift.cli.common import (
    InputError,
    examples,
    held_out_pages,
    load_model,
    model_option,
    one_sentence,
    print_table,
    table_width,
    threshold_option,
)

if TYPE_CHECKING:
    from linesift.labelling.labels import LabelledPages
    from linesift.models.prediction import LinePredictor

_WIDE = 180  # characters that a table of all scores takes


@click.command(epilog=examples("linesift evaluate", "linesift evaluate --pages data/pages"))
@model_option
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
@threshold_option
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
    """
    from linesift.models.baselines import RunRule
    from linesift.scoring.evaluate import check_floor, read_floor, write_report
    from linesift.scoring.evaluate import evaluate as score

    with one_sentence():  # before minutes are spent on scores
        limits = read_floor(floor) if floor is not None else None
    named = context.get_parameter_source("labels") is ParameterSource.COMMANDLINE
    if named and not Path(labels).is_dir():
        raise InputError(f"{labels}: no such folder of hand labels")
    model = load_model(model_path)
    labelled = _labelled_pages(lines, pages)
    reports = [
        score("linesift", model, labelled, threshold=threshold),
        score("run rule", RunRule(), labelled, forms=("text",)),
    ]
    _print_reports(reports)
    if pages is None:
        _print_yardstick(model, labelled, labels, threshold)
    if report is not None:
        with one_sentence():
            write_report(report, reports)
        click.echo(f"all scores: {report}", err=True)
    if limits is not None:
        short = check_floor(reports[0], limits)
        for sentence in short:
            click.echo(f"linesift: {sentence}", err=True)
        context.exit(1 if short else 0)


def _print_yardstick(
    model: "LinePredictor", labelled: "LabelledPages", folder: str, threshold: float | str
) -> None:
    """Print scores by hand labels, and how far the aligned labels agree with them."""
    from linesift.labelling.hand_labels import (
        confusion,
        doubtful_lines,
        hand_labelled,
        read_hand_labels,
    )
    from linesift.labelling.labels import CONTENT
    from linesift.scoring.evaluate import evaluate as score

    with one_sentence():
        by_hand = hand_labelled(labelled, read_hand_labels(folder))
    if not len(by_hand):
        return
    click.echo(f"{len(by_hand)} of these pages by hand labels ({folder}):")
    _print_reports([score("linesift", model, by_hand, threshold=threshold)], labels=True)
    counts = confusion(by_hand, labelled)
    content = counts[CONTENT, CONTENT]
    noise = counts[1:, 1:]
    doubtful = doubtful_lines(by_hand, labelled)
    click.echo(
        f"aligned labels against these: content wrong {counts[1:, CONTENT].sum()}, missed "
        f"{counts[CONTENT, 1:].sum()} of {content + counts[CONTENT, 1:].sum()}; "
        f"kind of noise wrong {noise.sum() - noise.trace()} of {noise.sum()} lines; "
        f"left doubtful {doubtful.sum()}, by hand {doubtful[CONTENT]} content, "
        f"{doubtful[CONTENT + 1 :].sum()} noise"
    )


def _labelled_pages(lines: str, pages: str | None) -> "LabelledPages":
    from linesift.labelling.labels import read_label_folder

    if pages is None:
        return held_out_pages(lines, otherwise=", or score hand-labelled pages with --pages")
    with one_sentence():
        labelled = read_label_folder(pages)
    if not len(labelled):
        raise InputError(f"{pages}: holds no labelled page")
    return labelled


def _print_reports(reports: list[Any], *, labels: bool = False) -> None:
    """Print one table: a row for each system, form and group; if wanted, F1 of each label."""
    from linesift.labelling.labels import LABELS

    scores = ["line_f1", "character_f1", "text_f1"]
    if labels:
        scores = ["line_f1", "character_f1", *(f"f1_{label}" for label in LABELS)]
    elif table_width(_WIDE) >= _WIDE:
        scores += ["line_precision", "line_recall"]
    rows = [
        (one.system, form, group, *(str(values[name]) for name in scores))
        for one in reports
        for form, result in one.forms.items()
        for group, values in result.groups.items()
    ]
    print_table(("system", "reads", "pages of", *scores), rows, left=3, wide=_WIDE)
