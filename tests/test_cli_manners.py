"""How the command line behaves around its commands: first words, examples, ^C, completion."""

import gzip
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import linesift
from linesift.cli import main
from linesift.labelling.labels import read_label_file
from tests.test_sources import response

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]


def leaves(group: click.Group, above: str = "") -> dict[str, click.Command]:
    """Return the commands that do something, by what is typed."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        typed = f"{above}{name}"
        is_group = isinstance(command, click.Group)
        found |= leaves(command, f"{typed} ") if is_group else {typed: command}
    return found


LEAVES = leaves(main)
COMMANDS = sorted(LEAVES)


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


# ---------------------------------------------------------------------- the first words


def test_alone_it_shows_the_three_things_that_people_do_first():
    lines = shown().splitlines()
    first = [line.strip() for line in lines if line.startswith("  linesift ")]
    assert len(first) == 3
    assert all(line.startswith("linesift predict ") for line in first)
    assert max(map(len, lines)) <= 90
    assert "linesift --help" in lines[-1]


def test_as_a_module_it_is_the_same_command_and_calls_itself_what_was_typed():
    as_module = [sys.executable, "-m", "linesift"]
    for typed in ([BIN / "linesift"], as_module):
        done = subprocess.run([*typed, "--version"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"linesift, version {linesift.__version__}\n"
    done = subprocess.run([*as_module, "predict", "--nothing"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: python -m linesift predict ")


# ---------------------------------------------------------------------------- examples


def examples_of(name: str) -> list[str]:
    """Return the examples at the end of a command's help."""
    last = shown(*name.split(), "--help").split("\n\n")[-1].splitlines()
    assert re.fullmatch(r" +Examples?:", last[0])
    return [line.strip() for line in last[1:]]


EXAMPLES = [(name, example) for name in COMMANDS for example in examples_of(name)]
RUN = {"predict", "card", "completion"}
"""Commands whose examples run here; the others need corpora, a registry or the network."""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_ends_with_examples_of_it(name):
    examples = examples_of(name)
    assert examples
    assert all(f"linesift {name}" in example for example in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_says_what_each_option_does(name):
    options = [one for one in LEAVES[name].params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory, saved_pages, model) -> Path:
    """Folder with what the examples name, and a stand-in for the network."""
    path = tmp_path_factory.mktemp("examples")
    page = saved_pages / "en-fair.html"
    shutil.copy(page, path / "page.html")
    (path / "page.txt").write_text("\n".join(read_label_file(page.with_suffix(".tsv"))[0].lines))
    shutil.copytree(saved_pages, path / "pages", ignore=shutil.ignore_patterns("*.tsv"))
    (path / "models").mkdir()
    shutil.copy(model, path / "models" / "latest.safetensors")
    (path / ".config" / "fish" / "completions").mkdir(parents=True)
    (path / "bin").mkdir()
    curl = path / "bin" / "curl"
    curl.write_text('#!/bin/sh\ncat "$HOME/page.html"\n')
    curl.chmod(0o755)
    return path


def in_shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / "bin"), str(BIN), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "HOME": str(folder)}
    return subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("example", [one for name, one in EXAMPLES if name in RUN])
def test_an_example_runs_as_it_is_shown(folder, example):
    if "crawl.warc.gz" in example:
        pytest.importorskip("fastwarc", reason="fastwarc is not installed")
        record = response("https://news.example/", (folder / "page.html").read_bytes())
        (folder / "crawl.warc.gz").write_bytes(gzip.compress(record))
    done = in_shell(folder, example)
    said = (
        "linesift: 1 page in articles, 0 without an article\n" if "--output art" in example else ""
    )
    assert (done.returncode, done.stderr) == (0, said)
    target = example.rpartition(">")[2].strip() if ">" in example else ""
    out = Path(target.replace("~", str(folder))) if target else None
    assert (folder / out).stat().st_size > 100 if out else done.stdout or "--output" in example


@pytest.mark.parametrize(
    ("name", "example"), [(name, one) for name, one in EXAMPLES if name not in RUN]
)
def test_an_example_of_a_command_that_needs_more_is_understood(
    name, example, monkeypatch, tmp_path
):
    monkeypatch.delenv("LINESIFT_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "export.json").write_text("[]")
    typed, _, rest = example.partition(">")[0].partition(f"linesift {name}")
    assert not typed
    context = LEAVES[name].make_context(name, rest.split())
    assert not context.args
    named = [word for word in rest.split() if word.startswith("data/")]
    assert all((ROOT / folder).exists() for folder in named)


# ------------------------------------------------------------------------------ a pipe


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], *([*name.split(), "--help"] for name in COMMANDS)]
)
def test_what_goes_into_a_pipe_is_plain_text(arguments):
    done = subprocess.run([BIN / "linesift", *arguments], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\x1b" not in done.stdout


def test_the_list_of_commands_says_to_its_end_what_each_does():
    groups = [((), main), (("labels",), main.commands["labels"])]
    for typed, group in groups:
        folded = " ".join(shown(*typed, "--help").partition("Commands:")[2].split())
        for name, command in group.commands.items():
            sentence = " ".join(command.help.partition(".")[0].split())
            assert f"{name} {sentence}." in folded.replace("...", "")


# -------------------------------------------------------------------------- a terminal


def on_terminal(*arguments: object) -> list[str]:
    """Return the rows of a terminal to which a command writes, all it ever showed on them."""
    main_end, end = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.Popen(
        [BIN / "linesift", *map(str, arguments)], stdout=end, stderr=end, env=environment
    )
    os.close(end)
    written = b""
    while True:
        try:
            part = os.read(main_end, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        written += part
    os.close(main_end)
    done.wait()
    # A bar is written over: what stands on a row is what came after the last erasure.
    rows = written.decode().replace("\r\n", "\n").split("\n")
    return [re.sub(r"\x1b\[\??[0-9;]*\w", "", row.rpartition("\x1b[2K")[2]) for row in rows]


def test_no_bar_stands_in_the_rows_of_pages_or_of_what_cannot_be_read(model, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "bad.txt").write_bytes(b"%PDF-1.4")
    (pages / "good.txt").write_text("It rained all day, they said, and the river rose.")
    bad = f"linesift: {pages}/bad.txt: not text or HTML; give the text or HTML of the page"
    keep_all = ["predict", "--model", model, "--threshold", "0"]
    assert on_terminal(*keep_all, pages) == [bad, (pages / "good.txt").read_text(), ""]
    assert bad in on_terminal(*keep_all, "--output", tmp_path / "out", pages)


# -------------------------------------------------------------------------- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed_and_the_shell_reads_it(shell):
    script = shown("completion", shell)
    assert f"_LINESIFT_COMPLETE={shell}_complete" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_refused_with_those_that_are_known():
    result = CliRunner().invoke(main, ["completion", "tcsh"])
    assert result.exit_code == 2
    assert all(shell in result.stderr for shell in ("bash", "zsh", "fish"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", {"predict", "evaluate", "runs", "promote", "card"}),
        ("predict --format ", {"text", "jsonl", "tsv"}),
        ("predict --threshold p", {"precision"}),
        ("predict --page-types a", {"all", "article"}),
        ("predict --page-types forum,l", {"forum,listing"}),
        ("predict --model ", {"models/latest.safetensors"}),
        ("card --model mo", {"models/latest.safetensors"}),
        ("fetch f", {"fundus"}),
        ("lines wad", {"waddle"}),
        ("compare --peer just", {"justext"}),
        ("completion z", {"zsh"}),
        ("runs --l", {"--limit"}),
    ],
)
def test_names_and_values_are_completed(folder, words, expected):
    line = f"linesift {words}"
    environment = {
        "_LINESIFT_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    done = subprocess.run(
        [BIN / "linesift"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = {row.partition(",")[2] for row in done.stdout.splitlines()}
    assert expected <= found
    assert words == "" or all(one.startswith(words.split(" ")[-1]) for one in found)


def test_a_model_elsewhere_is_left_to_the_shell(folder):
    environment = {"_LINESIFT_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    environment |= {"COMP_WORDS": "linesift predict --model /some"}
    done = subprocess.run(
        [BIN / "linesift"], cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.stdout == "file,/some\n"


# ---------------------------------------------------------------------------------- ^C


@pytest.mark.parametrize("name", [one for one in COMMANDS if one != "completion"])
def test_interrupting_any_command_is_a_sentence_and_exit_code_130(name, monkeypatch):
    def interrupted(**options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LEAVES[name], "callback", interrupted)
    given = {"labels export": str(ROOT / "data"), "labels import": __file__}
    needed = [
        one for one in LEAVES[name].params if isinstance(one, click.Argument) and one.required
    ]
    result = CliRunner().invoke(main, [*name.split(), *(given.get(name, "page") for _ in needed)])
    assert result.exit_code == 130
    assert result.stderr == "\nlinesift: interrupted before it was done\n"


def test_an_interrupt_while_waiting_for_a_page_ends_at_once():
    waiting = subprocess.Popen(
        [BIN / "linesift", "predict", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _wait_until_it_reads(waiting.pid)
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=20)
    assert (waiting.returncode, out) == (130, b"")
    assert err == b"\nlinesift: interrupted before it was done\n"


def _wait_until_it_reads(process: int) -> None:
    """Wait until a process sleeps in a read of standard input; elsewhere, some seconds."""
    where = Path(f"/proc/{process}/syscall")
    if not where.exists():
        time.sleep(8)
        return
    end = time.monotonic() + 60
    while time.monotonic() < end:
        call = where.read_text().split()
        if call[:2] == ["0", "0x0"]:  # read(2) of descriptor 0
            return
        time.sleep(0.05)
    raise AssertionError("the command never read standard input")
