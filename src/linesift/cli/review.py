"""`linesift review` and `linesift prelabel`: people correct what the model says of lines."""

import contextlib
import os
import re
import shlex
import signal
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linesift.cli.common import (
    InputError,
    examples,
    load_model,
    model_option,
    note,
    one_sentence,
    progress_bar,
)

if TYPE_CHECKING:
    from linesift.review.pages import Guess

DEFAULT_LABELS = "data/pages"

labels_option = click.option(
    "--labels",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    default=DEFAULT_LABELS,
    show_default=True,
    help="Where label files are read and written.",
)


def complain(name: str, reason: str) -> None:
    """Name what is left out, and why."""
    note(f"{name}: {reason}")


def guesses(inputs: tuple[str, ...], labels: Path, model_path: str | None) -> Iterator["Guess"]:
    """Yield what the model says of all pages, with a bar on a terminal."""
    from linesift.review.pages import guess_pages, pages_to_label

    model = load_model(model_path)
    pages = pages_to_label(inputs, labels, complain=complain)
    with progress_bar("pages", 0) as advance:
        for done, guess in enumerate(guess_pages(model, pages), start=1):
            yield guess
            advance("pages", done, 0)


@click.command(
    epilog=examples(
        "linesift review pages/",
        "linesift review --labels data/pages --no-browser pages/ page.html",
    )
)
@click.argument("inputs", nargs=-1, required=True, metavar="FILE|FOLDER...")
@labels_option
@model_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to serve at; another one if it is taken. Default: any.",
)
@click.option("--no-browser", is_flag=True, help="Only print the link.")
def review(
    inputs: tuple[str, ...], labels: Path, model_path: str | None, port: int, no_browser: bool
) -> None:
    """Correct labels in the browser, the lines that the model doubts first.

    Opens a page that only this machine can reach. Keys 1 to 4 and u label a line, Enter
    agrees with the model, shift and arrows take a block, z undoes; ? shows all keys. Each
    label is saved at once as a 'label TAB text' file; lines that nobody has labelled are
    marked as guesses there ('content?') and not learned from. Ctrl-C ends it.
    """
    from linesift.labelling.label_store import LabelStore

    with one_sentence("review"):
        from linesift.review.server import serve
        from linesift.review.session import Session

        store = LabelStore(labels)
        store.sweep()
        session = Session(guesses(inputs, labels, model_path), store, complain=complain)
        if not len(session):
            raise InputError("there is no page to review")
        server, link = serve(session, port)
    if port and server.port != port:
        complain(f"port {port}", f"taken; using {server.port}")
    click.echo(f"{_counted(len(session), 'page')} to review; open {link}")
    click.echo("Ctrl-C ends; every label is saved when it is given", err=True)
    if not no_browser and _has_screen():
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(link)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server.serve_forever()  # until it is interrupted
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is being saved is saved to its end
    click.echo(f"\n{_summary(session.close(), labels, inputs)}")


def _has_screen() -> bool:
    """Tell whether a browser can open here that does not take over the terminal."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _summary(saved: dict[str, Any], labels: Path, inputs: tuple[str, ...]) -> str:
    left = f"{saved['done']:,} of {saved['of']:,} lines are labelled in {labels}"
    if not saved["lines"]:
        return f"linesift: nothing was labelled; {left}"
    return (
        f"linesift: saved labels of {_counted(saved['lines'], 'line')} on "
        f"{_counted(saved['pages'], 'page')}; {left}; "
        f"train on them with: {_training(labels, inputs)}"
    )


def _training(labels: Path, inputs: tuple[str, ...]) -> str:
    """Return what to type next; a folder of their own most likely holds labels of one site."""
    if labels == Path(DEFAULT_LABELS):
        return "python train.py"
    options = ["experiments=my_site", f"data.pages={_hydra_value(str(labels))}"]
    if len(inputs) == 1 and Path(inputs[0]).is_dir():
        options.append(f"data.html={_hydra_value(inputs[0])}")
    return f"python train.py {shlex.join(options)}"


def _hydra_value(path: str) -> str:
    """Return a path as `train.py` reads it; Hydra takes letters beyond ASCII in quotes alone."""
    plain = re.fullmatch(r"[A-Za-z0-9_./ -]*[A-Za-z_/][A-Za-z0-9_./ -]*", path)
    if plain and not re.fullmatch(r"(?i)null|true|false|nan|inf|[\d_.]+e-?[\d_]+", path):
        return path
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', path)
    return f'"{escaped}"'


@click.command(
    epilog=examples(
        "linesift prelabel --labels data/pages page.html",
        "linesift prelabel --labels to-correct pages/",
    )
)
@click.argument("inputs", nargs=-1, required=True, metavar="FILE|FOLDER...")
@labels_option
@model_option
@click.option("--force", is_flag=True, help="Replace labels that people gave, too.")
def prelabel(inputs: tuple[str, ...], labels: Path, model_path: str | None, force: bool) -> None:
    """Write label files with the model's labels, to correct in an editor or a spreadsheet.

    Each line is 'label? TAB text'. The question mark says that nobody has looked at it:
    such lines are not learned from. Take it away where the label is right, else write the
    right one of content, related, navigation, other and unsure. A spreadsheet must open and
    save the file as text separated by tabs, without quotes around text.
    """
    from linesift.labelling.label_store import LabelStore
    from linesift.labelling.labels import LabelError

    written = refused = 0
    with one_sentence():
        store = LabelStore(labels)
        store.sweep()
        for guess in guesses(inputs, labels, model_path):
            try:
                store.write_guesses(guess.page, guess.labels, force=force)
                written += 1
            except LabelError as error:
                complain(guess.page.page_id, f"{error}; left as it is (--force replaces them)")
                refused += 1
    if written:
        again = f"linesift review --labels {shlex.quote(str(labels))} {shlex.join(inputs)}"
        click.echo(
            f"wrote guesses at {_counted(written, 'page')} to {labels}; correct them, or: {again}",
            err=True,
        )
    if refused or not written:
        raise click.exceptions.Exit(1 if written else 2)
