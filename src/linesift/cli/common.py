"""What the commands share: options, one sentence for what went wrong, progress bars."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from linesift.archives import Progress
    from linesift.model import LinePredictor


model_option = click.option(
    "--model", "model_path", metavar="FILE", help="A model file; default: the shipped one."
)


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


def load_model(path: str | None) -> "LinePredictor":
    """Return the model of a file, the shipped one without a file."""
    from linesift import model_file

    with one_sentence():
        return model_file.load_model(path)


@contextmanager
def one_sentence(extra: str = "train") -> Iterator[None]:
    """Turn what a user can cause into one sentence and exit code 2.

    A package that is missing is one of this extra.
    """
    from linesift.archives import ArchiveError

    try:
        yield
    except ImportError as error:
        raise InputError(f"{error}; install it with: pip install 'linesift[{extra}]'") from error
    except (ValueError, OSError, ArchiveError) as error:
        raise InputError(str(error)) from error


@contextmanager
def progress_bar(title: str, total: int) -> Iterator["Progress"]:
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
