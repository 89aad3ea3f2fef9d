"""`linesift completion`: the script with which a shell completes linesift's commands."""

import click
from click.shell_completion import get_completion_class

from linesift.cli.common import examples

_VARIABLE = "_LINESIFT_COMPLETE"  # by which click's scripts ask for what fits


@click.command(
    epilog=examples(
        "linesift completion bash >> ~/.bashrc",
        "linesift completion zsh >> ~/.zshrc",
        "linesift completion fish > ~/.config/fish/completions/linesift.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and their values in a shell."""
    kind = get_completion_class(shell)
    assert kind is not None  # nosec B101 # click knows all three
    click.echo(_script(kind(context.find_root().command, {}, "linesift", _VARIABLE)))


def _script(completion: "click.shell_completion.ShellComplete") -> str:
    """Return the script alone: `source` of bash first runs a bash to ask for its version."""
    return completion.source_template % completion.source_vars()
