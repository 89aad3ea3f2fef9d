"""`linesift card`: what a model file says of itself."""

import json

import click

from linesift.cli.common import examples, model_option, one_sentence


@click.command(epilog=examples("linesift card", "linesift card --model models/latest.safetensors"))
@model_option
def card(model_path: str | None) -> None:
    """Print the card of a model: its data, versions and scores, as JSON."""
    from linesift.models.model_file import read_card

    with one_sentence():
        click.echo(json.dumps(read_card(model_path), indent=2, ensure_ascii=False))
