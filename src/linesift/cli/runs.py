"""`linesift runs`: tracked runs beside each other, or two of them side by side."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from linesift.cli.common import (
    examples,
    is_terminal,
    note,
    one_sentence,
    print_table,
    table_width,
    tracking_option,
)

if TYPE_CHECKING:
    from linesift.tracking.runs import Run

_SCORES = ("text/line_f1", "text/character_f1", "markup/line_f1")
_WIDE = 140  # characters that the table takes with intervals and years
_ID = 8  # characters of an id that tell runs apart


@click.command(
    epilog=examples(
        "linesift runs",
        "linesift runs --sort text/label/related --limit 5",
        "linesift runs --experiment linesift-debug > runs.tsv",
        "linesift runs default no_context",
    )
)
@click.argument("names", nargs=-1, metavar="[RUN RUN]")
@tracking_option
@click.option(
    "--experiment",
    default="linesift",
    show_default=True,
    metavar="NAME",
    help="Runs of this experiment.",
)
@click.option(
    "--sort",
    default=_SCORES[0],
    show_default=True,
    metavar="SCORE",
    help="Best by this score first.",
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most.")
def runs(names: tuple[str, ...], uri: str, experiment: str, sort: str, limit: int) -> None:
    """List tracked runs, or show in what two of them differ.

    A run is named by its id, the beginning of it, or its name, which means the newest run
    of it. In a pipe the output is tab-separated.
    """
    if len(names) not in (0, 2):
        raise click.UsageError("name two runs to see in what they differ, or none to list all")
    with one_sentence():
        from linesift.tracking.runs import pick, sets_of_pages, tracked_runs

        if names:
            found = tracked_runs(uri, experiment, sort=sort)
            shown = [pick(found, name) for name in names]
            _print_two(*shown)
        else:
            shown = tracked_runs(uri, experiment, sort=sort, most=limit)
            _print_all(shown, sort)
        if (sets := sets_of_pages(shown)) > 1:
            note(
                f"these runs were scored on {sets} different sets of pages; "
                "scores compare only within one"
            )


def _print_all(runs: "Sequence[Run]", sort: str) -> None:
    scores = [sort, *(name for name in _SCORES if name != sort)]
    if is_terminal(sys.stdout):
        _print_wide(runs, scores) if table_width(_WIDE) >= _WIDE else _print_narrow(runs, scores)
        return
    bounds = [f"{name}{part}" for name in scores for part in ("", " low", " high")]
    _print_tsv(
        [
            ("id", "run", "started", "changed", "pages", *bounds),
            *(
                (
                    run.run_id,
                    run.name,
                    run.started.isoformat(timespec="seconds"),
                    run.changed,
                    run.trained_on,
                    *(_number(run.scores.get(part)) for name in scores for part in _parts(name)),
                )
                for run in runs
            ),
        ]
    )


def _print_wide(runs: "Sequence[Run]", scores: Sequence[str]) -> None:
    rows = [
        (
            run.run_id[:_ID],
            run.name,
            f"{run.started:%Y-%m-%d %H:%M}",
            run.changed,
            run.trained_on,
            *map(run.shown, scores),
        )
        for run in runs
    ]
    print_table(("id", "run", "started", "changed", "pages", *scores), rows, left=4)


def _print_narrow(runs: "Sequence[Run]", scores: Sequence[str]) -> None:
    """Print scores without intervals, and what was changed below the name: it needs the room."""
    rows = [
        (
            run.run_id[:_ID],
            "\n".join([run.name, *run.changed.split()]),
            f"{run.started:%m-%d\n%H:%M}",
            run.trained_on,
            *(run.shown(name).partition(" ")[0] for name in scores),
        )
        for run in runs
    ]
    heads = [name.replace("/", "/\n", 1) for name in scores]
    print_table(("id", "run, changed", "began", "pages", *heads), rows, left=3)


def _print_two(first: "Run", second: "Run") -> None:
    from linesift.tracking.runs import changed_settings, shared_scores

    settings = [(name, *pair) for name, pair in changed_settings(first, second).items()]
    values = {
        name: (first.scores[name], second.scores[name]) for name in shared_scores(first, second)
    }
    if not is_terminal(sys.stdout):
        _print_tsv(
            [
                ("what", "name", first.name, second.name),
                *(("setting", *row) for row in settings),
                *(("score", name, f"{a:g}", f"{b:g}") for name, (a, b) in values.items()),
            ]
        )
        return
    heads = [f"{run.name} {run.run_id[:_ID]}" for run in (first, second)]
    if settings:
        print_table(("setting", *heads), settings, left=3)
    else:
        click.echo("the same settings")
    rows = [
        (name, first.shown(name), second.shown(name), f"{b - a:+.3f}")
        for name, (a, b) in values.items()
    ]
    print_table(("score", *heads, "second minus first"), rows, left=1)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _parts(name: str) -> tuple[str, str, str]:
    from linesift.tracking.tracker import bounds_of

    return (name, *bounds_of(name))


def _print_tsv(rows: Iterable[Sequence[str]]) -> None:
    for row in rows:
        click.echo("\t".join(" ".join(cell.split()) for cell in row))
