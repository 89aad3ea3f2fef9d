"""What stands around the code agrees with it: citation, hooks, workflow, templates."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from linesift.labelling.labels import LABELS

yaml = pytest.importorskip("yaml", reason="needs the extra 'docs'")
ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines())


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version_and_says_what_the_package_says():
    citation = read("CITATION.cff")
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["keywords"] == PROJECT["keywords"]


def test_the_changelog_begins_with_what_is_to_come_and_dates_this_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    to_come, newest, *_ = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert to_come == "Unreleased"
    assert newest == f"{PROJECT['version']} - {read('CITATION.cff')['date-released']}"
    headings = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert headings <= kinds | {"Imports"}


def test_hooks_run_the_versions_that_make_check_runs():
    hooks = read(".pre-commit-config.yaml")["repos"]
    revisions = {Path(one["repo"]).name.partition("-pre")[0]: one["rev"] for one in hooks}
    for name in ("ruff", "codespell"):
        assert revisions[name] == f"v{PINS[name]}"


def test_the_workflow_tries_every_python_that_is_promised():
    matrix = read(".github/workflows/ci.yml")["jobs"]["run"]["strategy"]["matrix"]
    classified = [one.rpartition(" :: ")[2] for one in PROJECT["classifiers"]]
    promised = {one for one in classified if re.fullmatch(r"3\.\d+", one)}
    assert promised <= set(matrix["python"])
    assert PROJECT["requires-python"] == f">={matrix['python'][0]}"


def test_an_issue_on_wrong_lines_is_told_the_labels_there_are():
    form = (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text()
    assert re.findall(r"in front: (\w+), (\w+), (\w+) or (\w+)\.", form) == [LABELS]


@pytest.mark.parametrize("form", ["bug", "feature"])
def test_fields_of_an_issue_have_names_of_their_own(form):
    fields = [one for one in read(f".github/ISSUE_TEMPLATE/{form}.yml")["body"] if "id" in one]
    assert len({one["id"] for one in fields}) == len(fields) >= 3
    assert all(one["attributes"]["label"] for one in fields)
