"""`linesift fetch`, `lines` and `manifest`: the public data sets, and labels for their lines."""

import json
import os
from pathlib import Path
from typing import Any

import click

from linesift.cli.common import complete_with, examples, one_sentence, progress_bar


def _source_names() -> list[str]:
    from linesift.labelling.corpus_readers import SOURCES

    return list(SOURCES)


_names = click.argument("names", nargs=-1, shell_complete=complete_with(_source_names))
_manifests = click.option(
    "--manifests",
    default="data/manifests",
    show_default=True,
    metavar="FOLDER",
    help="SHA-256 of each file.",
)


@click.command(
    epilog=examples("linesift fetch", "linesift fetch fundus", "linesift fetch --mirror ~/archives")
)
@_names
@click.option("--raw", default="data/raw", show_default=True, metavar="FOLDER", help="Where to.")
@_manifests
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

    A set that cannot be downloaded is left out unless the mirror has it.
    """
    from linesift.labelling.archives import OnlyFromMirrorError, read_manifest
    from linesift.labelling.archives import fetch as fetch_one

    for source in _sources(names):
        with one_sentence(), progress_bar(source.name, 0) as advance:
            try:
                folder = fetch_one(
                    source,
                    read_manifest(Path(manifests) / f"{source.name}.sha256"),
                    Path(raw),
                    mirror=Path(mirror).expanduser() if mirror else None,
                    url=url,
                    progress=advance,
                )
            except OnlyFromMirrorError as error:
                if names:
                    raise
                result = f"left out, {str(error).removeprefix(f'{source.name}: ')}"
            else:
                result = str(folder)
        click.echo(f"{source.name}: {result}")


@click.command(epilog=examples("linesift manifest fundus --mirror ~/archives"))
@click.argument("name", shell_complete=complete_with(_source_names))
@click.option(
    "--mirror",
    envvar="LINESIFT_MIRROR",
    default="data/mirror",
    show_default=True,
    metavar="FOLDER",
    help="Where its archive lies.",
)
@_manifests
def manifest(name: str, mirror: str, manifests: str) -> None:
    """Write down the SHA-256 of every file that is read of a data set: what 'fetch' unpacks."""
    from linesift.labelling.archives import make_manifest, write_manifest

    (source,) = _sources((name,))
    target = Path(manifests) / f"{source.name}.sha256"
    with one_sentence():
        made = make_manifest(source, Path(mirror).expanduser())
        write_manifest(target, made)
    click.echo(f"{target}: {len(made)} files")


@click.command(epilog=examples("linesift lines", "linesift lines --jobs 2 fundus"))
@_names
@click.option("--raw", default="data/raw", show_default=True, metavar="FOLDER", help="From where.")
@click.option(
    "--lines", default="data/lines", show_default=True, metavar="FOLDER", help="Where to."
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Worker processes.",
)
def lines(names: tuple[str, ...], raw: str, lines: str, jobs: int) -> None:
    """Label the lines of the fetched data sets by their gold texts, one Parquet file each."""
    from linesift.labelling.corpora import build_lines

    for source in _sources(names):
        folder = Path(raw) / source.name
        if not folder.is_dir():
            if not names and not source.commit:
                click.echo(f"{source.name}: left out, not fetched")
                continue
            raise click.UsageError(f"{folder}: not fetched yet; run 'linesift fetch'")
        with one_sentence(), progress_bar(source.name, 0) as advance:
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


def _sources(names: tuple[str, ...]) -> list[Any]:
    from linesift.labelling.corpus_readers import SOURCES

    for name in names:
        if name not in SOURCES:
            raise click.UsageError(f"{name}: expected one of {', '.join(SOURCES)}")
    return [SOURCES[name] for name in names or SOURCES]
