"""`linesift promote` on a real registry in sqlite, with models and pages small enough."""

import json
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from linesift import save_model
from linesift.cli import main
from linesift.labelling.corpora import read_test_pages, write_corpus
from linesift.models.baselines import RunRule
from linesift.models.model_file import make_card
from linesift.scoring.evaluate import evaluate
from tests.made_pages import fitted, made_pages, tracking_database

MODELS = {"good": fitted, "poor": RunRule}


class Store:
    """A registry in a folder, with labelled pages and a floor that the poor model holds."""

    def __init__(self, folder: Path) -> None:
        (folder / "mlflow.db").write_bytes(tracking_database())
        self.folder, self.uri = folder, f"sqlite:///{folder}/mlflow.db"
        self.client = MlflowClient(self.uri)
        self.client.create_registered_model("linesift")
        made = made_pages(range(9, 60), corpus="made", own_words=True)
        write_corpus(folder / "lines" / "made.parquet", made)
        self.digest = evaluate(
            "rule", RunRule(), read_test_pages(folder / "lines"), forms=("text",)
        ).digest
        self.set_floor(0.1)

    def set_floor(self, line_f1: float) -> None:
        floor = {"digest": self.digest, "floors": {"text": {"all": {"line_f1": line_f1}}}}
        (self.folder / "floor.json").write_text(json.dumps(floor))

    def add(self, kind: str, alias: str = "candidate") -> str:
        """Register a version under an alias; return its number."""
        model = MODELS[kind]()
        name = f"{kind}-{len(list(self.folder.iterdir()))}"
        save_model(self.folder / name / "artifacts" / "m.safetensors", model, make_card(model))
        made = self.client.create_model_version("linesift", str(self.folder / name))
        self.client.set_registered_model_alias("linesift", alias, made.version)
        return str(made.version)

    @property
    def champion(self) -> str | None:
        found = self.client.get_registered_model("linesift").aliases.get("champion")
        return None if found is None else str(found)

    def promote(self, *arguments: str):
        options = ["--tracking-uri", self.uri, "--floor", str(self.folder / "floor.json")]
        options += ["--lines", str(self.folder / "lines")]
        return CliRunner().invoke(main, ["promote", *options, *arguments])


@pytest.fixture(scope="module", autouse=True)
def elsewhere():
    """Leave MLflow's own settings as they were."""
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def test_the_first_champion_passes_the_gate_alone(store):
    version = store.add("poor")
    result = store.promote()
    assert result.exit_code == 0, result.output
    assert store.champion == version
    assert f"models:/linesift@champion is version {version} now" in result.stdout
    assert "line_f1" in result.stdout
    assert "no champion yet" in store.client.get_model_version("linesift", version).tags["champion"]


def test_a_better_model_takes_the_place_and_the_table_shows_by_how_much(store):
    old, new = store.add("poor", "champion"), store.add("good")
    result = store.promote()
    assert result.exit_code == 0, result.output
    assert store.champion == new
    head, row = (
        next(line for line in result.stdout.splitlines() if part in line)
        for part in ("higher by", "text     line_f1")
    )
    assert f"champion (version {old})" in head
    assert row.rstrip().endswith("]")
    assert " +0." in row


@pytest.mark.parametrize(
    ("champion", "candidate", "reason"),
    [("good", "poor", "line F1 is lower on"), ("good", "good", "not higher than the champion's")],
)
def test_a_model_that_has_not_earned_it_is_refused_with_a_sentence(
    store, champion, candidate, reason
):
    old, new = store.add(champion, "champion"), store.add(candidate)
    result = store.promote()
    assert result.exit_code == 1
    assert store.champion == old
    assert result.stderr.splitlines()[-1].startswith(f"linesift: version {new} is not promoted: ")
    assert reason in result.stderr


def test_a_model_below_the_floor_is_refused_and_the_score_is_named(store):
    store.add("good")
    store.set_floor(1.01)
    result = store.promote()
    assert result.exit_code == 1
    assert store.champion is None
    assert "text, all: line_f1 is" in result.stderr


def test_a_floor_of_other_pages_is_refused(store):
    store.add("good")
    store.digest = "0" * 64
    store.set_floor(0.1)
    result = store.promote()
    assert (result.exit_code, store.champion) == (1, None)
    assert "measured on other pages" in result.stderr


def test_a_dry_run_leaves_all_as_it_is(store):
    version = store.add("good")
    result = store.promote("--dry-run")
    assert result.exit_code == 0
    assert f"version {version} would become the champion" in result.stdout
    assert store.champion is None


def test_a_version_is_named_by_its_number_too(store):
    first = store.add("good")
    store.add("poor")
    assert store.promote("--candidate", first).exit_code == 0
    assert store.champion == first


def test_the_champion_itself_is_nothing_to_do(store):
    version = store.add("good", "champion")
    result = store.promote("--candidate", version)
    assert (result.exit_code, result.stdout) == (
        0,
        f"version {version} is the champion already\n",
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--candidate", "nobody"], "no version of 'linesift' is 'nobody'"),
        (["--candidate", "99"], "version 99 of 'linesift' cannot be read"),
        (["--name", "other"], "has no registered model 'other'"),
        (["--lines", "nowhere"], "nowhere: no labelled corpora"),
        (["--floor", "nowhere.json"], "No such file"),
        (["--tracking-uri", "sqlite:///nowhere.db"], "nowhere.db: no tracked runs"),
    ],
)
def test_bad_input_is_one_sentence(store, arguments, reason, monkeypatch):
    monkeypatch.chdir(store.folder)
    store.add("good")
    result = store.promote(*arguments)
    assert result.exit_code == 2
    assert reason in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output
    assert store.champion is None
    assert not (store.folder / "nowhere.db").exists()


def test_a_version_without_a_model_file_is_named(store):
    store.add("good")
    for path in store.folder.rglob("*.safetensors"):
        path.rename(path.with_suffix(".old"))
    result = store.promote()
    assert result.exit_code == 2
    assert "holds no model file" in result.stderr
