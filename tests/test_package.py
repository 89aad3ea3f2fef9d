"""What people install: the wheel and the sdist, and the wheel in an empty environment."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from shutil import which

import pytest

from linesift import load_model, read_text

ROOT = Path(__file__).parents[1]
PAGE = "Home\nIt rained all day, they said, and the river rose over its banks.\nRead also\n"
INTERPRETERS = ("python3.11", "python3.12", "python3.13", "python3.14")
DATA = {"py.typed", "report.css", "report.js", "shipped.safetensors"}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Folder with wheel and sdist of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def modules() -> set[str]:
    """Return the files that the package is made of, as git knows them."""
    listed = subprocess.run(
        ["git", "ls-files", "src/linesift"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.split())


def test_the_wheel_holds_the_package_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    inside = {name for name in names if ".dist-info/" not in name}
    assert inside == {name.removeprefix("src/") for name in modules()}
    assert {Path(name).name for name in inside} >= DATA
    assert wheel.stat().st_size < 4_000_000


def test_the_sdist_holds_what_the_wheel_is_built_from_and_nothing_else(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    texts = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert names - modules() == texts
    assert names >= modules()


def runs(interpreter: str) -> bool:
    """Tell whether an interpreter is there; a shim may stand for one that is not."""
    if which(interpreter) is None:
        return False
    return subprocess.run([interpreter, "-c", ""], capture_output=True).returncode == 0


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_the_wheel_predicts_in_an_empty_environment(interpreter, built, tmp_path):
    if not runs(interpreter):
        pytest.skip(f"{interpreter} is not there")
    (wheel,) = built.glob("*.whl")
    subprocess.run([interpreter, "-m", "venv", tmp_path / "venv"], check=True)
    binaries = tmp_path / "venv" / "bin"
    install = [binaries / "python", "-m", "pip", "install", "--quiet", "--no-compile", wheel]
    subprocess.run([*install, "--constraint", ROOT / "constraints.txt"], check=True)
    (tmp_path / "page.txt").write_text(PAGE)
    done = subprocess.run(
        [binaries / "linesift", "predict", "page.txt"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == load_model().extract_text(read_text(PAGE)) != ""
