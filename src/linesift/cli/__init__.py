"""The command line: thin commands over the library.

Bad input ends with one sentence on standard error and exit code 2. Standard output holds
results and nothing else; progress goes to standard error, and only on a terminal.
"""

from importlib import metadata

import click

from linesift.cli.card import card
from linesift.cli.common import Commands, examples
from linesift.cli.compare import compare
from linesift.cli.completion import completion
from linesift.cli.corpora import fetch, lines, manifest
from linesift.cli.evaluate import evaluate
from linesift.cli.labels import labels
from linesift.cli.predict import predict
from linesift.cli.promote import promote
from linesift.cli.review import prelabel, review
from linesift.cli.runs import runs

_FIRST = """\
linesift keeps the article of a web page, line by line, and leaves out the rest.

What people do first:

  linesift predict page.html
      print the article of a page, HTML or text; - reads standard input
  linesift predict --format html page.html > why.html
      see every line, and why it was kept or left out
  linesift predict --jobs 2 --output articles pages/
      keep the articles of a folder or a crawl; run again, it goes on where it stopped

All commands: linesift --help. One of them, with examples: linesift predict --help.
"""


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("linesift predict page.html"),
)
@click.version_option(metadata.version("linesift"), prog_name="linesift")
@click.pass_context
def main(context: click.Context) -> None:
    """Keep the article of a web page, line by line, and leave out the rest."""
    if context.invoked_subcommand is None:
        click.echo(_FIRST, nl=False)


for command in (
    predict,
    evaluate,
    compare,
    review,
    prelabel,
    labels,
    runs,
    promote,
    fetch,
    lines,
    manifest,
    card,
    completion,
):
    main.add_command(command)
