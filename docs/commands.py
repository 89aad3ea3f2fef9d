"""Put what the help of every command says into `commands.md`, while MkDocs builds the site.

A hook of MkDocs (see `mkdocs.yml`): a reference that is written from the commands themselves
cannot say what they do not do.
"""

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import click

from linesift.cli import main

PAGE = "commands.md"
_WIDTH = 100  # of a usage line


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Return the text of a page, with all commands at the end of the page of commands."""
    if page.file.src_uri != PAGE:
        return markdown
    return "\n\n".join([markdown.rstrip(), *described(main, None)])


def described(command: click.Command, above: click.Context | None) -> Iterator[str]:
    """Yield a command's help as Markdown, then that of the commands below it."""
    name = command.name if above else "linesift"
    settings = command.context_settings
    context = click.Context(command, above, name, terminal_width=_WIDTH, **settings)
    yield f"## {context.command_path}"
    yield from paragraphs(command.help or "")
    yield fenced(command.get_usage(context).removeprefix("Usage: "), "text")
    records = (parameter.get_help_record(context) for parameter in command.get_params(context))
    for names, told in filter(None, records):
        if told:  # what an argument is stands in the usage line and the sentences above
            yield f"`{names}`\n:   {escaped(told)}"
    yield from paragraphs(command.epilog or "")
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from described(command.commands[below], context)


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; behind a backspace, as click has it, stand rows."""
    for paragraph in re.split(r"\n{2,}", cleandoc(text)):
        rows = paragraph.splitlines()
        if rows[:1] != ["\b"]:
            yield escaped(" ".join(rows))
        elif rows[1].startswith("Example"):
            yield rows[1]
            yield fenced(cleandoc("\n".join(rows[2:])), "sh")
        else:
            yield fenced("\n".join(rows[1:]), "text")


def fenced(text: str, kind: str) -> str:
    """Return a block of code."""
    return f"```{kind}\n{text}\n```"


def escaped(text: str) -> str:
    """Return plain text such that Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]#])", r"\\\1", text).replace("&", "&amp;").replace("<", "&lt;")
