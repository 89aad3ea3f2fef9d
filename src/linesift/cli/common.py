"""What the commands share: options, examples, one sentence for what went wrong, tables, bars."""

import errno
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from linesift.labelling.archives import Progress
    from linesift.labelling.labels import LabelledPages
    from linesift.models.prediction import LinePredictor


Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _model_files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return model files that begin so, here and in `models`; else let the shell name files."""
    found = sorted(
        str(path)
        for folder in (".", "models")
        for path in Path(folder).glob("*.safetensors")
        if str(path).startswith(incomplete)
    )
    return [CompletionItem(name) for name in found] or [CompletionItem(incomplete, type="file")]


def complete_with(names: Callable[[], Iterable[str]]) -> Complete:
    """Return what completes one of these names; they are only looked up when it is asked."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(name) for name in names() if name.startswith(incomplete)]

    return complete


model_option = click.option(
    "--model",
    "model_path",
    metavar="FILE",
    shell_complete=_model_files,
    help="A model file; default: the shipped one. FILE#sha256=DIGEST takes that very file only.",
)

tracking_option = click.option(
    "--tracking-uri",
    "uri",
    metavar="URI",
    envvar="MLFLOW_TRACKING_URI",
    default="sqlite:///mlflow.db",
    show_default=True,
    show_envvar=True,
    help="Where runs are tracked.",
)


def examples(*commands: str) -> str:
    """Return the end of a command's help: what to type, a line each, not folded."""
    return "\n".join(["\b", f"Example{'s' * (len(commands) > 1)}:", *(f"  {c}" for c in commands)])


_MEND = {
    errno.ENOSPC: "; make room and run the same command again",
    errno.EDQUOT: "; make room and run the same command again",
    errno.EFBIG: "; files there may not be so large",
    errno.EROFS: "; choose a folder that can be written",
}
"""What to do about outputs that cannot be written, by what the system says."""


class Commands(click.Group):
    """A group whose commands end with a sentence on ^C (exit code 130) and on a full disk (2)."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does, folded; click would cut it at the end of the row."""
        rows = [
            (name, self.commands[name].get_short_help_str(limit=200))
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno not in _MEND:
                raise
            raise InputError(_told(error)) from error
        except KeyboardInterrupt:
            # What is on the terminal's line by then, "^C" or half a row, stays by itself.
            click.echo("\nlinesift: interrupted before it was done", err=True)
            ctx.exit(130)


def note(sentence: str) -> None:
    """Print a sentence on standard error, above a bar if there is one.

    Not with click: it writes past the bar, into its row.
    """
    if sys.stderr is not None:  # else print would take standard output
        print(f"linesift: {sentence}", file=sys.stderr)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether somebody sees a stream; one that was closed from outside is None."""
    return stream is not None and stream.isatty()


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
        from linesift.models.thresholds import PRESETS

        if value in PRESETS:
            return str(value)
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 1:
            self.fail(f"expected 0 to 1 or one of {', '.join(PRESETS)}; got {value!r}")
        return number

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin so."""
        from linesift.models.thresholds import PRESETS

        return complete_with(lambda: PRESETS)(ctx, param, incomplete)


threshold_option = click.option(
    "--threshold",
    type=ThresholdType(),
    metavar="[precision|balanced|recall|0..1]",
    default="balanced",
    show_default=True,
    help="What matters most, or the probability from which a line is kept.",
)


class PageTypesType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """Names of page types with commas between them, or all of them."""

    name = "page types"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the names, or fail with what was expected."""
        from linesift.labelling.labels import PAGE_TYPES
        from linesift.models.prediction import wanted_page_types

        try:
            return wanted_page_types([name.strip() for name in value.split(",")])
        except ValueError:
            self.fail(f"expected all or some of {','.join(PAGE_TYPES)}; got {value!r}", param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return what the last name may become, behind those that are whole."""
        from linesift.labelling.labels import PAGE_TYPES

        *whole, _ = incomplete.split(",")
        begun = "".join(f"{name}," for name in whole)
        names = [name for name in PAGE_TYPES if name not in whole]
        ends = names if whole else ["all", *names]
        return complete_with(lambda: [f"{begun}{name}" for name in ends])(ctx, param, incomplete)


def load_model(path: str | None) -> "LinePredictor":
    """Return the model of a file, the shipped one without a file."""
    from linesift.models import model_file

    with one_sentence():
        return model_file.load_model(path)


def corpus_files(folder: Path, *, otherwise: str = "") -> list[Path]:
    """Return the files of the labelled corpora in a folder, and say so if there are none.

    Parameters
    ----------
    folder : Path
        The folder.
    otherwise : str
        What else a user may do if there are none.
    """
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise InputError(
            f"{folder}: no labelled corpora; build them with 'linesift fetch' and "
            f"'linesift lines'{otherwise}"
        )
    return files


def held_out_pages(lines: str, *, otherwise: str = "") -> "LabelledPages":
    """Return the pages of the test sites of the labelled corpora in a folder.

    Parameters
    ----------
    lines : str
        The folder.
    otherwise : str
        What else a user may do if there are none.
    """
    corpus_files(Path(lines), otherwise=otherwise)
    with one_sentence():
        from linesift.labelling.corpora import read_test_pages

        labelled = read_test_pages(Path(lines))
    if not len(labelled):
        raise InputError(f"{lines}: holds no labelled page of a test site")
    return labelled


@contextmanager
def one_sentence(extra: str = "train") -> Iterator[None]:
    """Turn what a user can cause into one sentence and exit code 2.

    A package that is missing is one of this extra.
    """
    from linesift.labelling.archives import ArchiveError

    try:
        yield
    except ImportError as error:
        raise InputError(f"{error}; install it with: pip install 'linesift[{extra}]'") from error
    except OSError as error:
        raise InputError(_told(error)) from error
    except (ValueError, ArchiveError) as error:
        raise InputError(str(error)) from error


def _told(error: OSError) -> str:
    """Return what a system says, with the file in front and what to do behind."""
    reason = error.strerror or str(error)
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{reason}{_MEND.get(error.errno or 0, '')}"


@contextmanager
def progress_bar(title: str, total: int, *, wanted: bool = True) -> Iterator["Progress"]:
    """Show a bar on standard error if that is a terminal; say nothing otherwise."""
    if not (wanted and is_terminal(sys.stderr)):
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


def table_width(wide: int) -> int:
    """Return the characters that a table may take: those of the terminal, else `wide`.

    Beyond a terminal nothing limits the width, and a folded table is hard to read on.
    """
    from rich.console import Console

    return Console().width if is_terminal(sys.stdout) else wide


def print_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int, wide: int = 150
) -> None:
    """Print a table whose first columns stand left and whose other ones stand right.

    Parameters
    ----------
    head : sequence of str
    rows : iterable of sequence of str
    left : int
        How many columns stand left.
    wide : int
        Characters to use beyond a terminal.
    """
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = table_width(wide)
    table = Table(*head, box=SIMPLE, pad_edge=False, collapse_padding=width < wide)
    for k, column in enumerate(table.columns):
        column.justify = "left" if k < left else "right"
        column.overflow = "fold"  # rather than cut: what is cut is lost
    for row in rows:
        table.add_row(*map(Text, row))  # square brackets are intervals here, not markup
    Console(width=width).print(table)
