"""README, CONTRIBUTING and docs hold: what they show runs, links lead somewhere, a site is made."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import chdir
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import click
import hydra
import pytest
from click.testing import CliRunner
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException

from linesift.cli import main
from tests.documented import DOCUMENTS, PAGES, ROOT, Block, blocks_of, fill
from tests.test_cli_manners import COMMANDS, LEAVES, examples_of, in_shell

BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]
NAMES = [str(document.relative_to(ROOT)) for document in DOCUMENTS]
OPTIONAL = ("datatrove", "pandas", "polars")
NOT_CODE = ("text", "xml")
_LOOKS_TYPED = re.compile(
    r"^(\$|linesift|python|pip|make|mlflow|dvc|curl|zcat|git|sh) ", re.MULTILINE
)


# ------------------------------------------------------- what is understood, and not run


def by_linesift(command: str) -> None:
    """Check that the command line takes these words."""
    words = shlex.split(command.partition(">")[0], comments=True)
    assert words[0] == "linesift"
    name = next(name for name in LEAVES if words[1:][: name.count(" ") + 1] == name.split())
    LEAVES[name].make_context(name, words[name.count(" ") + 2 :])


def by_mlflow(command: str) -> None:
    from mlflow.cli import cli

    group, words = cli, shlex.split(command, comments=True)[1:]
    while isinstance(group, click.Group):
        found = group.get_command(click.Context(group), words[0])
        assert found is not None, words[0]
        group, words = found, words[1:]
    group.make_context("mlflow", words)


def by_hydra(command: str) -> None:
    """Check that conf/ composes with these options; those of a sweep one by one."""
    words = shlex.split(command.partition("python ")[2], comments=True)[1:]
    overrides = [word for word in words if word != "-m"]
    sweep = [one for one in overrides if "," in one] if "-m" in words else []
    assert len(sweep) <= 1
    others = [one for one in overrides if one not in sweep]
    key, _, values = sweep[0].partition("=") if sweep else ("", "", "")
    GlobalHydra.instance().clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINESIFT_ROOT", str(ROOT))
        patch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
        with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            for value in values.split(","):
                config = hydra.compose("train", [*others, *([f"{key}={value}"] if key else [])])
                assert config.name


def by_pip(command: str) -> None:
    """Check that the project has the extras that are asked for."""
    words = shlex.split(command, comments=True)
    assert words[:2] == ["pip", "install"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for word in words[2:]:
        what, _, asked = word.rstrip("]").partition("[")
        assert what in (".", "linesift", "-e")
        assert set(filter(None, asked.split(","))) <= set(extras)


def by_make(command: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not on this machine")
    words = shlex.split(command, comments=True)
    done = subprocess.run(
        [words[0], "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def by_example(command: str) -> None:
    """Check that a script of examples/ has these options."""
    words = shlex.split(command, comments=True)
    module = f"examples.{Path(words[1]).stem}"
    needed = {"examples.crawl_datatrove": "datatrove", "examples.crawl_spark": "pyspark"}[module]
    pytest.importorskip(needed, reason=f"{needed} is not installed")
    script = __import__(module, fromlist=["main"])
    script.main.make_context(words[1], words[2:])


def by_script(command: str) -> None:
    """Check that a script is there and its help names these options."""
    words = shlex.split(command, comments=True)
    options = [word for word in words if word.startswith("--")]
    script = words[1 : words.index(options[0])]
    done = subprocess.run(
        [sys.executable, *script, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for option in options:
        assert f"{option} " in done.stdout


def by_json(command: str) -> None:
    """Check that the model takes the body of a request."""
    words = shlex.split(command, comments=True)
    body = json.loads(words[words.index("-d") + 1])
    assert set(body) == {"inputs"}
    assert all(isinstance(page, str) for page in body["inputs"])


class NotRun(NamedTuple):
    """Commands that begin alike, why they do not run here, and who understands them."""

    pattern: str
    reason: str
    understood: Callable[[str], None]


NOT_RUN = [
    NotRun(r"pip install ", "installs from outside", by_pip),
    NotRun(r"make ", "sets up an environment, trains or tests everything", by_make),
    NotRun(r"linesift review ", "serves until ^C; test_review.py runs it", by_linesift),
    NotRun(r"linesift promote", "needs registry and corpora; test_cli_promote.py", by_linesift),
    NotRun(
        r"(MLFLOW_TRACKING_URI=\S+ )?python train.py(?! experiments=my_site)",
        "trains for minutes; test_train.py runs the same in small",
        by_hydra,
    ),
    NotRun(r"mlflow (ui|models serve)", "serves until ^C; test_serving.py runs it", by_mlflow),
    NotRun(r"curl .* http://127", "needs that server; test_serving.py asks it", by_json),
    NotRun(r"python (experiments/|-m tests\.)", "takes from minutes to an hour", by_script),
    NotRun(
        r"python examples/", "needs datatrove or Spark; test_scale.py, test_spark.py", by_example
    ),
]
TIMED = {("linesift predict --output articles crawl.warc.gz", "^C")}
"""Sessions in which somebody presses a key at the right moment: the command and what they show."""
SLOW = "linesift runs"
"""Imports MLflow for seconds, which this process has done already; test_cli_runs.py starts it."""
ONCE = "python train.py experiments=my_site"
"""Takes seconds: what several pages show alike is run for the first of them."""


def not_run(command: str) -> NotRun | None:
    return next((one for one in NOT_RUN if re.match(one.pattern, command)), None)


def is_timed(block: Block) -> bool:
    return any((command, (out or "")[:2]) in TIMED for command, out in block.commands())


TYPED = [block for block in BLOCKS if block.kind in ("sh", "console")]
UNDERSTOOD = {
    command: block.where
    for block in TYPED
    for command, _ in block.commands()
    if not_run(command) is not None
}


def test_every_block_says_what_it_is_and_no_command_hides_in_another():
    for block in BLOCKS:
        assert block.kind in ("sh", "console", "python", *NOT_CODE), f"{block.where}: {block.kind}"
        if block.kind in NOT_CODE:
            assert not _LOOKS_TYPED.search(block.text), f"{block.where}: a command as text"


def test_every_reason_for_not_running_is_needed():
    commands = [command for block in TYPED for command, _ in block.commands()]
    for one in NOT_RUN:
        assert any(re.match(one.pattern, command) for command in commands), one.pattern


@pytest.mark.parametrize("command", UNDERSTOOD)
def test_a_command_that_does_not_run_here_is_understood(command, place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.delenv("LINESIFT_MIRROR", raising=False)
    not_run(command).understood(command)


def test_a_session_in_which_keys_are_pressed_is_understood(place, monkeypatch):
    monkeypatch.chdir(place)
    timed = [block for block in TYPED if is_timed(block)]
    assert len(timed) == len(TIMED)
    for block in timed:
        for command, _ in block.commands():
            if command.startswith("linesift "):
                by_linesift(command)


@pytest.mark.parametrize(
    ("understood", "command"),
    [
        (by_linesift, "linesift predict --no-such-option page.txt"),
        (by_linesift, "linesift predict no-such-page.txt --jobs many"),
        (by_mlflow, "mlflow ui --no-such-option"),
        (by_hydra, "python train.py no_such_group=1"),
        (by_hydra, "python train.py -m experiments=no_context,no_such_experiment"),
        (by_pip, "pip install '.[no_such_extra]'"),
        (by_make, "make no-such-target"),
        (by_script, "python -m tests.fuzz --no-such-option 3"),
        (by_json, "curl http://127.0.0.1:5001 -d '{\"inputs\": [1]}'"),
    ],
)
def test_a_command_with_a_mistake_is_not_understood(understood, command):
    with pytest.raises((click.UsageError, HydraException, AssertionError)):
        understood(command)


# -------------------------------------------------------------------- what is run


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    pytest.importorskip("fastwarc", reason="fastwarc is not installed")
    folder = tmp_path_factory.mktemp("clone") / "filled"
    folder.mkdir()
    fill(folder)
    return folder


@pytest.fixture
def place(filled, tmp_path) -> Path:
    """Folder with what the pages say is there; what they do to it is theirs alone."""
    return Path(shutil.copytree(filled, tmp_path / "clone"))


@pytest.fixture(scope="module")
def run_before() -> set[str]:
    return set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_what_a_page_shows_runs_from_top_to_bottom(document, place, run_before):
    lacking = []
    for block in blocks_of(document):
        if block.kind == "python" and missing(block):
            lacking.append(f"{block.where} needs {missing(block)[0]}")
        elif block.kind == "python":
            run_python(block, place)
        elif block.kind in ("sh", "console") and not is_timed(block):
            for command, shown in block.commands():
                typed = " ".join(shlex.split(command, comments=True))
                is_known = typed.startswith(ONCE) and typed in run_before
                if not_run(command) is None and not is_known:
                    run(block, command, shown, place)
                    run_before.add(typed)
    if lacking:
        pytest.skip(f"all ran but: {'; '.join(lacking)}")


def run(block: Block, command: str, shown: str | None, place: Path) -> None:
    """Run a command; a session must show what stands below it, and fail only if that says so."""
    done = in_this_process(place, command) if command.startswith(SLOW) else in_shell(place, command)
    where = f"{block.where}: {command}\n{done.stderr}"
    fails = shown is not None and "Error: " in shown
    assert done.returncode == (2 if fails else 0), where
    if shown is not None:
        assert squeezed(done.stdout + done.stderr) == squeezed(shown), where
    elif ">" in command:
        target = Path(command.partition("#")[0].rpartition(">")[2].strip().replace("~", str(place)))
        assert (place / target).stat().st_size > 0, where


def in_this_process(place: Path, command: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command, comments=True)
    with chdir(place):
        done = CliRunner().invoke(main, words[1:])
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def squeezed(text: str) -> list[str]:
    """Return lines without what terminals lay out in their own way."""
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def missing(block: Block) -> list[str]:
    """Return the packages of extras that a block of Python imports and this machine lacks."""
    asked = re.findall(r"^(?:from|import) (\w+)", block.text, re.MULTILINE)
    return [name for name in asked if name in OPTIONAL and find_spec(name) is None]


def run_python(block: Block, place: Path) -> None:
    """Run Python in a process of its own, as somebody who pastes it would."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        cwd=place,
        env=os.environ | {"HOME": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{block.where}\n{done.stderr}"


def test_what_pages_are_like_can_be_counted_again(place):
    done = in_shell(place, "python docs/observations.py")
    assert (done.returncode, done.stderr) == (0, "")
    shown = (ROOT / "docs/how-it-works.md").read_text()
    (table,) = re.findall(r"^\| \| content .*\n\|---.*\n((?:\|.*\n)+)", shown, re.MULTILINE)
    assert len(done.stdout.splitlines()) == 2 + len(table.splitlines())


# ----------------------------------------------------------------- what is linked and built

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
LINKING = [*DOCUMENTS, *(ROOT / name for name in ("CHANGELOG.md", "SECURITY.md", "data/README.md"))]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("document", LINKING, ids=lambda path: path.name)
def test_links_and_pictures_lead_to_files_that_are_there(document):
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in _LINK.findall(text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = (document.parent / path).resolve() if path else document
        assert found.is_file(), f"{document.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(), re.MULTILINE)
            assert anchor in [_anchor(heading) for heading in headings], target


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_the_map_of_the_tree_names_every_module_in_its_folder():
    (tree,) = (block.text for block in blocks_of(ROOT / "CONTRIBUTING.md") if block.kind == "text")
    source = tree[tree.index("src/linesift/") : tree.index("\ntests/")]
    rows = dict(re.findall(r"^  (\w+/|__main__) (.*(?:\n    .*)*)", source, re.MULTILINE))
    for module in (ROOT / "src/linesift").rglob("*.py"):
        folder = f"{module.parent.name}/" if module.parent.name != "linesift" else module.stem
        if module.name != "__init__.py" and folder != "cli/":
            assert folder in rows, module
            assert re.search(rf"\b{module.stem}\b", f"{folder} {rows[folder]}"), module
    assert {row for row in rows if row.endswith("/")} == {
        f"{init.parent.name}/" for init in (ROOT / "src/linesift").glob("*/__init__.py")
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_scripts_that_a_page_names_are_there(document):
    for script in re.findall(r"`python ([\w/]+\.py)", document.read_text()):
        assert (ROOT / script).is_file(), script


def test_pictures_are_small():
    for picture in (ROOT / "docs").rglob("*.png"):
        assert picture.stat().st_size < 150_000, picture.name


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Folder of the built site, without a warning."""
    for package in ("mkdocstrings", "material"):
        pytest.importorskip(package, reason="needs the extra 'docs'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_the_site_has_every_page_and_asks_for_nothing_from_outside(site):
    for document in PAGES:
        page = site / document.relative_to(ROOT / "docs").with_suffix(".html")
        html = page.read_text()
        loaded = re.findall(
            r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=[\"']?([^\"' >]+)", html
        )
        assert loaded
        assert not [one for one in loaded if "//" in one], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text()), style.name


def test_search_works_on_pages_opened_from_the_disk(site):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not BROWSER:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page, wrong = chromium.new_page(), []
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.extend({asked.url} - of_site(site, asked.url)))
        page.goto((site / "recipes" / "crawl.html").as_uri())
        page.click(".md-search__input")
        page.keyboard.type("seed of all")
        page.wait_for_selector(".md-search-result__link")
        found = page.eval_on_selector_all(".md-search-result__link", "all => all.map(a => a.href)")
        chromium.close()
    assert any(address.startswith((site / "api.html").as_uri()) for address in found)
    assert wrong == []


def of_site(site: Path, address: str) -> set[str]:
    """Return the address if it is one of a built site, or stands in the page itself."""
    return {address} if address.startswith((site.as_uri(), "data:", "about:")) else set()


def test_every_command_is_in_the_reference_with_all_its_options(site):
    html = (site / "commands.html").read_text()
    for name in COMMANDS:
        _, begins, rest = html.partition(f'<h2 id="linesift-{name.replace(" ", "-")}">')
        assert begins, name
        text = " ".join(unescape(re.sub(r"<[^>]+>", "", rest.partition("<h2 ")[0])).split())
        assert LEAVES[name].get_short_help_str(limit=200).rstrip(".") in text
        for option in (one for one in LEAVES[name].params if isinstance(one, click.Option)):
            assert f" {option.opts[0]} " in text
            assert " ".join(option.help.split()) in text
        for example in examples_of(name):
            assert " ".join(example.split()) in text


def test_no_parameter_in_the_reference_has_the_default_of_another(site):
    """Names that share a line of a docstring all get the default of the first."""
    import inspect

    from linesift import LineClassifier

    html = (site / "api.html").read_text()
    described = html[html.index('id="linesift.LineClassifier"') :]
    for name, parameter in inspect.signature(LineClassifier).parameters.items():
        row = re.sub(r"<[^>]+>", "", described[described.index(f"<b><code>{name}</code>") :][:600])
        shown = re.match(rf"{name}\s.*?default:\s*(\S.*?)\s*\)\s*–", row, re.DOTALL)
        assert shown, row
        assert shown[1] == str(parameter.default), name


def test_the_public_names_are_in_the_reference(site):
    import linesift

    html = (site / "api.html").read_text()
    for name in linesift.__all__:
        assert f'id="linesift.{name}"' in html, name
