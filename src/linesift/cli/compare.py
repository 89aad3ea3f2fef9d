"""`linesift compare`: other extractors beside linesift, on quality and on speed."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linesift.cli.common import (
    InputError,
    complete_with,
    examples,
    held_out_pages,
    load_model,
    model_option,
    one_sentence,
    print_table,
    progress_bar,
    threshold_option,
)

if TYPE_CHECKING:
    from linesift.labelling.documents import Document
    from linesift.labelling.labels import LabelledPages
    from linesift.scoring.compare import System
    from linesift.scoring.peers import Peer
    from linesift.scoring.speed import ColdStart, Speed, Spread

_SPEED_PAGES = 200
_YARDSTICK = "trafilatura"  # what the speed of everything else is measured by


def _peer_names() -> list[str]:
    from linesift.scoring.peers import PEERS

    return list(PEERS)


def _corpus_names() -> list[str]:
    from linesift.labelling.corpus_readers import READERS

    return list(READERS)


@click.command(
    epilog=examples(
        "linesift compare",
        "linesift compare --peer trafilatura --peer justext",
        "linesift compare --corpus web-content-extraction-benchmark --report wcxb.json",
        "linesift compare --speed --report speed.json",
    )
)
@click.option(
    "--peer",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_with(_peer_names),
    help="Only this peer; give it again for more. Default: all that are installed.",
)
@model_option
@click.option(
    "--lines",
    default="data/lines",
    show_default=True,
    metavar="FOLDER",
    help="Labelled corpora; the pages of their test sites are compared.",
)
@click.option(
    "--corpus",
    "corpora",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_with(_corpus_names),
    help="Only the pages of this data set; give it again for more. Default: all that are there.",
)
@click.option(
    "--raw", default="data/raw", show_default=True, metavar="FOLDER", help="The HTML of the pages."
)
@click.option(
    "--outputs",
    default="reports/peers",
    show_default=True,
    metavar="FOLDER",
    help="Where outputs of peers are kept; a run takes from there what it finds.",
)
@threshold_option
@click.option(
    "--timeout",
    type=click.FloatRange(0, 1_000_000, min_open=True),  # what a process can be waited for
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For a page and a peer; beyond it the page is a miss.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Worker processes.",
)
@click.option(
    "--most-pages",
    type=click.IntRange(1),
    metavar="N",
    help=f"So many pages at most, spread over all. Default: all; {_SPEED_PAGES} for speed.",
)
@click.option("--speed", is_flag=True, help="Measure speed instead of quality.")
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Of measuring speed."
)
@click.option("--report", metavar="FILE", help="Write everything there as JSON.")
@click.pass_context
def compare(
    context: click.Context,
    names: tuple[str, ...],
    model_path: str | None,
    lines: str,
    corpora: tuple[str, ...],
    raw: str,
    outputs: str,
    threshold: float | str,
    timeout: float,
    jobs: int,
    most_pages: int | None,
    speed: bool,
    rounds: int,
    report: str | None,
) -> None:
    """Compare linesift with other extractors on pages that it was not trained on.

    Prints text, line and character F1 with 95 % intervals, pages a second on one core, by how
    much each system is ahead of linesift on the same pages, and the measures of the WCXB
    benchmark: word F1 by page type and snippets, headings included, of linesift also with the cards
    of listings and collections kept. Outputs of peers are kept by version and not made again.
    """
    _check_given(context, speed)
    model = load_model(model_path)
    peers = _installed_peers(names)
    most = most_pages or (_SPEED_PAGES if speed else None)
    labelled, documents = _pages(lines, corpora, raw, most)
    if speed:
        found = _speed(model, model_path, peers, labelled, documents, rounds)
    else:
        options = {"folder": outputs, "timeout": timeout, "jobs": jobs}
        found = _quality(model, threshold, peers, labelled, documents, options)
    if report is not None:
        from linesift.labelling.labels import write_atomically

        with one_sentence():
            Path(report).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(report, f"{json.dumps(found, indent=2)}\n".encode())


def _check_given(context: click.Context, speed: bool) -> None:
    """Say so where an option is given that does nothing for what is measured."""
    for name in ("threshold", "outputs", "timeout", "jobs") if speed else ("rounds",):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            with_or_without = "with" if speed else "without"
            raise click.UsageError(f"--{name} does nothing {with_or_without} --speed; leave it out")


def _installed_peers(names: tuple[str, ...]) -> list["Peer"]:
    """Return the wanted peers that are installed; name the others on standard error."""
    from linesift.scoring.peers import PEERS

    for name in names:
        if name not in PEERS:
            raise click.UsageError(f"{name}: expected one of {', '.join(PEERS)}")
    wanted = [PEERS[name] for name in PEERS if name in names or not names]
    missing = [
        f"{peer.name} (needs {peer.needs})" if peer.needs else peer.name
        for peer in wanted
        if not peer.version
    ]
    if missing:
        click.echo(
            f"linesift: not installed and left out: {', '.join(missing)}; "
            "install them with: pip install 'linesift[peers]'",
            err=True,
        )
    return [peer for peer in wanted if peer.version]


def _pages(
    lines: str, corpora: tuple[str, ...], raw: str, most: int | None
) -> tuple["LabelledPages", list["Document"]]:
    """Return the pages of the test sites whose HTML is at hand."""
    import numpy as np

    from linesift.labelling.corpora import original_documents

    labelled = held_out_pages(lines)
    for name in corpora:
        if name not in labelled.corpus:
            names = ", ".join(sorted(set(labelled.corpus)))
            raise click.UsageError(f"{name}: expected one of {names}")
    if corpora:
        labelled = labelled.select([name in corpora for name in labelled.corpus])
    with one_sentence():
        documents = original_documents(labelled, Path(raw))
    there = np.flatnonzero([one is not None for one in documents])
    if not len(there):
        raise InputError(f"{raw}: holds the HTML of none of the pages; run 'linesift fetch'")
    if len(there) < len(documents):
        click.echo(f"linesift: {len(documents) - len(there)} pages without HTML left out", err=True)
    if most is not None and most < len(there):
        there = there[np.linspace(0, len(there) - 1, most).astype(int)]
    chosen = np.isin(np.arange(len(documents)), there)
    return labelled.select(chosen), [one for i in there if (one := documents[i]) is not None]


def _quality(
    model: Any,
    threshold: float | str,
    peers: list["Peer"],
    labelled: "LabelledPages",
    documents: list["Document"],
    options: dict[str, Any],
) -> dict[str, Any]:
    from linesift.scoring.compare import Comparison, to_dict
    from linesift.scoring.outputs import peer_outputs

    comparison = Comparison(labelled, documents)
    html = [one.html[0] for one in documents]
    ours = comparison.linesift(model, threshold=threshold)
    with_cards = comparison.linesift(model, threshold=threshold, all_types=True)
    theirs = []
    for peer in peers:
        with one_sentence(), progress_bar(peer.name, len(html)) as advance:
            outputs = peer_outputs(peer, labelled.pages, html, **options, progress=advance)
        theirs.append(comparison.peer(peer, outputs, jobs=options["jobs"]))
    others = [*theirs, *comparison.rules()]
    _print_scores([*ours, *others])
    _print_differences([*ours, *others], ours)
    _print_word_scores([*ours, *with_cards, *others])
    return to_dict([*ours, *with_cards, *others], ours)


def _print_scores(systems: list["System"]) -> None:
    from linesift.scoring.compare import SCORES

    rows = [
        (
            f"{one.name} {one.version}".strip(),
            one.reads,
            *(str(one.estimates[name]) for name in SCORES),
            f"{one.pages_per_second:,.0f}",
            str(len(one.errors)),
        )
        for one in systems
    ]
    scores = systems[0].scores
    click.echo(f"{len(scores.sites)} pages of {len(set(scores.sites))} sites, headings left out")
    print_table(("system", "reads", *SCORES, "pages/s", "missed"), rows, left=2)


def _print_differences(systems: list["System"], ours: list["System"]) -> None:
    """Print by how much each system is ahead of linesift, or behind where it is below zero."""
    from linesift.scoring.compare import SCORES
    from linesift.scoring.metrics import signed

    rows = []
    for one in systems:
        for other in ours:
            if one.name != other.name:
                ahead = one.higher_than(other)
                values = (ahead[name] for name in SCORES)
                rows.append((one.name, f"{other.name} {other.reads}", *map(signed, values)))
    click.echo("the same pages, system minus linesift:")
    print_table(("system", "minus", *SCORES), rows, left=2)


def _print_word_scores(systems: list["System"]) -> None:
    """Print word F1 by page type, and the shares of snippets where there are any."""
    from linesift.scoring.compare import page_type_counts

    def shown(found: dict[str, Any], name: str) -> str:
        return f"{found[name].value:.3f}" if name in found else ""

    snippets = [name for name in ("with", "without") if name in systems[0].estimates]
    rows = [
        (
            one.name,
            one.reads,
            shown(one.estimates, "word_f1"),
            *(shown(found, "word_f1") for found in one.by_page_type.values()),
            *(shown(one.estimates, name) for name in snippets),
        )
        for one in systems
    ]
    counts = page_type_counts(systems[0])
    pages = ", ".join(f"{number} {name}" for name, number in counts.items())
    click.echo("word F1, headings included, by page type; snippets kept and left out")
    click.echo(f"pages: {pages or 'of no known type'}")
    print_table(("system", "reads", "all", *counts, *snippets), rows, left=2)


def _speed(
    model: Any,
    model_path: str | None,
    peers: list["Peer"],
    labelled: "LabelledPages",
    documents: list["Document"],
    rounds: int,
) -> dict[str, Any]:
    from linesift.scoring.speed import (
        Source,
        cold_start,
        linesift_tasks,
        measure,
        peer_task,
        two_processes,
    )

    sources = [
        Source(one.html[0], "\n".join(page.lines), page.language)
        for one, page in zip(documents, labelled.pages, strict=True)
    ]
    first = sorted(peers, key=lambda peer: peer.name != _YARDSTICK)
    tasks = [*map(peer_task, first), *linesift_tasks(model)]
    with one_sentence(), progress_bar("speed", 0) as advance:
        speeds = measure(tasks, sources, rounds=rounds, progress=advance)
        two = two_processes(model_path, sources, rounds=rounds, progress=advance)
        cold = cold_start(model_path, sources[0].text, rounds=rounds, progress=advance)
    _print_speed(speeds, two, cold, len(sources), rounds)
    return {
        "pages": len(sources),
        "rounds": rounds,
        "tasks": [asdict(one) for one in speeds],
        "two_processes": asdict(two),
        "cold_start": {name: asdict(one) for name, one in cold._asdict().items()},
    }


def _print_speed(
    speeds: list["Speed"], two: "Spread", cold: "ColdStart", pages: int, rounds: int
) -> None:
    click.echo(f"{pages} pages in {rounds} rounds, one thread; median [lowest, highest]")
    rows = [
        (
            one.name,
            _spread(one.pages_per_second, ",.0f"),
            _spread(one.ratio, ".2f") if one.ratio else "1",
            _spread(one.lines_per_second, ",.0f") if one.lines_per_second else "",
        )
        for one in speeds
    ]
    print_table(("task", "pages/s", f"times {speeds[0].name}", "lines/s"), rows, left=1)
    click.echo(f"linesift on HTML, two processes against one: {_spread(two, '.2f')}")
    click.echo(
        f"cold start: linesift predict page.txt {_spread(cold.predict, '.2f')} s, "
        f"of that reading the model {_spread(cold.load_model, '.2f')} s"
    )


def _spread(one: "Spread", form: str) -> str:
    return f"{one.median:{form}} [{one.low:{form}}, {one.high:{form}}]"
