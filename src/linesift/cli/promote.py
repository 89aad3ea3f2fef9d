"""`linesift promote`: make a registered model the champion, if it has earned it."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linesift.cli.common import (
    examples,
    held_out_pages,
    load_model,
    one_sentence,
    print_table,
    tracking_option,
)

if TYPE_CHECKING:
    from linesift.labelling.labels import LabelledPages
    from linesift.scoring.evaluate import Report
    from linesift.scoring.promotion import Verdict
    from linesift.tracking.registry import Registry

_CHAMPION = "champion"
_NAMED = 5  # scores below the floor that are named; the others are counted


@click.command(
    epilog=examples(
        "linesift promote",
        "linesift promote --dry-run",
        "linesift promote --candidate 7",
    )
)
@tracking_option
@click.option(
    "--name", default="linesift", show_default=True, metavar="MODEL", help="Of registered models."
)
@click.option(
    "--candidate",
    default="candidate",
    show_default=True,
    metavar="ALIAS|VERSION",
    help="Which version is to become the champion.",
)
@click.option(
    "--floor",
    default="tests/quality_floor.json",
    show_default=True,
    metavar="FILE",
    help="The quality gate: lowest scores on the test sites.",
)
@click.option(
    "--lines",
    default="data/lines",
    show_default=True,
    metavar="FOLDER",
    help="Labelled corpora; the pages of their test sites decide.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and leave all as it is.")
@click.pass_context
def promote(
    context: click.Context,
    uri: str,
    name: str,
    candidate: str,
    floor: str,
    lines: str,
    dry_run: bool,
) -> None:
    """Let models:/linesift@champion mean the newest model, if it has earned it.

    It has to hold the floor, and its line F1 on the test sites has to be higher than the
    champion's by more than the 95 % interval, on text or with markup, and lower on neither.
    The first champion has to hold the floor. Otherwise a sentence says why not, and the
    exit code is 1.
    """
    with one_sentence():
        from linesift.scoring.evaluate import read_floor
        from linesift.scoring.promotion import judge
        from linesift.tracking.registry import Registry

        limits = read_floor(floor)
        registry = Registry(uri, name)
        version = candidate if candidate.isdigit() else registry.version(candidate)
        if version is None:
            raise ValueError(f"no version of {name!r} is {candidate!r}; name one by its number")
        champion = registry.version(_CHAMPION)
    if version == champion:
        click.echo(f"version {version} is the champion already")
        return
    labelled = held_out_pages(lines)
    ours = _score(registry, version, labelled)
    theirs = _score(registry, champion, labelled) if champion is not None else None
    with one_sentence():
        verdict = judge(ours, theirs, limits)
    _print_scores(ours, theirs, version, champion, verdict)
    for sentence in verdict.short[:_NAMED]:
        click.echo(f"linesift: {sentence}", err=True)
    if len(verdict.short) > _NAMED:
        click.echo(f"linesift: and {len(verdict.short) - _NAMED} more", err=True)
    if not verdict.promoted:
        click.echo(f"linesift: version {version} is not promoted: {verdict.reason}", err=True)
        context.exit(1)
    if dry_run:
        click.echo(f"version {version} would become the champion: {verdict.reason}")
        return
    with one_sentence():
        registry.point(_CHAMPION, version, verdict.reason)
    click.echo(f"models:/{name}@{_CHAMPION} is version {version} now: {verdict.reason}")


def _score(registry: "Registry", version: str, labelled: "LabelledPages") -> "Report":
    from linesift.scoring.evaluate import evaluate

    with tempfile.TemporaryDirectory() as folder:
        with one_sentence():
            path = registry.model_file(version, Path(folder))
        model = load_model(str(path))
    click.echo(f"scoring version {version} on {len(labelled)} pages", err=True)
    return evaluate(f"version {version}", model, labelled)


def _print_scores(
    ours: "Report", theirs: "Report | None", version: str, champion: str | None, verdict: "Verdict"
) -> None:
    """Print scores of the candidate, and beside them the champion's and the difference."""
    from linesift.scoring.metrics import signed
    from linesift.scoring.promotion import SCORES

    head = ["reads", "score", f"version {version}"]
    if theirs is not None:
        head += [f"champion (version {champion})", "higher by"]
    rows: list[list[str]] = []
    for form, result in ours.forms.items():
        for name in SCORES:
            row = [form, name, str(result.groups["all"][name])]
            if theirs is not None:
                row.append(str(theirs.forms[form].groups["all"][name]))
                row.append(signed(verdict.higher[form][name]))
            rows.append(row)
    print_table(head, rows, left=2)
