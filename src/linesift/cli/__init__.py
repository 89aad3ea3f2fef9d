"""The command line: thin commands over the library.

Bad input ends with one sentence on standard error and exit code 2. Standard output holds
results and nothing else; progress goes to standard error, and only on a terminal.
"""

from importlib import metadata

import click

from linesift.cli.card import card
from linesift.cli.compare import compare
from linesift.cli.corpora import fetch, lines
from linesift.cli.evaluate import evaluate
from linesift.cli.labels import labels
from linesift.cli.predict import predict
from linesift.cli.review import prelabel, review


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("linesift"), prog_name="linesift")
def main() -> None:
    """Keep the article of a web page, line by line, and leave out the rest."""


for command in (predict, evaluate, compare, review, prelabel, labels, fetch, lines, card):
    main.add_command(command)
